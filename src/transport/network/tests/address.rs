//! Which addresses are sent to at all, and the way there: proxies and the time to connect.

use super::*;

#[tokio::test]
async fn plain_http_goes_to_this_machine_only_and_only_if_allowed() {
    let allowed = transport();
    for url in [
        "http://api.example/charge",
        "http://192.0.2.1/charge",
        "http://localhost.example/charge",
        "http://127.0.0.1.example/charge",
        "http://[2001:db8::1]/charge",
        "http://0.0.0.0/charge",
    ] {
        assert_eq!(proved_unsent(allowed.send(charge(url.to_owned()), PLENTY).await), "plain http to another machine", "{url}");
    }
    let mut server = Server::answering(OK).await;
    let strict = with(|config| config.allow_http_loopback = false);
    let why = proved_unsent(strict.send(charge(server.url("/charge")), PLENTY).await);
    assert_eq!(why, "plain http without network.allow_http_loopback");
    assert_eq!((server.seen(), server.connections()), (vec![], 0));
    let by_name = format!("http://localhost:{}/charge", server.address.port());
    assert_eq!(allowed.send(charge(by_name), PLENTY).await.unwrap().body, "ok");
}

#[tokio::test]
async fn an_address_that_is_none_is_unsent() {
    let cases = [
        ("/charge", "the address is not an absolute URL"),
        ("https://", "the address is not an absolute URL"),
        ("ftp://127.0.0.1/charge", "the address is neither https nor http"),
        ("data:text/plain,secret", "the address is neither https nor http"),
        ("https://secret@api.example/", "the address holds a user or password"),
        ("https://:secret@api.example/", "the address holds a user or password"),
    ];
    for (url, why) in cases {
        let request = Request::new(Method::POST, url);
        assert_eq!(proved_unsent(transport().send(request, PLENTY).await), why, "{url}");
    }
    let why = proved_unsent(transport().send(charge("https://{{host}}/charge".to_owned()), PLENTY).await);
    assert!(!why.contains("host}}"), "{why}");
}

#[tokio::test]
async fn a_send_without_time_is_unsent() {
    let server = Server::answering(OK).await;
    let limits = Limits { timeout: Duration::ZERO, ..PLENTY };
    assert_eq!(proved_unsent(transport().send(charge(server.url("/charge")), limits).await), "no time is left");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_connect_timeout_is_unsent_and_a_send_timeout_while_connecting_is_not() {
    // It takes the connection and never answers the TLS greeting.
    let server = Server::start(|mut wire| async move { wire.closed().await }).await;
    let url = format!("https://{}/charge", server.address);
    let quick = with(|config| config.connect_timeout = Duration::from_millis(50));
    let why = proved_unsent(quick.send(charge(url.clone()), PLENTY).await);
    assert!(why.starts_with("connecting took too long"), "{why}");
    let limits = Limits { timeout: Duration::from_millis(50), ..PLENTY };
    lost(transport().send(charge(url), limits).await);
}

#[tokio::test]
async fn a_proxy_is_used_for_others_and_its_refusal_is_unsent() {
    let mut proxy = Server::closing_after("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n").await;
    let server = Server::answering(OK).await;
    let address = format!("http://user:secret@{}", proxy.address);
    let transport = with(|config| config.proxy = Some(Secret::new(address)));
    proved_unsent(transport.send(charge("https://api.example/charge".to_owned()), PLENTY).await);
    let seen = proxy.next().await;
    assert!(seen.starts_with("CONNECT api.example:443 HTTP/1.1\r\n") && !seen.contains("secret"), "{seen}");
    assert!(seen.to_lowercase().contains("proxy-authorization: basic "), "{seen}");
    assert_eq!(transport.send(charge(server.url("/charge")), PLENTY).await.unwrap().body, "ok");
    assert_eq!(proxy.connections(), 1, "loopback goes without it");
    assert!(!format!("{transport:?}").contains("secret"));
}
