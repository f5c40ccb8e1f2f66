//! Laws of `page_due`: what is or will be due and nothing else, by name, and a walk that claims and puts do not lead astray.

use std::time::Duration;

use super::Bench;
use super::ground::{Ground, SECOND, insert, insert_due, insert_kept, names, over};
use crate::store::{Key, Put, SpaceKind};

/// Due now, due later and claimed are listed, by part and id; what was never due, is settled, has expired or is of another space is
/// not.
pub async fn due_pages_hold_what_is_or_will_be_due(bench: &dyn Bench) {
    let (ground, neighbour) = (Ground::new(bench), Ground::new(bench));
    ground.put(insert_due(&ground.intent("claimed"), 0)).await;
    let claimed = ground.claim(9, 600 * SECOND).await.pop().expect("due at once");
    let settled = ground.put(insert_due(&ground.intent("settled"), 30)).await;
    ground.put(over(&ground.intent("settled"), settled, "settled")).await;
    ground.put(insert(&ground.intent("never"))).await;
    let taken_up = ground.put(insert(&ground.intent("taken up"))).await;
    ground.put(Put { due_in: Some(60 * SECOND), ..over(&ground.intent("taken up"), taken_up, "again") }).await;
    ground.put(Put { due_in: Some(SECOND), ..insert_kept(&ground.intent("expired"), 5) }).await;
    ground.put(Put { due_in: Some(SECOND), ..insert_kept(&ground.intent("made anew"), 5) }).await;
    for (name, secs) in [("later", 3600), ("now", 0), ("B", 20)] {
        ground.put(insert_due(&ground.intent(name), secs)).await;
    }
    ground.put(insert_due(&ground.key(SpaceKind::Told, "order/x", "other kind"), 0)).await;
    neighbour.put(insert_due(&neighbour.intent("other account"), 0)).await;
    bench.advance(5 * SECOND).await;
    ground.put(insert(&ground.intent("made anew"))).await;

    let due = async |after: Option<&Key>, max| ground.store.page_due(&ground.intents(), after, max).await.unwrap();
    let expected = ["B", "claimed", "later", "now", "taken up"];
    assert_eq!(names(&due(None, 99).await), expected);
    assert_eq!(names(&due(None, 2).await), expected[..2]);
    assert_eq!(due(None, 0).await, vec![]);
    for (at, name) in expected.into_iter().enumerate() {
        assert_eq!(names(&due(Some(&ground.intent(name)), 99).await), expected[at + 1..]);
    }
    assert_eq!(names(&due(Some(&ground.intent("lazy")), 1).await), ["now"], "a page goes on after a key that has no row");
    let listed = due(None, 99).await;
    let shown = listed.iter().find(|row| row.key == claimed.key).expect("listed");
    assert_eq!((shown.ver, shown.tries, &shown.body), (claimed.ver, 1, &claimed.body));
    let seen = ground.get(&ground.intent("later")).await.expect("there");
    let shown = listed.iter().find(|row| row.key == seen.key).expect("listed");
    assert_eq!((shown.ver, &shown.body), (seen.ver, &seen.body));
    assert!(shown.due_in.is_some_and(|due_in| due_in > 3500 * SECOND));
}

/// While a walk goes on, rows are claimed, brought forward, put off and settled: each that stays due comes once, at its name's place.
pub async fn a_walk_over_what_is_due_misses_nothing_that_stays_due(bench: &dyn Bench) {
    let ground = Ground::new(bench);
    let name = |n: u32| format!("{n:02}");
    for n in 0..12 {
        // Times that run against the names.
        ground.put(insert_due(&ground.intent(&name(n)), u64::from(600 - 50 * n))).await;
    }
    let again = async |n: u32, due_in: Option<Duration>| {
        let key = ground.intent(&name(n));
        let ver = ground.get(&key).await.expect("there").ver;
        ground.put(Put { due_in, ..over(&key, ver, "again") }).await;
    };
    let (mut seen, mut at): (Vec<String>, Option<Key>) = (Vec::new(), None);
    while let Some(row) = ground.store.page_due(&ground.intents(), at.as_ref(), 1).await.unwrap().pop() {
        match seen.len() {
            1 => again(5, Some(Duration::ZERO)).await,
            2 => again(0, Some(7200 * SECOND)).await,
            3 => again(9, None).await,
            4 => assert_eq!(names(&ground.claim(1, 3600 * SECOND).await), ["05"]),
            5 => again(6, Some(9000 * SECOND)).await,
            7 => again(7, Some(Duration::ZERO)).await,
            _ => {}
        }
        seen.push(row.key.id.clone());
        assert!(seen.len() <= 12, "the walk ends: {seen:?}");
        at = Some(row.key);
    }
    let expected: Vec<String> = (0..12).filter(|n| *n != 9).map(name).collect();
    assert_eq!(seen, expected);
}
