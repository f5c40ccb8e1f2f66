//! WeChat Pay is put through every law of an adapter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_imports, reason = "tests")]

mod recordings;

use std::time::{Duration, SystemTime};

use paysluice::adapter::conformance::{LAWS, Subject, verbatim};
use paysluice::adapter::{Adapter, Charge, Draft, Granted, Kind, Known, Method, Reply, Request};
use paysluice_wechatpay::WeChatPay;
use recordings::*;

/// Charged by that method.
#[derive(Debug)]
struct Recorded(WeChatPay, Method);

impl Subject for Recorded {
    fn adapter(&self) -> &dyn Adapter {
        &self.0
    }

    fn now(&self) -> SystemTime {
        now()
    }

    fn granted(&self) -> Granted {
        granted()
    }

    fn charge(&self) -> Charge {
        by(self.1.clone())
    }

    fn known(&self) -> Known {
        known_by(self.1.kind())
    }

    fn replies(&self, kind: Kind) -> Vec<Reply> {
        let barcode = self.1.kind() == "barcode";
        match kind {
            Kind::Charge if barcode => vec![ok(transaction("SUCCESS"))],
            Kind::Charge => vec![ok(r#"{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}"#)],
            Kind::Cancel => vec![signed(204, "")],
            Kind::Reverse => {
                vec![ok(format!(r#"{{"appid":"wxd678efh567hg6787","mchid":"1900009191","out_trade_no":"{ORDER}"}}"#))]
            }
            Kind::Query => vec![ok(transaction("SUCCESS"))],
            Kind::Refund | Kind::QueryRefund => vec![ok(refund("SUCCESS"))],
            Kind::Confirm | Kind::Capture => Vec::new(),
        }
    }

    fn unknown_word(&self, kind: Kind) -> Vec<Reply> {
        match kind {
            Kind::Charge if self.1.kind() == "barcode" => vec![ok(transaction("FROBNICATED"))],
            Kind::Query => vec![ok(transaction("FROBNICATED"))],
            Kind::Refund | Kind::QueryRefund => vec![ok(refund("FROBNICATED"))],
            _ => Vec::new(),
        }
    }

    fn refusals(&self) -> Vec<Reply> {
        vec![fault(400, "PARAM_ERROR"), fault(401, "SIGN_ERROR"), fault(403, "NO_AUTH"), fault(400, "INVALID_REQUEST")]
    }

    fn carries(&self, request: &Request, draft: &Draft) -> bool {
        verbatim(request, draft, None)
    }

    fn callbacks(&self) -> Vec<Request> {
        vec![
            callback(&notification("TRANSACTION.SUCCESS", &transaction("SUCCESS"))),
            callback(&notification("REFUND.SUCCESS", &refund_notice("SUCCESS"))),
            callback(&notification("COUPON.USE", r#"{"stock_creator_mchid":"1900009191"}"#)),
        ]
    }

    fn proving_headers(&self) -> Vec<&'static str> {
        vec!["wechatpay-timestamp", "wechatpay-nonce", "wechatpay-serial", "wechatpay-signature"]
    }

    /// "300 s and more are refused."
    fn callback_window(&self) -> Option<Duration> {
        Some(Duration::from_secs(299))
    }

    fn secrets(&self) -> Vec<String> {
        vec![API_KEY.to_owned(), MERCHANT_KEY.to_owned()]
    }
}

fn every_law(subject: &Recorded) {
    for (name, law) in LAWS {
        println!("{name}");
        law(subject);
    }
}

#[test]
fn an_order_keeps_every_law_of_an_adapter() {
    every_law(&Recorded(wechat(), Method::Qr));
}

#[test]
fn a_payment_by_barcode_keeps_every_law_of_an_adapter() {
    every_law(&Recorded(wechat(), Method::Barcode("130061098828009406".into())));
}
