//! Bodies come back byte by byte, JSON is read by SQL, and what the server cannot take spoils nobody else's commit.
#![allow(clippy::unwrap_used, reason = "a test program: a panic is its verdict")]

mod served;

use paysluice::store::{Commit, Expect, Store, StoreErrorKind};
use served::{Place, key, new_op, put};
use tokio::task::JoinSet;

#[tokio::test]
async fn json_of_every_kind_comes_back_byte_by_byte() {
    let place = Place::new().await;
    let store = place.store().await;
    let deep = format!("{}{}", "[".repeat(256), "]".repeat(256));
    let deeper = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies = [
        r#"{"b":1, "a":2,"a" : 3}"#,
        r#""\u0000 \ud800 \/""#,
        "1e400",
        "-0.0",
        " \t\r\n{}\n",
        "\"\u{7f} 中文 \u{1f600}\"",
        "",
        "{",
        "no JSON",
        "\0",
        &deep,
        &deeper,
    ];
    for (body, n) in bodies.iter().zip(0..) {
        let id = format!("{n}");
        store.commit(new_op(), &[put(&id, Expect::Absent, (*body).to_owned())]).await.unwrap();
        assert_eq!(store.get(&key(&id)).await.unwrap().unwrap().body, *body);
    }
    let read = format!("SELECT body->>'b' FROM {}.rows WHERE id = '0'", place.options.schema);
    assert_eq!(place.client().await.query_one(&read, &[]).await.unwrap().get::<_, String>(0), "1");
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_server_cannot_take_spoils_no_other_commit() {
    let place = Place::new().await;
    let store = place.store().await;
    let mut commits = JoinSet::new();
    for n in 0..40 {
        let store = store.clone();
        commits.spawn(async move {
            let id = if n % 8 == 0 { format!("{n}\0") } else { format!("{n}") };
            (n, store.commit(new_op(), &[put(&id, Expect::Absent, "{}")]).await)
        });
    }
    for (n, answer) in commits.join_all().await {
        match answer {
            Ok(Commit::Done(_)) => assert_ne!(n % 8, 0),
            Err(error) => assert_eq!((n % 8, error.kind()), (0, StoreErrorKind::Refused), "{error}"),
            lost @ Ok(_) => panic!("{n}: {lost:?}"),
        }
    }
    place.leave().await;
}
