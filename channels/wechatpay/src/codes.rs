//! What WeChat Pay's words mean: states, error codes, each in one table. A word that is not listed means doubt.
//!
//! Sources: pages "HTTP状态码", "付款码支付", "关闭订单", "退款申请"; wechatpay-go `services/refunddomestic/api_refunds.go`;
//! wechatpay-java `Transaction.java`. `says` holds the sentence that the row rests on, translated.

use std::time::Duration;

use paysluice::model::{Advice, ErrorKind, PartStatus, Status};

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A new order, which nobody has been shown yet.
    Order,
    /// A payment by barcode, which takes money at once.
    Barcode,
    Query,
    Close,
    Reverse,
    Refund,
    QueryRefund,
}

/// What an error answer means for the call it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An error of that kind.
    Fails(ErrorKind),
    /// The payment was refused.
    Declines(Advice),
    /// The payer is typing the password.
    PayerActs,
    /// There is no such thing.
    Missing,
}

/// Whether the same may go again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    No,
    Same,
    /// Not before this has passed.
    After(Duration),
}

/// One row: a code, where it is said, what it means and why.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) word: &'static str,
    on: &'static [Call],
    pub(crate) verdict: Verdict,
    pub(crate) resend: Resend,
    pub(crate) says: &'static str,
}

const fn row(word: &'static str, on: &'static [Call], verdict: Verdict, resend: Resend, says: &'static str) -> Row {
    Row { word, on, verdict, resend, says }
}

const ALL: &[Call] = &[Call::Order, Call::Barcode, Call::Query, Call::Close, Call::Reverse, Call::Refund, Call::QueryRefund];
const CHARGES: &[Call] = &[Call::Order, Call::Barcode];
const BUT_REFUND: &[Call] = &[Call::Order, Call::Barcode, Call::Query, Call::Reverse, Call::QueryRefund];

const INVALID: Verdict = Verdict::Fails(ErrorKind::Invalid);
const UNAUTHORIZED: Verdict = Verdict::Fails(ErrorKind::Unauthorized);
const DOUBTFUL: Verdict = Verdict::Fails(ErrorKind::Doubtful);
const DECLINED: Verdict = Verdict::Fails(ErrorKind::Declined);

/// "At least a minute between two refunds of one order."
const MINUTE: Duration = Duration::from_secs(60);

