//! TLS to a real server: who is vouched for by the authority that the URL names is spoken to, and nobody else, not even in plaintext.
#![allow(clippy::unwrap_used, reason = "a test program: a panic is its verdict")]

mod served;

use std::path::Path;

use paysluice::store::{Commit, Expect, Store, StoreErrorKind};
use paysluice_postgres::PostgresStore;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use served::{Place, key, new_op, put, started_for};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Gives the server a certificate for `localhost` and turns its TLS on. Its files must be its own user's, so it writes them itself.
async fn certify(place: &Place, authority: &CertifiedIssuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    for (file, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
        let lines = text.replace("\r\n", "\n");
        place
            .run(&format!(
                "COPY (SELECT line FROM unnest(string_to_array('{}', E'\\n')) WITH ORDINALITY AS t (line, n) ORDER BY n)
                 TO PROGRAM 'umask 077; cat > {file}'",
                lines.trim_end()
            ))
            .await;
    }
    place.run("ALTER SYSTEM SET ssl = on").await;
    place.run("SELECT pg_reload_conf()").await;
    let client = place.client().await;
    while client.query_one("SHOW ssl", &[]).await.unwrap().get::<_, String>(0) != "on" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_authority_is_believed_and_another_or_another_name_is_not() {
    let why = "the settings of your server are not ours to change; `cargo xtask test` without it starts one for this";
    let Some(url) = started_for("PAYSLUICE_TEST_POSTGRES_CRASH_URL", why) else { return };
    let place = Place::at(url.clone()).await;
    let (right, wrong) = (authority(), authority());
    certify(&place, &right).await;
    let folder = tempfile::TempDir::new().unwrap();
    let [right_file, wrong_file] = ["right.pem", "wrong.pem"].map(|name| folder.path().join(name));
    std::fs::write(&right_file, right.pem()).unwrap();
    std::fs::write(&wrong_file, wrong.pem()).unwrap();
    let to = |host: &str, mode: &str, roots: &Path| {
        let named = url.replace("127.0.0.1", host);
        format!("{named}?sslmode={mode}&sslrootcert={}", roots.display())
    };

    for mode in ["require", "verify-ca", "verify-full"] {
        let store = PostgresStore::connect(&to("localhost", mode, &right_file), place.options.clone()).await.unwrap();
        assert!(matches!(store.commit(new_op(), &[put(mode, Expect::Absent, "{}")]).await.unwrap(), Commit::Done(_)));
        assert!(store.get(&key(mode)).await.unwrap().is_some());
        let secret =
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'paysluice'";
        assert!(place.client().await.query_one(secret, &[]).await.unwrap().get::<_, i64>(0) > 0, "{mode}: in plaintext");
        for refused in [to("localhost", mode, &wrong_file), to("127.0.0.1", mode, &right_file)] {
            let error = PostgresStore::connect(&refused, place.options.clone()).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{refused}: {error}");
            assert!(error.to_string().contains("certificate"), "{refused}: {error}");
        }
    }
    place.run("ALTER SYSTEM RESET ssl").await;
    place.run("SELECT pg_reload_conf()").await;
    place.leave().await;
}
