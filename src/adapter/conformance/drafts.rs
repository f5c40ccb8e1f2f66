//! Laws of drafting and signing: decided once, sent byte for byte, refused where it cannot be said.

use super::Subject;
use super::line::{each_step, lines, stamp};
use crate::adapter::{Charge, Draft, Known, Ready, Reply, Seed, Signed};
use crate::model::{Currency, ErrorKind, Fate, IdempotencyKey, Money};

/// The same arguments give the same draft.
pub fn the_same_arguments_give_the_same_draft(subject: &dyn Subject) {
    for line in lines(subject) {
        let seed = line.seed("same-key");
        let (one, two) = (line.draft(&seed).unwrap(), line.draft(&seed).unwrap());
        assert_eq!(stored(&one), stored(&two), "{}", line.kind());
    }
}

/// Every step's key is `seed.key_of(step)`, and another seed's is another.
pub fn each_step_has_the_key_of_its_seed(subject: &dyn Subject) {
    each_step(subject, |line, step| {
        let (seed, other) = (line.seed("conformance-key-1"), line.seed("conformance-key-2"));
        assert_eq!(step.draft.key, seed.key_of(step.draft.step).unwrap(), "{} step {}", line.kind(), step.draft.step);
        assert_ne!(line.draft(&other).unwrap().key, line.draft(&seed).unwrap().key, "{}", line.kind());
    });
}

/// A draft that was stored reads back as it was.
pub fn a_stored_draft_reads_back_as_it_was(subject: &dyn Subject) {
    each_step(subject, |line, step| {
        let read: Draft = serde_json::from_str(&stored(&step.draft)).unwrap();
        assert_eq!(stored(&read), stored(&step.draft), "{}", line.kind());
    });
}

/// The key, the path and the body are the draft's, byte for byte, at every send.
pub fn every_send_carries_the_drafts_own_bytes(subject: &dyn Subject) {
    each_step(subject, |line, step| {
        for send in 1..=3 {
            match line.sign(&step.draft, &stamp(subject.now(), send)).unwrap() {
                Signed::Send(request) => {
                    assert!(
                        subject.carries(&request, &step.draft),
                        "{}: send {send} is not of its draft: {request:?}",
                        line.kind()
                    );
                }
                Signed::Present(seen) => assert!(seen.action.is_some(), "{}: nothing is sent and nothing shown", line.kind()),
            }
        }
    });
}

/// A draft of a format it does not know is refused, to send and to read by, and proves nothing.
pub fn an_unknown_format_is_refused(subject: &dyn Subject) {
    each_step(subject, |line, step| {
        let draft = Draft { format: 65_535, ..step.draft.clone() };
        let signed = line.sign(&draft, &stamp(subject.now(), 1));
        assert!(signed.is_err(), "{}: signed a draft of an unknown format", line.kind());
        let reply = step.reply.clone().unwrap_or_else(|| Reply::new(http::StatusCode::OK, "{}"));
        let failure = line.decode(&draft, &reply).err();
        let failure = failure.unwrap_or_else(|| panic!("{}: read by a draft of an unknown format", line.kind()));
        assert_eq!(failure.error.fate(), Fate::Unknown, "{}: {}", line.kind(), failure.error);
    });
}

/// Money that the currency's rule refuses is refused, by name and rule; what it allows is not refused for its amount.
pub fn money_is_refused_and_never_rounded(subject: &dyn Subject) {
    let profile = subject.adapter().profile();
    for currency in Currency::all() {
        let Some(rule) = (profile.currency)(currency) else {
            let error = draft_of(subject, Money::new(100_000, currency).unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{currency}: {error}");
            continue;
        };
        assert!(rule.step > 0 && rule.min > 0 && rule.min <= rule.max, "{currency}: {rule:?}");
        let minors = [0, 1, 5, 7, 11, 101, 1234, 99_999, 100_000, i64::MAX];
        let edges = [rule.min, rule.max].into_iter().filter_map(|amount| profile.from_provider(amount, currency).ok());
        let around = edges.flat_map(|money| [money.minor().saturating_sub(1), money.minor(), money.minor().saturating_add(1)]);
        for minor in minors.into_iter().chain(around) {
            let Ok(money) = Money::new(minor, currency) else { continue };
            match (profile.to_provider(money), draft_of(subject, money)) {
                (Ok(_), Ok(_)) => {}
                (Err(rule), Err(error)) => assert_eq!(error.kind(), rule.kind(), "{money}: {error}"),
                (Ok(amount), Err(error)) => panic!("{money} is {amount} units and was refused: {error}"),
                (Err(rule), Ok(_)) => panic!("{money} was drafted against the rule: {rule}"),
            }
        }
    }
}

fn draft_of(subject: &dyn Subject, money: Money) -> Result<Ready<Draft>, crate::model::Error> {
    let charge = Charge { money, ..subject.charge() };
    let profile = subject.adapter().profile();
    let number = profile.order_number.form(subject.adapter().account(), &charge.order_no, charge.attempt).unwrap();
    let seed = Seed { number, key: IdempotencyKey::new("money-key").unwrap(), born: subject.now() };
    subject.adapter().charge().draft(&charge, &Known::default(), &seed, &subject.granted())
}

fn stored(draft: &Draft) -> String {
    serde_json::to_string(draft).unwrap()
}