/// Codes of answers of 400 to 499 (and of 202), without underscores: both spellings are met. The first row that fits.
const CODES: &[Row] = &[
    // The request.
    row("PARAMERROR", ALL, INVALID, Resend::No, "Wrong parameter: correct it by the message and send it again."),
    row("INVALIDREQUEST", ALL, INVALID, Resend::No, "The parameters are well formed and break a business rule."),
    row("APPIDMCHIDNOTMATCH", ALL, INVALID, Resend::No, "The appid is not bound to the mchid."),
    row("MCHNOTEXISTS", ALL, INVALID, Resend::No, "The merchant number does not exist."),
    row("MCHIDNOTEXIST", ALL, INVALID, Resend::No, "The merchant number does not exist."),
    row("OPENIDMISMATCH", CHARGES, INVALID, Resend::No, "The openid is not one of the appid."),
    // The caller.
    row("SIGNERROR", ALL, UNAUTHORIZED, Resend::No, "The signature is wrong: check key, serial number and this host's clock."),
    row("NOAUTH", ALL, UNAUTHORIZED, Resend::No, "The merchant has no permission for this."),
    // The number. This call did nothing; what stands under the number, a query tells.
    row(
        "OUTTRADENOUSED",
        CHARGES,
        DOUBTFUL,
        Resend::No,
        "The merchant order number is used: check whether it was submitted before.",
    ),
    row("ORDERPAID", &[Call::Order], Verdict::Fails(ErrorKind::AlreadyDone), Resend::No, "The order is paid."),
    row("ORDERPAID", &[Call::Barcode, Call::Close, Call::Reverse], DOUBTFUL, Resend::No, "The order is paid: query it."),
    row(
        "ORDERCLOSED",
        &[Call::Order],
        Verdict::Fails(ErrorKind::Conflict),
        Resend::No,
        "The order is closed: charge with a new number.",
    ),
    row("ORDERCLOSED", &[Call::Barcode, Call::Close, Call::Reverse], DOUBTFUL, Resend::No, "The order is closed: query it."),
    row("ORDERREVERSED", &[Call::Barcode, Call::Reverse], DOUBTFUL, Resend::No, "The order is reversed: query it."),
    row("TRADESTATEERROR", &[Call::Close, Call::Reverse], DOUBTFUL, Resend::No, "The order's state forbids it: query it."),
    // The payer at the counter.
    row("USERPAYING", &[Call::Barcode], Verdict::PayerActs, Resend::No, "The payer must type the password: query every 5 s."),
    row("USERPAYING", &[Call::Close, Call::Reverse], DOUBTFUL, Resend::Same, "The payer is paying: query, then try again."),
    row("BANKERROR", &[Call::Barcode], DOUBTFUL, Resend::No, "The bank's system failed: query at once."),
    row(
        "AUTHCODEEXPIRE",
        &[Call::Barcode],
        Verdict::Declines(Advice::AskPayer),
        Resend::No,
        "The code has expired: the payer must refresh it.",
    ),
    row(
        "AUTHCODEEXPIRED",
        &[Call::Barcode],
        Verdict::Declines(Advice::AskPayer),
        Resend::No,
        "The code has expired: the payer must refresh it.",
    ),
    row(
        "AUTHCODEERROR",
        &[Call::Barcode],
        Verdict::Declines(Advice::AskPayer),
        Resend::No,
        "The code is wrong: the payer must refresh it.",
    ),
    row("AUTHCODEINVALID", &[Call::Barcode], Verdict::Declines(Advice::AskPayer), Resend::No, "It is no code of WeChat Pay's."),
    row(
        "NOTENOUGH",
        &[Call::Barcode],
        Verdict::Declines(Advice::AskPayer),
        Resend::No,
        "The payer's balance is short: another means of payment.",
    ),
    row(
        "NOTSUPORTCARD",
        &[Call::Barcode],
        Verdict::Declines(Advice::AskPayer),
        Resend::No,
        "The card is not supported: another means of payment.",
    ),
    row("ACCOUNTERROR", CHARGES, Verdict::Declines(Advice::AskPayer), Resend::No, "The payer's account is abnormal."),
    row("RULELIMIT", CHARGES, Verdict::Declines(Advice::Later), Resend::No, "A business rule or risk limit forbids it."),
    row("TRADEERROR", CHARGES, Verdict::Declines(Advice::Later), Resend::No, "The payment failed for a business reason."),
    // Refunds.
    row(
        "NOTENOUGH",
        &[Call::Refund],
        Verdict::Fails(ErrorKind::NotNow),
        Resend::No,
        "The merchant's balance is short: fund it, then send the same refund number again.",
    ),
    row("USERACCOUNTABNORMAL", &[Call::Refund], DECLINED, Resend::No, "The payer's account is closed."),
    row("ACCOUNTERROR", &[Call::Refund], DECLINED, Resend::No, "The account is abnormal."),
    row("RULELIMIT", &[Call::Refund], DECLINED, Resend::No, "A business rule forbids it."),
    row("TRADEERROR", &[Call::Refund], DECLINED, Resend::No, "The refund failed for a business reason."),
    // Not found.
    row("ORDERNOTEXIST", &[Call::Query], Verdict::Missing, Resend::No, "The order does not exist."),
    row("ORDERNOTEXISTS", &[Call::Query], Verdict::Missing, Resend::No, "The order does not exist."),
    row("RESOURCENOTEXISTS", &[Call::Query, Call::QueryRefund], Verdict::Missing, Resend::No, "It does not exist."),
    row("RESOURCENOTEXIST", &[Call::Query, Call::QueryRefund], Verdict::Missing, Resend::No, "It does not exist."),
    row("REFUNDNOTEXISTS", &[Call::QueryRefund], Verdict::Missing, Resend::No, "The refund does not exist."),
    row("REFUNDNOTEXIST", &[Call::QueryRefund], Verdict::Missing, Resend::No, "The refund does not exist."),
    row("RESOURCENOTEXISTS", &[Call::Refund], INVALID, Resend::No, "The order to refund does not exist."),
    row("ORDERNOTEXIST", &[Call::Refund], INVALID, Resend::No, "The order to refund does not exist."),
    // Too many. "Not accepted", but for refunds: "the result is uncertain", and for a close that races a payment.
    row("FREQUENCYLIMITED", BUT_REFUND, THROTTLED, Resend::Same, "Too many requests: it was not accepted, slow down."),
    row("RATELIMITEXCEEDED", BUT_REFUND, THROTTLED, Resend::Same, "Too many requests: it was not accepted, slow down."),
    row("RATELIMITEXCEED", BUT_REFUND, THROTTLED, Resend::Same, "Too many requests: it was not accepted, slow down."),
    row("RATELIMITED", BUT_REFUND, THROTTLED, Resend::Same, "Too many requests: it was not accepted, slow down."),
];

