//! Marks behind PgBouncer, by a role that may do no more, under a stricter isolation; and the inbox's old marks removed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test program: a panic is its verdict")]
#![cfg(all(feature = "tokio-postgres", feature = "sqlx-0_8", feature = "sqlx-0_9"))]

mod served;

use std::time::Duration;

use paysluice_sqltx::{Inbox, Mark, StoreMarks};
use served::booking::{Booking, DRIVERS, End};
use served::{Place, pay};

/// PgBouncer in transaction mode gives every transaction another session of the server, with what others left in it.
#[tokio::test(flavor = "multi_thread")]
async fn behind_pgbouncer_in_transaction_mode_marks_are_made_by_every_driver() {
    let Ok(url) = std::env::var("PAYSLUICE_TEST_PGBOUNCER") else {
        eprintln!("not run: PAYSLUICE_TEST_PGBOUNCER names no PgBouncer before the server of PAYSLUICE_TEST_POSTGRES");
        return;
    };
    let place = Place::new().await;
    let bounced = Place { url, ..place.clone() };
    let (gateway, mut tellings) = place.heard().await;
    for round in 0..5 {
        for driver in DRIVERS {
            for way in place.ways() {
                pay(&gateway, &format!("{driver:?}-{way}-{round}")).await;
                let telling = tellings.next().await;
                let booking = Booking { place: &bounced, driver, way: &way, gate: None, end: End::Commit };
                let (one, other) = tokio::join!(booking.run(&telling.told), booking.run(&telling.told));
                assert!([(Mark::First, way.second()), (way.second(), Mark::First)].contains(&(one, other)));
                telling.answer(Ok(()));
            }
        }
    }
    assert_eq!(place.effects().await, 30);
    place.leave().await;
}

/// The grants that the documentation names for an application with a role of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_only_mark_marks() {
    let place = Place::new().await;
    let role = format!("r_{}", place.schema);
    place
        .run(&format!(
            "CREATE ROLE {role} LOGIN;
             GRANT USAGE ON SCHEMA {{schema}} TO {role};
             GRANT SELECT (kind, account, part, id, ver), UPDATE (ver, tries, due, keep, body, raw) ON {{schema}}.rows TO {role};
             GRANT USAGE ON SEQUENCE {{schema}}.versions TO {role};
             GRANT EXECUTE ON FUNCTION {{schema}}.clock() TO {role};
             GRANT USAGE ON SCHEMA shop_{{schema}} TO {role};
             GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shop_{{schema}} TO {role}"
        ))
        .await;
    let (_, after) = place.url.split_once('@').unwrap();
    let limited = Place { url: format!("postgres://{role}@{after}"), ..place.clone() };
    let (gateway, mut tellings) = place.heard().await;
    for way in place.ways() {
        pay(&gateway, &way.to_string()).await;
        let telling = tellings.next().await;
        let booking = Booking { place: &limited, driver: DRIVERS[0], way: &way, gate: None, end: End::Commit };
        assert_eq!(booking.run(&telling.told).await, Mark::First);
        telling.answer(Ok(()));
    }
    place.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_stricter_isolation_who_comes_second_is_given_an_error_and_has_done_nothing() {
    let place = Place::new().await;
    let (gateway, mut tellings) = place.heard().await;
    for way in place.ways() {
        pay(&gateway, &way.to_string()).await;
        let telling = tellings.next().await;
        let mut second = place.client().await;
        let mut tx = second.transaction().await.unwrap();
        tx.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.unwrap();
        let first = Booking { place: &place, driver: DRIVERS[0], way: &way, gate: None, end: End::Commit };
        assert_eq!(first.run(&telling.told).await, Mark::First);
        let refused = way.mark(&mut tx, &telling.told).await.unwrap_err();
        assert!(refused.to_string().contains("could not serialize"), "{refused}");
        telling.answer(Ok(()));
    }
    assert_eq!(place.effects().await, 2);
    place.leave().await;
}

/// A dispute that is updated twice is told twice under one effect key.
#[tokio::test(flavor = "multi_thread")]
async fn two_changes_under_one_effect_key_are_handled_each() {
    let place = Place::new().await;
    let (gateway, mut tellings) = place.heard().await;
    pay(&gateway, "a").await;
    let telling = tellings.next().await;
    let [_, way] = place.ways();
    let booking = Booking { place: &place, driver: DRIVERS[0], way: &way, gate: None, end: End::Commit };
    let mut later = telling.told.clone();
    later.payment.version += 1;
    let marks = [booking.run(&telling.told).await, booking.run(&later).await, booking.run(&later).await];
    assert_eq!(marks, [Mark::First, Mark::First, Mark::AlreadyHandled]);
    telling.answer(Ok(()));
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_marks_are_forgotten_and_young_ones_kept() {
    let place = Place::new().await;
    place
        .run(
            "INSERT INTO shop_{schema}.handled SELECT 'old' || n, 1, now() - interval '91 days' FROM generate_series(1, 5) AS n;
             INSERT INTO shop_{schema}.handled VALUES ('young', 1)",
        )
        .await;
    let inbox = Inbox::of(&place.shop()).unwrap();
    let mut client = place.client().await;
    let mut tx = client.transaction().await.unwrap();
    let age = Duration::from_secs(90 * 24 * 3600);
    assert_eq!(inbox.forget(&mut tx, age, 3).await.unwrap(), 3);
    assert_eq!(inbox.forget(&mut tx, age, 3).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert_eq!(place.count("SELECT count(*) FROM shop_{schema}.handled WHERE effect_key = 'young'").await, 1);
    // Made twice, it stays as it is.
    place.run(inbox.migration()).await;
    assert_eq!(place.count("SELECT count(*) FROM shop_{schema}.handled").await, 1);
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_an_error_in_one_line_without_what_was_bound() {
    let place = Place::new().await;
    let (gateway, mut tellings) = place.heard().await;
    pay(&gateway, "secret-order").await;
    let telling = tellings.next().await;
    let marks = StoreMarks::of("nowhere").unwrap();
    let mut client = place.client().await;
    let mut tx = client.transaction().await.unwrap();
    let error = marks.mark(&mut tx, &telling.told).await.unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(error.to_string().contains("nowhere") && !error.to_string().contains('\n'), "{error}");
    assert!(!told.contains("secret-order"), "{told}");
    drop(tx);
    telling.again();
    place.leave().await;
}
