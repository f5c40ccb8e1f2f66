//! How an operation came out: a table for people, JSON for programs, an exit status for scripts.

use std::io::{self, Write};

use comfy_table::Table;
use paysluice::model::{Error, Fate, Next, Payment};
use serde::Serialize;

/// What an operation came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Payment, Error>,
    /// Whether it only asked: then there is no fate to tell of a success.
    pub(crate) asked_only: bool,
}

/// The same, as programs read it.
#[derive(Debug, Serialize)]
struct Report<'a> {
    ok: bool,
    status: Option<String>,
    fate: Option<Fate>,
    next: Option<&'static str>,
    after_ms: Option<u64>,
    kind: Option<&'static str>,
    code: Option<&'a str>,
    message: Option<&'a str>,
    cause: Option<&'a str>,
    provider_id: Option<&'a str>,
    request_id: Option<&'a str>,
    payment: Option<&'a Payment>,
}

impl Outcome {
    /// 0 done, 2 not applied, 3 unknown, 4 applied with an error to read.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.result.as_ref().map_err(Error::fate) {
            Ok(_) => 0,
            Err(Fate::NotApplied) => 2,
            Err(Fate::Unknown) => 3,
            Err(Fate::Applied) => 4,
        }
    }

    /// Writes it to stdout.
    pub(crate) fn print(&self, json: bool) -> io::Result<()> {
        let report = self.report();
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer(&mut out, &report)?;
            return writeln!(out);
        }
        writeln!(out, "{}", table(&report))
    }

    fn report(&self) -> Report<'_> {
        let error = self.result.as_ref().err();
        let payment = self.result.as_ref().ok().or_else(|| error.and_then(Error::payment));
        let reason = payment.and_then(|payment| payment.reason.as_ref());
        let (next, after) = error.map(Error::next).map_or((None, None), said);
        Report {
            ok: error.is_none(),
            status: payment.map(|payment| payment.status.to_string()),
            fate: error.map(Error::fate).or_else(|| (error.is_none() && !self.asked_only).then_some(Fate::Applied)),
            next,
            after_ms: after,
            kind: error.map(|error| error.kind().name()),
            code: error.and_then(Error::code).or_else(|| reason.map(|reason| reason.code.as_str())),
            message: error.map(Error::message).or_else(|| reason.and_then(|reason| reason.message.as_deref())),
            cause: error.and_then(Error::cause),
            provider_id: payment.and_then(|payment| payment.provider_id.as_deref()),
            request_id: error.and_then(Error::request_id),
            payment,
        }
    }
}

fn said(next: Next) -> (Option<&'static str>, Option<u64>) {
    match next {
        Next::Fix => (Some("fix"), None),
        Next::Resend { after } => (Some("resend"), Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX))),
        Next::Later => (Some("later"), None),
        Next::Query => (Some("query"), None),
        Next::Stop => (Some("stop"), None),
    }
}

/// What `next` means, in words.
fn advice(next: &str) -> &'static str {
    match next {
        "fix" => "change something, then again with the same numbers; after a decline, the next --attempt",
        "resend" => "again with the same numbers, not sooner than said",
        "later" => "again with the same numbers once the cause is mended",
        "query" => "ask with `paysluice query`; never new numbers",
        _ => "it is done; read it",
    }
}

fn table(report: &Report<'_>) -> Table {
    let mut table = framed();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            table.add_row([name.to_owned(), value]);
        }
    };
    row("result", Some(if report.ok { "done" } else { "error" }.to_owned()));
    row("status", report.status.clone());
    row("fate", report.fate.map(|fate| fate_name(fate).to_owned()));
    row("error", report.kind.map(str::to_owned));
    row("message", report.message.map(str::to_owned));
    row("code", report.code.map(str::to_owned));
    row("cause", report.cause.map(str::to_owned));
    let after = report.after_ms.map_or_else(String::new, |ms| format!(" (after {ms} ms)"));
    row("next", report.next.map(|next| format!("{next}{after}: {}", advice(next))));
    row("provider id", report.provider_id.map(str::to_owned));
    row("request id", report.request_id.map(str::to_owned));
    if let Some(payment) = report.payment {
        row("order", Some(format!("{}, attempt {}", payment.order_no, payment.attempt)));
        row("money", Some(payment.money.to_string()));
        row("captured", Some(payment.captured.to_string()).filter(|_| !payment.captured.is_zero()));
        row("refunded", Some(payment.refunded.to_string()).filter(|_| !payment.refunded.is_zero()));
        for refund in &payment.refunds {
            let number = refund.refund_no.as_ref().map_or("(made elsewhere)", |number| number.as_str());
            row("refund", Some(format!("{number}: {}, {}", refund.money, part(&refund.status))));
        }
        row("payer's action", payment.next_action.as_ref().map(|action| action_text(&action.what)));
        row("blocked", payment.blocked.as_ref().map(|block| format!("{block:?}: do not fulfil before somebody has looked")));
    }
    table
}

/// A bare table: what is printed is read by people and by `grep`.
pub(crate) fn framed() -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table
}

fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::NotApplied => "not applied",
        Fate::Unknown => "unknown, being resolved",
        Fate::Applied => "applied",
    }
}

fn part(status: &paysluice::model::PartStatus) -> String {
    use paysluice::model::PartStatus;
    match status {
        PartStatus::Pending => "pending".to_owned(),
        PartStatus::Succeeded => "succeeded".to_owned(),
        PartStatus::Failed => "failed".to_owned(),
        PartStatus::Canceled => "canceled".to_owned(),
        PartStatus::NeedsAction => "needs action".to_owned(),
        PartStatus::Unrecognized(word) => format!("{word:?}, a word this version does not know"),
    }
}

/// What the payer must do. What the payer's front end gets may let its bearer pay, so a person's screen shows that it is there.
fn action_text(action: &paysluice::model::NextAction) -> String {
    use paysluice::model::NextAction;
    match action {
        NextAction::Redirect(url) => format!("send the browser to {url}"),
        NextAction::Form { url, .. } => format!("post a form to {url} (--json shows its fields)"),
        NextAction::Qr(content) => format!("show as a QR code: {content}"),
        NextAction::Display(text) => format!("show: {text}"),
        _ => "hand over to the provider's front end (--json shows it)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paysluice::model::ErrorKind;

    fn failed(kind: ErrorKind) -> Outcome {
        Outcome { result: Err(Error::new(kind, "x").with_code("c").with_request_id(Some("req_1"))), asked_only: false }
    }

    #[test]
    fn the_exit_status_is_the_fate() {
        let codes = [ErrorKind::Declined, ErrorKind::Lost, ErrorKind::AlreadyDone].map(|kind| failed(kind).exit_code());
        assert_eq!(codes, [2, 3, 4]);
    }

    #[test]
    fn json_has_every_field_always() {
        let throttled = failed(ErrorKind::Throttled);
        let report = serde_json::to_value(throttled.report()).unwrap();
        let expected = serde_json::json!({
            "ok": false, "status": null, "fate": "not_applied", "next": "resend", "after_ms": 1000, "kind": "throttled",
            "code": "c", "message": "x", "cause": null, "provider_id": null, "request_id": "req_1", "payment": null,
        });
        assert_eq!(report, expected);
    }

    #[test]
    fn the_table_says_what_may_be_done_now() {
        let text = table(&failed(ErrorKind::Lost).report()).to_string();
        assert!(text.contains("unknown, being resolved") && text.contains("never new numbers"), "{text}");
    }
}
