//! What Alipay's words mean: trade states and codes, each in one table. A word that is not listed means doubt.
//!
//! Sources: the code lists of alipay-sdk-php-all `v3/src/Model/AlipayTrade{Pay,Create,Precreate,Close,Cancel,Refund}ErrorResponseModel.php`
//! and the page "公共错误码". `says` holds the sentence that the row rests on, translated.

use std::time::Duration;

use paysluice::model::{Advice, ErrorKind, PartStatus, Status};

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `precreate`: a QR code, which nobody has been shown yet.
    Order,
    /// `create`: a trade with its buyer.
    Create,
    /// `pay`: by barcode, which takes money at once.
    Barcode,
    Query,
    Close,
    /// `cancel`
    Reverse,
    Refund,
    QueryRefund,
}

/// What an answer that is no success means for the call it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An error of that kind.
    Fails(ErrorKind),
    /// The payment was refused.
    Declines(Advice),
    /// There is no such trade.
    Missing,
    /// This call did nothing, and how the trade stands, a query tells at once.
    Query,
}

/// Whether the same may go again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    No,
    Same,
    /// Not before this has passed.
    After(Duration),
}

/// One row: codes, where they are said, what they mean and why.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) words: &'static [&'static str],
    on: &'static [Call],
    pub(crate) verdict: Verdict,
    pub(crate) resend: Resend,
    pub(crate) says: &'static str,
}

const fn row(words: &'static [&'static str], on: &'static [Call], verdict: Verdict, resend: Resend, says: &'static str) -> Row {
    Row { words, on, verdict, resend, says }
}

const ALL: &[Call] =
    &[Call::Order, Call::Create, Call::Barcode, Call::Query, Call::Close, Call::Reverse, Call::Refund, Call::QueryRefund];
const CHARGES: &[Call] = &[Call::Order, Call::Create, Call::Barcode];
const ORDERS: &[Call] = &[Call::Order, Call::Create];
const BARCODE: &[Call] = &[Call::Barcode];
const REFUND: &[Call] = &[Call::Refund];

const INVALID: Verdict = Verdict::Fails(ErrorKind::Invalid);
const UNAUTHORIZED: Verdict = Verdict::Fails(ErrorKind::Unauthorized);
const DOUBTFUL: Verdict = Verdict::Fails(ErrorKind::Doubtful);
const DECLINED: Verdict = Verdict::Fails(ErrorKind::Declined);
const ASK_PAYER: Verdict = Verdict::Declines(Advice::AskPayer);
const LATER: Verdict = Verdict::Declines(Advice::Later);

/// Long enough not to be a storm.
const LIMITED: Duration = Duration::from_secs(1);

