//! What Stripe's words mean: statuses, error codes, declines, each in one table. A word that is not listed means doubt.
//!
//! `says` holds the sentence that the row rests on, in the words of the page named at the table's head (docs.stripe.com, as
//! published in 2025; later editions contract a few words). A comment marks the rows whose words are ours.

use paysluice::model::{ErrorKind, PartStatus, Status};

/// What an error answer means for the step it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An error of that kind.
    Fails(ErrorKind),
    /// The bank or Stripe refused the payment.
    Declines,
    /// This call did nothing: the payment stands elsewhere. Where it stands must be read before anything is concluded.
    Stands,
}

/// Whether the same step may go again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resend {
    No,
    SameKey,
    NewKey,
}

/// One row: an error code or an HTTP status, what it means and why.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) word: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) resend: Resend,
    pub(crate) says: &'static str,
}

const fn row(word: &'static str, verdict: Verdict, resend: Resend, says: &'static str) -> Row {
    Row { word, verdict, resend, says }
}

const INVALID: Verdict = Verdict::Fails(ErrorKind::Invalid);
const UNAUTHORIZED: Verdict = Verdict::Fails(ErrorKind::Unauthorized);
const THROTTLED: Verdict = Verdict::Fails(ErrorKind::Throttled);
const NOT_NOW: Verdict = Verdict::Fails(ErrorKind::NotNow);
const DOUBTFUL: Verdict = Verdict::Fails(ErrorKind::Doubtful);

