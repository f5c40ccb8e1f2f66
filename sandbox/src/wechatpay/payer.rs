//! The payers: who scans and pays, who leaves, and what the codes of barcode payments stand for.

use super::book::State;
use super::errors::ApiError;
use super::{Alarm, Answer, Outcome, WechatPay, notices};
use crate::world::World;

/// A description with this word is paid by itself after [`WechatPayConfig::pays_after`](super::WechatPayConfig), or 3 s.
const PAYS: &str = "sandbox:pays";
/// A description with this word is never paid by itself.
const LEAVES: &str = "sandbox:leaves";
const PAYS_AFTER: std::time::Duration = std::time::Duration::from_secs(3);

/// What a payer's code leads to, by its last two digits.
enum Code {
    /// Paid at once.
    Pays,
    /// The password is asked for: paid, given up, or never answered.
    Types(Option<bool>),
    /// As `Types(Some(true))`, but told by an error answer.
    TypesByError,
    /// Refused; the order has failed.
    Fails(&'static str, &'static str),
}

fn code(auth_code: &str) -> Code {
    match auth_code.get(16..).unwrap_or_default() {
        "11" => Code::Types(Some(true)),
        "12" => Code::Types(Some(false)),
        "13" => Code::Types(None),
        "14" => Code::TypesByError,
        "21" => Code::Fails("NOTENOUGH", "用户账号余额不足"),
        "22" => Code::Fails("AUTHCODEEXPIRE", "二维码已过期，请用户刷新后重新扫码"),
        "23" => Code::Fails("BANKERROR", "银行系统异常"),
        "24" => Code::Fails("TRADE_ERROR", "交易错误"),
        _ => Code::Pays,
    }
}

impl WechatPay {
    /// An order has just been placed for a payer to call up.
    pub(super) fn await_payer(&mut self, world: &mut World, at: usize) {
        let Some(order) = self.book.orders.get(at) else { return };
        let words = order.said("description").unwrap_or_default();
        let after = match world.config.wechatpay.pays_after {
            _ if words.contains(LEAVES) => None,
            None if words.contains(PAYS) => Some(PAYS_AFTER),
            set => set,
        };
        if let Some(after) = after {
            world.after(after, Alarm::PayerPays(at));
        }
    }

    /// The merchant has scanned the payer's code.
    pub(super) fn scan_code(&mut self, world: &mut World, at: usize) -> Outcome {
        let order = self.book.orders.get_mut(at).ok_or_else(ApiError::system)?;
        let auth_code = order.first.pointer("/payer/auth_code").and_then(|code| code.as_str()).unwrap_or_default();
        let typed = world.config.wechatpay.password_time;
        match code(auth_code) {
            Code::Pays => {
                self.take(world, at);
                Ok(Answer::Order(at))
            }
            Code::Types(ends) => {
                if let Some(well) = ends {
                    world.after(typed, if well { Alarm::PayerPays(at) } else { Alarm::PayerFails(at) });
                }
                Ok(Answer::Order(at))
            }
            Code::TypesByError => {
                world.after(typed, Alarm::PayerPays(at));
                Err(ApiError::refused("USERPAYING", "用户支付中，需要输入密码"))
            }
            Code::Fails(code, message) => {
                order.state = State::PayError;
                Err(ApiError::refused(code, message))
            }
        }
    }

    /// The payer pays now, by whatever names the order in his hands. Answers the new state, or why not.
    pub(super) fn payer_pays(&mut self, world: &mut World, sign: &str) -> Result<&'static str, String> {
        let at = self.payable(world, sign)?;
        self.take(world, at);
        Ok("SUCCESS")
    }

    /// The payer begins to type the password: until it is done the order can neither be closed nor expire.
    pub(super) fn payer_begins(&mut self, world: &mut World, sign: &str) -> Result<&'static str, String> {
        let at = self.payable(world, sign)?;
        if let Some(order) = self.book.orders.get_mut(at) {
            order.in_payers_hands = true;
        }
        world.after(world.config.wechatpay.password_time, Alarm::PayerPays(at));
        Ok("NOTPAY")
    }

    fn payable(&self, world: &World, sign: &str) -> Result<usize, String> {
        let found = self.book.in_payers_view(sign).and_then(|at| Some((at, self.book.orders.get(at)?)));
        let (at, order) = found.ok_or("no such order")?;
        match order.state {
            State::NotPay if world.unix() > order.expires => Err("the order has expired".to_owned()),
            State::NotPay | State::UserPaying => Ok(at),
            state => Err(format!("the order is {}", state.words().0)),
        }
    }

    /// The password was right, or the payer who was expected came.
    pub(super) fn payer_is_done(&mut self, world: &mut World, at: usize) {
        let open = |order: &super::book::Order| match order.state {
            State::NotPay => order.in_payers_hands || world.unix() <= order.expires,
            state => state == State::UserPaying,
        };
        if self.book.orders.get(at).is_some_and(open) {
            self.take(world, at);
        }
    }

    /// The password was wrong.
    pub(super) fn payer_fails(&mut self, at: usize) {
        if let Some(order) = self.book.orders.get_mut(at).filter(|order| order.state == State::UserPaying) {
            order.state = State::PayError;
        }
    }

    /// Takes the money of an order, and tells it.
    fn take(&mut self, world: &mut World, at: usize) {
        let Some(order) = self.book.orders.get_mut(at) else { return };
        let transaction = format!("42000{}", world.digits(23));
        if world.bank.charge(world.wall, &transaction, &order.number, false, order.total, "cny").is_err() {
            return;
        }
        order.state = State::Success;
        order.in_payers_hands = false;
        order.paid = Some((transaction, world.unix()));
        notices::tell_payment(self, world, at);
    }
}
