//! The bank: payments that hold, take and give back money by the rules of a state machine, each step booked.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::ledger::{EntryKind, Ledger};

/// Why the bank does not move money. Nothing was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such payment, or it stands where this cannot be done.
    State,
    /// More than is held or left.
    TooMuch,
    /// The merchant's balance does not cover the refund.
    NoFunds,
}

/// One payment's account: what is held, taken and given back.
#[derive(Clone, Debug)]
struct Account {
    order: String,
    currency: String,
    held: i64,
    taken: i64,
    refunded: i64,
}

/// All payments, the merchant's balance for refunds, and the ledger.
#[derive(Debug, Default)]
pub(crate) struct Bank {
    accounts: BTreeMap<String, Account>,
    /// What may be given back, by currency; no entry is no limit.
    funds: BTreeMap<String, i64>,
    ledger: Ledger,
}

impl Bank {
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn set_funds(&mut self, currency: &str, amount: Option<i64>) {
        match amount {
            Some(amount) => self.funds.insert(currency.to_owned(), amount),
            None => self.funds.remove(currency),
        };
    }

    /// The merchant's balance by currency: the limit where one is set, else what was taken and not given back.
    pub(crate) fn balances(&self) -> BTreeMap<String, i64> {
        let mut balances = BTreeMap::new();
        for account in self.accounts.values() {
            *balances.entry(account.currency.clone()).or_insert(0) += account.taken - account.refunded;
        }
        balances.extend(self.funds.clone());
        balances
    }

    /// Holds money, or takes it at once.
    pub(crate) fn charge(
        &mut self,
        at: SystemTime,
        payment: &str,
        order: &str,
        hold: bool,
        amount: i64,
        currency: &str,
    ) -> Result<(), Refusal> {
        if self.accounts.contains_key(payment) {
            return Err(Refusal::State);
        }
        let (held, taken, kind) = if hold { (amount, 0, EntryKind::Authorize) } else { (0, amount, EntryKind::Charge) };
        let account = Account { order: order.into(), currency: currency.into(), held, taken, refunded: 0 };
        self.accounts.insert(payment.to_owned(), account);
        self.earn(currency, taken);
        self.ledger.book(at, order, payment, kind, amount, currency);
        Ok(())
    }

    /// Takes held money; `last` lets the rest go. Returns what is still held.
    pub(crate) fn capture(&mut self, at: SystemTime, payment: &str, amount: i64, last: bool) -> Result<i64, Refusal> {
        let account = self.accounts.get_mut(payment).filter(|account| account.held > 0).ok_or(Refusal::State)?;
        if amount > account.held {
            return Err(Refusal::TooMuch);
        }
        account.held -= amount;
        account.taken += amount;
        let (held, currency) = (account.held, account.currency.clone());
        self.ledger.book(at, &account.order, payment, EntryKind::Capture, amount, &currency);
        self.earn(&currency, amount);
        if last && held > 0 {
            self.void(at, payment)?;
            return Ok(0);
        }
        Ok(held)
    }

    /// Lets held money go.
    pub(crate) fn void(&mut self, at: SystemTime, payment: &str) -> Result<(), Refusal> {
        let account = self.accounts.get_mut(payment).filter(|account| account.held > 0).ok_or(Refusal::State)?;
        let held = std::mem::take(&mut account.held);
        self.ledger.book(at, &account.order, payment, EntryKind::Void, held, &account.currency);
        Ok(())
    }

    /// Gives taken money back.
    pub(crate) fn refund(&mut self, at: SystemTime, payment: &str, amount: i64) -> Result<(), Refusal> {
        let account = self.accounts.get_mut(payment).filter(|account| account.taken > 0).ok_or(Refusal::State)?;
        if amount > account.taken - account.refunded {
            return Err(Refusal::TooMuch);
        }
        if let Some(funds) = self.funds.get_mut(&account.currency) {
            *funds = funds.checked_sub(amount).filter(|rest| *rest >= 0).ok_or(Refusal::NoFunds)?;
        }
        account.refunded += amount;
        self.ledger.book(at, &account.order, payment, EntryKind::Refund, amount, &account.currency);
        Ok(())
    }

    /// A refund bounced.
    pub(crate) fn refund_bounced(&mut self, at: SystemTime, payment: &str, amount: i64) -> Result<(), Refusal> {
        let account = self.accounts.get_mut(payment).filter(|account| account.refunded >= amount).ok_or(Refusal::State)?;
        account.refunded -= amount;
        let currency = account.currency.clone();
        self.ledger.book(at, &account.order, payment, EntryKind::RefundReversed, amount, &currency);
        self.earn(&currency, amount);
        Ok(())
    }

    fn earn(&mut self, currency: &str, amount: i64) {
        if let Some(funds) = self.funds.get_mut(currency) {
            *funds = funds.saturating_add(amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn money_moves_only_along_the_state_machine() {
        let mut bank = Bank::default();
        let at = UNIX_EPOCH;
        assert_eq!(bank.capture(at, "p", 1, true), Err(Refusal::State));
        bank.charge(at, "p", "o", true, 10, "usd").unwrap();
        assert_eq!(bank.charge(at, "p", "o", true, 10, "usd"), Err(Refusal::State));
        assert_eq!(bank.refund(at, "p", 1), Err(Refusal::State));
        assert_eq!(bank.capture(at, "p", 11, true), Err(Refusal::TooMuch));
        assert_eq!(bank.capture(at, "p", 4, false), Ok(6));
        assert_eq!(bank.capture(at, "p", 4, true), Ok(0));
        assert_eq!(bank.void(at, "p"), Err(Refusal::State));
        assert_eq!(bank.refund(at, "p", 9), Err(Refusal::TooMuch));
        bank.refund(at, "p", 8).unwrap();
        bank.refund_bounced(at, "p", 8).unwrap();
        assert_eq!((bank.ledger().held("o"), bank.ledger().taken("o"), bank.ledger().refunded("o")), (0, 8, 0));
        assert_eq!(bank.ledger().audit(), []);
    }

    #[test]
    fn a_refund_needs_funds_where_a_limit_is_set() {
        let mut bank = Bank::default();
        bank.set_funds("usd", Some(0));
        bank.charge(UNIX_EPOCH, "p", "o", false, 10, "usd").unwrap();
        bank.set_funds("usd", Some(9));
        assert_eq!(bank.refund(UNIX_EPOCH, "p", 10), Err(Refusal::NoFunds));
        bank.set_funds("usd", None);
        assert_eq!(bank.refund(UNIX_EPOCH, "p", 10), Ok(()));
    }
}
