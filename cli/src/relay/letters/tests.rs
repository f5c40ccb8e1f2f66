//! Letters: taken in once, fenced while claimed, kept when given up, sealed in every row.

use std::time::UNIX_EPOCH;

use paysluice::model::Secret;
use paysluice::store::MemoryStore;

use super::*;

const LEASE: Duration = Duration::from_secs(20);

fn letters(sealed: bool) -> (Letters, Arc<MemoryStore>) {
    let env = Env::simulated(1, UNIX_EPOCH + Duration::from_secs(1_000_000));
    let store = Arc::new(MemoryStore::new(env.clock().clone()));
    let sealer = Sealer::new([("k1".to_owned(), Secret::new(vec![7; 32]))]).unwrap();
    let account = "stripe:test:acct_1".parse().unwrap();
    (Letters::new(env, store.clone(), account, sealed.then_some(sealer)), store)
}

async fn claim(letters: &Letters) -> Option<Claimed> {
    letters.claim(8, LEASE).await.unwrap().pop()
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_taken_in_once_and_recognised_for_45_days_after() {
    let (letters, _) = letters(true);
    assert!(letters.take_in("evt_1", "a.b", b"{}").await.unwrap());
    assert!(!letters.take_in("evt_1", "a.b", b"{}").await.unwrap());
    let claimed = claim(&letters).await.unwrap();
    assert_eq!(letters.open(&claimed).unwrap(), "{}");
    letters.delivered(&claimed).await.unwrap();
    letters.env.sleep(REMEMBERED.saturating_sub(Duration::from_secs(1))).await;
    assert!(!letters.take_in("evt_1", "a.b", b"{}").await.unwrap() && claim(&letters).await.is_none());
    letters.env.sleep(Duration::from_secs(2)).await;
    assert_eq!(letters.purge(10).await.unwrap(), 1);
    assert!(letters.take_in("evt_1", "a.b", b"{}").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_process_held_comes_back_and_its_late_word_counts_for_nothing() {
    let (letters, _) = letters(true);
    letters.take_in("evt_1", "a.b", b"{}").await.unwrap();
    let first = claim(&letters).await.unwrap();
    assert!(claim(&letters).await.is_none());
    letters.env.sleep(LEASE).await;
    let second = claim(&letters).await.unwrap();
    letters.give_up(&first, "late").await.unwrap();
    assert_eq!(letters.given_up(None, 10).await.unwrap().len(), 0);
    letters.failed(&second, "answered 500", Duration::from_secs(5)).await.unwrap();
    assert!(claim(&letters).await.is_none());
    letters.env.sleep(Duration::from_secs(5)).await;
    let third = claim(&letters).await.unwrap();
    assert_eq!((third.letter.failed, third.letter.why.as_deref()), (1, Some("answered 500")));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_long_keeps_its_claim() {
    let (letters, _) = letters(true);
    letters.take_in("evt_1", "a.b", b"{}").await.unwrap();
    let mut claimed = claim(&letters).await.unwrap();
    for _ in 0..3 {
        letters.env.sleep(LEASE / 2).await;
        letters.hold(&mut claimed, LEASE).await.unwrap();
        assert!(claim(&letters).await.is_none());
    }
    letters.delivered(&claimed).await.unwrap();
    letters.env.sleep(2 * LEASE).await;
    assert!(claim(&letters).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_stays_until_it_is_replayed_from_the_start() {
    let (letters, _) = letters(true);
    letters.take_in("evt_1", "a.b", b"{}").await.unwrap();
    letters.give_up(&claim(&letters).await.unwrap(), "answered 410").await.unwrap();
    letters.env.sleep(2 * REMEMBERED).await;
    letters.purge(10).await.unwrap();
    assert_eq!(letters.given_up(None, 10).await.unwrap()[0].why.as_deref(), Some("answered 410"));
    letters.replay("evt_1").await.unwrap();
    assert!(letters.given_up(None, 10).await.unwrap().is_empty() && letters.replay("evt_1").await.is_err());
    let again = claim(&letters).await.unwrap();
    assert_eq!((again.letter.failed, letters.open(&again).unwrap()), (0, Bytes::from_static(b"{}")));
    // Given up a second time, also where the first mark is long gone.
    letters.give_up(&again, "answered 410").await.unwrap();
    letters.env.sleep(2 * REMEMBERED).await;
    assert!(letters.take_in("evt_1", "a.b", b"{}").await.unwrap());
    letters.give_up(&claim(&letters).await.unwrap(), "answered 404").await.unwrap();
    assert_eq!(letters.given_up(None, 10).await.unwrap()[0].why.as_deref(), Some("answered 404"));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_could_not_be_read_is_shown_and_never_forwarded() {
    let (letters, _) = letters(true);
    assert!(letters.keep_unread("evt_1", "no type").await.unwrap());
    assert!(!letters.keep_unread("evt_1", "no type").await.unwrap());
    assert!(claim(&letters).await.is_none());
    assert_eq!(letters.given_up(None, 10).await.unwrap()[0].name, None);
    assert!(letters.replay("evt_1").await.unwrap_err().contains("must send it again"));
}

#[tokio::test(start_paused = true)]
async fn no_row_shows_the_payers_data() {
    let (letters, store) = letters(true);
    letters.take_in("evt_1", "a.b", b"{\"email\":\"payer@shop.example\"}").await.unwrap();
    let rows = || async {
        let mut rows = store.page(&letters.space(SpaceKind::Relay), None, 10).await.unwrap();
        rows.extend(store.page(&letters.space(SpaceKind::Undelivered), None, 10).await.unwrap());
        String::from_utf8(rows.iter().flat_map(|row| row.body.to_vec()).collect()).unwrap()
    };
    assert!(!rows().await.contains("payer"));
    letters.give_up(&claim(&letters).await.unwrap(), "answered 410").await.unwrap();
    assert!(!rows().await.contains("payer") && rows().await.contains("evt_1"));
}

#[test]
fn the_id_is_the_deliverys_and_the_accounts() {
    let (letters, _) = letters(false);
    let id = letters.id("evt_1");
    assert!(id.len() == 36 && id == letters.id("evt_1") && id != letters.id("evt_2"));
    let other = Letters { account: "stripe:live:acct_1".parse().unwrap(), ..letters };
    assert_ne!(other.id("evt_1"), id);
}
