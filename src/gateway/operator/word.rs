//! What a person's word means for each operation: the operation from its rows, what it shows if it was applied, what contradicts it.

use super::rule::Ruling;
use crate::adapter::{Cancel, Capture, Charge, Confirm, Kind, Method, Operation, Refs, Refund, Reverse, Seed, Seen, SeenPart};
use crate::gateway::order::{Attempt, Order, Part};
use crate::gateway::plan::Planned;
use crate::model::{CaptureNo, Error, ErrorKind, Fate, Invalid, Money, PartStatus, RefundNo, Status};

/// An operation that a person's word can decide.
pub(crate) trait Ruled: Planned {
    /// The operation as far as its rows know it, where what is sealed cannot be opened any more. `name` is its identity without
    /// the kind.
    fn rebuilt(order: &Order, attempt: &Attempt, name: &str) -> Result<Self, Error>;
    /// What an observer would have seen if it was applied.
    fn applied(&self, order: &Order, attempt: &Attempt, seed: &Seed, ruling: &Ruling) -> Result<Seen, Error>;
    /// What the order's row knows that such a word contradicts.
    fn contradicted(&self, attempt: &Attempt, fate: Fate) -> Option<String>;
}

impl Ruled for Charge {
    fn rebuilt(order: &Order, attempt: &Attempt, _: &str) -> Result<Self, Error> {
        Ok(Self::new(order.order_no.clone(), order.money, Method::Token(String::new())).attempt(attempt.no))
    }

    /// Only where the provider answers no questions.
    fn applied(&self, order: &Order, _: &Attempt, _: &Seed, _: &Ruling) -> Result<Seen, Error> {
        let taken = self.capture == crate::adapter::CaptureMode::Now;
        let status = if taken { Status::Paid } else { Status::Authorized };
        Ok(Seen { money: Some(order.money), captured: taken.then_some(order.money), ..Seen::status(status) })
    }

    fn contradicted(&self, attempt: &Attempt, fate: Fate) -> Option<String> {
        let status = attempt.status.as_ref()?;
        (status.is_unpaid_end() == (fate == Fate::Applied)).then(|| format!("attempt {} is {status}", attempt.no))
    }
}

impl Ruled for Confirm {
    fn rebuilt(order: &Order, attempt: &Attempt, name: &str) -> Result<Self, Error> {
        let round = name.rsplit('/').next().and_then(|round| round.parse().ok()).unwrap_or(attempt.rounds);
        Ok(Self::new(order.order_no.clone(), round).on(attempt.no))
    }

    fn applied(&self, _: &Order, _: &Attempt, _: &Seed, _: &Ruling) -> Result<Seen, Error> {
        let why = "whether a confirmation took or reserved money only the provider can say, and it answers no questions";
        Err(Error::new(ErrorKind::Unsupported, why))
    }

    fn contradicted(&self, attempt: &Attempt, fate: Fate) -> Option<String> {
        let status = attempt.status.as_ref()?;
        let against = if fate == Fate::Applied { status.is_unpaid_end() } else { *status == Status::Paid };
        against.then(|| format!("attempt {} is {status}", attempt.no))
    }
}

impl Ruled for Capture {
    fn rebuilt(order: &Order, attempt: &Attempt, name: &str) -> Result<Self, Error> {
        let part = named(&attempt.captures, name)?;
        let capture = Self::new(order.order_no.clone(), CaptureNo::new(name)?, part.money).on(attempt.no);
        Ok(if part.last { capture } else { capture.keep_rest() })
    }

    fn applied(&self, order: &Order, attempt: &Attempt, seed: &Seed, ruling: &Ruling) -> Result<Seen, Error> {
        let part = named(&attempt.captures, self.capture_no.as_str())?;
        let captured = attempt.captured.checked_add(part.money)?;
        let all = part.last || !captured.cmp_same(order.money)?.is_lt();
        Ok(Seen {
            status: all.then_some(Status::Paid),
            captured: Some(captured),
            captures: vec![succeeded(part, seed, ruling)?],
            ..Seen::default()
        })
    }

    fn contradicted(&self, attempt: &Attempt, fate: Fate) -> Option<String> {
        part_says(&attempt.captures, self.capture_no.as_str(), fate)
    }
}

impl Ruled for Refund {
    fn rebuilt(order: &Order, attempt: &Attempt, name: &str) -> Result<Self, Error> {
        let part = named(&attempt.refunds, name)?;
        Ok(Self::new(order.order_no.clone(), RefundNo::new(name)?, part.money).on(attempt.no))
    }

    fn applied(&self, _: &Order, attempt: &Attempt, seed: &Seed, ruling: &Ruling) -> Result<Seen, Error> {
        let part = named(&attempt.refunds, self.refund_no.as_str())?;
        Ok(Seen { refunds: vec![succeeded(part, seed, ruling)?], ..Seen::default() })
    }

    fn contradicted(&self, attempt: &Attempt, fate: Fate) -> Option<String> {
        part_says(&attempt.refunds, self.refund_no.as_str(), fate)
    }
}

impl Ruled for Reverse {
    fn rebuilt(order: &Order, attempt: &Attempt, name: &str) -> Result<Self, Error> {
        Ok(Self::new(order.order_no.clone(), RefundNo::new(name)?).on(attempt.no))
    }

