//! The law of clocks: a client whose own clock is hours wrong neither loses nor takes anything by it.

use super::Bench;
use super::ground::{Ground, SECOND, about, insert, insert_due, insert_kept, new_op, over};
use crate::store::{Commit, Put};

/// Times that a wrong client puts, claims it makes and ends it sets are those that a right client sees, ahead or behind.
pub async fn a_client_with_a_wrong_clock_does_no_harm(bench: &dyn Bench) {
    for wrong_by in [7200, -7200] {
        let right = Ground::new(bench);
        let wrong = Ground { store: bench.store_of_client(wrong_by), account: right.account.clone() };
        let key = right.intent("row");

        let ver = wrong.put(insert_due(&key, 60)).await;
        assert!(about(right.get(&key).await.expect("there").due_in, 60 * SECOND));
        assert_eq!((right.claim(9, SECOND).await, wrong.claim(9, SECOND).await), (vec![], vec![]));
        bench.advance(60 * SECOND).await;

        let held = wrong.claim(9, 60 * SECOND).await.pop().expect("due for everybody");
        assert_eq!(right.claim(9, SECOND).await, vec![], "the wrong client's lease holds");
        bench.advance(60 * SECOND).await;
        let taken = right.claim(9, 60 * SECOND).await.pop().expect("its lease has ended");
        assert_eq!(wrong.claim(9, SECOND).await, vec![], "and so does the right client's");
        assert!(ver < held.ver && held.ver < taken.ver);
        let late = [over(&key, held.ver, "late")];
        assert!(matches!(wrong.commit(&late).await, Commit::Lost { index: 0, current: Some(row) } if row.ver == taken.ver));
        let done = wrong.put(over(&key, taken.ver, "done")).await;

        let short = right.intent("short");
        wrong.put(insert_kept(&short, 60)).await;
        right.put(insert_kept(&right.intent("other"), 60)).await;
        bench.advance(50 * SECOND).await;
        assert_eq!(wrong.store.purge(&wrong.intents(), 9).await.unwrap(), 0);
        assert!(right.get(&short).await.is_some() && wrong.get(&right.intent("other")).await.is_some());
        bench.advance(10 * SECOND).await;
        assert_eq!((right.get(&short).await, wrong.get(&right.intent("other")).await), (None, None));

        let (op, renewed) = (new_op(), [Put { body: "renewed".into(), ..insert(&short) }]);
        let answer = wrong.store.commit(op, &renewed).await.unwrap();
        assert_eq!(right.store.commit(op, &renewed).await.unwrap(), answer);
        assert!(matches!(answer, Commit::Done(vers) if vers.first().is_some_and(|ver| *ver > done)));
    }
}
