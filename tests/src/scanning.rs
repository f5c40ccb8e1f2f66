//! Channels whose payers scan codes and are scanned: what must hold of each operation under a script of faults.

use paysluice::adapter::{Cancel, Charge, Method, Query, Refund, Reverse};
use paysluice::gateway::{Call, PaymentChannel};
use paysluice::model::{Error, ErrorKind, Fate, Payment, RefundNo, Status};
use paysluice_sandbox::{Fault, Sandbox};

use crate::scripts::insist;
use crate::{World, call, fate, order, yuan};

/// One such channel: its numbers, and how the sandbox moves its payers.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    /// An order's number that the provider takes verbatim as its own.
    pub order: &'static str,
    /// A payer's code without its last two digits.
    pub code: &'static str,
    /// The payer opens the order, where that is something of its own.
    pub opens: fn(&Sandbox, &str) -> Result<(), String>,
    /// The payer begins to type the password.
    pub begins: fn(&Sandbox, &str) -> Result<(), String>,
    /// The payer pays.
    pub pays: fn(&Sandbox, &str) -> Result<(), String>,
    /// How many orders the provider has, once its payers have opened them.
    pub orders: fn(&Sandbox) -> usize,
}

/// Who pays while an order is being closed.
#[derive(Clone, Copy, Debug)]
pub enum Payer {
    /// Nobody.
    Away,
    /// One who has begun to type the password.
    Typing,
}

#[allow(clippy::unwrap_used, clippy::panic, reason = "a harness: what does not hold ends the test")]
impl Shop {
    fn by(&self, method: Method) -> Charge {
        Charge::new(order(self.order), yuan(1000), method).description("tea")
    }

    /// A charge whose payer scans.
    pub fn scanned(&self) -> Charge {
        self.by(Method::Qr)
    }

    /// A charge whose payer's code ends so.
    pub fn at_the_counter(&self, last: &str) -> Charge {
        self.by(Method::Barcode(format!("{}{last}", self.code)))
    }

    fn refund(&self, fen: i64) -> Refund {
        Refund::new(order(self.order), RefundNo::new("r-1").unwrap(), yuan(fen))
    }

    /// What the provider has taken for the order and not given back, in fen.
    pub fn kept(&self, world: &World) -> i64 {
        world.sandbox.ledger().taken(self.order) - world.sandbox.ledger().refunded(self.order)
    }

    /// An order that a payer has scanned and paid.
    pub async fn paid(&self, world: &World) {
        world.gateway.charge(self.scanned(), call()).await.unwrap();
        (self.pays)(&world.sandbox, self.order).unwrap();
        let payment = world.gateway.query(Query::new(order(self.order)), call()).await.unwrap();
        assert_eq!(payment.value.status, Status::Paid);
        world.sleep(60).await;
    }

    /// The store agrees with the ledger, and nothing is left in doubt.
    pub async fn agrees(&self, world: &World, context: &str) -> Payment {
        let ledger = world.sandbox.ledger();
        assert!(ledger.charges(self.order) <= 1 && ledger.audit().is_empty(), "{context}: {:?}", ledger.audit());
        let doubts = world.gateway.doubts(10).await.unwrap();
        assert!(doubts.is_empty(), "{context}: {doubts:?}");
        let payment = world.gateway.payment(&order(self.order)).await.unwrap();
        if payment.status == Status::Canceled {
            // Taken back as a whole: how it went to and fro the provider need not have told.
            assert_eq!(self.kept(world), 0, "{context}: {payment:?}");
            return payment;
        }
        let given: i64 = payment.refunds.iter().filter(|part| part.status.holds_money()).map(|part| part.money.minor()).sum();
        assert_eq!(given, ledger.refunded(self.order), "{context}: {payment:?}");
        payment
    }

    /// A code to scan is made once, shown once all is well, and paid once.
    pub async fn order_under(&self, world: &World, script: &[Fault], patience: Call) {
        world.sandbox.faults().script(script.to_vec());
        let told = world.gateway.charge(self.scanned(), patience).await;
        let context = format!("{script:?}: {told:?}");
        // An order that nobody was shown takes no money: it is made, it is not, or it is still being made.
        let flies = told.as_ref().is_err_and(|error| error.kind() == ErrorKind::InFlight);
        assert!(fate(&told) != Fate::Unknown || flies, "{context}");
        world.sleep(200).await;
        world.sandbox.faults().none();
        let again = insist(world, || world.gateway.charge(self.scanned(), call())).await.unwrap().value;
        assert_eq!(again.status, Status::AwaitingPayer, "{context}");
        assert!(again.next_action.is_some(), "{context}");
        (self.pays)(&world.sandbox, self.order).unwrap();
        assert_eq!((self.orders)(&world.sandbox), 1, "{context}");
        world.let_time_pass().await;
        assert_eq!(self.agrees(world, &context).await.status, Status::Paid, "{context}");
    }

