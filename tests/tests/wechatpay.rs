//! WeChat Pay behind the gateway: certificates are fetched once for all who want them, and nothing is sent again for them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use http::{HeaderMap, Method as Verb, StatusCode};
use paysluice::adapter::{Cancel, Charge, Method, Query, Refund, Reply, Request};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Call, Gateway, GatewayConfig, PaymentChannel};
use paysluice::guard::GuardsConfig;
use paysluice::model::{AttemptNo, ErrorKind, Next, NextAction, OrderNo, RefundNo, Secret, Status};
use paysluice::signing::RsaPrivateKey;
use paysluice::store::{Durability, MemoryStore};
use paysluice::transport::{Limits, Transport, TransportError};
use paysluice_tests::{Channel, on_virtual_time};
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};

const API_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";
const MERCHANT_KEY: &str = include_str!("../../channels/wechatpay/vectors/java_test_merchant_private_key.pem");
const PLATFORM_KEY: &str = include_str!("../../channels/wechatpay/vectors/java_test_wechat_pay_private_key.pem");
const PLATFORM_CERTIFICATE: &str = include_str!("../../channels/wechatpay/vectors/java_test_wechat_pay_certificate.pem");
const SERIAL: &str = "440024045C4A427599D09BB4E3DE0279F2E813FD";

/// Within the validity of the platform certificate.
const START: Duration = Duration::from_secs(1_700_000_000);

/// A WeChat Pay that signs what it is told to answer, and remembers what it was asked.
struct Platform {
    env: Env,
    key: RsaPrivateKey,
    /// Where an order stands that is asked for.
    state: Mutex<&'static str>,
    refund: Mutex<(u16, &'static str)>,
    asked: Mutex<Vec<(String, String)>>,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Platform")
    }
}

impl Platform {
    fn asked(&self, part: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(path, _)| path.contains(part)).map(|(_, body)| body.clone()).collect()
    }

    fn answer(&self, path: &str) -> (u16, String) {
        match path {
            "/v3/certificates" => (200, certificates()),
            "/v3/pay/transactions/native" => (200, r#"{"code_url":"weixin://wxpay/bizpayurl?pr=x"}"#.to_owned()),
            "/v3/refund/domestic/refunds" => {
                let (status, body) = *self.refund.lock().unwrap();
                (status, body.to_owned())
            }
            path if path.ends_with("/close") => (204, String::new()),
            _ => (200, transaction(*self.state.lock().unwrap())),
        }
    }

    fn proof(&self, body: &str) -> HeaderMap {
        let timestamp = self.env.wall().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
        let signature = self.key.sign(&[format!("{timestamp}\nnonce\n{body}\n").as_bytes()]).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("wechatpay-timestamp", timestamp.as_str()),
            ("wechatpay-nonce", "nonce"),
            ("wechatpay-serial", SERIAL),
            ("wechatpay-signature", &STANDARD.encode(signature)),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }
}

impl Transport for Platform {
    fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(async move {
            let path = request.url.strip_prefix("https://api.mch.weixin.qq.com").unwrap().to_owned();
            self.asked.lock().unwrap().push((path.clone(), String::from_utf8(request.body.to_vec()).unwrap()));
            self.env.sleep(Duration::from_millis(50)).await;
            let (status, body) = self.answer(path.split('?').next().unwrap());
            let mut reply = Reply::new(StatusCode::from_u16(status).unwrap(), body.clone());
            if status < 300 {
                reply.headers = self.proof(&body);
            }
            Ok(reply)
        })
    }
}

fn seal(plain: &str) -> String {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, API_KEY.as_bytes()).unwrap());
    let mut sealed = plain.as_bytes().to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(*b"fdasflkja484"), Aad::from(b"x"), &mut sealed).unwrap();
    format!(
        r#"{{"algorithm":"AEAD_AES_256_GCM","nonce":"fdasflkja484","associated_data":"x","ciphertext":"{}"}}"#,
        STANDARD.encode(sealed)
    )
}

