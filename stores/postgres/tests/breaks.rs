//! What breaks on the way: a connection cut before or after the server has heard, and sessions ended by the server.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test program: a panic is its verdict")]

mod served;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use paysluice::store::{Commit, Expect, Store, StoreErrorKind};
use paysluice_postgres::{Options, PostgresStore};
use served::{Place, key, new_op, put};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn};

/// What the wire does with the next commit that passes.
const WHOLE: u8 = 0;
const CUT_BEFORE: u8 = 1;
const CUT_AFTER: u8 = 2;
const SILENT: u8 = 3;
/// Not the next commit only: whatever is said, and whoever comes, until it is changed.
const AWAY: u8 = 4;

/// A wire between the store and the server that can be cut in the midst of a commit.
#[derive(Clone, Debug)]
struct Wire {
    here: SocketAddr,
    next: Arc<AtomicU8>,
}

impl Wire {
    async fn to(url: &str) -> Self {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let tokio_postgres::config::Host::Tcp(host) = config.get_hosts().first().unwrap().clone() else {
            panic!("the tests' server is reached by TCP")
        };
        let port = *config.get_ports().first().unwrap_or(&5432);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self { here: listener.local_addr().unwrap(), next: Arc::default() };
        let next = wire.next.clone();
        spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if next.load(Ordering::SeqCst) == AWAY {
                    continue;
                }
                let server = TcpStream::connect((host.as_str(), port)).await.unwrap();
                spawn(carry(client, server, next.clone()));
            }
        });
        wire
    }

    fn url(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (user, place) = rest.split_once('@').unwrap();
        let (_, database) = place.split_once('/').unwrap();
        format!("{scheme}://{user}@{}/{database}", self.here)
    }

    async fn store(&self, place: &Place, options: Options) -> PostgresStore {
        PostgresStore::connect(&self.url(&place.url), options).await.unwrap()
    }
}