/// Codes of `error.code` in answers of 400 to 499.
///
/// Sources: stripe-go `error.go` (the codes), docs.stripe.com/error-codes (the sentences).
const CODES: &[Row] = &[
    // Nothing was executed, and nothing stored under the key: "rate limiters run before the API's idempotency layer"
    // (error-low-level); of a lock timeout, "Stripe doesn't process these failed requests" (rate-limits, 2026).
    row("rate_limit", THROTTLED, Resend::SameKey, "Too many requests hit the API too quickly."),
    row(
        "lock_timeout",
        THROTTLED,
        Resend::SameKey,
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
    ),
    row(
        "idempotency_key_in_use",
        Verdict::Fails(ErrorKind::InFlight),
        Resend::SameKey,
        "The idempotency key provided is currently being used in another request.",
    ),
    // The key.
    row("api_key_expired", UNAUTHORIZED, Resend::No, "The API key provided has expired."),
    row(
        "secret_key_required",
        UNAUTHORIZED,
        Resend::No,
        "The API key provided is a publishable key, but a secret key is required.",
    ),
    row("platform_api_key_expired", UNAUTHORIZED, Resend::No, "The API key provided by your Connect platform has expired."),
    row("platform_account_required", UNAUTHORIZED, Resend::No, "Only Stripe Connect platforms can work with other accounts."),
    row(
        "account_invalid",
        UNAUTHORIZED,
        Resend::No,
        "The account ID provided as a value for the Stripe-Account header is invalid.",
    ),
    row(
        "livemode_mismatch",
        INVALID,
        Resend::No,
        "Test and live mode API keys, requests, and objects are only available within the mode they are in.",
    ),
    row("testmode_charges_only", INVALID, Resend::No, "Your account has not been activated and can only make test charges."),
    // The request: "If incoming parameters fail validation, […] no API endpoint initiates the execution"
    // (api/idempotent_requests).
    row("parameter_invalid_empty", INVALID, Resend::No, "One or more required values were not provided."),
    row(
        "parameter_invalid_integer",
        INVALID,
        Resend::No,
        "One or more of the parameters requires an integer, but the values provided were a different type.",
    ),
    row("parameter_invalid_string_blank", INVALID, Resend::No, "One or more values provided only included whitespace."),
    row("parameter_invalid_string_empty", INVALID, Resend::No, "One or more required string values is empty."),
    row("parameter_missing", INVALID, Resend::No, "One or more required values are missing."),
    row("parameter_unknown", INVALID, Resend::No, "The request contains one or more unexpected parameters."),
    row("parameters_exclusive", INVALID, Resend::No, "Two or more mutually exclusive parameters were provided."),
    row("amount_too_small", INVALID, Resend::No, "The specified amount is less than the minimum amount allowed."),
    row("amount_too_large", INVALID, Resend::No, "The specified amount is greater than the maximum amount allowed."),
    row("invalid_charge_amount", INVALID, Resend::No, "The specified amount is invalid."),
    // Neither the page nor stripe-go or stripe-node has this code. The words are ours, of the rule in docs.stripe.com/currencies.
    row("invalid_charge_amount_no_decimal_compatible", INVALID, Resend::No, "ISK amounts must be divisible by 100."),
    row(
        "resource_missing",
        INVALID,
        Resend::No,
        "The ID provided is not valid. Either the resource does not exist, or an ID for a different resource has been provided.",
    ),
    row("url_invalid", INVALID, Resend::No, "The URL provided is invalid."),
    row("email_invalid", INVALID, Resend::No, "The email address is invalid (e.g., not properly formatted)."),
    row(
        "country_unsupported",
        INVALID,
        Resend::No,
        "Your platform attempted to create a custom account in a country that is not yet supported.",
    ),
    row(
        "customer_max_payment_methods",
        INVALID,
        Resend::No,
        "The maximum number of PaymentMethods for this Customer has been reached.",
    ),
    row("tls_version_unsupported", INVALID, Resend::No, "Your integration is using an older version of TLS that is unsupported."),
    row(
        "payment_method_currency_mismatch",
        INVALID,
        Resend::No,
        "The currency specified does not match the currency for the attached payment method.",
    ),
    row(
        "payment_method_not_available",
        INVALID,
        Resend::No,
        "The payment processor for the provided payment method is temporarily unavailable.",
    ),
    row(
        "payment_method_unactivated",
        INVALID,
        Resend::No,
        "The operation cannot be performed as the payment method used has not been activated.",
    ),
    row("payment_method_invalid_parameter", INVALID, Resend::No, "Invalid parameter was provided in the payment method object."),
    row(
        "payment_method_unexpected_state",
        INVALID,
        Resend::No,
        "The provided payment method's state was incompatible with the operation you were trying to perform.",
    ),
    row(
        "payment_intent_incompatible_payment_method",
        INVALID,
        Resend::No,
        "The PaymentIntent expected a payment method with different properties than what was provided.",
    ),
    row(
        "payment_intent_invalid_parameter",
        INVALID,
        Resend::No,
        "One or more provided parameters was not allowed for the given operation on the PaymentIntent.",
    ),
    row(
        "payment_intent_mandate_invalid",
        INVALID,
        Resend::No,
        "The provided mandate is invalid and can not be used for the payment intent.",
    ),
    row("token_already_used", INVALID, Resend::No, "The token provided has already been used."),
    row(
        "charge_not_refundable",
        INVALID,
        Resend::No,
        "Attempt to refund a charge was unsuccessful because the charge is no longer refundable.",
    ),
    row("charge_disputed", INVALID, Resend::No, "The charge you're attempting to refund has been charged back."),
    row("refund_disputed_payment", INVALID, Resend::No, "You cannot refund a disputed payment."),
    // Of the edition of 2026, and seen only as others quote it.
    row(
        "anomalous_money_movement_request",
        INVALID,
        Resend::No,
        "This request was blocked because our anomaly detection system flagged it as anomalous.",
    ),
    row(
        "capture_unauthorized_payment",
        INVALID,
        Resend::No,
        "The charge you're attempting to capture has not been authorized for capturing payment.",
    ),
    row("charge_expired_for_capture", INVALID, Resend::No, "The charge cannot be captured as the authorization has expired."),
    row(
        "capture_charge_authorization_expired",
        INVALID,
        Resend::No,
        "The charge cannot be captured as the authorization has expired.",
    ),
    row(
        "charge_exceeds_source_limit",
        INVALID,
        Resend::No,
        "This charge would cause you to exceed your rolling-window processing limit for this source type.",
    ),
    // Stored under the key, so the same key would say it for a day: "as long as an API method began execution, Stripe's API
    // servers will cache the results of the request regardless of what they were" (error-low-level).
    row(
        "balance_insufficient",
        NOT_NOW,
        Resend::NewKey,
        "The transfer or payout could not be completed because the associated account does not have a sufficient balance available.",
    ),
    // Neither the page nor stripe-go or stripe-node has this code. The words are ours.
    row("insufficient_balance", NOT_NOW, Resend::NewKey, "The account does not have a sufficient balance available."),
    // Limits of Stripe's own.
    row("card_decline_rate_limit_exceeded", Verdict::Declines, Resend::No, "This card has been declined too many times."),
    // stripe-go has the code, no page its sentence: that it tells of this limit (rate-limits, 2026) is our reading.
    row(
        "payment_intent_rate_limit_exceeded",
        THROTTLED,
        Resend::SameKey,
        "Payment Intents API: 1000 update operations per PaymentIntent, per hour.",
    ),
    // This call did nothing, but another has.
    row(
        "payment_intent_unexpected_state",
        Verdict::Stands,
        Resend::No,
        "The PaymentIntent's state was incompatible with the operation you were trying to perform.",
    ),
    row(
        "intent_invalid_state",
        Verdict::Stands,
        Resend::No,
        "Intent is not in the state that is required to perform the operation.",
    ),
    row(
        "charge_already_captured",
        Verdict::Stands,
        Resend::No,
        "The charge you're attempting to capture has already been captured.",
    ),
    row(
        "charge_already_refunded",
        Verdict::Stands,
        Resend::No,
        "The charge you're attempting to refund has already been refunded.",
    ),
];

