//! A charge in two steps: create the intent unconfirmed, then confirm it under its own key.

use std::time::SystemTime;

use paysluice::adapter::{
    Again, CaptureMode, Charge, Codec, Decoded, Draft, Failure, Follow, Granted, Known, Method, Moves, Ready, Recovery,
    RecoveryStep, Refs, Renewal, Reply, Seed, Seen, Signed, Stamp,
};
use paysluice::model::{Error, ErrorKind, Fate, IdempotencyKey, Invalid, Money, ProviderNo, Status};

use crate::Stripe;
use crate::answer::{Answer, unintelligible, with_id};
use crate::encode::{Form, is_key, root};
use crate::objects::is_id;
use crate::recovery::{self, REPLAY};
use crate::seen::{CLIENT, plain_reason};

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

impl Codec<Charge> for Stripe {
    fn draft(&self, op: &Charge, known: &Known, seed: &Seed, _: &Granted) -> Result<Ready<Draft>, Error> {
        let amount = self.profile.to_provider(op.money)?;
        let client = op.method == Method::Client;
        let (creating, confirming) = method_fields(op)?;
        let (early, late) = extra(op, client)?;
        let metadata = metadata(op)?;
        let confirm = confirming.all(late).encoded();
        let carry = Refs::new()
            .with("order", op.order_no.as_str())
            .with("attempt", op.attempt.to_string())
            .with("seed", seed.key.as_str())
            .with("born", recovery::seconds(seed.born).to_string())
            .with("amount", amount.to_string())
            .with("currency", op.money.currency().lower())
            .with("method", op.method.kind())
            .with("confirm", confirm);
        // An attempt has one intent, ever: a repeat after a proved refusal goes on with it.
        if let Some(id) = known.refs.get("intent") {
            return self.again(id, client, seed, carry).map(Ready::Done);
        }
        let body = Form::default()
            .with("amount", amount)
            .with("currency", op.money.currency().lower())
            .with("capture_method", if op.capture == CaptureMode::Later { "manual" } else { "automatic" })
            .maybe("description", op.description.as_deref())
            .append(creating)
            .append(metadata)
            .all(early)
            .encoded();
        let mut draft = self.post(seed.key_of(0)?, "/v1/payment_intents".to_owned(), body, carry);
        // An unconfirmed intent takes no money unless somebody holds its client secret.
        draft.moves = if client { Moves::Money } else { Moves::Nothing };
        Ok(Ready::Done(draft))
    }

    fn sign(&self, draft: &Draft, _: &Stamp, _: &Granted) -> Result<Ready<Signed>, Error> {
        self.sign_draft(draft)
    }

    fn decode(&self, draft: &Draft, reply: &Reply, _: &Stamp, _: &Granted) -> Result<Decoded, Failure> {
        let confirmed = draft.step > 0;
        let mut seen = match self.answer(draft, reply)? {
            Answer::Object(intent) => self.intent(draft, reply, &intent)?,
            Answer::Declined { seen, .. } => return Ok(Decoded::Done(seen)),
            Answer::Stands { intent: Some(intent), .. } if confirmed => {
                return stands(self.intent(draft, reply, &intent)?, reply);
            }
            Answer::Stands { error, .. } => return Err(doubt(error)),
        };
        same_money(draft, reply, &seen, self)?;
        let untouched = seen.status.is_none();
        if draft.carry.get("method") == Some(CLIENT) {
            return Ok(Decoded::Done(Box::new(seen)));
        }
        if !confirmed && untouched {
            let id = seen.refs.get("intent").unwrap_or_default().to_owned();
            let next = self.confirming(&id, draft)?;
            return Ok(Decoded::Then { draft: Box::new(next), seen: Box::new(seen) });
        }
        if confirmed && untouched {
            if seen.word.as_deref() != Some("requires_payment_method") {
                let error = Error::new(ErrorKind::Doubtful, "the confirm was answered with an intent that is not confirmed");
                return Err(Failure::last(with_id(error, reply)).with_refs(seen.refs));
            }
            // "requires_payment_method after confirm": the means of payment was refused and taken off the intent.
            seen.status = Some(Status::Declined);
            seen.reason = Some(plain_reason("requires_payment_method"));
        }
        Ok(Decoded::Done(Box::new(seen)))
    }