/// Carries bytes both ways, and does once what is asked when a commit's statement comes by.
async fn carry(mut client: TcpStream, mut server: TcpStream, next: Arc<AtomicU8>) {
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    let mut silent = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                if next.load(Ordering::SeqCst) == AWAY {
                    return;
                }
                let is_commit = up[..count].windows(8).any(|word| word == b".commit(");
                let fate = if is_commit { next.swap(WHOLE, Ordering::SeqCst) } else { WHOLE };
                if fate == CUT_BEFORE {
                    return;
                }
                silent |= fate == SILENT;
                server.write_all(&up[..count]).await.unwrap();
                if fate == CUT_AFTER {
                    // The server answers when it has committed; the client never hears it.
                    let _ = server.read(&mut down).await;
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                if !silent && client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_in_mid_commit_is_replaced_and_the_row_is_written_once() {
    let place = Place::new().await;
    let wire = Wire::to(&place.url).await;
    let store = wire.store(&place, place.options.clone()).await;
    for (fate, id) in [(CUT_BEFORE, "before"), (CUT_AFTER, "after")] {
        wire.next.store(fate, Ordering::SeqCst);
        let op = new_op();
        let answer = store.commit(op, &[put(id, Expect::Absent, "{}")]).await.unwrap();
        assert_eq!(wire.next.load(Ordering::SeqCst), WHOLE, "the wire was cut");
        let ver = store.get(&key(id)).await.unwrap().unwrap().ver;
        assert_eq!(answer, Commit::Done(vec![ver]));
        assert_eq!(store.commit(op, &[put(id, Expect::Absent, "{}")]).await.unwrap(), answer);
    }
    let seen = place.client().await.query_one(&format!("SELECT count(*) FROM {}.ops", place.options.schema), &[]).await.unwrap();
    assert_eq!(seen.get::<_, i64>(0), 2);
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_given_up_on_and_the_same_op_tells_later_what_it_did() {
    let place = Place::new().await;
    let wire = Wire::to(&place.url).await;
    let patience = Duration::from_millis(300);
    let store = wire.store(&place, Options { patience, ..place.options.clone() }).await;
    wire.next.store(SILENT, Ordering::SeqCst);
    let op = new_op();
    let error = store.commit(op, &[put("a", Expect::Absent, "{}")]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    let answer = store.commit(op, &[put("a", Expect::Absent, "{}")]).await.unwrap();
    assert_eq!(answer, Commit::Done(vec![store.get(&key("a")).await.unwrap().unwrap().ver]));
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_for_a_moment_is_waited_for_and_not_for_longer_than_patience() {
    let place = Place::new().await;
    let wire = Wire::to(&place.url).await;
    let (patient, hasty) = (Duration::from_secs(20), Duration::from_millis(400));
    let store = wire.store(&place, Options { patience: patient, ..place.options.clone() }).await;
    wire.next.store(AWAY, Ordering::SeqCst);
    let back = wire.next.clone();
    spawn(async move {
        tokio::time::sleep(Duration::from_millis(700)).await;
        back.store(WHOLE, Ordering::SeqCst);
    });
    let (rows, other) = ([put("a", Expect::Absent, "{}")], key("b"));
    let (committed, read) = tokio::join!(store.commit(new_op(), &rows), store.get(&other));
    assert!(matches!(committed, Ok(Commit::Done(_))) && matches!(read, Ok(None)), "{committed:?} {read:?}");

    let store = wire.store(&place, Options { patience: hasty, ..place.options.clone() }).await;
    wire.next.store(AWAY, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(store.get(&key("a")).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    }
    wire.next.store(WHOLE, Ordering::SeqCst);
    assert!(store.get(&key("a")).await.unwrap().is_some());
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_the_server_ends_lose_nothing() {
    let place = Place::new().await;
    let store = place.store().await;
    let mut inserts = JoinSet::new();
    for n in 0..16 {
        let store = store.clone();
        inserts.spawn(async move {
            let mut done = Vec::new();
            for round in 0..200 {
                let (op, id) = (new_op(), format!("{n}-{round}"));
                loop {
                    match store.commit(op, &[put(&id, Expect::Absent, "{}")]).await {
                        Ok(Commit::Done(vers)) => break done.push((id, vers)),
                        Ok(lost) => panic!("written twice: {lost:?}"),
                        Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}"),
                    }
                }
            }
            done
        });
    }
    let client = place.client().await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'paysluice' AND query LIKE '%' || $1 || '%'";
    let mut ended = 0;
    while ended < 20 {
        ended += client.query(end, &[&place.options.schema]).await.unwrap().len();
        tokio::task::yield_now().await;
    }
    for (id, vers) in inserts.join_all().await.into_iter().flatten() {
        assert_eq!(vec![store.get(&key(&id)).await.unwrap().unwrap().ver], vers);
    }
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_too_long_is_not_waited_for_and_claims_pass_it_over() {
    let place = Place::new().await;
    let store = PostgresStore::connect(&place.url, Options { patience: Duration::from_millis(300), ..place.options.clone() })
        .await
        .unwrap();
    store
        .commit(new_op(), &[paysluice::store::Put { due_in: Some(Duration::ZERO), ..put("a", Expect::Absent, "{}") }])
        .await
        .unwrap();
    let holder = place.client().await;
    holder.batch_execute(&format!("BEGIN; SELECT 1 FROM {}.rows FOR UPDATE", place.options.schema)).await.unwrap();
    assert_eq!(store.claim_due(&key("a").space, 9, Duration::from_secs(1)).await.unwrap(), vec![]);
    let error = store.commit(new_op(), &[put("a", Expect::Absent, "{}")]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    holder.batch_execute("ROLLBACK").await.unwrap();
    // The commit that was given up is cancelled a moment after its caller is told, and may hold the row until then.
    let mut claimed = 0;
    for _ in 0..100 {
        claimed = store.claim_due(&key("a").space, 9, Duration::from_secs(60)).await.unwrap().len();
        if claimed > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(claimed, 1);
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_others_hold_does_not_hold_up_those_in_its_group() {
    let place = Place::new().await;
    let options = Options { lanes: 1, ..place.options.clone() };
    let store = PostgresStore::connect(&place.url, options).await.unwrap();
    store.commit(new_op(), &[put("held", Expect::Absent, "{}")]).await.unwrap();
    let holder = place.client().await;
    holder.batch_execute(&format!("BEGIN; SELECT 1 FROM {}.rows FOR UPDATE", place.options.schema)).await.unwrap();
    // The first goes alone and keeps the only lane; the others share the next transaction.
    let mut callers = JoinSet::new();
    for id in ["first", "held", "a", "b", "c"] {
        let store = store.clone();
        callers.spawn(async move { (id, store.commit(new_op(), &[put(id, Expect::Absent, "{}")]).await) });
    }
    let mut held = None;
    while let Some(told) = callers.join_next().await {
        match told.unwrap() {
            ("held", answer) => held = Some(answer),
            (id, answer) => assert!(matches!(answer, Ok(Commit::Done(_))), "{id}: {answer:?}"),
        }
    }
    assert_eq!(held.unwrap().unwrap_err().kind(), StoreErrorKind::Unavailable);
    holder.batch_execute("ROLLBACK").await.unwrap();
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_behind_the_statement_of_a_caller_who_went_away() {
    let place = Place::new().await;
    let options = Options { connections: 1, patience: Duration::from_secs(2), ..place.options.clone() };
    let store = PostgresStore::connect(&place.url, options).await.unwrap();
    store.commit(new_op(), &[put("held", Expect::Absent, "{}")]).await.unwrap();
    let holder = place.client().await;
    holder.batch_execute(&format!("BEGIN; SELECT 1 FROM {}.rows FOR UPDATE", place.options.schema)).await.unwrap();
    let held = [put("held", Expect::Absent, "{}")];
    assert!(tokio::time::timeout(Duration::from_millis(200), store.commit(new_op(), &held)).await.is_err());
    assert!(store.get(&key("held")).await.unwrap().is_some());
    holder.batch_execute("ROLLBACK").await.unwrap();
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_answer_a_server_that_may_not_write_does_not_mean_that_nothing_was_written() {
    let place = Place::new().await;
    let role = format!("r_{}", place.options.schema);
    place.run(&format!("CREATE ROLE {role} LOGIN SUPERUSER")).await;
    let (_, after) = place.url.split_once('@').unwrap();
    let url = format!("postgres://{role}@{after}");
    let wire = Wire::to(&url).await;
    let options = Options { connections: 1, ..place.options.clone() };
    let store = PostgresStore::connect(&wire.url(&url), options.clone()).await.unwrap();
    // Holds for sessions to come, as after a failover to a standby.
    place.run(&format!("ALTER ROLE {role} SET default_transaction_read_only = on")).await;
    let (op, puts) = (new_op(), [put("a", Expect::Absent, "{}")]);
    wire.next.store(CUT_AFTER, Ordering::SeqCst);
    let error = store.commit(op, &puts).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert_eq!(store.commit(new_op(), &puts).await.unwrap_err().kind(), StoreErrorKind::Full);
    let mended = place.store().await;
    assert_eq!(mended.commit(op, &puts).await.unwrap(), Commit::Done(vec![mended.get(&key("a")).await.unwrap().unwrap().ver]));
    drop(store);
    place.run(&format!("DROP ROLE {role}")).await;
    place.leave().await;
}
