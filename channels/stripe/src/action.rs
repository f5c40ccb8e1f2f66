//! What the payer must do: Stripe's `next_action`, type by type.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use paysluice::model::{Action, NextAction};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::objects::Object;

/// What is in the object that is named as its type; each type has some of it.
#[derive(Deserialize)]
struct Detail {
    url: Option<String>,
    data: Option<String>,
    hosted_instructions_url: Option<String>,
    hosted_voucher_url: Option<String>,
    hosted_verification_url: Option<String>,
    expires_at: Option<u64>,
}

/// How a type is shown.
#[derive(Clone, Copy)]
enum Show {
    Redirect,
    Qr,
    Instructions,
    Voucher,
    Verification,
    BankDetails,
}

/// Types of `next_action.type` (stripe-node `PaymentIntents.ts`). `use_stripe_sdk` stands apart; what is not here is handed on raw.
const TYPES: &[(&str, Show)] = &[
    ("redirect_to_url", Show::Redirect),
    ("alipay_handle_redirect", Show::Redirect),
    ("wechat_pay_display_qr_code", Show::Qr),
    ("pix_display_qr_code", Show::Qr),
    ("promptpay_display_qr_code", Show::Qr),
    ("paynow_display_qr_code", Show::Qr),
    ("klarna_display_qr_code", Show::Qr),
    ("cashapp_handle_redirect_or_display_qr_code", Show::Instructions),
    ("swish_handle_redirect_or_display_qr_code", Show::Instructions),
    ("upi_handle_redirect_or_display_qr_code", Show::Instructions),
    ("boleto_display_details", Show::Voucher),
    ("konbini_display_details", Show::Voucher),
    ("multibanco_display_details", Show::Voucher),
    ("oxxo_display_details", Show::Voucher),
    ("display_bank_transfer_instructions", Show::BankDetails),
    ("verify_with_microdeposits", Show::Verification),
];

/// What the payer must do for this intent, if anything.
pub(crate) fn of(intent: &Object<'_>, open: bool, loopback: bool) -> Option<Action> {
    let waits = matches!(intent.status.as_deref(), Some("requires_payment_method" | "requires_confirmation"));
    match (intent.status.as_deref(), intent.next_action) {
        (Some("requires_action"), Some(raw)) => Some(read(intent, raw, loopback)),
        // Stripe's front end takes over with the client secret.
        _ if waits && open => intent.client_secret.as_deref().map(|secret| Action::new(NextAction::Client(secret.to_owned()))),
        _ => None,
    }
}

fn read(intent: &Object<'_>, raw: &RawValue, loopback: bool) -> Action {
    let whole = || Action::new(NextAction::Client(raw.get().to_owned()));
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    let Some(kind) = fields.get("type").and_then(|kind| serde_json::from_str::<String>(kind.get()).ok()) else {
        return whole();
    };
    if kind == "use_stripe_sdk" {
        // "only intended to be used by Stripe.js" (`PaymentIntents.ts`): its `handleNextAction` wants the client secret.
        return intent.client_secret.as_deref().map_or_else(whole, |secret| Action::new(NextAction::Client(secret.to_owned())));
    }
    let Some((_, show)) = TYPES.iter().find(|(name, _)| *name == kind) else { return whole() };
    let Some(detail) = fields.get(kind.as_str()).and_then(|detail| serde_json::from_str::<Detail>(detail.get()).ok()) else {
        return whole();
    };
    let address = |url: Option<String>| url.filter(|url| is_web(url, loopback));
    let shown = match show {
        Show::Redirect => address(detail.url).map(NextAction::Redirect),
        Show::Instructions => address(detail.hosted_instructions_url).map(NextAction::Redirect),
        Show::Verification => address(detail.hosted_verification_url).map(NextAction::Redirect),
        Show::Voucher => address(detail.hosted_voucher_url).map(NextAction::Display),
        Show::BankDetails => address(detail.hosted_instructions_url).map(NextAction::Display),
        Show::Qr => detail.data.map(NextAction::Qr),
    };
    let Some(shown) = shown else { return whole() };
    let ends = detail.expires_at.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
    ends.map_or_else(|| Action::new(shown.clone()), |at| Action::new(shown.clone()).until(at))
}

fn is_web(url: &str, loopback: bool) -> bool {
    url.starts_with("https://") || (loopback && url.starts_with("http://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(json: &str) -> NextAction {
        let json = format!(r#"{{"status":"requires_action","client_secret":"pi_1_secret_2","next_action":{json}}}"#);
        let intent: Object<'_> = serde_json::from_str(&json).unwrap();
        of(&intent, false, false).unwrap().what
    }

    #[test]
    fn each_kind_of_action_is_shown_as_what_it_is() {
        let cases = [
            (
                r#"{"type":"redirect_to_url","redirect_to_url":{"url":"https://hooks.example/3ds","return_url":"https://shop.example"}}"#,
                NextAction::Redirect("https://hooks.example/3ds".into()),
            ),
            (
                r#"{"type":"wechat_pay_display_qr_code","wechat_pay_display_qr_code":{"data":"weixin://x","image_data_url":"data:"}}"#,
                NextAction::Qr("weixin://x".into()),
            ),
            (
                r#"{"type":"oxxo_display_details","oxxo_display_details":{"hosted_voucher_url":"https://v.example"}}"#,
                NextAction::Display("https://v.example".into()),
            ),
            (r#"{"type":"use_stripe_sdk","use_stripe_sdk":{"x":1}}"#, NextAction::Client("pi_1_secret_2".into())),
        ];
        for (json, expected) in cases {
            assert_eq!(action(json), expected, "{json}");
        }
    }

    #[test]
    fn what_is_not_known_or_not_safe_is_handed_on_raw() {
        for json in [
            r#"{"type":"brand_new","brand_new":{"url":"https://x.example"}}"#,
            r#"{"type":"redirect_to_url","redirect_to_url":{"url":"javascript:alert(1)"}}"#,
            r#"{"type":"redirect_to_url"}"#,
            r#"{"typ":"redirect_to_url"}"#,
            "[]",
        ] {
            assert_eq!(action(json), NextAction::Client(json.into()));
        }
    }

    #[test]
    fn an_action_ends_when_stripe_says() {
        let json = r#"{"status":"requires_action","next_action":{"type":"pix_display_qr_code","pix_display_qr_code":{"data":"p","expires_at":60}}}"#;
        let intent: Object<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(of(&intent, false, false).unwrap().expires_at, Some(UNIX_EPOCH + Duration::from_secs(60)));
    }
}
