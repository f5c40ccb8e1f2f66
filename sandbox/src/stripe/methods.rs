//! The magic payment methods: what the bank says to each. Names as in Stripe's test mode where Stripe has one.

/// How a payment method behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Approved at once.
    Approves,
    /// Declined: error code, decline code, advice code, message.
    Declines(&'static str, &'static str, &'static str, &'static str),
    /// The payer must authenticate first.
    Challenges,
    /// Processing for a while, then succeeds or fails.
    Settles(bool),
}

/// What becomes of a refund to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefundBehaviour {
    Succeeds,
    Pends,
    /// Succeeds, and fails later.
    FailsLater,
}

const AGAIN: &str = "try_again_later";
const NEVER: &str = "do_not_try_again";
const CHECK: &str = "confirm_card_data";

/// The method's type (`card`, `us_bank_account`) and behaviour, if it exists.
pub(crate) fn behaviour(method: &str) -> Option<(&'static str, Behaviour)> {
    use Behaviour::{Approves, Challenges, Declines, Settles};
    let name = method.strip_prefix("pm_")?;
    let declined = "Your card was declined.";
    let plain = name.replacen("card_visa_charge", "card_charge", 1);
    let found = match plain.as_str() {
        "card_visa"
        | "card_visa_debit"
        | "card_mastercard"
        | "card_mastercard_debit"
        | "card_amex"
        | "card_discover"
        | "card_jcb"
        | "card_unionpay"
        | "card_refundFail"
        | "card_pendingRefund"
        | "card_bypassPending" => Approves,
        "card_chargeDeclined" => Declines("card_declined", "generic_decline", AGAIN, declined),
        "card_chargeDeclinedInsufficientFunds" => {
            Declines("card_declined", "insufficient_funds", AGAIN, "Your card has insufficient funds.")
        }
        "card_chargeDeclinedLostCard" => Declines("card_declined", "lost_card", NEVER, declined),
        "card_chargeDeclinedStolenCard" => Declines("card_declined", "stolen_card", NEVER, declined),
        "card_chargeDeclinedFraudulent" => Declines("card_declined", "fraudulent", NEVER, declined),
        "card_chargeDeclinedExpiredCard" => Declines("expired_card", "expired_card", CHECK, "Your card has expired."),
        "card_chargeDeclinedIncorrectCvc" => {
            Declines("incorrect_cvc", "incorrect_cvc", CHECK, "Your card's security code is incorrect.")
        }
        "card_chargeDeclinedProcessingError" => {
            let message = "An error occurred while processing your card. Try again in a little bit.";
            Declines("processing_error", "processing_error", AGAIN, message)
        }
        "card_authenticationRequired" | "card_threeDSecure2Required" | "card_threeDSecureRequired" => Challenges,
        "card_processing" | "usBankAccount_success" => Settles(true),
        "card_processingFails" | "usBankAccount_insufficientFunds" => Settles(false),
        _ => return None,
    };
    Some((if name.starts_with("usBankAccount") { "us_bank_account" } else { "card" }, found))
}

pub(crate) fn refund_behaviour(method: &str) -> RefundBehaviour {
    match method {
        "pm_card_refundFail" => RefundBehaviour::FailsLater,
        "pm_card_pendingRefund" => RefundBehaviour::Pends,
        _ => RefundBehaviour::Succeeds,
    }
}
