//! The face over real sockets on the loopback, beside the others.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::ServerHandle;

async fn exchange(handle: &ServerHandle, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(handle.address()).await.unwrap();
    let head = format!("{head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn posted(path: &str) -> String {
    format!("POST /gateway/api/{path} HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded")
}

fn control(method: &str, path: &str) -> String {
    format!("{method} /sandbox/unionpay/{path} HTTP/1.1")
}

#[tokio::test]
async fn an_order_is_placed_paid_and_told_over_sockets() {
    let sandbox = Sandbox::new(Env::system(), SandboxConfig::default());
    let handle = sandbox.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let shop = Shop::of(sandbox);
    let ear = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (path, mut fields) = shop.consumption("order0001", "web");
    fields.insert("backUrl".to_owned(), format!("http://{}/notify", ear.local_addr().unwrap()));
    shop.sign(&mut fields);
    let page = exchange(&handle, &posted(path), &Shop::request(path, &fields).body).await;
    assert!(
        page.starts_with("HTTP/1.1 200 OK") && page.contains(&format!("{}/gateway/api/sandboxPayer.do", handle.url())),
        "{page}"
    );
    let paid = exchange(&handle, &control("POST", "pay"), br#"{"order":"order0001"}"#).await;
    assert!(paid.ends_with(r#"{"code":"00"}"#), "{paid}");
    let (mut stream, _) = ear.accept().await.unwrap();
    let mut notice = vec![0; 16_384];
    let count = stream.read(&mut notice).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    let notice = String::from_utf8_lossy(&notice[..count]).into_owned();
    assert!(notice.starts_with("POST /notify HTTP/1.1") && notice.contains("orderId=order0001"), "{notice}");
    assert!(exchange(&handle, &control("GET", "trades/order0001"), b"").await.contains(r#""origRespCode":"00""#));
    assert!(exchange(&handle, &control("GET", "notices"), b"").await.contains("order0001"));
}

#[tokio::test]
async fn the_control_interface_shows_and_changes_the_face() {
    let sandbox = Sandbox::new(Env::system(), SandboxConfig::default());
    let handle = sandbox.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    for (method, path, body, expected) in [
        ("GET", "trades", "", "[]"),
        ("GET", "notices", "", "[]"),
        ("GET", "trades/order0001", "", "no such trade"),
        ("POST", "pay", r#"{"order":"none"}"#, "no such order"),
        ("POST", "fail", r#"{"order":"none"}"#, "no such order"),
        ("POST", "begin", "{}", "missing field"),
        ("POST", "renew", "", "ok"),
        ("GET", "nothing", "", "no such page"),
    ] {
        let answer = exchange(&handle, &control(method, path), body.as_bytes()).await;
        assert!(answer.contains(expected), "{path}: {answer}");
    }
}
