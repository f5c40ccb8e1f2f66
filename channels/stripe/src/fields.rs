//! What a charge says beside its money: the method, the application's own fields, and what it is found by.

use paysluice::adapter::{Charge, Method};
use paysluice::model::{Error, ErrorKind, Invalid};

use crate::encode::{Form, is_key, root};
use crate::objects::is_id;

/// `Method::Raw` of this kind pays with any of Stripe's payment methods: field `type` names it, the others describe it.
const PAYMENT_METHOD_TYPE: &str = "payment_method_type";

/// Fields that `extra` may not set, because they move money, say whose it is, or are said elsewhere.
const DENIED: &[&str] = &[
    "amount",
    "amount_to_confirm",
    "amount_details",
    "currency",
    "confirm",
    "confirmation_method",
    "confirmation_token",
    "capture_method",
    "payment_method",
    "payment_method_data",
    "source",
    "metadata",
    "description",
    "return_url",
    "expand",
    "application_fee_amount",
    "on_behalf_of",
    "transfer_data",
    "transfer_group",
    "client_secret",
];

/// Fields of `extra` that Stripe takes only with the confirm.
const WITH_CONFIRM: &[&str] =
    &["off_session", "error_on_requires_action", "mandate", "mandate_data", "use_stripe_sdk", "radar_options"];

/// What the method says when the intent is made, and when it is confirmed.
pub(crate) fn method_fields(op: &Charge) -> Result<(Form, Form), Error> {
    let chosen = |key: &str| op.extra.keys().any(|name| root(name) == key);
    let back = Form::default().maybe("return_url", op.return_url.as_deref());
    let automatic = if chosen("payment_method_types") || chosen("automatic_payment_methods") {
        Form::default()
    } else {
        Form::default().with("automatic_payment_methods[enabled]", true)
    };
    match &op.method {
        Method::Client => Ok((automatic, Form::default())),
        Method::Token(token) => {
            let field = match token.as_str() {
                token if is_id("ctoken_", token) => "confirmation_token",
                token if ["pm_", "src_", "card_"].iter().any(|prefix| is_id(prefix, token)) => "payment_method",
                _ => return Err(Invalid::new("method.token", "pm_…, src_…, card_… or ctoken_… of Stripe's front end").into()),
            };
            // Without an address to come back to, only methods that need none may be confirmed.
            let never = op.return_url.is_none() && !chosen("payment_method_types") && !chosen("automatic_payment_methods");
            let automatic = if never { automatic.with("automatic_payment_methods[allow_redirects]", "never") } else { automatic };
            Ok((automatic, Form::default().with(field, token.as_str()).append(back)))
        }
        Method::Raw { kind, fields } if kind == PAYMENT_METHOD_TYPE => {
            let name = fields.get("type").map(String::as_str).unwrap_or_default();
            // Card numbers never come through here: a card is a token.
            if !is_key(name) || name.contains('[') || name.starts_with("card") {
                return Err(
                    Invalid::new("method.fields.type", "a payment method type of Stripe's other than card: alipay, …").into()
                );
            }
            let mut form = Form::default();
            for (key, value) in fields {
                if !is_key(key) || root(key).starts_with("card") {
                    return Err(
                        Invalid::new(format!("method.fields.{key}"), "a field of payment_method_data, none of a card").into()
                    );
                }
                let (head, rest) = key.split_at(root(key).len());
                form = form.with(format!("payment_method_data[{head}]{rest}"), value.as_str());
            }
            Ok((Form::default().with("payment_method_types[0]", name), form.append(back)))
        }
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("stripe takes method token, client or raw \"{PAYMENT_METHOD_TYPE}\" (with field type), not {}", other.kind()),
        )),
    }
}

/// The fields of `extra`, for the first step and for the confirm.
#[expect(clippy::type_complexity, reason = "two lists of pairs as they lie in the operation")]
pub(crate) fn extra(op: &Charge, client: bool) -> Result<(Vec<(&String, &String)>, Vec<(&String, &String)>), Error> {
    let (mut early, mut late) = (Vec::new(), Vec::new());
    for (key, value) in &op.extra {
        if !is_key(key) {
            return Err(Invalid::new("extra", "keys of a form: name or name[child]").into());
        }
        if DENIED.contains(&root(key)) {
            return Err(
                Invalid::new(format!("extra.{key}"), "absent: it touches money or identity, or has a field of its own").into()
            );
        }
        match WITH_CONFIRM.contains(&root(key)) {
            true if client => {
                return Err(
                    Invalid::new(format!("extra.{key}"), "absent with method client: its confirm is the front end's").into()
                );
            }
            true => late.push((key, value)),
            false => early.push((key, value)),
        }
    }
    Ok((early, late))
}

/// Metadata: the application's, and what we find the payment by. Limits: docs.stripe.com/api/metadata.
pub(crate) fn metadata(op: &Charge) -> Result<Form, Error> {
    let order = op.order_no.as_str().to_owned();
    let ours = [("order", order), ("attempt", op.attempt.to_string()), ("method", op.method.kind().to_owned())];
    if op.metadata.len() > 50 - ours.len() {
        return Err(Invalid::new("metadata", "at most 47 entries: Stripe takes 50, three are Paysluice's").into());
    }
    let mut form =
        ours.into_iter().fold(Form::default(), |form, (name, value)| form.with(format!("metadata[paysluice_{name}]"), value));
    for (key, value) in &op.metadata {
        let fits = (1..=40).contains(&key.chars().count()) && !key.contains(['[', ']']) && !key.chars().any(char::is_control);
        if !fits || key.starts_with("paysluice_") {
            return Err(
                Invalid::new("metadata", "keys of 1 to 40 characters without brackets, not starting with paysluice_").into()
            );
        }
        if value.chars().count() > 500 {
            return Err(Invalid::new(format!("metadata.{key}"), "at most 500 characters").into());
        }
        form = form.with(format!("metadata[{key}]"), value.as_str());
    }
    Ok(form)
}
