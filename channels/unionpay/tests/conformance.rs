//! UnionPay is put through every law of an adapter, by each way of paying.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::{Duration, SystemTime};

use paysluice::adapter::conformance::{LAWS, Subject};
use paysluice::adapter::{Adapter, Charge, Draft, Granted, Kind, Known, Method, Reply, Request, Surface};
use paysluice_unionpay::UnionPay;
use recordings::*;

/// Charged by that method.
#[derive(Debug)]
struct Recorded(UnionPay, Method);

impl Recorded {
    /// The number that the profile forms for a part of the application's.
    fn part(&self, number: &str) -> String {
        let (profile, charge) = (self.0.profile(), self.charge());
        profile.part_number.form_part(self.0.account(), &charge.order_no, number).unwrap().as_str().to_owned()
    }
}

impl Subject for Recorded {
    fn adapter(&self) -> &dyn Adapter {
        &self.0
    }

    fn now(&self) -> SystemTime {
        now()
    }

    fn granted(&self) -> Granted {
        Granted::default()
    }

    fn charge(&self) -> Charge {
        by(self.1.clone())
    }

    fn known(&self) -> Known {
        known(self.1.kind())
    }

    fn replies(&self, kind: Kind) -> Vec<Reply> {
        let accepted = |number: &str, kind: &str| {
            let seen = [("orderId", self.part(number).as_str()), ("txnAmt", "1234"), ("queryId", "782209081322069999999")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            let seen: Vec<(&str, &str)> = seen.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            vec![ok(with(answer(kind, "00"), &seen))]
        };
        match (kind, self.1.kind()) {
            (Kind::Charge, "app") => vec![ok(with(answer("01", "00"), &[("tn", "710065895678926661300")]))],
            (Kind::Charge, "qr") => vec![ok(with(answer("01", "00"), &[("qrCode", "https://qr.95516.com/00010000/62822198")]))],
            (Kind::Charge, "barcode") => vec![ok(with(answer("01", "00"), &[("queryId", QUERY_ID)]))],
            (Kind::Query, _) => vec![ok(state("00"))],
            (Kind::Refund, _) => accepted("ref-1", "31"),
            (Kind::Reverse, _) => accepted("rev-1", "31"),
            (Kind::QueryRefund, _) => vec![ok(refund_state(&self.part("ref-1"), TIME, "00"))],
            _ => Vec::new(),
        }
    }

    fn unknown_word(&self, kind: Kind) -> Vec<Reply> {
        match kind {
            Kind::Query => vec![ok(state("ZZ"))],
            Kind::QueryRefund => vec![ok(refund_state(&self.part("ref-1"), TIME, "ZZ"))],
            Kind::Charge if self.1.kind() == "barcode" => vec![ok(answer("01", "ZZ"))],
            _ => Vec::new(),
        }
    }

    fn refusals(&self) -> Vec<Reply> {
        ["10", "11", "13", "32", "37"].map(|code| ok(refusal(code))).to_vec()
    }

    /// The draft's fields, then what signs them.
    fn carries(&self, request: &Request, draft: &Draft) -> bool {
        let body = std::str::from_utf8(&request.body).unwrap();
        let rest = body.strip_prefix(draft.body.as_str()).unwrap_or_default();
        request.method == draft.method && request.url.ends_with(&draft.path) && rest.starts_with("&certId=")
    }

    /// Notices do not depend on how a payment was made: once is enough.
    fn callbacks(&self) -> Vec<Request> {
        if self.1.kind() != "web" {
            return Vec::new();
        }
        vec![callback(notice()), callback(refund_notice()), callback(with(notice(), &[("txnType", "79")]))]
    }

    fn proving_headers(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// `txnTime` is the order's; a notice has no time of its own.
    fn callback_window(&self) -> Option<Duration> {
        None
    }

    fn secrets(&self) -> Vec<String> {
        vec![MERCHANT_KEY.to_owned()]
    }
}

fn every_law(method: Method) {
    let subject = Recorded(unionpay(), method);
    for (name, law) in LAWS {
        println!("{name}");
        law(&subject);
    }
}

#[test]
fn a_form_keeps_every_law_of_an_adapter() {
    every_law(Method::Redirect(Surface::Web));
}

#[test]
fn an_order_for_the_app_keeps_every_law_of_an_adapter() {
    every_law(Method::App);
}

#[test]
fn a_qr_code_keeps_every_law_of_an_adapter() {
    every_law(Method::Qr);
}

#[test]
fn a_payment_by_barcode_keeps_every_law_of_an_adapter() {
    every_law(Method::Barcode("6220835931895481436".into()));
}
