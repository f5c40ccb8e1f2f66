//! TLS: whom we trust, who we say we are, and whose end of a body counts.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    /// A server's side of TLS for `name` that speaks `alpn`, and asks for a certificate of this authority if `mutual`.
    fn acceptor(&self, name: &str, mutual: bool, alpn: &[&str]) -> TlsAcceptor {
        let (certificate, key) = self.issue(name, ExtendedKeyUsagePurpose::ServerAuth);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from(self.0.der().to_vec())).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Takes one request of each connection, says `answer`, and closes with or without saying so.
    async fn serve(&self, name: &str, mutual: bool, answer: &'static str, goodbye: bool) -> Server {
        let acceptor = self.acceptor(name, mutual, &["http/1.1"]);
        Server::start(move |wire| {
            let acceptor = acceptor.clone();
            async move {
                let (events, number) = (wire.events.clone(), wire.number);
                let Ok(stream) = acceptor.accept(wire.stream).await else { return };
                let mut wire = server::Wire { stream, number, events };
                wire.request().await;
                wire.say(answer).await;
                if goodbye {
                    let _ = wire.stream.shutdown().await;
                }
            }
        })
        .await
    }
}

async fn send_tls(transport: &NetworkTransport, server: &Server) -> Result<Reply, TransportError> {
    transport.send(charge(format!("https://localhost:{}/charge", server.address.port())), PLENTY).await
}

fn trusting(authority: &Authority) -> NetworkTransport {
    with(|config| config.extra_ca = vec![Pem::Text(authority.pem())])
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_unsent() {
    let mut server = Authority::new().serve("localhost", false, OK, true).await;
    let why = proved_unsent(send_tls(&transport(), &server).await);
    assert!(why.contains("certificate"), "{why}");
    proved_unsent(send_tls(&trusting(&Authority::new()), &server).await);
    assert_eq!(server.seen(), [""; 0]);
}

#[tokio::test]
async fn an_authority_can_be_added_as_text_or_file() {
    let authority = Authority::new();
    let server = authority.serve("localhost", false, OK, true).await;
    assert_eq!(send_tls(&trusting(&authority), &server).await.unwrap().body, "ok");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    let by_file = with(|config| config.extra_ca = vec![Pem::File(path)]);
    assert_eq!(send_tls(&by_file, &server).await.unwrap().body, "ok");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_unsent() {
    let authority = Authority::new();
    let mut server = authority.serve("other.example", false, OK, true).await;
    proved_unsent(send_tls(&trusting(&authority), &server).await);
    assert_eq!(server.seen(), [""; 0]);
}

#[tokio::test]
async fn we_show_our_certificate_and_without_it_the_charge_is_lost() {
    let authority = Authority::new();
    let mut server = authority.serve("localhost", true, OK, true).await;
    // TLS 1.3 lets us write before the server has judged: no proof that it did not read.
    lost(send_tls(&trusting(&authority), &server).await);
    assert_eq!(server.seen(), [""; 0]);
    let (certificate, key) = authority.issue("merchant", ExtendedKeyUsagePurpose::ClientAuth);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("identity.pem");
    std::fs::write(&path, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
    let known = with(|config| {
        config.extra_ca = vec![Pem::Text(authority.pem())];
        config.identity = Some(path);
    });
    assert_eq!(send_tls(&known, &server).await.unwrap().body, "ok");
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_whole_only_if_tls_says_so() {
    const OPEN_ENDED: &str = "HTTP/1.1 200 OK\r\n\r\nall of it";
    let authority = Authority::new();
    let transport = trusting(&authority);
    let polite = authority.serve("localhost", false, OPEN_ENDED, true).await;
    assert_eq!(send_tls(&transport, &polite).await.unwrap().body, "all of it");
    let cut = authority.serve("localhost", false, OPEN_ENDED, false).await;
    lost(send_tls(&transport, &cut).await);
}

/// A server of HTTP/2 that refuses every stream "before any processing" (RFC 9113, 8.7) and tells `refused` each time.
async fn refusing_streams(authority: &Authority) -> Server {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const HEADERS: u8 = 1;
    let acceptor = authority.acceptor("localhost", false, &["h2"]);
    Server::start(move |wire| {
        let acceptor = acceptor.clone();
        async move {
            let events = wire.events.clone();
            let Ok(mut stream) = acceptor.accept(wire.stream).await else { return };
            let mut preface = [0; 24];
            stream.read_exact(&mut preface).await.unwrap();
            stream.write_all(&SETTINGS).await.unwrap();
            let mut head = [0; 9];
            while stream.read_exact(&mut head).await.is_ok() {
                let [a, b, c, kind, _, id @ ..] = head;
                let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
                stream.read_exact(&mut payload).await.unwrap();
                if kind == HEADERS {
                    events.send("refused".to_owned()).unwrap();
                    let reset = [&[0, 0, 4, 3, 0][..], &id, &[0, 0, 0, 7]].concat();
                    stream.write_all(&reset).await.unwrap();
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_refused_stream_of_http_2_is_lost_and_not_sent_again() {
    let authority = Authority::new();
    let mut server = refusing_streams(&authority).await;
    let why = lost(send_tls(&trusting(&authority), &server).await);
    assert!(why.contains("refused stream"), "{why}");
    assert_eq!((server.seen(), server.connections()), (vec!["refused".to_owned()], 1));
}

#[tokio::test]
async fn http_2_is_not_spoken_where_it_is_switched_off() {
    let authority = Authority::new();
    let mut server = refusing_streams(&authority).await;
    let transport = with(|config| {
        config.extra_ca = vec![Pem::Text(authority.pem())];
        config.http1_only = true;
    });
    let why = proved_unsent(send_tls(&transport, &server).await);
    assert!(why.contains("NoApplicationProtocol"), "{why}");
    assert_eq!(server.seen(), [""; 0]);
}
