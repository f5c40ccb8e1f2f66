//! Reading: one intent, lists, search and events.

use serde_json::{Value, json};

use super::book::Intent;
use super::errors::ApiError;
use super::form::Form;
use super::objects::{self, Expand};
use super::{Answer, Call, Stripe, intents, refunds};
use crate::world::World;

const PAGING: &[&str] = &["created", "ending_before", "expand", "limit", "starting_after"];

impl Stripe {
    pub(super) fn get_intent(&self, world: &World, call: &Call<'_>, id: &str) -> Answer {
        call.form.only(&["client_secret", "expand"])?;
        let expand = Expand::new(call.form.list("expand"), intents::EXPANDS, false)?;
        let intent = self.book.intent(&call.account, id, "intent")?;
        if call.form.get("client_secret").is_some_and(|secret| secret != intent.client_secret) {
            return Err(ApiError::missing("payment_intent", id, "intent"));
        }
        Ok(objects::intent(&self.book, world, intent, &expand))
    }

    pub(super) fn list_intents(&self, world: &World, call: &Call<'_>) -> Answer {
        call.form.only(&[PAGING, &["customer"]].concat())?;
        let expand = Expand::new(call.form.list("expand"), intents::EXPANDS, true)?;
        let customer = call.form.owned("customer");
        let mine = |intent: &&Intent| {
            intent.account == call.account && customer.as_ref().is_none_or(|wanted| intent.echoed.get("customer") == Some(wanted))
        };
        let rows =
            self.book.intents.iter().rev().filter(mine).map(|intent| (intent.id.clone(), intent.created, intent)).collect();
        let (chosen, more) = paged(rows, &call.form)?;
        let data = chosen.into_iter().map(|intent| objects::intent(&self.book, world, intent, &expand)).collect();
        Ok(objects::page("/v1/payment_intents", data, more))
    }

    /// Search sees a payment only some time after it was made.
    pub(super) fn search_intents(&self, world: &World, call: &Call<'_>) -> Answer {
        call.form.only(&["expand", "limit", "page", "query"])?;
        let expand = Expand::new(call.form.list("expand"), intents::EXPANDS, true)?;
        let query = call.form.get("query").ok_or_else(|| ApiError::missing_param("query"))?;
        let clauses = clauses(query)?;
        let limit = limit(&call.form)?;
        let fits = |intent: &&Intent| {
            intent.account == call.account && intent.found_from <= world.now && clauses.iter().all(|clause| clause.fits(intent))
        };
        let all: Vec<&Intent> = self.book.intents.iter().rev().filter(fits).collect();
        let data: Vec<Value> = all.iter().take(limit).map(|intent| objects::intent(&self.book, world, intent, &expand)).collect();
        let more = all.len() > data.len();
        Ok(
            json!({"object": "search_result", "data": data, "has_more": more, "next_page": null, "url": "/v1/payment_intents/search"}),
        )
    }

    pub(super) fn list_refunds(&self, world: &World, call: &Call<'_>) -> Answer {
        call.form.only(&[PAGING, &["charge", "payment_intent"]].concat())?;
        let expand = Expand::new(call.form.list("expand"), refunds::EXPANDS, true)?;
        let (intent, charge) = (call.form.owned("payment_intent"), call.form.owned("charge"));
        if let Some(id) = &intent {
            self.book.intent(&call.account, id, "payment_intent")?;
        }
        let rows = self.book.refunds.iter().rev().filter(|refund| {
            refund.account == call.account
                && intent.as_ref().is_none_or(|id| *id == refund.intent)
                && charge.as_ref().is_none_or(|id| *id == refund.charge)
        });
        let (chosen, more) = paged(rows.map(|refund| (refund.id.clone(), refund.created, refund)).collect(), &call.form)?;
        let data = chosen.into_iter().map(|refund| objects::refund(&self.book, world, refund, &expand)).collect();
        Ok(objects::page("/v1/refunds", data, more))
    }

