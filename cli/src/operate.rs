//! One operation from the command line, carried out and told.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Cancel, Capture, Charge, Confirm, Method, Operation, Query, QueryRefund, Refund, Reverse, Surface};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Call, Gateway, Handler, PaymentChannel, TellAgain, Told};
use paysluice::model::{Error, ErrorKind, Fate, Payment};

use crate::args::{ChargeAsk, Command, Target};
use crate::config::Config;
use crate::open::{self, Manner};
use crate::output::Outcome;
use crate::secrets::{Secrets, of_process};

/// How long the process waits at its end for what it has begun.
const DRAIN: Duration = Duration::from_secs(5);

/// How long the tells of a change that was just made may take to be printed.
const TELLS: Duration = Duration::from_millis(200);

/// An operation with its numbers, ready to be asked for.
enum Asked {
    Charge(Charge),
    Confirm(Confirm),
    Capture(Capture),
    Cancel(Cancel),
    Reverse(Reverse),
    Refund(Refund),
    Query(Query),
    QueryRefund(QueryRefund),
}

/// Carries one operation out. The exit status tells its fate.
pub(crate) async fn run(env: Env, file: &Path, command: Command, json: bool, verbose: bool) -> Result<ExitCode, String> {
    let (target, asked) = asked(command)?;
    let config = Config::read(file)?;
    let secrets = Secrets { config: &config, environment: &of_process };
    let handler = verbose.then(|| Arc::new(Teller) as Arc<dyn Handler>);
    // Without somebody who waits, this process ends too soon to work for others: what it claimed would lie until its lease ends.
    let manner = Manner { background: target.wait || verbose, handler };
    let gateway = open::gateway(&env, &secrets, &target.gateway, manner)?;
    if config.sections.store.as_ref().is_some_and(|store| store.url == "memory:") {
        eprintln!("paysluice: the store is memory: this operation is forgotten when the command ends");
    }
    let asked_only = matches!(asked, Asked::Query(_) | Asked::QueryRefund(_));
    let result = tokio::select! {
        biased;
        result = carry_out(&gateway, asked, &target) => result,
        _ = tokio::signal::ctrl_c() => Err(interrupted(&target)),
    };
    let outcome = Outcome { result, asked_only };
    // The answer first: what follows is tidying up.
    outcome.print(json).map_err(|error| format!("the outcome could not be written ({error})"))?;
    if verbose {
        env.sleep(TELLS).await;
    }
    let left = gateway.drain(DRAIN).await.left;
    if left > 0 {
        eprintln!("paysluice: {left} under way; the store knows of it, and `paysluice query` asks");
    }
    Ok(ExitCode::from(outcome.exit_code()))
}

async fn carry_out(gateway: &Gateway, asked: Asked, target: &Target) -> Result<Payment, Error> {
    let call = Call::within(target.timeout);
    let answer = match asked {
        Asked::Charge(charge) => gateway.charge(charge, call).await,
        Asked::Confirm(confirm) => gateway.confirm(confirm, call).await,
        Asked::Capture(capture) => gateway.capture(capture, call).await,
        Asked::Cancel(cancel) => gateway.cancel(cancel, call).await,
        Asked::Reverse(reverse) => gateway.reverse(reverse, call).await,
        Asked::Refund(refund) => gateway.refund(refund, call).await,
        Asked::Query(query) => gateway.query(query, call).await,
        Asked::QueryRefund(query) => gateway.query_refund(query, call).await,
    };
    let open = match &answer {
        Ok(answer) => !answer.value.status.is_settled(),
        Err(error) => error.fate() == Fate::Unknown,
    };
    let answer = if target.wait && open { gateway.settled(target.order.clone(), call).await } else { answer };
    answer.map(|answer| answer.value)
}