const THROTTLED: Verdict = Verdict::Fails(ErrorKind::Throttled);

const REFUND_LIMITED: Row = row(
    "429",
    &[Call::Refund],
    DOUBTFUL,
    Resend::After(MINUTE),
    "The refund's result is uncertain: query it, or send the same number again.",
);
const CLOSE_LIMITED: Row =
    row("429", &[Call::Close], DOUBTFUL, Resend::No, "The order may be being paid at this moment: query it.");
const LIMITED: Row = row("429", BUT_REFUND, THROTTLED, Resend::Same, "Too many requests: it was not accepted, slow down.");
const SERVER: Row = row(
    "5xx",
    ALL,
    Verdict::Fails(ErrorKind::Unavailable),
    Resend::Same,
    "SYSTEM_ERROR: the result is uncertain; send the same again or query.",
);
const NOT_PROCESSED: Row = row(
    "202",
    ALL,
    Verdict::Fails(ErrorKind::Unavailable),
    Resend::Same,
    "The request was received and not processed: send the same again.",
);
const UNSIGNED: Row = row("401", ALL, UNAUTHORIZED, Resend::No, "The signature is wrong.");
const METHOD: Row = row("405", ALL, INVALID, Resend::No, "The method is wrong.");
const UNLISTED: Row = row("?", ALL, DOUBTFUL, Resend::No, "no row: what this version does not know proves nothing");

/// What an error answer means, by its status and code.
pub(crate) fn verdict(call: Call, status: u16, code: &str, message: &str) -> &'static Row {
    let word: String = code.chars().filter(|letter| *letter != '_').map(|letter| letter.to_ascii_uppercase()).collect();
    if status >= 500 {
        return &SERVER;
    }
    // "201 商户订单号重复": the number stands for an order with other parameters.
    let repeated = CHARGES.contains(&call) && word == "INVALIDREQUEST" && message.contains("商户订单号");
    let word = if repeated { "OUTTRADENOUSED" } else { &word };
    let limited = status == 429 || matches!(word, "FREQUENCYLIMITED" | "RATELIMITEXCEEDED" | "RATELIMITEXCEED" | "RATELIMITED");
    match (limited, call) {
        (true, Call::Refund) => return &REFUND_LIMITED,
        (true, Call::Close) => return &CLOSE_LIMITED,
        _ => {}
    }
    let listed = CODES.iter().find(|row| row.word == word && row.on.contains(&call));
    match (status, listed) {
        (202, Some(row)) if row.verdict == Verdict::PayerActs => row,
        (202, _) => &NOT_PROCESSED,
        (400..=499, Some(row)) if row.verdict != Verdict::Missing || status == 404 => row,
        (401, None) => &UNSIGNED,
        (405, None) => &METHOD,
        (429, None) => &LIMITED,
        _ => &UNLISTED,
    }
}

/// Where a payment stands. `REFUND` says that a refund was asked for: it was paid all the same.
pub(crate) fn status(word: &str) -> Status {
    match word {
        "SUCCESS" | "REFUND" => Status::Paid,
        "NOTPAY" | "USERPAYING" => Status::AwaitingPayer,
        "ACCEPT" => Status::Processing,
        "CLOSED" | "REVOKED" => Status::Canceled,
        "PAYERROR" => Status::Declined,
        other => Status::Unrecognized(shown(other)),
    }
}

/// Where a refund stands.
pub(crate) fn refund_status(word: &str) -> PartStatus {
    match word {
        "PROCESSING" => PartStatus::Pending,
        "SUCCESS" => PartStatus::Succeeded,
        "CLOSED" => PartStatus::Failed,
        "ABNORMAL" => PartStatus::NeedsAction,
        other => PartStatus::Unrecognized(shown(other)),
    }
}

/// A word of theirs as we print it: no longer than a word is.
pub(crate) fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
