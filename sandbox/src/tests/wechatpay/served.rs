//! The face over real sockets on the loopback, beside Stripe's.

use std::fmt::Write as _;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::ServerHandle;

async fn served() -> (Shop, ServerHandle) {
    let wechatpay = WechatPayConfig { allow_http_loopback: true, ..WechatPayConfig::default() };
    let sandbox = Sandbox::new(Env::system(), SandboxConfig { wechatpay, ..SandboxConfig::default() });
    let handle = sandbox.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    (Shop::of(sandbox), handle)
}

async fn exchange(handle: &ServerHandle, text: &str) -> String {
    let mut stream = TcpStream::connect(handle.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn written(request: &Request) -> String {
    let path = request.url.strip_prefix("https://api.mch.weixin.qq.com").unwrap();
    let mut text =
        format!("{} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", request.method, request.body.len());
    for (name, value) in &request.headers {
        let _ = write!(text, "{name}: {}\r\n", value.to_str().unwrap());
    }
    format!("{text}\r\n{}", std::str::from_utf8(&request.body).unwrap())
}

fn control(method: &str, path: &str, body: &str) -> String {
    format!("{method} /sandbox/wechatpay/{path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn an_order_is_placed_paid_and_told_over_sockets() {
    let (shop, handle) = served().await;
    let ear = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut order = shop.order("order1");
    order["notify_url"] = json!(format!("http://{}/notify", ear.local_addr().unwrap()));
    let placed =
        exchange(&handle, &written(&shop.request(Method::POST, "/v3/pay/transactions/native", &order.to_string()))).await;
    let (head, body) = placed.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("wechatpay-signature: "), "{head}");
    let qr = serde_json::from_str::<Value>(body).unwrap()["code_url"].clone();
    let paid = exchange(&handle, &control("POST", "pay", &json!({ "order": qr }).to_string())).await;
    assert!(paid.ends_with(r#"{"trade_state":"SUCCESS"}"#), "{paid}");
    let (mut stream, _) = ear.accept().await.unwrap();
    let mut notice = vec![0; 8192];
    let count = stream.read(&mut notice).await.unwrap();
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    let notice = String::from_utf8_lossy(&notice[..count]).into_owned();
    assert!(notice.starts_with("POST /notify HTTP/1.1") && notice.contains("wechatpay-serial: "), "{notice}");
    assert!(exchange(&handle, &control("GET", "orders/order1", "")).await.contains(r#""trade_state":"SUCCESS""#));
    // Once callbacks are stopped, an order's own address hears nothing either.
    shop.sandbox.callbacks().stop();
    order["out_trade_no"] = json!("order2");
    exchange(&handle, &written(&shop.request(Method::POST, "/v3/pay/transactions/native", &order.to_string()))).await;
    shop.sandbox.wechatpay().payer_pays("order2").unwrap();
    assert_eq!((shop.sandbox.wechatpay().notices().len(), shop.sandbox.callbacks().counts().events), (2, 1));
}

#[tokio::test]
async fn a_close_is_answered_by_an_empty_signed_204() {
    let (shop, handle) = served().await;
    let body = json!({"mchid": shop.credentials.mchid}).to_string();
    let request = shop.request(Method::POST, "/v3/pay/transactions/out-trade-no/order1/close", &body);
    let closed = exchange(&handle, &written(&request)).await;
    assert!(
        closed.starts_with("HTTP/1.1 204 No Content") && closed.contains("wechatpay-signature: ") && closed.ends_with("\r\n\r\n")
    );
}

#[tokio::test]
async fn the_control_interface_shows_and_changes_the_face() {
    let (shop, handle) = served().await;
    for (method, path, body, expected) in [
        ("POST", "rotate", "", "serial_no"),
        ("GET", "certificates", "", "BEGIN CERTIFICATE"),
        ("GET", "notices", "", "[]"),
        ("GET", "orders", "", "[]"),
        ("GET", "refunds/r1", "", "no such refund"),
        ("POST", "pay", r#"{"order":"none"}"#, "no such order"),
        ("POST", "begin", "{}", "missing field"),
        ("GET", "nothing", "", "no such page"),
    ] {
        let answer = exchange(&handle, &control(method, path, body)).await;
        assert!(answer.contains(expected), "{path}: {answer}");
    }
    assert_eq!(shop.sandbox.wechatpay().certificates().len(), 2);
}
