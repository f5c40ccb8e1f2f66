//! Webhooks: proved by their signature, read in one pass over the proved bytes, told as events.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::StatusCode;
use paysluice::adapter::{About, Callbacks, Change, Event, Granted, Item, Opened, Refs, Reply, Request, Seen, Trust};
use paysluice::model::{AttemptNo, Error, ErrorKind, Mode, OrderNo};
use paysluice::signing::Proof;
use serde::de::{Deserialize, IgnoredAny};

use crate::Stripe;
use crate::codes;
use crate::objects::{Data, Envelope, Named, Object};
use crate::recovery;
use crate::seen::{add_ref, given_back, plain_reason, unread};
use crate::sign::refused;

/// How an event's object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Intent,
    Refund,
    Captured,
    Refunded,
    Dispute,
    /// Told to the application, changes nothing we keep.
    Charge,
}

/// The events that are read (stripe-node `src/resources/Events.ts`). Every other is told as it is.
const EVENTS: &[(&str, Reads)] = &[
    ("payment_intent.created", Reads::Intent),
    ("payment_intent.requires_action", Reads::Intent),
    ("payment_intent.processing", Reads::Intent),
    ("payment_intent.partially_funded", Reads::Intent),
    ("payment_intent.amount_capturable_updated", Reads::Intent),
    ("payment_intent.succeeded", Reads::Intent),
    ("payment_intent.payment_failed", Reads::Intent),
    ("payment_intent.canceled", Reads::Intent),
    ("charge.captured", Reads::Captured),
    ("charge.succeeded", Reads::Charge),
    ("charge.failed", Reads::Charge),
    ("charge.expired", Reads::Charge),
    ("charge.pending", Reads::Charge),
    ("charge.updated", Reads::Charge),
    ("charge.refunded", Reads::Refunded),
    ("charge.refund.updated", Reads::Refund),
    ("refund.created", Reads::Refund),
    ("refund.updated", Reads::Refund),
    ("refund.failed", Reads::Refund),
    ("charge.dispute.created", Reads::Dispute),
    ("charge.dispute.updated", Reads::Dispute),
    ("charge.dispute.closed", Reads::Dispute),
    ("charge.dispute.funds_withdrawn", Reads::Dispute),
    ("charge.dispute.funds_reinstated", Reads::Dispute),
];

impl Callbacks for Stripe {
    fn open(&self, raw: &Request, now: SystemTime, _: &Granted) -> Result<Opened, Error> {
        let proof = self.prove(raw, recovery::seconds(now))?;
        let body = proof.covered().clone();
        // One pass where the object is one of money's; the type, which would say so, comes after it.
        match serde_json::from_slice::<Envelope<'_, Object<'_>>>(&body) {
            Ok(event) => {
                self.check(&event)?;
                let name = match self.named(&event) {
                    Ok(name) => name,
                    Err(error) => return Ok(item(&event.id, body.clone(), Err(error))),
                };
                let read = EVENTS.iter().find(|(known, _)| *known == name).map(|(_, reads)| *reads);
                let verdict = match (read, &event.data) {
                    (Some(reads), Some(Data { object })) => self.read(reads, name, object, &event, proof),
                    (Some(_), None) => Err(unread("data.object")),
                    (None, _) => Ok(other(proof, name, event.created)),
                };
                Ok(item(&event.id, body.clone(), verdict))
            }
            Err(error) => self.open_other(&body, proof, &error),
        }
    }

    fn accepted(&self) -> Reply {
        Reply::new(StatusCode::OK, "")
    }

    /// Anything but 2xx makes Stripe try again, for up to three days. The reason is for our log, not for the sender.
    fn refused(&self, why: &Error) -> Reply {
        let ours = matches!(why.kind(), ErrorKind::StoreFailed | ErrorKind::Refused | ErrorKind::InFlight);
        Reply::new(if ours { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST }, "")
    }
}

