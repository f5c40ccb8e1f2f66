//! What is marked in the application's transaction is handled once: with the commit, not without, and only by who holds it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test program: a panic is its verdict")]
#![cfg(all(feature = "tokio-postgres", feature = "sqlx-0_8", feature = "sqlx-0_9"))]

mod served;

use paysluice_sqltx::Mark;
use served::booking::{Booking, DRIVERS, Driver, End, Way};
use served::{Place, pay};
use tokio::sync::Barrier;

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_marks_once_and_a_lost_answer_makes_no_second_effect() {
    let place = Place::new().await;
    let (gateway, mut tellings) = place.heard().await;
    for (driver, way) in drivers_and_ways(&place) {
        let before = place.effects().await;
        pay(&gateway, &format!("{driver:?}-{way}")).await;
        let telling = tellings.next().await;
        let booking = Booking { place: &place, driver, way: &way, gate: None, end: End::Commit };
        assert_eq!(booking.run(&telling.told).await, Mark::First);
        if let Way::Store(_) = way {
            assert_eq!(place.untold().await, 0, "{driver:?}: marked by the very commit");
        }
        // The application has not heard that its commit was done.
        telling.again();
        if let Way::Inbox(_) = way {
            let telling = tellings.next_after_the_wait(&place).await;
            assert_eq!(booking.run(&telling.told).await, Mark::AlreadyHandled);
            telling.answer(Mark::AlreadyHandled.refused().unwrap());
        }
        // A process is told its next batch when it has written what became of the last.
        pay(&gateway, &format!("{driver:?}-{way}-next")).await;
        let next = tellings.next().await;
        assert_eq!((place.effects().await, place.untold().await), (before + 1, 1), "{driver:?} {way}");
        next.answer(Ok(()));
    }
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_commit_it_is_not_marked_and_is_told_again() {
    let place = Place::new().await;
    let (gateway, mut tellings) = place.heard().await;
    for (driver, way) in drivers_and_ways(&place) {
        for end in [End::RollBack, End::Broken] {
            let before = place.effects().await;
            pay(&gateway, &format!("{driver:?}-{way}-{end:?}")).await;
            let telling = tellings.next().await;
            let booking = Booking { place: &place, driver, way: &way, gate: None, end };
            assert_eq!(booking.run(&telling.told).await, Mark::First);
            assert_eq!((place.effects().await, place.untold().await), (before, 1), "{driver:?} {way} {end:?}");
            telling.again();
            let telling = tellings.next_after_the_wait(&place).await;
            assert_eq!(telling.told.hold().unwrap().tries(), 2);
            assert_eq!(Booking { end: End::Commit, ..booking }.run(&telling.told).await, Mark::First);
            assert_eq!(place.effects().await, before + 1, "{driver:?} {way} {end:?}");
            telling.answer(Ok(()));
        }
    }
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_race_for_one_change_one_does_its_work_fifty_times_over() {
    let place = Place::new().await;
    let (gateway, mut tellings) = place.heard().await;
    for (driver, way) in drivers_and_ways(&place) {
        for round in 0..50 {
            let before = place.effects().await;
            pay(&gateway, &format!("{driver:?}-{way}-{round}")).await;
            let telling = tellings.next().await;
            let gate = Barrier::new(2);
            let one = Booking { place: &place, driver, way: &way, gate: Some(&gate), end: End::Commit };
            let other = Booking { driver: driver.next(), ..one };
            let (a, b) = tokio::join!(one.run(&telling.told), other.run(&telling.told));
            assert!(
                [(Mark::First, way.second()), (way.second(), Mark::First)].contains(&(a, b)),
                "{driver:?} {way}: {a:?} {b:?}"
            );
            assert_eq!(place.effects().await, before + 1, "{driver:?} {way} round {round}");
            telling.answer(Ok(()));
        }
    }
    place.leave().await;
}

/// Another process is told what the first has still in hand. Either marks; who comes second does nothing, and in the store who is late
/// cannot even come first.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_late_marks_nothing_in_the_store_and_nobody_does_the_work_twice() {
    let place = Place::new().await;
    for (driver, way) in drivers_and_ways(&place) {
        let before = place.effects().await;
        let (gateway, mut tellings) = place.heard().await;
        pay(&gateway, &format!("{driver:?}-{way}")).await;
        let late = tellings.next().await;
        let (_other, mut others) = place.heard().await;
        place.later(61).await;
        let now = others.next().await;
        assert_eq!(now.told.hold().unwrap().tries(), 2);
        let booking = Booking { place: &place, driver, way: &way, gate: None, end: End::Commit };
        let marks = (booking.run(&late.told).await, booking.run(&now.told).await);
        match way {
            Way::Store(_) => assert_eq!(marks, (Mark::NotHeld, Mark::First), "{driver:?}"),
            Way::Inbox(_) => assert_eq!(marks, (Mark::First, Mark::AlreadyHandled), "{driver:?}"),
        }
        assert_eq!(place.effects().await, before + 1, "{driver:?} {way}");
        late.answer(Ok(()));
        now.answer(Ok(()));
    }
    place.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_in_a_store_where_the_change_is_not_asks_to_be_told_again() {
    let (place, elsewhere) = (Place::new().await, Place::new().await);
    let (gateway, mut tellings) = place.heard().await;
    pay(&gateway, "a").await;
    let telling = tellings.next().await;
    let [way, _] = elsewhere.ways();
    for driver in DRIVERS {
        let mark = Booking { place: &place, driver, way: &way, gate: None, end: End::Commit }.run(&telling.told).await;
        assert!(mark.refused().unwrap().is_err());
    }
    assert_eq!((place.effects().await, place.untold().await), (0, 1));
    telling.answer(Ok(()));
    place.leave().await;
    elsewhere.leave().await;
}

fn drivers_and_ways(place: &Place) -> Vec<(Driver, Way)> {
    DRIVERS.into_iter().flat_map(|driver| place.ways().map(|way| (driver, way))).collect()
}
