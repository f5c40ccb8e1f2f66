//! The transport against a server on loopback that fails at every phase of the wire.

mod address;
mod reuse;
mod server;
mod tls;

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use tokio::net::TcpListener;

use self::server::Server;
use super::*;
use crate::env::Env;
use crate::model::Secret;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const PLENTY: Limits = Limits { timeout: Duration::from_secs(4), reply_cap: 1024 };

fn transport() -> NetworkTransport {
    with(|_| ())
}

fn with(change: impl FnOnce(&mut NetworkConfig)) -> NetworkTransport {
    let mut config = NetworkConfig { allow_http_loopback: true, ..NetworkConfig::default() };
    change(&mut config);
    NetworkTransport::new(&config, Duration::from_secs(8)).unwrap()
}

/// A charge with a secret in its query, its header and its body.
fn charge(url: String) -> Request {
    let request = Request::new(Method::POST, format!("{url}?key=secret1"));
    request.secret_header(header::AUTHORIZATION, &Secret::new("Bearer secret2")).unwrap().with_body("secret3")
}

async fn send(server: &Server) -> Result<Reply, TransportError> {
    transport().send(charge(server.url("/charge")), PLENTY).await
}

#[track_caller]
fn lost<T: std::fmt::Debug>(result: Result<T, TransportError>) -> String {
    match result {
        Err(TransportError::Lost(why)) => discreet(why),
        other => panic!("expected Lost, got {other:?}"),
    }
}

#[track_caller]
fn proved_unsent<T: std::fmt::Debug>(result: Result<T, TransportError>) -> String {
    match result {
        Err(TransportError::Unsent(why)) => discreet(why),
        other => panic!("expected Unsent, got {other:?}"),
    }
}

/// Every error of every test passes here: one line, no secret.
#[track_caller]
fn discreet(why: String) -> String {
    assert!(!why.contains("secret") && !why.contains('\n') && why.len() < 400, "{why}");
    why
}

#[tokio::test]
async fn a_closed_port_is_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/charge", listener.local_addr().unwrap());
    drop(listener);
    let why = proved_unsent(transport().send(charge(url), PLENTY).await);
    assert!(why.starts_with("no connection: "), "{why}");
}

#[tokio::test]
async fn closing_before_reading_is_lost() {
    let server = Server::start(|wire| async move { drop(wire) }).await;
    lost(send(&server).await);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_reset_after_one_byte_is_lost() {
    let server = Server::start(|mut wire| async move { wire.one_byte().await }).await;
    lost(send(&server).await);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn closing_after_reading_the_whole_charge_is_lost_and_it_came_once() {
    let mut server = Server::closing_after("").await;
    let why = lost(send(&server).await);
    assert!(why.contains("connection closed before message completed"), "{why}");
    assert!(server.next().await.ends_with("secret3"));
    assert_eq!((server.seen(), server.connections()), (vec![], 1));
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_lost() {
    let answers = [
        "HTTP/1.1 200 OK\r\nconte",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 4\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\n\r\nends only with the connection",
        "HTTP/1.0 200 OK\r\n\r\nends only with the connection",
        "not HTTP at all\r\n\r\n",
    ];
    for answer in answers {
        let mut server = Server::closing_after(answer).await;
        lost(send(&server).await);
        server.next().await;
        assert_eq!((server.seen(), server.connections()), (vec![], 1), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_drips_past_the_timeout_is_lost_and_the_connection_closed() {
    let mut server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.say("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        while wire.say("x").await {
            Env::system().sleep(Duration::from_millis(5)).await;
        }
        wire.closed().await;
    })
    .await;
    let limits = Limits { timeout: Duration::from_millis(300), reply_cap: 1_000_000 };
    let why = lost(transport().send(charge(server.url("/charge")), limits).await);
    assert!(why.starts_with("status 200 OK, then the time was up"), "{why}");
    server.next().await;
    assert_eq!(server.next().await, "closed");
}

#[tokio::test]
async fn silence_until_the_timeout_is_lost_and_the_connection_closed() {
    let mut server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.closed().await;
    })
    .await;
    let limits = Limits { timeout: Duration::from_millis(300), ..PLENTY };
    let why = lost(transport().send(charge(server.url("/charge")), limits).await);
    assert!(why.starts_with("the time was up"), "{why}");
    server.next().await;
    assert_eq!(server.next().await, "closed");
}

#[tokio::test]
async fn a_dropped_send_closes_its_connection() {
    let mut server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.closed().await;
    })
    .await;
    let transport = transport();
    let mut sending = transport.send(charge(server.url("/charge")), PLENTY);
    tokio::select! {
        biased;
        result = &mut sending => panic!("{result:?}"),
        request = server.next() => assert!(request.ends_with("secret3")),
    }
    drop(sending);
    assert_eq!(server.next().await, "closed");
}