/// `sub_code` without its `ACQ.`, of answers whose code is 40004: the business said no. The first row that fits.
static BUSINESS: &[Row] = &[
    // Whoever says this does not know.
    row(&["SYSTEM_ERROR", "AQC.SYSTEM_ERROR"], ALL, DOUBTFUL, Resend::Same, "A system error: query, or send the same again."),
    // The request.
    row(&["INVALID_PARAMETER", "ILLEGAL_ARGUMENT"], ALL, INVALID, Resend::No, "A parameter is wrong."),
    row(
        &["ACCESS_FORBIDDEN", "PARTNER_ERROR"],
        ALL,
        UNAUTHORIZED,
        Resend::No,
        "The app has no permission or no contract for this.",
    ),
    row(
        &[
            "EXIST_FORBIDDEN_WORD",
            "TOTAL_FEE_EXCEED",
            "BUYER_SELLER_EQUAL",
            "INVALID_STORE_ID",
            "STORE_INFO_INVALID",
            "AMOUNT_OR_CURRENCY_ERROR",
            "CURRENCY_NOT_SUPPORT",
            "SUB_GOODS_SIZE_MAX_COUNT",
            "NOT_SUPPORT_PAYMENT_INST",
            "NOW_TIME_AFTER_EXPIRE_TIME_ERROR",
            "OPEN_ID_NOT_TINY_APP",
            "PRODUCT_NOT_SUPPORT_IN_TINY_APP",
            "UN_SUPPORT_TRADE_SCENE",
            "RISK_MERCHANT_IP_NOT_EXIST",
        ],
        CHARGES,
        INVALID,
        Resend::No,
        "The order breaks a rule: correct it.",
    ),
    // The merchant.
    row(
        &[
            "SELLER_BEEN_BLOCKED",
            "SELLER_NOT_EXIST",
            "ERROR_SELLER_CERTIFY_LEVEL_LIMIT",
            "INVALID_RECEIVE_ACCOUNT",
            "SUB_MERCHANT_CREATE_FAIL",
            "SUB_MERCHANT_TYPE_INVALID",
            "SECONDARY_MERCHANT_STATUS_ERROR",
            "SECONDARY_MERCHANT_ID_INVALID",
            "SECONDARY_MERCHANT_ID_BLANK",
            "SECONDARY_MERCHANT_NOT_MATCH",
            "SECONDARY_MERCHANT_ALIPAY_ACCOUNT_INVALID",
            "SECONDARY_MERCHANT_CARD_ALIAS_NO_INVALID",
            "SECONDARY_MERCHANT_ISV_PUNISH_INDIRECT",
            "PLATFORM_BUSINESS_ACQUIRE_MODE_MUST_MERCHANT_ID",
            "DEFAULT_SETTLE_RULE_NOT_EXIST",
            "MERCHANT_AGREEMENT_NOT_EXIST",
            "MERCHANT_AGREEMENT_INVALID",
            "MERCHANT_STATUS_NOT_NORMAL",
            "MERCHANT_PERM_RECEIPT_SUSPEND_LIMIT",
            "MERCHANT_PERM_RECEIPT_SINGLE_LIMIT",
            "MERCHANT_PERM_RECEIPT_DAY_LIMIT",
            "RESTRICTED_MERCHANT_INDUSTRY",
            "APPLY_PC_MERCHANT_CODE_ERROR",
            "BIZ_PRODUCT_NOT_ALLOWED",
            "UNBOUND_APPLICATION",
            "CERT_EXPIRED",
        ],
        CHARGES,
        UNAUTHORIZED,
        Resend::No,
        "The merchant's contract, standing or set-up forbids it.",
    ),
    // The number. This call did nothing; what stands under the number, a query tells.
    row(
        &["CONTEXT_INCONSISTENT", "TRADE_BUYER_NOT_MATCH"],
        CHARGES,
        DOUBTFUL,
        Resend::No,
        "The number stands for an order with other parameters, or of another buyer: query it.",
    ),
    row(&["TRADE_HAS_SUCCESS"], ORDERS, Verdict::Fails(ErrorKind::AlreadyDone), Resend::No, "The order is paid."),
    row(
        &["TRADE_HAS_CLOSE"],
        ORDERS,
        Verdict::Fails(ErrorKind::Conflict),
        Resend::No,
        "The order is closed: charge with a new number.",
    ),
    row(
        &["TRADE_HAS_SUCCESS", "TRADE_HAS_CLOSE", "TRADE_STATUS_ERROR"],
        BARCODE,
        DOUBTFUL,
        Resend::No,
        "The number's trade has ended: query it.",
    ),
    // The payer.
    row(
        &["PAYMENT_FAIL", "PULL_MOBILE_CASHIER_FAIL"],
        BARCODE,
        DOUBTFUL,
        Resend::No,
        "The payment failed: query, then try anew.",
    ),
    row(
        &[
            "PAYMENT_AUTH_CODE_INVALID",
            "BUYER_BALANCE_NOT_ENOUGH",
            "BUYER_BANKCARD_BALANCE_NOT_ENOUGH",
            "ERROR_BALANCE_PAYMENT_DISABLE",
            "NO_PAYMENT_INSTRUMENTS_AVAILABLE",
            "MOBILE_PAYMENT_SWITCH_OFF",
            "USER_FACE_PAYMENT_SWITCH_OFF",
            "PAYMENT_REQUEST_HAS_RISK",
        ],
        BARCODE,
        ASK_PAYER,
        Resend::No,
        "It was refused: the payer may refresh the code, or choose another means.",
    ),
    row(
        &[
            "BUYER_ENABLE_STATUS_FORBID",
            "ERROR_BUYER_CERTIFY_LEVEL_LIMIT",
            "BUYER_NOT_EXIST",
            "NOT_CERTIFIED_USER",
            "BUYER_NOT_MAINLAND_CERT",
            "PAYER_UNMATCHED",
            "USER_LOGONID_DUP",
        ],
        CHARGES,
        ASK_PAYER,
        Resend::No,
        "The payer's account cannot pay this.",
    ),
    row(
        &[
            "BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR",
            "BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR",
            "BEYOND_PAY_RESTRICTION",
            "BEYOND_PER_RECEIPT_RESTRICTION",
            "BEYOND_PER_RECEIPT_SINGLE_RESTRICTION",
            "BEYOND_PER_RECEIPT_DAY_RESTRICTION",
            "PRODUCT_AMOUNT_LIMIT_ERROR",
            "REQUEST_AMOUNT_EXCEED",
        ],
        CHARGES,
        LATER,
        Resend::No,
        "A limit of the payer's or the merchant's is reached.",
    ),
    // Not found.
    row(
        &["TRADE_NOT_EXIST"],
        &[Call::Query, Call::Close, Call::Reverse, Call::QueryRefund],
        Verdict::Missing,
        Resend::No,
        "The trade does not exist, or not yet.",
    ),
    row(&["TRADE_NOT_EXIST"], REFUND, INVALID, Resend::No, "The trade to refund does not exist."),
    // The end of a trade.
    row(
        &["TRADE_STATUS_ERROR", "REASON_TRADE_STATUS_INVALID", "REASON_ILLEGAL_STATUS", "TRADE_HAS_SUCCESS", "TRADE_HAS_CLOSE"],
        &[Call::Close],
        Verdict::Query,
        Resend::No,
        "The trade's state forbids it: query it.",
    ),
    row(
        &["TRADE_STATUS_ERROR", "REASON_TRADE_STATUS_INVALID", "REASON_ILLEGAL_STATUS", "TRADE_HAS_SUCCESS", "TRADE_HAS_CLOSE"],
        &[Call::Reverse],
        DOUBTFUL,
        Resend::No,
        "The trade's state forbids it: query it.",
    ),
    row(
        &["SELLER_BALANCE_NOT_ENOUGH"],
        &[Call::Reverse, Call::Refund],
        Verdict::Fails(ErrorKind::NotNow),
        Resend::No,
        "The merchant's balance is short: fund it, then send the same number again.",
    ),
    row(
        &["TRADE_HAS_FINISHED", "REASON_TRADE_BEEN_FREEZEN", "REASON_TRADE_REFUND_FEE_ERR"],
        &[Call::Reverse, Call::Refund],
        DECLINED,
        Resend::No,
        "The trade's state or amount allows no refund.",
    ),
    row(
        &["TRADE_CANCEL_TIME_OUT", "CANCEL_NOT_ALLOWED"],
        &[Call::Reverse],
        DECLINED,
        Resend::No,
        "It is too late to take it back so: refund it.",
    ),
    // Refunds.
    row(
        &["DISCORDANT_REPEAT_REQUEST"],
        REFUND,
        DOUBTFUL,
        Resend::No,
        "The number stands for a refund of another amount: query what became of it.",
    ),
    row(&["TRADE_HAS_CLOSE"], REFUND, DOUBTFUL, Resend::No, "The trade is closed, perhaps by this very refund: query it."),
    row(
        &[
            "REFUND_AMT_NOT_EQUAL_TOTAL",
            "TRADE_STATUS_ERROR",
            "REASON_TRADE_STATUS_INVALID",
            "TRADE_NOT_ALLOW_REFUND",
            "REFUND_FEE_ERROR",
            "NOT_ALLOW_PARTIAL_REFUND",
            "ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND",
            "BUYER_NOT_EXIST",
            "BUYER_ENABLE_STATUS_FORBID",
            "BUYER_ERROR",
            "CURRENCY_NOT_SUPPORT",
            "ALLOC_AMOUNT_VALIDATE_ERROR",
            "USER_NOT_MATCH_ERR",
            "REFUND_ACCOUNT_NOT_EXIST",
            "CUSTOMER_VALIDATE_ERROR",
            "REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST",
        ],
        REFUND,
        DECLINED,
        Resend::No,
        "The refund is refused.",
    ),
];