    /// What was taken is given back; where nothing was, the payment has ended.
    fn applied(&self, _: &Order, attempt: &Attempt, seed: &Seed, ruling: &Ruling) -> Result<Seen, Error> {
        match named(&attempt.refunds, self.refund_no.as_str()) {
            Ok(part) => Ok(Seen { refunds: vec![succeeded(part, seed, ruling)?], ..Seen::default() }),
            Err(_) => Ok(Seen::status(Status::Canceled)),
        }
    }

    fn contradicted(&self, attempt: &Attempt, fate: Fate) -> Option<String> {
        part_says(&attempt.refunds, self.refund_no.as_str(), fate)
    }
}

impl Ruled for Cancel {
    fn rebuilt(order: &Order, attempt: &Attempt, _: &str) -> Result<Self, Error> {
        Ok(Self::new(order.order_no.clone()).on(attempt.no))
    }

    fn applied(&self, _: &Order, _: &Attempt, _: &Seed, _: &Ruling) -> Result<Seen, Error> {
        Ok(Seen::status(Status::Canceled))
    }

    fn contradicted(&self, attempt: &Attempt, fate: Fate) -> Option<String> {
        let against = if fate == Fate::Applied { attempt.status == Some(Status::Paid) } else { attempt.dead };
        let status = attempt.status.as_ref().map_or_else(|| "dead".to_owned(), Status::to_string);
        against.then(|| format!("attempt {} is {status}", attempt.no))
    }
}

/// What an observation says of an operation whose draft cannot be read: by the payment's status, or by its part.
pub(super) fn judged(kind: Kind, seed: &Seed, seen: &Seen) -> Option<Fate> {
    let part = |parts: &[SeenPart]| {
        let part = parts.iter().find(|part| part.number.as_deref() == Some(seed.number.as_str()))?;
        match &part.status {
            PartStatus::Unrecognized(_) => None,
            status => Some(if status.holds_money() { Fate::Applied } else { Fate::NotApplied }),
        }
    };
    let status = seen.status.as_ref();
    match kind {
        Kind::Charge => match status? {
            Status::Unrecognized(_) => None,
            status => Some(if status.is_unpaid_end() { Fate::NotApplied } else { Fate::Applied }),
        },
        Kind::Confirm if status?.is_success() => Some(Fate::Applied),
        Kind::Confirm => status?.is_unpaid_end().then_some(Fate::NotApplied),
        Kind::Capture => part(&seen.captures),
        Kind::Reverse | Kind::Cancel if matches!(status, Some(Status::Canceled | Status::Expired)) => Some(Fate::Applied),
        Kind::Refund | Kind::Reverse => part(&seen.refunds),
        Kind::Cancel => status?.is_success().then_some(Fate::NotApplied),
        Kind::Query | Kind::QueryRefund => None,
    }
}

/// The id of the payment that a person names, checked against what is known.
pub(super) fn payment_id<'a>(
    order: &Order,
    attempt: &'a Attempt,
    payment_ref: &str,
    kind: Kind,
    ruling: &'a Ruling,
) -> Result<Option<&'a str>, Error> {
    let known = attempt.refs.get(payment_ref);
    match (kind, ruling) {
        (Kind::Charge | Kind::Confirm, Ruling::AppliedAs { provider_id, money }) => {
            same_money("money", *money, order.money)?;
            match known {
                Some(known) if known != provider_id => {
                    Err(Error::new(ErrorKind::Conflict, format!("attempt {} is payment {known} at the provider", attempt.no)))
                }
                _ => Ok(Some(provider_id)),
            }
        }
        (Kind::Charge, Ruling::Applied) => {
            Err(Invalid::new("provider_id", "given, and the money: which payment at the provider the charge has become").into())
        }
        (Kind::Confirm, Ruling::Applied) if known.is_none() => {
            Err(Invalid::new("provider_id", "given, and the money: no id of the payment is known").into())
        }
        _ => Ok(None),
    }
}

fn same_money(field: &'static str, said: Money, known: Money) -> Result<(), Error> {
    if said == known { Ok(()) } else { Err(Invalid::new(field, format!("{known}: that is what was asked for")).into()) }
}

fn named<'a>(parts: &'a [Part], no: &str) -> Result<&'a Part, Error> {
    let found = parts.iter().find(|part| part.no.as_deref() == Some(no));
    found.ok_or_else(|| Error::new(ErrorKind::Conflict, format!("nothing is reserved under {no}")))
}

fn succeeded(part: &Part, seed: &Seed, ruling: &Ruling) -> Result<SeenPart, Error> {
    let id = match ruling {
        Ruling::AppliedAs { provider_id, money } => {
            same_money("money", *money, part.money)?;
            Some(provider_id.clone())
        }
        _ => part.id.clone(),
    };
    let number = Some(seed.number.as_str().to_owned());
    Ok(SeenPart { number, id, money: Some(part.money), status: PartStatus::Succeeded, reason: None })
}

fn part_says(parts: &[Part], no: &str, fate: Fate) -> Option<String> {
    let part = parts.iter().find(|part| part.no.as_deref() == Some(no))?;
    let against = match part.status {
        PartStatus::Succeeded => fate == Fate::NotApplied,
        PartStatus::Failed | PartStatus::Canceled => fate == Fate::Applied,
        _ => false,
    };
    against.then(|| format!("{no} is known as {:?}", part.status))
}

/// With the id of the payment, where one is named.
pub(super) fn with_id(seen: Seen, payment_ref: &str, id: Option<&str>) -> Seen {
    match id {
        Some(id) => Seen { refs: Refs::new().with(payment_ref, id), ..seen },
        None => seen,
    }
}