fn certificates() -> String {
    format!(r#"{{"data":[{{"serial_no":"{SERIAL}","encrypt_certificate":{}}}]}}"#, seal(PLATFORM_CERTIFICATE))
}

fn transaction(state: &str) -> String {
    let paid = if state == "SUCCESS" { r#","transaction_id":"4200000001""# } else { "" };
    format!(
        r#"{{"appid":"wx1","mchid":"1900009191","out_trade_no":"order-1","trade_state":"{state}","amount":{{"total":1234,"currency":"CNY"}}{paid}}}"#
    )
}

fn world() -> (Gateway, Arc<Platform>) {
    let env = Env::simulated(1, UNIX_EPOCH + START);
    let platform = Arc::new(Platform {
        env: env.clone(),
        key: RsaPrivateKey::from_pem("key", &Secret::new(PLATFORM_KEY)).unwrap(),
        state: Mutex::new("NOTPAY"),
        refund: Mutex::new((403, r#"{"code":"NOT_ENOUGH","message":"基本账户余额不足"}"#)),
        asked: Mutex::default(),
    });
    let config = WeChatPayConfig::new(
        "wechatpay:live:1900009191".parse().unwrap(),
        "wx1",
        Secret::new(MERCHANT_KEY),
        "5F1C",
        Secret::new(API_KEY),
    );
    let wechat = WeChatPay::new(config.notify_url("https://shop.example/wx")).unwrap();
    let store = Arc::new(MemoryStore::new(env.clock().clone()));
    let gateway = Gateway::builder(Arc::new(wechat), Arc::clone(&platform) as Arc<dyn Transport>, store, env)
        .config(GatewayConfig { background: false, ..GatewayConfig::default() })
        .accept_durability(Durability::Process)
        .unsealed()
        .no_handler()
        .build()
        .unwrap();
    (gateway, platform)
}

fn order() -> OrderNo {
    OrderNo::new("order-1").unwrap()
}

fn charge() -> Charge {
    Charge::new(order(), "12.34 CNY".parse().unwrap(), Method::Qr)
}

fn callback(platform: &Platform) -> Request {
    let body = format!(
        r#"{{"id":"EV-1","resource_type":"encrypt-resource","event_type":"TRANSACTION.SUCCESS","resource":{}}}"#,
        seal(&transaction("SUCCESS"))
    );
    let mut request = Request::new(Verb::POST, "/callbacks/wechatpay").with_body(body.clone());
    request.headers = platform.proof(&body);
    request
}

#[test]
fn one_fetch_serves_all_and_the_certificates_are_listed_anew_before_they_are_stale() {
    on_virtual_time(async {
        let (gateway, platform) = world();
        let charges = (1..=20).map(|n| {
            let order_no = OrderNo::new(format!("order-{n}")).unwrap();
            gateway.charge(Charge::new(order_no, "12.34 CNY".parse().unwrap(), Method::Qr), Call::default())
        });
        for answer in join_all(charges).await {
            let payment = answer.unwrap().value;
            assert_eq!(payment.status, Status::AwaitingPayer);
            assert!(matches!(payment.next_action.unwrap().what, NextAction::Qr(_)));
        }
        assert_eq!((platform.asked("/v3/certificates").len(), platform.asked("native").len()), (1, 20));
        platform.env.sleep(Duration::from_secs(11 * 3600)).await;
        gateway.query(Query::new(order()), Call::default()).await.unwrap();
        assert_eq!(platform.asked("/v3/certificates").len(), 2);
    });
}

#[test]
fn a_callback_of_an_unknown_certificate_is_opened_once_it_is_fetched() {
    on_virtual_time(async {
        let (gateway, platform) = world();
        let reply = gateway.receive(&callback(&platform)).await.reply;
        assert_eq!((reply.status, platform.asked("/v3/certificates").len()), (StatusCode::NO_CONTENT, 1));
        assert_eq!(gateway.receive(&callback(&platform)).await.reply.status, StatusCode::NO_CONTENT);
        assert_eq!(platform.asked("/v3/certificates").len(), 1);
    });
}

#[test]
fn a_cancel_is_told_at_once_by_what_the_query_shows() {
    on_virtual_time(async {
        let (gateway, platform) = world();
        gateway.charge(charge(), Call::default()).await.unwrap();
        *platform.state.lock().unwrap() = "CLOSED";
        // The 204 proves nothing; the query that follows it at once does.
        let canceled = gateway.cancel(Cancel::new(order()), Call::default()).await.unwrap().value;
        assert_eq!((canceled.status, platform.asked("/close").len()), (Status::Canceled, 1));
    });
}

#[test]
fn a_refund_without_funds_is_sent_again_under_its_number() {
    on_virtual_time(async {
        let (gateway, platform) = world();
        gateway.charge(charge(), Call::default()).await.unwrap();
        *platform.state.lock().unwrap() = "SUCCESS";
        gateway.query(Query::new(order()), Call::default()).await.unwrap();
        let refund = || Refund::new(order(), RefundNo::new("ref-1").unwrap(), "4.00 CNY".parse().unwrap());
        let refused = gateway.refund(refund(), Call::default()).await.unwrap_err();
        assert_eq!((refused.kind(), refused.next()), (ErrorKind::NotNow, Next::Later));
        *platform.refund.lock().unwrap() = (
            200,
            r#"{"refund_id":"50000001","out_refund_no":"ref-1","transaction_id":"4200000001","out_trade_no":"order-1","status":"PROCESSING","amount":{"total":1234,"refund":400,"currency":"CNY"}}"#,
        );
        gateway.refund(refund(), Call::default()).await.unwrap();
        let sent = platform.asked("/v3/refund/domestic/refunds");
        assert!(sent.len() == 2 && sent[0] == sent[1] && sent[0].contains(r#""out_refund_no":"ref-1""#), "{sent:?}");
    });
}

#[test]
fn who_may_not_open_a_second_attempt_is_told_until_when_the_first_can_be_paid() {
    on_virtual_time(async {
        let (gateway, _platform) = world();
        gateway.charge(charge(), Call::default()).await.unwrap();
        let second = charge().attempt(AttemptNo::FIRST.next());
        let error = gateway.charge(second, Call::default()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.until()),
            (ErrorKind::StillPayable, Some(UNIX_EPOCH + START + Duration::from_secs(7200)))
        );
    });
}

#[test]
fn merchants_may_share_connections_and_share_no_limits() {
    on_virtual_time(async {
        let env = Env::simulated(1, UNIX_EPOCH + START);
        let sandbox = paysluice_sandbox::Sandbox::new(env.clone(), paysluice_sandbox::SandboxConfig::default());
        let transport = sandbox.transport();
        let gateway = |channel, guards: GuardsConfig| {
            let adapter = paysluice_tests::adapter(&sandbox, channel);
            let store = Arc::new(MemoryStore::new(env.clock().clone()));
            let builder = Gateway::builder(adapter, Arc::clone(&transport), store, env.clone()).guards(guards);
            builder.accept_durability(Durability::Process).unsealed().no_handler().build().unwrap()
        };
        let mut narrow = GuardsConfig::default();
        (narrow.rate.account, narrow.rate.burst, narrow.rate.line) = (Some("1/m".parse().unwrap()), 1, 0);
        let busy = gateway(Channel::WechatPay, narrow);
        let idle = gateway(Channel::Stripe, GuardsConfig::default());
        busy.charge(charge(), Call::default()).await.unwrap();
        let refused = busy.query(Query::new(order()), Call::within(Duration::from_secs(1))).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
        idle.charge(paysluice_tests::card("order-2"), Call::default()).await.unwrap();
    });
}
