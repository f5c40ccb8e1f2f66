//! The face over real sockets on the loopback.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::ServerHandle;

async fn served() -> (Shop, ServerHandle) {
    let sandbox = Sandbox::new(Env::system(), SandboxConfig::default());
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

fn control(method: &str, path: &str, body: &str) -> String {
    format!("{method} /sandbox/alipay/{path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Takes one notice and answers it; what came.
async fn hear(ear: &TcpListener, answer: &str) -> String {
    let (mut stream, _) = ear.accept().await.unwrap();
    let mut notice = vec![0; 8192];
    let count = stream.read(&mut notice).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8_lossy(&notice[..count]).into_owned()
}

#[tokio::test]
async fn an_order_is_placed_paid_and_told_over_sockets() {
    let (shop, handle) = served().await;
    let ear = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut said = shop.said("alipay.trade.precreate", &Shop::order("order1"));
    said.insert("notify_url".to_owned(), format!("http://{}/notify", ear.local_addr().unwrap()));
    let form = Shop::form(&shop.signed(said));
    let head = format!(
        "POST /gateway.do?charset=utf-8 HTTP/1.1\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}",
        form.len()
    );
    let placed = exchange(&handle, &format!("{head}\r\n\r\n{form}")).await;
    let (head, body) = placed.split_once("\r\n\r\n").unwrap();
    let heard = shop.heard(200, body);
    assert!(head.starts_with("HTTP/1.1 200 OK") && heard.genuine, "{placed}");
    let paid = exchange(&handle, &control("POST", "pay", &json!({"order": heard.at("qr_code")}).to_string())).await;
    assert!(paid.ends_with(r#"{"trade_status":"TRADE_SUCCESS"}"#), "{paid}");
    // The scan is told, then the payment; one body is chunked, one has a length.
    let scanned = hear(&ear, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsucc\r\n3\r\ness\r\n0\r\n\r\n").await;
    let told = hear(&ear, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess").await;
    assert!(scanned.starts_with("POST /notify HTTP/1.1") && told.contains("sign_type=RSA2"), "{scanned} {told}");
    while shop.sandbox.callbacks().deliveries().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(shop.sandbox.callbacks().counts().accepted, 2);
    assert!(exchange(&handle, &control("GET", "trades/order1", "")).await.contains(r#""trade_status":"TRADE_SUCCESS""#));
}

#[tokio::test]
async fn the_control_interface_shows_and_changes_the_face() {
    let (shop, handle) = served().await;
    for (method, path, body, expected) in [
        ("POST", "rotate", "", "alipay_cert_sn"),
        ("GET", "certificates", "", "BEGIN CERTIFICATE"),
        ("GET", "notices", "", "[]"),
        ("GET", "trades", "", "[]"),
        ("GET", "trades/order1", "", "no such trade"),
        ("GET", "trades/order1/refunds/r1", "", "no such refund"),
        ("POST", "open", r#"{"order":"none"}"#, "no such order"),
        ("POST", "pay", r#"{"order":"none"}"#, "no such order"),
        ("POST", "begin", "{}", "missing field"),
        ("POST", "finish", r#"{"order":"none"}"#, r#"{"finished":false}"#),
        ("GET", "nothing", "", "no such page"),
    ] {
        let answer = exchange(&handle, &control(method, path, body)).await;
        assert!(answer.contains(expected), "{path}: {answer}");
    }
    assert_eq!(shop.sandbox.alipay().certificates().len(), 2);
}