#[tokio::test]
async fn a_body_over_the_cap_is_lost_announced_or_not() {
    let long = [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n1234\r\n5\r\n12345\r\n",
    ];
    let fitting = [
        "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n12341234",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n1234\r\n4\r\n1234\r\n0\r\n\r\n",
    ];
    let limits = Limits { reply_cap: 8, ..PLENTY };
    for answer in long {
        let mut server = Server::start(move |mut wire| async move {
            wire.request().await;
            wire.say(answer).await;
            wire.closed().await;
        })
        .await;
        let why = lost(transport().send(charge(server.url("/charge")), limits).await);
        assert_eq!(why, "status 200 OK, and a body of more than 8 bytes");
        server.next().await;
        assert_eq!(server.next().await, "closed", "nothing more is read");
    }
    for answer in fitting {
        let server = Server::closing_after(answer).await;
        assert_eq!(transport().send(charge(server.url("/charge")), limits).await.unwrap().body, "12341234");
    }
}

#[tokio::test]
async fn redirects_and_failures_are_answers_and_nothing_is_sent_twice() {
    let answers = [
        (302, "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
        (307, "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
        (401, "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n"),
        (408, "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        (429, "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"),
        (500, "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\nsick"),
        (503, "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"),
        (204, "HTTP/1.1 204 No Content\r\n\r\n"),
    ];
    for (status, answer) in answers {
        let mut server = Server::answering(answer).await;
        let transport = transport();
        assert_eq!(transport.send(charge(server.url("/charge")), PLENTY).await.unwrap().status.as_u16(), status);
        // A request that comes after shows that nothing came between.
        transport.send(Request::new(Method::GET, server.url("/after")), PLENTY).await.unwrap();
        let paths: Vec<String> = server.seen().iter().map(|seen| seen.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(paths, ["POST /charge?key=secret1", "GET /after"], "{status}");
    }
}

#[tokio::test]
async fn an_answer_is_handed_over_byte_for_byte() {
    let server = Server::start(|mut wire| async move {
        wire.request().await;
        let head = b"HTTP/1.1 200 OK\r\nx-bytes: \xff\xfe\r\nx-two: 1\r\nx-two: 2\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n";
        wire.say(head).await;
        wire.say(b"\x00\xff\n").await;
    })
    .await;
    let reply = send(&server).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.headers.get("x-bytes"), Some(&HeaderValue::from_bytes(b"\xff\xfe").unwrap()));
    assert_eq!(reply.header("x-bytes"), None);
    assert_eq!(reply.headers.get_all("x-two").iter().count(), 2);
    assert_eq!(&reply.body[..], b"\x00\xff\n", "not decompressed, not decoded");
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_made() {
    let mut server = Server::answering("HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n").await;
    let transport = transport();
    transport.send(charge(server.url("/charge")), PLENTY).await.unwrap();
    let seen = server.next().await;
    assert!(seen.starts_with("POST /charge?key=secret1 HTTP/1.1\r\n") && seen.ends_with("\r\n\r\nsecret3"), "{seen}");
    assert!(seen.contains("authorization: Bearer secret2\r\n"), "{seen}");
    assert!(seen.contains(concat!("user-agent: paysluice/", env!("CARGO_PKG_VERSION"), "\r\n")), "{seen}");
    for unasked in ["accept-encoding", "cookie", "referer"] {
        assert!(!seen.contains(unasked), "{seen}");
    }
    transport.send(Request::new(Method::POST, server.url("/capture")), PLENTY).await.unwrap();
    let seen = server.next().await;
    assert!(seen.to_lowercase().contains("content-length: 0\r\n") && !seen.contains("cookie"), "{seen}");
    transport.send(Request::new(Method::GET, server.url("/query")), PLENTY).await.unwrap();
    let seen = server.next().await;
    assert!(!seen.contains("content-length") && !seen.contains("cookie"), "{seen}");
}