/// Codes of the gateway itself: it did not ask the business.
static GATEWAY: &[Row] = &[
    row(&["20000"], ALL, DOUBTFUL, Resend::Same, "The service is unavailable: what became of the call is not known."),
    row(&["20001"], ALL, UNAUTHORIZED, Resend::No, "The authorization token is missing, wrong or has run out."),
    row(
        &["40005"],
        ALL,
        Verdict::Fails(ErrorKind::Throttled),
        Resend::After(LIMITED),
        "Too many calls: it was not carried out, slow down.",
    ),
    row(&["40006"], ALL, UNAUTHORIZED, Resend::No, "The app has no permission for this method."),
    row(&["40003"], ALL, INVALID, Resend::No, "A condition of the call is not met."),
];

/// `sub_code` of 40001 and 40002 by which the gateway doubts who is calling.
static CALLER: &[Row] = &[row(
    &[
        "isv.missing-signature",
        "isv.missing-signature-type",
        "isv.missing-signature-key",
        "isv.missing-app-id",
        "isv.missing-timestamp",
        "isv.missing-app-cert-sn",
        "isv.missing-alipay-root-cert-sn",
        "isv.invalid-signature",
        "isv.invalid-signature-type",
        "isv.invalid-app-id",
        "isv.invalid-timestamp",
        "isv.app-cert-expired",
        "isv.invalid-app-cert-sn",
        "isv.invalid-alipay-root-cert-sn",
    ],
    ALL,
    UNAUTHORIZED,
    Resend::No,
    "Signature, app id, certificate or timestamp is wrong: check keys and this host's clock.",
)];

