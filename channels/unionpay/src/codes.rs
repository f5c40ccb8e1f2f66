//! What UnionPay's two-character codes mean, each in one table, and what each means for a call. A code that is not listed means doubt.
//!
//! Source: the table of answer codes (附录: 应答码) as the `UnionPayResult` enumerations of several public clients carry it, and the
//! notes in UnionPay's own samples (`Form_6_5_Query`, `BackRcvResponse`). `says` holds the sentence that the row rests on, translated.

use paysluice::model::{Advice, ErrorKind};

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A new order, which nobody has been shown yet: a tn, a QR code.
    Order,
    /// A payment by the code on the payer's phone, which takes money at once.
    Barcode,
    Query,
    /// A refund or a revoke.
    Refund,
    Reverse,
}

/// What a code says, wherever it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Accepted as a request; done as the state of a trade.
    Good,
    /// UnionPay does not know yet.
    Unclear,
    /// The payer is at it.
    Payer,
    /// The number stands for a trade already.
    Duplicate,
    /// What was to be undone is undone.
    Undone,
    /// Not at this time.
    Closed,
    /// Too many requests.
    Throttled,
    /// Signature, permission or merchant.
    Unauthorized,
    /// A field is wrong.
    Invalid,
    /// There is no such trade.
    Missing,
    /// The trade that is referred to does not allow it.
    Original,
    /// Refused.
    Declined(Advice),
}

/// What an answer's code means for the call it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Accepted.
    Good,
    /// An error of that kind.
    Fails(ErrorKind),
    /// The payment was refused.
    Declines(Advice),
    /// There is no such thing.
    Missing,
}

/// What a trade's own code (`origRespCode`, and `respCode` of a notice) says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Done,
    Open,
    /// The payer is at it.
    Payer,
    /// It failed. A payer who still has time may try again.
    Failed(Advice),
    /// It was taken back as a whole.
    Undone,
    Unrecognized,
}

/// One row: a code, what it says, and in which words.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) code: &'static str,
    pub(crate) class: Class,
    pub(crate) says: &'static str,
}

const fn row(code: &'static str, class: Class, says: &'static str) -> Row {
    Row { code, class, says }
}

const PAYER: Class = Class::Declined(Advice::AskPayer);
const LATER: Class = Class::Declined(Advice::Later);
const REFUSED: Class = Class::Declined(Advice::Unknown);

/// The rows.
pub(crate) const CODES: &[Row] = &[
    row("00", Class::Good, "Success."),
    row("A6", Class::Good, "Success with a defect: the trade is done, something beside it is not complete."),
    // Not known yet.
    row("03", Class::Unclear, "The communication timed out: query the trade."),
    row("04", Class::Unclear, "The state of the trade is not clear: query it."),
    row("05", Class::Unclear, "The trade is accepted: query its result later."),
    row("70", Class::Payer, "The payer was sent on, and is to confirm."),
    row("74", Class::Unclear, "Charged, and it is not known whether it was written off."),
    row("75", Class::Unclear, "Charged, and not written off: to be settled by hand."),
    row("99", Class::Unclear, "General failure: query, or try again later."),
    row("PR05", Class::Unclear, "Being reviewed."),
    // Done before.
    row("12", Class::Duplicate, "Duplicate trade."),
    row("45", Class::Undone, "The original has been refunded or reversed already."),
    // Later.
    row("02", Class::Closed, "The system is not open, or closed for now: try again later."),
    row("39", Class::Closed, "Outside of the time in which this is accepted."),
    row("37", Class::Throttled, "Too many queries, or too frequent."),
    // The caller.
    row("11", Class::Unauthorized, "The signature does not verify."),
    row("30", Class::Unauthorized, "The trade did not pass: it is not approved for the merchant."),
    row("31", Class::Unauthorized, "The state of the merchant is not right."),
    row("32", Class::Unauthorized, "No permission for this trade."),
    // The request.
    row("10", Class::Invalid, "The message's format is wrong."),
    row("13", Class::Invalid, "A field is missing from the message."),
    row("14", Class::Invalid, "The batch file's format is wrong."),
    row("40", Class::Invalid, "The binding does not check."),
    row("41", Class::Invalid, "The batch's state is not right."),
    // The trade it refers to.
    row("34", Class::Missing, "No such trade."),
    row("35", Class::Original, "The original trade does not exist, or its state is not right."),
    row("36", Class::Original, "It does not match the original trade."),
    // Refused.
    row("01", REFUSED, "The trade failed: see the message."),
    row("33", PAYER, "Beyond the limit of an amount."),
    row("38", LATER, "Refused by risk control."),
    row("42", PAYER, "Charged after the time for paying was over: the money goes back by itself."),
    row("60", PAYER, "The issuer refused: ask the bank."),
    row("61", PAYER, "The card number is not valid."),
    row("62", PAYER, "The issuer does not support it for this merchant."),
    row("63", PAYER, "The card's state is not right."),
    row("64", PAYER, "The balance is too low."),
    row("65", PAYER, "PIN, date of expiry or CVN2 is wrong."),
    row("66", PAYER, "Name, identity number or phone number is wrong."),
    row("67", PAYER, "The PIN was tried too often."),
    row("68", PAYER, "The card does not support this."),
    row("69", PAYER, "The payer did not enter everything in time."),
    row("71", PAYER, "The code of the SMS is wrong."),
    row("72", PAYER, "The payer has not enrolled the card for this."),
    row("73", PAYER, "The card has expired."),
    row("76", PAYER, "The payer has not enrolled for paying without a card."),
    row("77", PAYER, "The card is not enrolled: to be done with the issuer or at UnionPay."),
    row("78", PAYER, "The issuer restricts this trade."),
    row("79", PAYER, "The token is not right."),
    row("80", PAYER, "The token has expired."),
    row("PR99", REFUSED, "The review was not passed."),
];