    /// The shop scans a code that ends with `last`: charged at most once, and told truly.
    pub async fn barcode_under(&self, world: &World, script: &[Fault], patience: Call, last: &str) {
        world.sandbox.faults().script(script.to_vec());
        let told = world.gateway.charge(self.at_the_counter(last), patience).await;
        let context = format!("{last} {script:?}: {told:?}");
        let waits = told.as_ref().is_ok_and(|answer| answer.value.status != Status::Paid);
        world.sleep(200).await;
        let taken = world.sandbox.ledger().taken(self.order);
        match fate(&told) {
            Fate::NotApplied => assert_eq!(taken, 0, "{context}"),
            Fate::Applied if !waits => assert_eq!(taken, 1000, "{context}"),
            Fate::Applied | Fate::Unknown => {}
        }
        world.let_time_pass().await;
        let kept = self.kept(world);
        if fate(&told) == Fate::NotApplied {
            assert_eq!(kept, 0, "{context}: charged afterwards");
            return;
        }
        let payment = self.agrees(world, &context).await;
        assert_eq!(payment.status == Status::Paid && payment.refunded.is_zero(), kept == 1000, "{context}: {payment:?}");
    }

    /// A part goes back at most once.
    pub async fn refund_under(&self, world: &World, script: &[Fault], patience: Call) {
        self.refund_of_under(world, script, patience, 300).await;
    }

    /// So much of the ten yuan goes back at most once.
    pub async fn refund_of_under(&self, world: &World, script: &[Fault], patience: Call, fen: i64) {
        self.paid(world).await;
        world.sandbox.faults().script(script.to_vec());
        let told = world.gateway.refund(self.refund(fen), patience).await;
        let context = format!("{fen} {script:?}: {told:?}");
        world.sleep(200).await;
        let refunded = || world.sandbox.ledger().refunded(self.order);
        match fate(&told) {
            Fate::NotApplied => assert_eq!(refunded(), 0, "{context}"),
            Fate::Applied => assert_eq!(refunded(), fen, "{context}"),
            Fate::Unknown => {}
        }
        world.let_time_pass().await;
        if fate(&told) == Fate::NotApplied {
            assert_eq!(refunded(), 0, "{context}: refunded afterwards");
            world.sandbox.faults().none();
            let again = insist(world, || world.gateway.refund(self.refund(fen), call())).await;
            assert_eq!(fate(&again), Fate::Applied, "{context} then {again:?}");
        }
        world.let_time_pass().await;
        assert!(refunded() == 0 || refunded() == fen, "{context}");
        self.agrees(world, &context).await;
    }

    /// A close ends in one truth, also while the payer pays.
    pub async fn close_under(&self, world: &World, script: &[Fault], payer: Payer) {
        world.gateway.charge(self.scanned(), call()).await.unwrap();
        (self.opens)(&world.sandbox, self.order).unwrap();
        if matches!(payer, Payer::Typing) {
            (self.begins)(&world.sandbox, self.order).unwrap();
        }
        world.sandbox.faults().script(script.to_vec());
        let told: Result<_, Error> = world.gateway.cancel(Cancel::new(order(self.order)), call()).await;
        let context = format!("{payer:?} {script:?}: {told:?}");
        world.sleep(200).await;
        match fate(&told) {
            Fate::NotApplied => assert_eq!(world.sandbox.ledger().taken(self.order), 1000, "{context}"),
            Fate::Applied => assert_eq!(world.sandbox.ledger().taken(self.order), 0, "{context}"),
            Fate::Unknown => {}
        }
        world.let_time_pass().await;
        // Whoever comes now comes too late, or the order was not closed.
        let late = (self.pays)(&world.sandbox, self.order);
        let payment = self.agrees(world, &context).await;
        match payment.status {
            Status::Canceled => assert!(late.is_err(), "{context}: canceled, and paid all the same"),
            Status::Paid => assert_eq!(world.sandbox.ledger().taken(self.order), 1000, "{context}"),
            other => panic!("{context}: {other}"),
        }
    }

    /// A reversal leaves nothing taken.
    pub async fn reverse_under(&self, world: &World, script: &[Fault]) {
        world.gateway.charge(self.at_the_counter("00"), call()).await.unwrap();
        world.sandbox.faults().script(script.to_vec());
        let reverse = Reverse::new(order(self.order), RefundNo::new("v-1").unwrap());
        let told = world.gateway.reverse(reverse, call()).await;
        let context = format!("{script:?}: {told:?}");
        world.sleep(200).await;
        match fate(&told) {
            Fate::NotApplied => assert_eq!(self.kept(world), 1000, "{context}"),
            Fate::Applied => assert_eq!(self.kept(world), 0, "{context}"),
            Fate::Unknown => {}
        }
        world.let_time_pass().await;
        self.agrees(world, &context).await;
        assert!(fate(&told) == Fate::NotApplied || self.kept(world) == 0, "{context}");
    }
}
