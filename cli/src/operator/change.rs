//! What operators change: one operation decided, a charge given up, a payment adopted, a callback replayed, charges paused.

use std::process::ExitCode;

use paysluice::gateway::{Call, Gateway, Operator, OrderView, Ruling, Standing};
use paysluice::model::Error;
use serde_json::json;

use super::args::{AbandonAsk, AdoptAsk, FateSaid, NowAsk, OrderAsk, PauseAsk, ReplayAsk, SettleAsk, WordAsk};
use super::{failed, show, told, unwritten};

fn operator(gateway: &Gateway, word: &WordAsk) -> Result<Operator, String> {
    gateway.operator(&word.by, &word.evidence).map_err(|invalid| format!("--{invalid}"))
}

/// What shows how an order stands.
fn see(of: &OrderAsk) -> String {
    format!(
        "`paysluice store inspect --gateway {} --order {}` shows how it stands; docs/operations/stuck-payments.md says what to do",
        of.gateway, of.order
    )
}

pub(super) async fn settle(gateway: &Gateway, ask: &SettleAsk, json: bool) -> Result<ExitCode, String> {
    let operator = operator(gateway, &ask.word)?;
    let ruling = match (ask.fate, &ask.provider_id, ask.money) {
        (FateSaid::NotApplied, None, _) => Ruling::NotApplied,
        (FateSaid::NotApplied, Some(_), _) => return Err("--provider-id: must not be given for what was not applied".to_owned()),
        (FateSaid::Applied, Some(id), Some(money)) => Ruling::AppliedAs { provider_id: id.clone(), money },
        (FateSaid::Applied, ..) => Ruling::Applied,
    };
    let operation = match &ask.operation {
        Some(operation) => operation.clone(),
        None => match gateway.inspect(&ask.of.order).await {
            Ok(view) => only_doubt(&view)?,
            Err(error) => return failed(error, json, &see(&ask.of)),
        },
    };
    let settled = operator.settle(&ask.of.order, &operation, &ruling, Call::within(ask.timeout)).await;
    told(settled.map(|answer| answer.value), true, json, &see(&ask.of))
}

/// The operation in doubt, if it is one.
fn only_doubt(view: &OrderView) -> Result<String, String> {
    let doubts = view.operations.iter().filter(|operation| operation.state == Standing::Doubt);
    let names: Vec<&str> = doubts.map(|operation| operation.operation.as_str()).collect();
    match names.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(format!("nothing of order {} is in doubt: there is nothing to settle", view.order_no)),
        several => Err(format!("--operation: must say which of {}", several.join(", "))),
    }
}

pub(super) async fn abandon(gateway: &Gateway, ask: &AbandonAsk, json: bool) -> Result<ExitCode, String> {
    let given_up = operator(gateway, &ask.word)?.abandon(&ask.of.order).await;
    told(given_up.map(|answer| answer.value), true, json, &see(&ask.of))
}

pub(super) async fn adopt(gateway: &Gateway, ask: &AdoptAsk, json: bool) -> Result<ExitCode, String> {
    let operator = operator(gateway, &ask.word)?;
    let adopted = operator.adopt(&ask.of.order, &ask.provider_id, ask.money, Call::within(ask.timeout)).await;
    told(adopted.map(|answer| answer.value), true, json, &see(&ask.of))
}

pub(super) async fn resolve_now(gateway: &Gateway, ask: &NowAsk, json: bool) -> Result<ExitCode, String> {
    match gateway.resolve_now(&ask.of.order, Call::within(ask.timeout)).await {
        Ok(view) => {
            let doubt = view.operations.iter().any(|operation| operation.state == Standing::Doubt);
            show::print_order(&view, &[], json).map_err(unwritten)?;
            Ok(if doubt { ExitCode::from(3) } else { ExitCode::SUCCESS })
        }
        Err(error) => failed(error, json, &see(&ask.of)),
    }
}

pub(super) async fn replay(gateway: &Gateway, ask: &ReplayAsk, json: bool) -> Result<ExitCode, String> {
    let done = operator(gateway, &ask.word)?.replay(&ask.id).await;
    let said = "is in the inbox again; the process that holds the gateway applies it";
    let hint = format!("`paysluice store dead --gateway {}` lists the ids", ask.gateway);
    changed(done, json, &json!({"replayed": ask.id}), &format!("{} {said}", ask.id), &hint)
}

pub(super) async fn pause(gateway: &Gateway, ask: &PauseAsk, json: bool) -> Result<ExitCode, String> {
    let done = operator(gateway, &ask.word)?.pause().await.map(drop);
    let said = format!(
        "{}: charges, confirms and captures are refused, in every process within a second; all else goes on.\n\
         What is being sent is finished. `paysluice resume {}` ends it",
        ask.gateway, ask.gateway
    );
    let word = json!({"gateway": ask.gateway, "paused": true, "by": ask.word.by, "why": ask.word.evidence});
    changed(done, json, &word, &said, "nothing was changed: see the store, then again")
}

pub(super) async fn resume(gateway: &Gateway, ask: &PauseAsk, json: bool) -> Result<ExitCode, String> {
    let done = operator(gateway, &ask.word)?.resume().await;
    let word = json!({"gateway": ask.gateway, "paused": false, "by": ask.word.by, "why": ask.word.evidence});
    changed(done, json, &word, &format!("{}: charges go on", ask.gateway), "nothing was changed")
}

fn changed(done: Result<(), Error>, as_json: bool, word: &serde_json::Value, said: &str, hint: &str) -> Result<ExitCode, String> {
    if let Err(error) = done {
        return failed(error, as_json, hint);
    }
    if as_json {
        println!("{word}");
    } else {
        println!("{said}");
    }
    Ok(ExitCode::SUCCESS)
}
