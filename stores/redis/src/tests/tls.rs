//! TLS to a real server: who is vouched for by the machine's authorities is spoken to, and nobody else.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use paysluice::store::{Key, Space, SpaceKind, Store};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use super::server::{Own, account, env};
use crate::{RedisStore, StoreOptions};

const URL: &str = "PAYSLUICE_TEST_REDIS_TLS";

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Does nothing as a test; as a child, whose machine trusts other authorities, it asks for a row.
#[tokio::test]
async fn the_work_of_a_child() {
    let Ok(url) = std::env::var(URL) else { return };
    let store = RedisStore::open(&url, &env(), StoreOptions { timeout: Duration::from_secs(10), ..Default::default() }).unwrap();
    let account = account();
    let key = Key { space: Space::new(SpaceKind::Intent, &account), part: "order/a".into(), id: "a".into() };
    match store.get(&key).await {
        Ok(row) => println!("told: {row:?}"),
        Err(error) => println!("told: {:?}: {error}", error.kind()),
    }
}

/// What a process is told whose machine trusts the authorities in that file.
fn told(url: &str, trusted: &Path) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "tests::tls::the_work_of_a_child", "--nocapture"]).env(URL, url);
    let output = child.env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_once("told: ").expect(&said).1.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn the_right_authority_is_believed_and_another_or_another_name_is_not() {
    let (right, wrong) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &right).unwrap();
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (right, wrong) = (file("right.pem", right.pem()), file("wrong.pem", wrong.pem()));
    let (certificate, key) = (file("server.pem", certificate.pem()), file("key.pem", key.serialize_pem()));
    let port = Own::free_port().to_string();
    let files = [&certificate, &key, &right].map(|file| file.display().to_string());
    let own = Own::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &files[0],
        "--tls-key-file",
        &files[1],
        "--tls-ca-cert-file",
        &files[2],
        "--tls-auth-clients",
        "no",
    ])
    .await;
    let url = format!("rediss://localhost:{port}");
    assert_eq!(told(&url, &right), "None");
    for refused in [told(&url, &wrong), told(&url.replace("localhost", "127.0.0.1"), &right)] {
        assert!(refused.starts_with("Unavailable") && refused.contains("certificate"), "{refused}");
    }
    drop(own);
}
