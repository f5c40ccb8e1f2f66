//! The orders of channels whose payers act by themselves: what is wanted of each, and how it is brought to its end.

use std::time::Duration;

use paysluice::adapter::{Cancel, Refund, Reverse};
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{AttemptNo, Error, Fate, Money, Payment, RefundNo, Status};

use super::channel::Channel;
use super::clerk::Clerk;
use super::diary::{Asked, Diary};
use super::order::{Order, part};

/// How long the till waits before it looks again, and how often it does.
const LOOK: Duration = Duration::from_secs(1);
const PATIENCE: u32 = 10;

/// A channel whose payers can be made to do half of something.
pub(crate) trait Payers: Channel {
    /// The payer opens what he is shown.
    fn opens(&self, payment: &Payment) -> Result<(), Error>;

    /// The payer begins to type the password.
    fn begins(&self, payment: &Payment) -> Result<(), Error>;
}

/// What is wanted of an order, and what its payer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The payer scans the shop's code, or what else he is shown, and pays.
    Scan,
    /// The shop scans the payer's code, and has the money at once.
    Barcode,
    /// As `Barcode`, but the payer must type the password.
    Password,
    /// As `Barcode`, but refused; then `Scan`.
    Refused,
    /// Paid by either code, and all of it given back.
    Refund,
    /// Paid by either code, and two parts of it given back.
    Refunds,
    /// The payer leaves, and the shop closes the order.
    Leave,
    /// The payer pays while the shop closes the order.
    Late,
    /// The payer never types the password, and the shop reverses the order.
    Forget,
}

pub(crate) fn wish(order: &Order) -> Wish {
    match order.lot {
        0..34 => Wish::Scan,
        34..54 => Wish::Barcode,
        54..62 => Wish::Password,
        62..72 => Wish::Refused,
        72..77 => Wish::Refund,
        77..83 => Wish::Refunds,
        83..91 => Wish::Leave,
        91..97 => Wish::Late,
        _ => Wish::Forget,
    }
}

/// Brings an order to the end that is wanted of it.
pub(crate) async fn fulfil(channel: &dyn Payers, clerk: &Clerk, order: &Order, diary: &mut Diary) -> Result<(), Error> {
    match wish(order) {
        Wish::Scan | Wish::Barcode | Wish::Password => clerk.pay(order, diary).await.map(drop),
        Wish::Refused => {
            give_up(channel, clerk, order, diary).await?;
            clerk.pay(order, diary).await.map(drop)
        }
        Wish::Refund => {
            let payment = clerk.pay(order, diary).await?;
            give_back(clerk, order, diary, "r1", payment.money).await
        }
        Wish::Refunds => {
            let payment = clerk.pay(order, diary).await?;
            give_back(clerk, order, diary, "r1", part(payment.money, 3)?).await?;
            give_back(clerk, order, diary, "r2", part(payment.money, 4)?).await
        }
        Wish::Leave | Wish::Late | Wish::Forget => end(channel, clerk, order, diary).await,
    }
}

/// A code was refused. Where that answer was lost, the payment still looks as if its payer could pay: whoever stands at the till
/// takes it back, and does not wait until the gateway does so by itself.
async fn give_up(channel: &dyn Payers, clerk: &Clerk, order: &Order, diary: &mut Diary) -> Result<(), Error> {
    let charged = clerk.charge(order, channel.charge(order, AttemptNo::FIRST), diary).await;
    if !charged.is_ok_and(|payment| payment.status == Status::AwaitingPayer && payment.next_action.is_none()) {
        return Ok(());
    }
    let reverse = Reverse::new(order.no.clone(), RefundNo::new(format!("{}-v1", order.no))?);
    for _ in 0..PATIENCE {
        if clerk.gateway.settled(order.no.clone(), Call::within(LOOK)).await.is_ok() {
            break;
        }
        // Whatever it answers: the payment says how it ended.
        let _ = clerk.gateway.reverse(reverse.clone(), Call::within(LOOK)).await;
    }
    Ok(())
}

/// Ends an order that is not paid, which may be paid at that very moment.
async fn end(channel: &dyn Payers, clerk: &Clerk, order: &Order, diary: &mut Diary) -> Result<(), Error> {
    let payment = clerk.charge(order, channel.charge(order, AttemptNo::FIRST), diary).await?;
    if payment.status.is_settled() {
        return Ok(());
    }
    channel.opens(&payment)?;
    let late = wish(order) == Wish::Late;
    let types = late && order.way.is_multiple_of(2);
    if types {
        channel.begins(&payment)?;
    }
    let payer = async {
        if late && !types {
            clerk.env.sleep(Duration::from_millis(order.way % 8)).await;
            // He may come too late.
            let _ = channel.payer_acts(&payment);
        }
    };
    let (cancel, reverse) = (Cancel::new(order.no.clone()), Reverse::new(order.no.clone(), RefundNo::new("v1")?));
    let end = clerk.ask(diary, Asked::End, |clerk, call| match wish(order) {
        Wish::Forget => clerk.gateway.reverse(reverse.clone(), call),
        _ => clerk.gateway.cancel(cancel.clone(), call),
    });
    match tokio::join!(end, payer).0 {
        // The payer was first.
        Err(error) if late && error.fate() == Fate::NotApplied => {}
        ended => drop(ended?),
    }
    clerk.settled(order, diary).await.map(drop)
}

async fn give_back(clerk: &Clerk, order: &Order, diary: &mut Diary, number: &str, money: Money) -> Result<(), Error> {
    // Some want numbers of refunds that no other order has.
    let refund = Refund::new(order.no.clone(), RefundNo::new(format!("{}-{number}", order.no))?, money);
    clerk.ask(diary, Asked::Refund(money), |clerk, call| clerk.gateway.refund(refund.clone(), call)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::order::orders;
    use super::*;

    #[test]
    fn the_wishes_come_in_the_mix_promised() {
        let orders = orders(1000, 7, 1).unwrap();
        let share = |wanted: Wish| orders.iter().filter(|order| wish(order) == wanted).count();
        assert!((290..390).contains(&share(Wish::Scan)));
        assert!((150..250).contains(&share(Wish::Barcode)));
        for (rare, range) in [(Wish::Leave, 50..110), (Wish::Late, 35..90), (Wish::Forget, 12..55), (Wish::Refused, 60..140)] {
            assert!(range.contains(&share(rare)), "{rare:?}");
        }
    }
}
