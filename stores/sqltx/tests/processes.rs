//! Real processes that are told the same: killed on either side of their commit, and racing while their leases end under them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test program: a panic is its verdict")]
#![cfg(all(feature = "tokio-postgres", feature = "sqlx-0_8", feature = "sqlx-0_9"))]

mod served;

use std::env;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use paysluice::env::BoxFuture;
use paysluice::gateway::{Handler, TellAgain, Told};
use paysluice_sqltx::Mark;
use served::booking::{Booking, DRIVERS, Driver, End, Way};
use served::{Ear, PATIENCE, Place, ROUNDS, pay};
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;

const WORK: &str = "PAYSLUICE_TEST_CHILD";

/// A shop's process. It lives until its input ends, or what it was asked to do ends it.
fn child(place: &Place, driver: Driver, way: usize, end: End) -> Child {
    let work = format!("{} {} {} {way} {}", place.url, place.schema, place_of(&DRIVERS, driver), place_of(&ENDS, end));
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_work_of_a_child"])
        .env(WORK, work)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

const ENDS: [End; 3] = [End::Commit, End::Dies, End::CommitsAndDies];

fn place_of<T: PartialEq>(all: &[T], one: T) -> usize {
    all.iter().position(|other| *other == one).unwrap()
}

#[derive(Debug)]
struct Shop {
    place: Place,
    driver: Driver,
    way: Way,
    end: End,
    /// Few tills: what is claimed waits for its turn, and its lease may end before.
    tills: Semaphore,
}

impl Handler for Shop {
    fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
        Box::pin(async move {
            let _till = self.tills.acquire().await.unwrap();
            let Self { place, driver, way, end, .. } = self;
            let mark = Booking { place, driver: *driver, way, gate: None, end: *end }.run(told).await;
            if mark != Mark::First {
                place.run(&format!("INSERT INTO shop_{{schema}}.refusals VALUES ('{}', '{mark:?}')", told.effect_key)).await;
            }
            mark.refused().unwrap_or(Ok(()))
        })
    }
}

/// Does nothing as a test; as a child it does the work it was started for.
#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_child() {
    let Ok(work) = env::var(WORK) else { return };
    let [url, schema, driver, way, end] = <[&str; 5]>::try_from(work.split(' ').collect::<Vec<_>>()).unwrap();
    let at = |word: &str| word.parse::<usize>().unwrap();
    let place = Place { url: url.to_owned(), schema: schema.to_owned() };
    let way = place.ways()[at(way)].clone();
    let shop = Shop { place: place.clone(), driver: DRIVERS[at(driver)], way, end: ENDS[at(end)], tills: Semaphore::new(3) };
    let _gateway = place.gateway(Arc::new(shop), true).await;
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
}

async fn ended(mut child: Child) -> ExitStatus {
    let wait = tokio::task::spawn_blocking(move || child.wait().unwrap());
    tokio::time::timeout(PATIENCE, wait).await.expect("the process ends").unwrap()
}

/// Charges orders in a process that does not tell.
async fn orders(place: &Place, names: impl IntoIterator<Item = String>) {
    let gateway = place.gateway(Arc::new(Ear::deaf()), false).await;
    for name in names {
        pay(&gateway, &name).await;
    }
}

/// Lets the store's time run, so that each lease ends at once, until nothing is left to tell; real processes need real time.
async fn all_told(place: &Place) {
    for _ in 0..ROUNDS {
        if place.untold().await == 0 {
            return;
        }
        place.later(61).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it is never told to the end")
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_its_commit_it_has_marked_and_killed_before_it_another_does_the_work() {
    for driver in DRIVERS {
        for way in 0..2 {
            for (end, done_by_the_first) in [(End::Dies, 0), (End::CommitsAndDies, 1)] {
                let place = Place::new().await;
                orders(&place, ["a".to_owned()]).await;
                let mut killed = child(&place, driver, way, end);
                let _open = killed.stdin.take();
                let status = ended(killed).await;
                assert_eq!(status.code(), None, "ended by a signal: {status}");
                assert_eq!(place.effects().await, done_by_the_first, "{driver:?} {way} {end:?}");
                let mut heir = child(&place, driver, way, End::Commit);
                all_told(&place).await;
                drop(heir.stdin.take());
                assert!(ended(heir).await.success());
                assert_eq!(place.effects().await, 1, "{driver:?} {way} {end:?}");
                place.leave().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_take_fifty_changes_from_each_other_do_each_once() {
    for driver in DRIVERS {
        for way in 0..2 {
            let place = Place::new().await;
            orders(&place, (0..50).map(|n| format!("o{n}"))).await;
            let children = [child(&place, driver, way, End::Commit), child(&place, driver.next(), way, End::Commit)];
            // Each lease ends at once: both are told all that is not handled yet.
            all_told(&place).await;
            for mut child in children {
                drop(child.stdin.take());
                assert!(ended(child).await.success());
            }
            let once = "SELECT count(*) FROM (SELECT 1 FROM shop_{schema}.effects GROUP BY effect_key HAVING count(*) = 1) AS e";
            let refused = place.count("SELECT count(*) FROM shop_{schema}.refusals").await;
            assert_eq!((place.effects().await, place.count(once).await), (50, 50), "{driver:?} {way}");
            assert!(refused > 0, "{driver:?} {way}: they never met");
            place.leave().await;
        }
    }
}