fn asked(command: Command) -> Result<(Target, Asked), String> {
    Ok(match command {
        Command::Charge(ask) => {
            let charge = charge(&ask)?;
            (ask.target, Asked::Charge(charge))
        }
        Command::Confirm(ask) => {
            let mut confirm = Confirm::new(ask.target.order.clone(), ask.round);
            confirm.data.extend(ask.data);
            let confirm = about(confirm, &ask.target);
            (ask.target, Asked::Confirm(confirm))
        }
        Command::Capture(ask) => {
            let capture = Capture::new(ask.target.order.clone(), ask.capture_no, ask.money);
            let capture = about(if ask.keep_rest { capture.keep_rest() } else { capture }, &ask.target);
            (ask.target, Asked::Capture(capture))
        }
        Command::Cancel(target) => {
            let cancel = about(Cancel::new(target.order.clone()), &target);
            (target, Asked::Cancel(cancel))
        }
        Command::Reverse(ask) => {
            let reverse = about(Reverse::new(ask.target.order.clone(), ask.refund_no), &ask.target);
            (ask.target, Asked::Reverse(reverse))
        }
        Command::Refund(ask) => {
            let refund = Refund::new(ask.target.order.clone(), ask.refund_no, ask.money);
            let refund = about(ask.reason.into_iter().fold(refund, Refund::reason), &ask.target);
            (ask.target, Asked::Refund(refund))
        }
        Command::Query(target) => {
            let query = about(Query::new(target.order.clone()), &target);
            (target, Asked::Query(query))
        }
        Command::QueryRefund(ask) => {
            let query = about(QueryRefund::new(ask.target.order.clone(), ask.refund_no), &ask.target);
            (ask.target, Asked::QueryRefund(query))
        }
        _ => return Err("this is no operation".to_owned()),
    })
}

fn about<Op: Operation>(op: Op, target: &Target) -> Op {
    match target.attempt {
        Some(attempt) => op.on(attempt),
        None => op,
    }
}

fn charge(ask: &ChargeAsk) -> Result<Charge, String> {
    let mut charge = about(Charge::new(ask.target.order.clone(), ask.money, method(&ask.method)?), &ask.target);
    if ask.capture_later {
        charge = charge.capture_later();
    }
    charge.return_url.clone_from(&ask.return_url);
    charge.description.clone_from(&ask.description);
    charge.payer_ip = ask.payer_ip.map(|ip| ip.to_string());
    charge.callback_url.clone_from(&ask.callback_url);
    charge.overlap = ask.overlap;
    charge.metadata.extend(ask.metadata.iter().cloned());
    charge.extra.extend(ask.extra.iter().cloned());
    Ok(charge)
}

fn method(said: &str) -> Result<Method, String> {
    Ok(match said.split_once(':').unwrap_or((said, "")) {
        ("token", token) if !token.is_empty() => Method::Token(token.to_owned()),
        ("barcode", code) if !code.is_empty() => Method::Barcode(code.to_owned()),
        ("mini-program", payer) if !payer.is_empty() => Method::MiniProgram { payer: payer.to_owned() },
        ("client", "") => Method::Client,
        ("qr", "") => Method::Qr,
        ("web", "") => Method::Redirect(Surface::Web),
        ("wap", "") => Method::Redirect(Surface::Wap),
        ("app", "") => Method::App,
        // A token may be on the line, so the line is not repeated.
        _ => return Err("--method: must be token:PM, client, qr, barcode:CODE, web, wap, app or mini-program:PAYER".to_owned()),
    })
}

fn interrupted(target: &Target) -> Error {
    let order = &target.order;
    Error::new(ErrorKind::InFlight, format!("interrupted; what was begun for order {order} stands in the store and is resolved"))
}

/// Prints what the gateway tells.
#[derive(Debug)]
struct Teller;

impl Handler for Teller {
    fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
        let payment = &told.payment;
        eprintln!(
            "told: order {} attempt {}: {:?}, now {} (by {})",
            payment.order_no, payment.attempt, told.change, payment.status, told.by
        );
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_read_and_a_wrong_one_is_not_repeated() {
        for (said, kind) in
            [("token:pm_card_visa", "token"), ("client", "client"), ("qr", "qr"), ("web", "web"), ("barcode:28", "barcode")]
        {
            assert_eq!(method(said).unwrap().kind(), kind);
        }
        for wrong in ["token", "token:", "tokn:pm_hush", "client:x"] {
            assert!(!method(wrong).unwrap_err().contains("hush"), "{wrong}");
            assert!(method(wrong).is_err());
        }
    }
}
