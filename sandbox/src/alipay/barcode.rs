//! Trades that are paid by the payer's code: paid at once, waiting for the password, refused, or nobody knows.

use sha2::{Digest, Sha256};

use super::book::{Order, Product};
use super::call::Call;
use super::errors::{GATEWAY, Refusal};
use super::{Alarm, Alipay, Answer, Outcome};
use crate::world::World;

/// What a payer's code leads to, by its last two digits.
enum Code {
    Pays,
    /// The password is asked for: paid, given up, or never answered.
    Types(Option<bool>),
    /// Nobody is told what happened: paid at once, paid after the password, or nothing was done.
    Unknown(Hidden, &'static str),
    /// Refused, and there is no trade.
    Invalid(&'static str, &'static str),
    /// Refused; the trade waits for another code.
    Declined(&'static str, &'static str),
}

/// What really happened.
#[derive(Clone, Copy)]
enum Hidden {
    Paid,
    Types,
    Nothing,
}

fn code(auth_code: &str) -> Code {
    let last = auth_code.len().checked_sub(2).and_then(|at| auth_code.get(at..)).unwrap_or_default();
    match last {
        "11" => Code::Types(Some(true)),
        "12" => Code::Types(Some(false)),
        "13" => Code::Types(None),
        "14" => Code::Unknown(Hidden::Paid, "isp.unknow-error"),
        "15" => Code::Unknown(Hidden::Paid, "ACQ.SYSTEM_ERROR"),
        "16" => Code::Unknown(Hidden::Nothing, GATEWAY),
        "17" => Code::Unknown(Hidden::Types, "isp.unknow-error"),
        "21" => Code::Declined("ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足"),
        "22" => Code::Invalid("ACQ.PAYMENT_AUTH_CODE_INVALID", "支付授权码无效"),
        "23" => Code::Invalid("ACQ.PAYMENT_REQUEST_HAS_RISK", "支付有风险"),
        "24" => Code::Declined("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "没用可用的支付工具"),
        "25" => Code::Declined("ACQ.PAYMENT_FAIL", "支付失败"),
        "26" => Code::Declined("ACQ.PULL_MOBILE_CASHIER_FAIL", "唤起移动收银台失败"),
        _ => Code::Pays,
    }
}

/// Whose code it is: all but its last two digits.
fn buyer(auth_code: &str) -> String {
    let whose = auth_code.len().checked_sub(2).and_then(|at| auth_code.get(..at)).unwrap_or_default();
    let digits: String = hex::encode(Sha256::digest(whose)).bytes().take(12).map(|byte| char::from(b'0' + byte % 10)).collect();
    format!("2088{digits}")
}

impl Alipay {
    /// The merchant has scanned the payer's code.
    pub(super) fn pay(&mut self, world: &mut World, call: &Call) -> Outcome {
        let order = self.order(world, call, Product::Barcode)?;
        let auth_code = order.said("auth_code").unwrap_or_default().to_owned();
        let known = self.known(world, &order)?;
        let what = code(&auth_code);
        match (&what, known.and_then(|at| Some((at, self.book.trades.get(at)?)))) {
            (Code::Invalid(sub_code, sub_msg), None) => return Err(Refusal::business(sub_code, *sub_msg)),
            (Code::Unknown(Hidden::Nothing, sub_code), None) => return Err(Refusal::unknown(sub_code)),
            (_, Some((_, trade))) if trade.buyer != buyer(&auth_code) => {
                return Err(Refusal::business("ACQ.TRADE_BUYER_NOT_MATCH", "交易买家不匹配"));
            }
            // The payer is being asked already.
            (_, Some((at, trade))) if trade.payable => return Ok(Answer::Waiting(at)),
            _ => {}
        }
        let at = match known {
            Some(at) => at,
            None => self.trade(world, order, buyer(&auth_code))?,
        };
        self.scanned(world, at, &what)
    }

    fn scanned(&mut self, world: &mut World, at: usize, what: &Code) -> Outcome {
        let typed = world.config.alipay.password_time;
        let declined = matches!(what, Code::Declined(..) | Code::Invalid(..));
        if let Some(trade) = self.book.trades.get_mut(at) {
            trade.payable = !declined;
        }
        match *what {
            Code::Pays => {
                self.take(world, at);
                Ok(Answer::Paid(at))
            }
            Code::Types(ends) => {
                if let Some(well) = ends {
                    world.after(typed, if well { Alarm::PayerPays(at) } else { Alarm::PayerFails(at) });
                }
                Ok(Answer::Waiting(at))
            }
            Code::Unknown(hidden, sub_code) => {
                match hidden {
                    Hidden::Paid => self.take(world, at),
                    Hidden::Types => world.after(typed, Alarm::PayerPays(at)),
                    Hidden::Nothing => {}
                }
                Err(if sub_code == "ACQ.SYSTEM_ERROR" { Refusal::system() } else { Refusal::unknown(sub_code) })
            }
            Code::Declined(sub_code, sub_msg) | Code::Invalid(sub_code, sub_msg) => Err(Refusal::business(sub_code, sub_msg)),
        }
    }
}

impl Order {
    /// Whether its subject holds a word that tells the sandbox what the payer does.
    pub(super) fn hints(&self, word: &str) -> bool {
        self.said("subject").is_some_and(|subject| subject.contains(word))
    }
}
