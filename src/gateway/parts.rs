//! Captures and refunds of an attempt: what is reserved before they are sent, so that they never exceed what there is.

use super::order::Part;
use super::plan::conflict;
use super::verdict::Verdict;
use crate::adapter::Seed;
use crate::model::{Error, ErrorKind, Invalid, Money, PartStatus, Reason};

/// Reserves `money` under a number, so that what is held never exceeds `of`.
pub(super) fn reserve_part(
    parts: &mut Vec<Part>,
    no: &str,
    seed: &Seed,
    money: Money,
    held: Money,
    of: Money,
    field: &'static str,
) -> Result<(), Error> {
    if money.is_zero() {
        return Err(Invalid::new(field, "more than zero").into());
    }
    if let Some(part) = parts.iter_mut().find(|part| part.no.as_deref() == Some(no)) {
        if part.status.holds_money() && part.id.is_some() {
            return Err(conflict(format!("{no} is under way or done")));
        }
        let others = if part.status.holds_money() { held.checked_sub(part.money)? } else { held };
        within(others, money, of, field)?;
        (part.status, part.reason, part.money) = (PartStatus::Pending, None, money);
        part.seed = Some(seed.clone());
        return Ok(());
    }
    within(held, money, of, field)?;
    parts.push(Part::reserved(no, seed, money));
    Ok(())
}

fn within(held: Money, money: Money, of: Money, field: &'static str) -> Result<(), Error> {
    if held.checked_add(money)?.cmp_same(of)?.is_gt() {
        let rule = format!("at most {of} less the {held} that is taken or reserved");
        return Err(Invalid::new(field, rule).into());
    }
    Ok(())
}

pub(super) fn done_or_not(parts: &[Part], no: &str) -> Verdict {
    let failed = parts.iter().find(|part| part.no.as_deref() == Some(no)).filter(|part| !part.status.holds_money());
    failed.map_or(Verdict::Done, |part| {
        let reason = part.reason.clone().unwrap_or_else(|| Reason {
            code: "failed".to_owned(),
            message: None,
            advice: crate::model::Advice::Unknown,
        });
        let sentence = reason.message.unwrap_or_else(|| "the provider did not carry it out".to_owned());
        Verdict::from(&Error::new(ErrorKind::Declined, sentence).with_code(reason.code))
    })
}