static ARGUMENT: Row = row(&["40001", "40002"], ALL, INVALID, Resend::No, "A parameter is missing or wrong.");
static UNLISTED: Row = row(&["?"], ALL, DOUBTFUL, Resend::No, "no row: what this version does not know proves nothing");

/// What an answer that is no success means, by its codes.
pub(crate) fn verdict(call: Call, code: &str, sub_code: &str) -> &'static Row {
    let find = |rows: &'static [Row], word: &str| rows.iter().find(|row| row.on.contains(&call) && row.words.contains(&word));
    let found = match code {
        "40004" => find(BUSINESS, sub_code.strip_prefix("ACQ.").unwrap_or(sub_code)),
        "40001" | "40002" => find(CALLER, sub_code).or(Some(&ARGUMENT)),
        code => find(GATEWAY, code),
    };
    found.unwrap_or(&UNLISTED)
}

/// Where a trade stands. `closed_paid`: whether one that is closed was paid once, so that all of it was given back.
pub(crate) fn status(word: &str, closed_paid: bool) -> Status {
    match word {
        "WAIT_BUYER_PAY" => Status::AwaitingPayer,
        "TRADE_SUCCESS" | "TRADE_FINISHED" => Status::Paid,
        "TRADE_CLOSED" if closed_paid => Status::Paid,
        "TRADE_CLOSED" => Status::Canceled,
        other => Status::Unrecognized(shown(other)),
    }
}

/// Where a refund stands.
pub(crate) fn refund_status(word: &str) -> PartStatus {
    match word {
        "REFUND_SUCCESS" => PartStatus::Succeeded,
        "REFUND_PROCESSING" => PartStatus::Pending,
        other => PartStatus::Unrecognized(shown(other)),
    }
}

/// A word of theirs as we print it: no longer than a word is.
pub(crate) fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