impl Stripe {
    /// An event whose object is none of ours, or is one that cannot be read.
    fn open_other(&self, body: &Bytes, proof: Proof, error: &serde_json::Error) -> Result<Opened, Error> {
        // Of API v2 even the times are written otherwise, so its events are known by their first word only.
        if serde_json::from_slice::<Named<'_>>(body).is_ok_and(|named| &*named.object == "v2.core.event") {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a thin event (v2.core.event) says only that something happened: send snapshot events of API v1 to this endpoint",
            ));
        }
        let event: Envelope<'_, IgnoredAny> = serde_json::from_slice(body).map_err(|error| {
            Error::new(ErrorKind::Unintelligible, format!("signed by Stripe, but no event: {}", codes::shown(&error.to_string())))
        })?;
        self.check(&event)?;
        let name = match self.named(&event) {
            Ok(name) => name,
            Err(error) => return Ok(item(&event.id, body.clone(), Err(error))),
        };
        let verdict = if EVENTS.iter().any(|(known, _)| *known == name) {
            Err(Error::new(
                ErrorKind::Unintelligible,
                format!("the object of {name} cannot be read: {}", codes::shown(&error.to_string())),
            ))
        } else {
            Ok(other(proof, name, event.created))
        };
        Ok(item(&event.id, body.clone(), verdict))
    }

    /// Whether it is an event, and not of the other mode: such a message is not for this endpoint, and is refused whole.
    fn check<'a, T: Deserialize<'a>>(&self, event: &Envelope<'a, T>) -> Result<(), Error> {
        let live = self.account.mode() == Mode::Live;
        if &*event.object != "event" || !(1..=200).contains(&event.id.len()) || !event.id.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::new(ErrorKind::Unintelligible, "signed by Stripe, but no event with an id"));
        }
        if event.livemode == Some(!live) {
            let theirs = if live { "test" } else { "live" };
            return Err(refused(format!(
                "event {} is of {theirs} mode, not of {} mode: the endpoint or the secret is the other mode's",
                &*event.id,
                self.account.mode()
            )));
        }
        Ok(())
    }

    /// The type of an event that is of this account and mode. One that is not, or does not say, is kept and changes nothing:
    /// Stripe would only send it again.
    fn named<'e, 'a, T: Deserialize<'a>>(&self, event: &'e Envelope<'a, T>) -> Result<&'e str, Error> {
        if event.livemode.is_none() {
            return Err(unread("livemode"));
        }
        let theirs = event.account.as_deref();
        let ours = match self.account.sub() {
            Some(sub) => theirs == Some(sub),
            None => theirs.is_none_or(|theirs| theirs == self.account.merchant()),
        };
        if !ours {
            return Err(refused(format!(
                "event {} is of account {}, not of {}",
                &*event.id,
                codes::shown(theirs.unwrap_or("(the platform)")),
                self.account
            )));
        }
        event.name.as_deref().filter(|name| !name.is_empty() && name.len() <= 200).ok_or_else(|| unread("type"))
    }

    fn read<T>(
        &self,
        reads: Reads,
        name: &str,
        object: &Object<'_>,
        event: &Envelope<'_, T>,
        proof: Proof,
    ) -> Result<Event, Error> {
        let (kind, raw) = (object.object.as_deref(), proof.covered().clone());
        let expected = match reads {
            Reads::Intent => "payment_intent",
            Reads::Refund => "refund",
            Reads::Captured | Reads::Refunded | Reads::Charge => "charge",
            Reads::Dispute => "dispute",
        };
        if kind != Some(expected) || object.livemode.is_some_and(|live| event.livemode != Some(live)) {
            return Err(Error::new(
                ErrorKind::Unintelligible,
                format!("{name} holds an object that is no {expected} of its mode"),
            ));
        }
        let (change, mut seen) = match reads {
            Reads::Intent => (Change::Payment, self.see_intent(object, raw)?),
            Reads::Refund => (Change::Refund, self.see_refund(object, raw)?),
            Reads::Captured => {
                (Change::Capture, Seen { captured: self.sum(object, object.amount_captured)?, raw, ..Seen::default() })
            }
            Reads::Refunded => (Change::Refund, Seen { refunded: self.sum(object, given_back(object))?, raw, ..Seen::default() }),
            Reads::Dispute => (Change::Dispute, dispute(object, raw)),
            Reads::Charge => (Change::Other, Seen { raw, ..Seen::default() }),
        };
        if expected != "payment_intent" && expected != "refund" {
            links(&mut seen.refs, object, expected);
        }
        let about = About { order: ours(object), number: None, refs: seen.refs.clone() };
        Ok(Event::new(proof, name, about, change, seen, Trust::Enough).at(at(event.created)))
    }

    fn sum(&self, object: &Object<'_>, amount: Option<i64>) -> Result<Option<paysluice::model::Money>, Error> {
        amount.map(|amount| self.money(amount, object.currency.as_deref())).transpose()
    }
}

/// A dispute is beside the payment: it does not change its status, and its money is not the payment's.
fn dispute(object: &Object<'_>, raw: Bytes) -> Seen {
    Seen {
        word: object.status.as_deref().map(codes::shown),
        reason: object.reason.as_deref().map(plain_reason),
        raw,
        ..Seen::default()
    }
}

fn links(refs: &mut Refs, object: &Object<'_>, kind: &str) {
    add_ref(refs, "intent", "pi_", object.payment_intent.as_ref().and_then(|link| link.id()));
    if kind == "charge" {
        add_ref(refs, "charge", "ch_", object.id.as_deref());
    } else {
        add_ref(refs, "charge", "ch_", object.charge.as_ref().and_then(|link| link.id()));
        add_ref(refs, "dispute", "d", object.id.as_deref());
    }
}

/// Our order and attempt, as the object's metadata carries them.
fn ours(object: &Object<'_>) -> Option<(OrderNo, AttemptNo)> {
    let metadata = object.metadata.as_ref()?;
    let order = OrderNo::new(metadata.paysluice_order.as_deref()?).ok()?;
    let attempt = AttemptNo::new(metadata.paysluice_attempt.as_deref()?.parse().ok()?).ok()?;
    Some((order, attempt))
}

fn other(proof: Proof, name: &str, created: Option<u64>) -> Event {
    let seen = Seen { raw: proof.covered().clone(), ..Seen::default() };
    Event::new(proof, name, About::default(), Change::Other, seen, Trust::Enough).at(at(created))
}

fn item(id: &str, raw: Bytes, verdict: Result<Event, Error>) -> Opened {
    Opened::Items(vec![Item { delivery_key: id.to_owned(), raw, verdict }])
}

fn at(created: Option<u64>) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(created?))
}
