//! The control interface under `/sandbox/`: read the ledger, order faults, be the payer. JSON in, JSON out.

use http::{HeaderValue, Method, StatusCode};
use paysluice::adapter::{Reply, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::target::split;
use crate::{CallbackFault, Fault, FaultTable, Sandbox, Scope, alipay, unionpay, wechatpay};

/// An order for faults; what is absent stays as it is. `{"none": true}` first forgets everything.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultOrder {
    #[serde(default)]
    none: bool,
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    script: Vec<Fault>,
    #[serde(default)]
    callbacks: Vec<CallbackFault>,
    random: Option<RandomOrder>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RandomOrder {
    seed: u64,
    /// Absent: the storm.
    table: Option<FaultTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FundsOrder {
    currency: String,
    amount: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallbackOrder {
    /// Absent or null: nowhere.
    url: Option<String>,
}

/// Answers a request under `/sandbox/`; None for any other.
pub(crate) fn answer(sandbox: &Sandbox, request: &Request) -> Option<Reply> {
    let (path, query) = split(&request.url);
    let path = path.strip_prefix("/sandbox/")?;
    if let Some(intent) = path.strip_prefix("3ds/") {
        return Some(hosted_page(sandbox, request, intent.trim_end_matches('/'), query));
    }
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let result = match (&request.method, segments.as_slice()) {
        (&Method::GET, ["ledger"]) => Ok(ledger(sandbox)),
        (&Method::GET, ["events"]) => Ok(json!({"events": sandbox.events(), "deliveries": sandbox.callbacks().deliveries()})),
        (&Method::GET, ["callbacks"]) => Ok(json!(sandbox.callbacks().counts())),
        (&Method::POST, ["callbacks"]) => read(request).map(|order: CallbackOrder| {
            order.url.map_or_else(|| sandbox.callbacks().stop(), |url| sandbox.callbacks().to_url(url));
            json!({"ok": true})
        }),
        (&Method::POST, ["events", id, "resend"]) => Ok(json!({"resent": sandbox.resend_event(id)})),
        (&Method::GET, ["faults"]) => Ok(json!({"pending": sandbox.faults().pending(), "drawn": sandbox.faults().drawn()})),
        (&Method::POST, ["faults"]) => read(request).map(|order| ordered(sandbox, order)),
        (&Method::POST, ["funds"]) => read(request).map(|order: FundsOrder| {
            sandbox.set_refund_funds(&order.currency, order.amount);
            json!({"ok": true})
        }),
        (&Method::GET, ["objects", id]) => sandbox.object(id).ok_or_else(|| "no such object".to_owned()),
        (&Method::POST, ["payer", intent, "approve"]) => sandbox.payer_approves(intent).map(status),
        (&Method::POST, ["payer", intent, "decline"]) => sandbox.payer_declines(intent).map(status),
        (&Method::POST, ["payer", intent, "pay"]) => sandbox.payer_pays_client_secret(intent).map(status),
        (&Method::POST, ["payer", intent, "pay", method]) => sandbox.payer_pays_with(intent, method).map(status),
        (_, ["alipay", rest @ ..]) => match alipay::control::answer(sandbox.alipay(), request, rest) {
            Some(result) => result,
            None => return Some(no_such_page()),
        },
        (_, ["wechatpay", rest @ ..]) => match wechatpay::control::answer(sandbox.wechatpay(), request, rest) {
            Some(result) => result,
            None => return Some(no_such_page()),
        },
        (_, ["unionpay", rest @ ..]) => match unionpay::control::answer(sandbox.unionpay(), request, rest) {
            Some(result) => result,
            None => return Some(no_such_page()),
        },
        _ => return Some(no_such_page()),
    };
    Some(match result {
        Ok(body) => reply(StatusCode::OK, "application/json", body.to_string()),
        Err(why) => reply(StatusCode::BAD_REQUEST, "application/json", json!({"error": why}).to_string()),
    })
}

fn no_such_page() -> Reply {
    reply(StatusCode::NOT_FOUND, "application/json", json!({"error": "no such page"}).to_string())
}

fn status(status: &'static str) -> Value {
    json!({"status": status})
}

fn ledger(sandbox: &Sandbox) -> Value {
    let ledger = sandbox.ledger();
    let orders: serde_json::Map<String, Value> = sandbox
        .totals()
        .into_iter()
        .map(|(order, [charges, taken, refunded, held])| {
            (order, json!({"charges": charges, "taken": taken, "refunded": refunded, "held": held}))
        })
        .collect();
    json!({"entries": ledger.entries(), "orders": orders, "audit": ledger.audit()})
}

fn ordered(sandbox: &Sandbox, order: FaultOrder) -> Value {
    let faults = sandbox.faults();
    if order.none {
        faults.none();
    }
    if !order.script.is_empty() {
        faults.script_in(order.scope, order.script);
    }
    faults.script_callbacks(order.callbacks);
    if let Some(random) = order.random {
        faults.random(random.seed, random.table.unwrap_or_else(FaultTable::storm));
    }
    json!({"pending": faults.pending()})
}

fn read<T: for<'a> Deserialize<'a>>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}

/// The page where a payer authenticates: GET shows two buttons, POST with `answer=approve` or `answer=decline` goes back to the shop.
fn hosted_page(sandbox: &Sandbox, request: &Request, intent: &str, query: &str) -> Reply {
    let Some(object) = sandbox.object(intent).filter(|object| object["object"] == "payment_intent") else {
        return reply(StatusCode::NOT_FOUND, "text/html", "<h1>No such payment</h1>".to_owned());
    };
    if request.method != Method::POST {
        let page = format!(
            "<!doctype html><title>Sandbox bank</title><h1>Pay {} {}?</h1><form method=post>\
             <button name=answer value=approve>Approve</button> <button name=answer value=decline>Decline</button></form>",
            object["amount"], object["currency"]
        );
        return reply(StatusCode::OK, "text/html; charset=utf-8", page);
    }
    let body = String::from_utf8_lossy(&request.body);
    let said = |answer: &str| body.contains(answer) || query.contains(answer);
    let back = object["next_action"]["redirect_to_url"]["return_url"].as_str().map(str::to_owned);
    let (result, shown) = match (said("approve"), said("decline")) {
        (true, false) => (sandbox.payer_approves(intent), "succeeded"),
        (false, true) => (sandbox.payer_declines(intent), "failed"),
        _ => (Err("answer=approve or answer=decline".to_owned()), ""),
    };
    match (result, back) {
        (Err(why), _) => reply(StatusCode::BAD_REQUEST, "application/json", json!({"error": why}).to_string()),
        (Ok(status), None) => reply(StatusCode::OK, "application/json", json!({"status": status}).to_string()),
        (Ok(_), Some(url)) => {
            let sign = if url.contains('?') { '&' } else { '?' };
            let secret = object["client_secret"].as_str().unwrap_or_default();
            let to = format!("{url}{sign}payment_intent={intent}&payment_intent_client_secret={secret}&redirect_status={shown}");
            let mut reply = reply(StatusCode::SEE_OTHER, "text/plain", String::new());
            if let Ok(to) = HeaderValue::from_str(&to) {
                reply.headers.insert(http::header::LOCATION, to);
            }
            reply
        }
    }
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Reply {
    let mut reply = Reply::new(status, body);
    reply.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}
