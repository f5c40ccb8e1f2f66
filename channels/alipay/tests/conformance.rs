//! Alipay is put through every law of an adapter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::{Duration, SystemTime};

use paysluice::adapter::conformance::{LAWS, Subject};
use paysluice::adapter::{Adapter, Charge, Draft, Granted, Kind, Known, Method, Reply, Request, Surface};
use paysluice_alipay::Alipay;
use recordings::*;

/// Charged by that method.
#[derive(Debug)]
struct Recorded(Alipay, Method);

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
        known_by(self.1.kind())
    }

    fn replies(&self, kind: Kind) -> Vec<Reply> {
        let ids = ids();
        match kind {
            Kind::Charge => match self.1.kind() {
                "barcode" => {
                    let node = success(&format!(r#"{ids},"total_amount":"12.34","gmt_payment":"2023-11-15 06:13:20""#));
                    vec![to("alipay.trade.pay", &node)]
                }
                "qr" => {
                    let node =
                        success(&format!(r#""out_trade_no":"{ORDER}","qr_code":"https:\/\/qr.alipay.com\/bavh4wjlxf12tper3a""#));
                    vec![to("alipay.trade.precreate", &node)]
                }
                _ => Vec::new(),
            },
            Kind::Cancel => vec![to("alipay.trade.close", &success(&ids))],
            Kind::Reverse => {
                vec![to("alipay.trade.cancel", &success(&format!(r#"{ids},"retry_flag":"N","action":"refund""#)))]
            }
            Kind::Query => vec![to("alipay.trade.query", &trade("TRADE_SUCCESS"))],
            Kind::Refund => {
                vec![to("alipay.trade.refund", &success(&format!(r#"{ids},"fund_change":"Y","refund_fee":"12.34""#)))]
            }
            Kind::QueryRefund => vec![refund("REFUND_SUCCESS")],
            Kind::Confirm | Kind::Capture => Vec::new(),
        }
    }

    fn unknown_word(&self, kind: Kind) -> Vec<Reply> {
        match kind {
            Kind::Query => vec![to("alipay.trade.query", &trade("FROBNICATED"))],
            Kind::QueryRefund => vec![refund("FROBNICATED")],
            _ => Vec::new(),
        }
    }

    fn refusals(&self) -> Vec<Reply> {
        vec![
            of_gateway("40002", "isv.invalid-signature"),
            of_gateway("40001", "isv.missing-method"),
            of_gateway("40006", "isv.insufficient-isv-permissions"),
            of_gateway("40005", "isv.app-call-limited"),
        ]
    }

    /// The draft's body is the `biz_content` of a form, its path the gateway's.
    fn carries(&self, request: &Request, draft: &Draft) -> bool {
        let at = format!("https://openapi.alipay.com{}?", draft.path);
        let biz = parameter(request, "biz_content");
        let method = parameter(request, "method");
        request.method == draft.method
            && request.url.starts_with(&at)
            && biz.as_deref() == Some(draft.body.as_str())
            && method.as_deref() == draft.carry.get("method")
    }

    fn callbacks(&self) -> Vec<Request> {
        let refund = [("gmt_refund", "2023-11-15 08:13:20.123"), ("refund_fee", "2.00"), ("out_biz_no", "ref-1")];
        vec![
            signed(notice("TRADE_SUCCESS", &[])),
            signed(notice("TRADE_SUCCESS", &refund)),
            signed(notice("TRADE_CLOSED", &[("gmt_close", "2023-11-15 08:13:20")])),
        ]
    }

    fn proving_headers(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Resent for 25 hours as it was: no time of it is the sending's.
    fn callback_window(&self) -> Option<Duration> {
        None
    }

    fn secrets(&self) -> Vec<String> {
        vec![APP_KEY.to_owned(), "202212BB_D64b2be8afd4b6c8468cf585bd05E50".to_owned()]
    }
}

fn refund(status: &str) -> Reply {
    let node = success(&format!(r#"{},"out_request_no":"ref-1","refund_status":"{status}","refund_amount":"12.34""#, ids()));
    to("alipay.trade.fastpay.refund.query", &node)
}

fn every_law(subject: &Recorded) {
    for (name, law) in LAWS {
        println!("{name}");
        law(subject);
    }
}

#[test]
fn a_qr_code_keeps_every_law_of_an_adapter() {
    every_law(&Recorded(alipay(), Method::Qr));
}

#[test]
fn a_payment_by_barcode_keeps_every_law_of_an_adapter() {
    every_law(&Recorded(alipay(), Method::Barcode("28763443825664394".into())));
}

#[test]
fn a_page_that_is_only_shown_keeps_every_law_of_an_adapter() {
    every_law(&Recorded(alipay(), Method::Redirect(Surface::Web)));
}