    pub(super) fn list_events(&self, call: &Call<'_>) -> Answer {
        call.form.only(&[PAGING, &["type"]].concat())?;
        let kind = call.form.owned("type");
        let rows = self.book.events.iter().rev().filter(|event| kind.as_ref().is_none_or(|kind| event["type"] == kind.as_str()));
        let rows = rows.map(|event| {
            (event["id"].as_str().unwrap_or_default().to_owned(), event["created"].as_i64().unwrap_or_default(), event)
        });
        let (chosen, more) = paged(rows.collect(), &call.form)?;
        Ok(objects::page("/v1/events", chosen.into_iter().cloned().collect(), more))
    }

    pub(super) fn get_event(&self, id: &str) -> Answer {
        let found = self.book.events.iter().find(|event| event["id"] == id);
        found.cloned().ok_or_else(|| ApiError::missing("event", id, "id"))
    }
}

fn limit(form: &Form) -> Result<usize, ApiError> {
    let limit = form.integer("limit")?.unwrap_or(10);
    let fits = usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit));
    fits.ok_or_else(|| ApiError::invalid("parameter_invalid_integer", "limit", "This value must be between 1 and 100."))
}

/// Cuts a page out of rows (id, created, row), newest first.
fn paged<T>(rows: Vec<(String, i64, T)>, form: &Form) -> Result<(Vec<T>, bool), ApiError> {
    let limit = limit(form)?;
    let mut rows = rows;
    for (name, keeps) in [
        ("created[gt]", i64::gt as fn(&i64, &i64) -> bool),
        ("created[gte]", i64::ge),
        ("created[lt]", i64::lt),
        ("created[lte]", i64::le),
    ] {
        if let Some(bound) = form.integer(name)? {
            rows.retain(|(_, created, _)| keeps(created, &bound));
        }
    }
    let position = |name: &str| match form.get(name) {
        None => Ok(None),
        Some(id) => rows.iter().position(|(row, ..)| row == id).map(Some).ok_or_else(|| ApiError::missing("object", id, name)),
    };
    let (after, before) = (position("starting_after")?, position("ending_before")?);
    let start = match (after, before) {
        (Some(at), _) => at + 1,
        (None, Some(at)) => at.saturating_sub(limit),
        (None, None) => 0,
    };
    let end = before.unwrap_or(rows.len()).min(start + limit);
    let more = if before.is_some() { start > 0 } else { end < rows.len() };
    let chosen = rows.into_iter().take(end).skip(start).map(|(_, _, row)| row).collect();
    Ok((chosen, more))
}

/// One condition of a search: `metadata['order']:'X'`, `status:'succeeded'`, `currency:"usd"`.
struct Clause {
    field: String,
    value: String,
}

impl Clause {
    fn fits(&self, intent: &Intent) -> bool {
        match self.field.as_str() {
            "status" => intent.status.word() == self.value,
            "currency" => intent.currency == self.value,
            "customer" => intent.echoed.get("customer") == Some(&self.value),
            "amount" => intent.amount.to_string() == self.value,
            field => intent.metadata.get(field.trim_start_matches("metadata.")) == Some(&self.value),
        }
    }
}

fn clauses(query: &str) -> Result<Vec<Clause>, ApiError> {
    let bad = || ApiError::invalid("parameter_invalid", "query", "We were unable to parse your search query.");
    let mut found = Vec::new();
    for part in query.split(" AND ") {
        let (field, value) = split_clause(part.trim()).ok_or_else(bad)?;
        let value = unquoted(value).unwrap_or(value).to_owned();
        let field = match field.strip_prefix("metadata[").and_then(|inner| inner.strip_suffix(']')) {
            Some(key) => format!("metadata.{}", unquoted(key).ok_or_else(bad)?),
            None if ["status", "currency", "customer", "amount"].contains(&field) => field.to_owned(),
            None => return Err(bad()),
        };
        found.push(Clause { field, value });
    }
    Ok(found)
}

/// Splits at the colon that follows the field, not at one inside quotes.
fn split_clause(part: &str) -> Option<(&str, &str)> {
    let end = part.find(']').map_or(0, |at| at + 1);
    let colon = part.get(end..)?.find(':')? + end;
    Some((part.get(..colon)?, part.get(colon + 1..)?))
}

fn unquoted(text: &str) -> Option<&str> {
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('\'').or_else(|| inner('"'))
}