    fn recovery(&self, _: &Charge, draft: &Draft) -> Recovery {
        match (draft.step, draft.carry.get("method")) {
            (0, Some(CLIENT)) if draft.carry.get("intent").is_none() => {
                recovery::by(&[REPLAY, RecoveryStep::Callback, RecoveryStep::Human])
            }
            (0, Some(CLIENT)) => recovery::by(&[RecoveryStep::Query, RecoveryStep::Cancel, RecoveryStep::Human]),
            // It moves nothing, and without its answer nobody knows its id: it is made again or left to lie.
            (0, _) => recovery::by(&[REPLAY]),
            _ => recovery::by(&[REPLAY, RecoveryStep::Query, RecoveryStep::Cancel]),
        }
    }

    fn judge(&self, _: &Charge, draft: &Draft, seen: &Seen) -> Option<Fate> {
        let _ = draft;
        recovery::judge_payment(seen)
    }

    fn follow(&self, op: &Charge, draft: &Draft, seen: &Seen, now: SystemTime) -> Option<Follow> {
        recovery::follow_payment(draft, seen, op.charge_by, now)
    }

    fn renewal(&self, _: &Charge, _: &Draft) -> Renewal {
        Renewal::Query
    }
}

impl Stripe {
    /// Goes on with an intent that an earlier generation of the same attempt made.
    fn again(&self, id: &str, client: bool, seed: &Seed, carry: Refs) -> Result<Draft, Error> {
        if !is_id("pi_", id) {
            return Err(Invalid::new("refs.intent", "an id of a payment intent, pi_…").into());
        }
        if client {
            let mut draft = self.get(seed, 0, format!("/v1/payment_intents/{id}"), carry.with("intent", id))?;
            // The answer is the client secret, with which the payer can pay.
            draft.moves = Moves::Money;
            return Ok(draft);
        }
        let before = self.post(seed.key_of(0)?, String::new(), String::new(), carry);
        self.confirming(id, &before)
    }

    /// The step that takes the money.
    fn confirming(&self, id: &str, before: &Draft) -> Result<Draft, Error> {
        let body = before.carry.get("confirm").unwrap_or_default().to_owned();
        // Later steps need nothing of what confirms, which may let its bearer pay.
        let carry = before.carry.iter().filter(|(name, _)| *name != "confirm");
        let carry = carry.fold(Refs::new(), |carry, (name, value)| carry.with(name, value)).with("intent", id);
        let key = later_key(before, 1)?;
        Ok(Draft { step: 1, ..self.post(key, format!("/v1/payment_intents/{id}/confirm"), body, carry) })
    }
}

/// The key of a later step, from the key the draft carries of its seed.
pub(crate) fn later_key(draft: &Draft, step: u8) -> Result<IdempotencyKey, Error> {
    let lost = || Error::new(ErrorKind::Doubtful, "the draft does not carry the key of its seed");
    let key = IdempotencyKey::new(draft.carry.get("seed").ok_or_else(lost)?)?;
    Seed { number: ProviderNo::new("later-step")?, key, born: std::time::UNIX_EPOCH }.key_of(step)
}

/// This call did nothing, since the intent stands elsewhere already: where, the answer says.
pub(crate) fn stands(seen: Seen, reply: &Reply) -> Result<Decoded, Failure> {
    if seen.status.is_some() {
        return Ok(Decoded::Done(Box::new(seen)));
    }
    let error = Error::new(ErrorKind::Doubtful, "refused for the intent's state, which shows nothing");
    Err(Failure::last(with_id(error, reply)).with_refs(seen.refs))
}

/// A refusal for a state that the answer does not show: only a query tells.
pub(crate) fn doubt(error: Error) -> Failure {
    let code = error.code().unwrap_or_default().to_owned();
    let id = error.request_id().map(ToOwned::to_owned);
    let doubtful = Error::new(ErrorKind::Doubtful, error.message()).with_code(code).with_request_id(id);
    Failure::again(doubtful, Again::No)
}

/// An intent of other money than was asked for is not confirmed. Once confirmed, it is told as it is.
fn same_money(draft: &Draft, reply: &Reply, seen: &Seen, stripe: &Stripe) -> Result<(), Failure> {
    let ours: Option<Money> = draft
        .carry
        .get("amount")
        .and_then(|amount| amount.parse().ok())
        .and_then(|amount| stripe.money(amount, draft.carry.get("currency")).ok());
    if draft.step == 0 && seen.money != ours {
        return Err(unintelligible(reply, "the intent is for other money than was asked"));
    }
    Ok(())
}

/// What the method says when the intent is made, and when it is confirmed.
fn method_fields(op: &Charge) -> Result<(Form, Form), Error> {
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
fn extra(op: &Charge, client: bool) -> Result<(Vec<(&String, &String)>, Vec<(&String, &String)>), Error> {
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
fn metadata(op: &Charge) -> Result<Form, Error> {
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
