//! The server, over real sockets on the loopback.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::ServerHandle;

async fn served() -> (Sandbox, ServerHandle) {
    let sandbox = Sandbox::new(Env::system(), SandboxConfig::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handle = sandbox.serve(listener).unwrap();
    (sandbox, handle)
}

/// Sends on one connection and reads what comes until the server closes it.
async fn exchange(handle: &ServerHandle, text: &str) -> String {
    let mut stream = TcpStream::connect(handle.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn create(sandbox: &Sandbox, connection: &str) -> String {
    let key = sandbox.credentials().secret_key.expose_str().unwrap().to_owned();
    let body = "amount=1000&currency=usd&payment_method_types[0]=card&confirm=true&payment_method=pm_card_visa&metadata[order]=o";
    format!(
        "POST /v1/payment_intents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         idempotency-key: k\r\nconnection: {connection}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn order(json: &str) -> String {
    format!("POST /sandbox/faults HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{json}", json.len())
}

#[tokio::test]
async fn a_connection_is_kept_and_a_charge_replayed() {
    let (sandbox, handle) = served().await;
    let both = format!("{}{}", create(&sandbox, "keep-alive"), create(&sandbox, "close"));
    let answer = exchange(&handle, &both).await;
    assert_eq!(
        (answer.matches("HTTP/1.1 200 OK").count(), answer.matches("idempotent-replayed: true").count()),
        (2, 1),
        "{answer}"
    );
    let ledger = exchange(&handle, "GET /sandbox/ledger HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert!(ledger.contains(r#""audit":[]"#) && ledger.contains(r#""charges":1"#), "{ledger}");
}

#[tokio::test]
async fn faults_happen_on_the_socket() {
    let (sandbox, handle) = served().await;
    let ordered =
        exchange(&handle, &order(r#"{"script":[{"fault":"close_before"},{"fault":"truncated"},{"fault":"slow","by_ms":40}]}"#))
            .await;
    assert!(ordered.contains(r#"{"pending":3}"#), "{ordered}");
    assert_eq!(exchange(&handle, &create(&sandbox, "close")).await, "");
    assert_eq!(sandbox.ledger().charges("o"), 0);
    let cut = exchange(&handle, &create(&sandbox, "close")).await;
    assert!(cut.contains("200 OK") && !cut.ends_with('}'), "{cut}");
    let slow = exchange(&handle, &create(&sandbox, "close")).await;
    assert!(slow.contains("idempotent-replayed") && slow.ends_with('}'), "{slow}");
    assert_eq!(sandbox.ledger().charges("o"), 1);
}

#[tokio::test]
async fn down_refuses_for_real_and_up_serves_again() {
    let (sandbox, handle) = served().await;
    handle.down();
    while TcpStream::connect(handle.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    handle.up().await.unwrap();
    assert!(exchange(&handle, &create(&sandbox, "close")).await.contains("200 OK"));
}

#[tokio::test]
async fn chunked_bodies_are_read_and_smuggling_is_refused() {
    let (sandbox, handle) = served().await;
    let plain = create(&sandbox, "close");
    let (head, body) = plain.split_once("\r\n\r\n").unwrap();
    let length = format!("content-length: {}", body.len());
    let chunked =
        format!("{}\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", head.replace(&length, "transfer-encoding: chunked"), body.len());
    assert!(exchange(&handle, &chunked).await.contains("200 OK"));
    let both = format!("{head}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    assert!(exchange(&handle, &both).await.starts_with("HTTP/1.1 400"));
    assert!(exchange(&handle, "NONSENSE\r\n\r\n").await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn the_hosted_page_takes_the_payers_word_and_callbacks_go_out() {
    let (sandbox, handle) = served().await;
    let shop = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sandbox.callbacks().to_url(format!("http://{}/hook", shop.local_addr().unwrap()));
    let three = create(&sandbox, "close").replace("pm_card_visa", "pm_card_threeDSecure2Required");
    let length = three.split_once("\r\n\r\n").unwrap().1.len();
    let old = create(&sandbox, "close").split_once("\r\n\r\n").unwrap().1.len();
    let three = three.replace(&format!("content-length: {old}"), &format!("content-length: {length}"));
    assert!(exchange(&handle, &three).await.contains("requires_action"));
    let id = sandbox.intents()[0].clone();
    let page = format!("POST /sandbox/3ds/{id} HTTP/1.1\r\nconnection: close\r\ncontent-length: 14\r\n\r\nanswer=approve");
    assert!(exchange(&handle, &page).await.contains(r#"{"status":"succeeded"}"#));
    let (mut stream, _) = shop.accept().await.unwrap();
    let mut hook = vec![0; 4096];
    let count = stream.read(&mut hook).await.unwrap();
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert!(String::from_utf8_lossy(&hook[..count]).contains("stripe-signature: t="));
}
