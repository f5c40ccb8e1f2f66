//! What a decline allows: one table of codes, below the advice that Stripe and the card networks give themselves.
//!
//! Sources: stripe-go `error.go` (the codes), docs.stripe.com/declines/codes (their meaning), docs.stripe.com/declines/card and
//! stripe-node `Charges.ts` (advice).

use paysluice::model::Advice;

/// Declines and what they allow, by `decline_code` or, where there is none, by `code`.
///
/// The groups are ours. Of many codes the page only says "The card was declined for an unknown reason" and sends the customer to
/// the card issuer; there the code's own name decides.
const DECLINES: &[(Advice, &[&str])] = &[
    (
        Advice::NeverAgain,
        &[
            "do_not_try_again",
            "stolen_card",
            "lost_card",
            "pickup_card",
            "restricted_card",
            "fraudulent",
            "merchant_blacklist",
            "revocation_of_authorization",
            "revocation_of_all_authorizations",
            "stop_payment_order",
            "invalid_account",
            "new_account_information_available",
            "security_violation",
            "not_permitted",
            "transaction_not_allowed",
            "service_not_allowed",
            "card_not_supported",
            "currency_not_supported",
            "expired_card",
            "incorrect_number",
            "invalid_number",
            "testmode_decline",
        ],
    ),
    (
        Advice::AskPayer,
        &[
            "authentication_required",
            "payment_intent_authentication_failure",
            "incorrect_cvc",
            "invalid_cvc",
            "invalid_expiry_month",
            "invalid_expiry_year",
            "incorrect_zip",
            "incorrect_pin",
            "invalid_pin",
            "pin_try_exceeded",
            "offline_pin_required",
            "online_or_offline_pin_required",
            "approve_with_id",
            "call_issuer",
        ],
    ),
    (
        Advice::Later,
        &[
            "insufficient_funds",
            "card_velocity_exceeded",
            "withdrawal_count_limit_exceeded",
            "try_again_later",
            "issuer_not_available",
            "processing_error",
            "reenter_transaction",
            "generic_decline",
            "do_not_honor",
            "no_action_taken",
        ],
    ),
    (Advice::LookForDuplicate, &["duplicate_transaction"]),
];

/// What a decline allows: Stripe's advice, then the card network's, then the meaning of the code.
#[expect(clippy::match_same_arms, reason = "two tables, one before the other")]
pub(crate) fn advice(advice: Option<&str>, network: Option<&str>, word: &str) -> Advice {
    match (advice, network) {
        (Some("do_not_try_again"), _) => Advice::NeverAgain,
        (Some("try_again_later"), _) => Advice::Later,
        (Some("confirm_card_data"), _) => Advice::AskPayer,
        // Mastercard's merchant advice codes: 01 new data, 02 later, 03 and 21 never. They are read without the card's brand,
        // though "The meaning of a code differs based on the card network" (declines/card).
        (_, Some("03" | "21")) => Advice::NeverAgain,
        (_, Some("01")) => Advice::AskPayer,
        (_, Some("02")) => Advice::Later,
        _ => DECLINES.iter().find(|(_, words)| words.contains(&word)).map_or(Advice::Unknown, |(advice, _)| *advice),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn stripes_advice_goes_before_the_networks_and_the_codes() {
        assert_eq!(advice(Some("do_not_try_again"), Some("02"), "insufficient_funds"), Advice::NeverAgain);
        assert_eq!(advice(None, Some("03"), "insufficient_funds"), Advice::NeverAgain);
        assert_eq!(advice(None, None, "insufficient_funds"), Advice::Later);
        assert_eq!(advice(Some("odd"), None, "stolen_card"), Advice::NeverAgain);
        assert_eq!(advice(None, None, "duplicate_transaction"), Advice::LookForDuplicate);
        assert_eq!(advice(None, None, "odd"), Advice::Unknown);
    }

    #[test]
    fn each_code_stands_in_one_group() {
        let declines: Vec<&str> = DECLINES.iter().flat_map(|(_, words)| words.iter().copied()).collect();
        assert_eq!(declines.iter().collect::<BTreeSet<_>>().len(), declines.len());
    }
}