// Sources: docs.stripe.com/api/errors for what follows, and error-low-level for the second sentence on 5xx.
const SERVER: Row = row(
    "5xx",
    Verdict::Fails(ErrorKind::Unavailable),
    Resend::SameKey,
    "Something went wrong on Stripe's end. You should treat the result of a 500 request as indeterminate.",
);
const KEY_REUSED: Row = row(
    "idempotency_error",
    DOUBTFUL,
    Resend::No,
    "Idempotency errors occur when an Idempotency-Key is re-used on a request that does not match the first request's API \
     endpoint and parameters.",
);
const DECLINED: Row = row(
    "card_error",
    Verdict::Declines,
    Resend::No,
    "Card errors are the most common type of error you should expect to handle. \
     They result when the user enters a card that can't be charged for some reason.",
);
const NO_KEY: Row = row("401", UNAUTHORIZED, Resend::No, "No valid API key provided.");
const FORBIDDEN: Row = row("403", UNAUTHORIZED, Resend::No, "The API key doesn't have permissions to perform the request.");
const CONFLICT: Row = row(
    "409",
    DOUBTFUL,
    Resend::SameKey,
    "The request conflicts with another request (perhaps due to using the same idempotent key).",
);
const DEPENDENCY: Row =
    row("424", DOUBTFUL, Resend::No, "The request couldn't be completed due to a failure in a dependency external to Stripe.");
const TOO_MANY: Row = row("429", THROTTLED, Resend::SameKey, "Too many requests hit the API too quickly.");
const BAD_REQUEST: Row =
    row("invalid_request_error", INVALID, Resend::No, "Invalid request errors arise when your request has invalid parameters.");
const UNLISTED: Row = row("?", DOUBTFUL, Resend::No, "no row: what this version does not know proves nothing");

/// What an error answer means, by its status, `error.type` and `error.code`.
pub(crate) fn verdict(status: u16, class: Option<&str>, code: Option<&str>) -> &'static Row {
    if status >= 500 {
        return &SERVER;
    }
    let listed = code.and_then(|code| CODES.iter().find(|row| row.word == code));
    match (status, class, code, listed) {
        (_, Some("idempotency_error"), ..) => &KEY_REUSED,
        (400..=499, _, _, Some(row)) => row,
        (402, Some("card_error"), ..) => &DECLINED,
        (401, ..) => &NO_KEY,
        (403, ..) => &FORBIDDEN,
        (409, ..) => &CONFLICT,
        (424, ..) => &DEPENDENCY,
        (429, ..) => &TOO_MANY,
        // Errors without a code are the older ones of parameter validation.
        (400 | 404, Some("invalid_request_error"), None, _) => &BAD_REQUEST,
        _ => &UNLISTED,
    }
}

/// Whether to send the same again: Stripe's own word before the row's.
///
/// `Stripe-Should-Retry` goes before the status in all official SDKs: "we defer to that" (stripe-node `RequestSender.ts`). One
/// deviation: a stored 5xx that is replayed (`idempotent-replayed: true`) will be replayed again, so a query is made instead.
pub(crate) fn resend(row: &Row, should_retry: Option<&str>, replayed: bool, status: u16) -> Resend {
    match should_retry {
        _ if replayed && status >= 500 => Resend::No,
        Some("true") => Resend::SameKey,
        Some("false") => {
            if row.resend == Resend::SameKey {
                Resend::No
            } else {
                row.resend
            }
        }
        _ => row.resend,
    }
}

/// Where an intent stands. `open` is whether the payer may still finish it on Stripe's front end.
///
/// `None` where the word says only that nothing has happened yet.
pub(crate) fn status(word: &str, failed: bool, open: bool, cancellation: Option<&str>) -> Option<Status> {
    Some(match (word, failed) {
        // "status returns to requires_payment_method so that the payment can be retried" (payments/paymentintents/lifecycle):
        // only where somebody holds its client secret.
        ("requires_payment_method" | "requires_confirmation", _) if open => Status::AwaitingPayer,
        ("requires_payment_method", true) => Status::Declined,
        ("requires_payment_method", false) | ("requires_confirmation", _) => return None,
        ("requires_action", _) => Status::AwaitingPayer,
        ("processing", _) => Status::Processing,
        ("requires_capture", _) => Status::Authorized,
        ("succeeded", _) => Status::Paid,
        ("canceled", _) if matches!(cancellation, Some("automatic" | "expired")) => Status::Expired,
        ("canceled", _) => Status::Canceled,
        (other, _) => Status::Unrecognized(shown(other)),
    })
}

/// Where a refund stands.
pub(crate) fn refund_status(word: &str) -> PartStatus {
    match word {
        "pending" => PartStatus::Pending,
        "requires_action" => PartStatus::NeedsAction,
        "succeeded" => PartStatus::Succeeded,
        "failed" => PartStatus::Failed,
        "canceled" => PartStatus::Canceled,
        other => PartStatus::Unrecognized(shown(other)),
    }
}

/// Whether a text holds something that looks like a key, a signing secret or a client secret of Stripe's.
pub(crate) fn is_secret(text: &str) -> bool {
    ["sk_", "rk_", "whsec_", "_secret_", "Bearer"].iter().any(|mark| text.contains(mark))
}

/// A word of theirs as we print it: no longer than a word is, and never a secret that is repeated to us.
pub(crate) fn shown(word: &str) -> String {
    if is_secret(word) {
        return "(hidden)".to_owned();
    }
    word.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