/// What has no row.
const UNLISTED: Row = row("?", Class::Unclear, "no row: what this version does not know proves nothing");

/// The row of a code.
pub(crate) fn listed(code: &str) -> &'static Row {
    CODES.iter().find(|row| row.code == code).unwrap_or(&UNLISTED)
}

/// What an answer's code means for its call.
pub(crate) fn verdict(call: Call, code: &str) -> Verdict {
    use ErrorKind::{Conflict, Declined, Doubtful, Invalid, NotNow, Throttled, Unauthorized, Unavailable};
    match (listed(code).class, call) {
        (Class::Good, _) | (Class::Undone, Call::Reverse) => Verdict::Good,
        // The number stands for an order whose tn or code nobody has: it can never be paid, nor made again today.
        (Class::Duplicate, Call::Order) => Verdict::Fails(Conflict),
        (Class::Throttled, _) => Verdict::Fails(Throttled),
        (Class::Unauthorized, _) => Verdict::Fails(Unauthorized),
        (Class::Invalid, _) | (Class::Missing | Class::Original, Call::Order | Call::Barcode | Call::Refund) => {
            Verdict::Fails(Invalid)
        }
        (Class::Missing, Call::Query) => Verdict::Missing,
        // The question was not answered, which says nothing of what it was about.
        (Class::Closed, Call::Query) => Verdict::Fails(Unavailable),
        (Class::Closed, _) => Verdict::Fails(NotNow),
        (Class::Declined(_), Call::Refund) => Verdict::Fails(Declined),
        (Class::Declined(advice), Call::Order | Call::Barcode) => Verdict::Declines(advice),
        // UnionPay does not know; or the number is used, and what it stands for must be asked; or it was a question, or a reversal,
        // and its own failure tells nothing of the payment it was about.
        _ => Verdict::Fails(Doubtful),
    }
}

/// What a trade's own code says of it.
pub(crate) fn state(code: &str) -> State {
    let row = listed(code);
    match row.class {
        Class::Good => State::Done,
        Class::Unclear if row.code == UNLISTED.code => State::Unrecognized,
        Class::Unclear | Class::Duplicate => State::Open,
        Class::Payer => State::Payer,
        Class::Declined(advice) => State::Failed(advice),
        Class::Undone => State::Undone,
        Class::Closed | Class::Throttled | Class::Unauthorized | Class::Invalid | Class::Missing | Class::Original => {
            State::Failed(Advice::Unknown)
        }
    }
}

/// A word of theirs as we print it: no longer than a word is.
pub(crate) fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
