//! Laws of reading: total over any bytes, no guess, no good news from garbage, no proof from a failing server.

use http::StatusCode;

use super::Subject;
use super::garbage::{Garbage, flipped};
use super::line::{Line, each_step, lines, walk};
use crate::adapter::{Decoded, Draft, Failure, Kind, Reply, Seen};
use crate::model::{ErrorKind, Fate, PartStatus, Status};

/// Each operation, answered well, ends with what the answer shows.
pub fn good_answers_lead_to_an_end(subject: &dyn Subject) {
    for line in lines(subject) {
        let replies = subject.replies(line.kind());
        let silent = replies.last().is_some_and(|reply| reply.body.is_empty());
        match walk(&*line, replies).1 {
            Some(Ok(Decoded::Done(seen))) => {
                assert!(*seen != Seen::default(), "{}: a good answer shows nothing", line.kind());
                assert!(silent || !seen.raw.is_empty(), "{}: the provider's own message is lost", line.kind());
            }
            Some(end) => panic!("{}: a good answer ended with {end:?}", line.kind()),
            None => assert!(!line.kind().asks(), "{}: nothing recorded for a question", line.kind()),
        }
    }
}

/// Reading is a function of its arguments.
pub fn the_same_answer_is_read_the_same(subject: &dyn Subject) {
    each_step(subject, |line, step| {
        let Some(reply) = &step.reply else { return };
        let (one, two) = (line.decode(&step.draft, reply), line.decode(&step.draft, reply));
        assert_eq!(format!("{one:?}"), format!("{two:?}"), "{}", line.kind());
    });
}

/// Any bytes with any status: no panic, and never a payment or part that is well.
pub fn garbage_is_never_good_news(subject: &dyn Subject) {
    let mut garbage = Garbage::new(1);
    each_step(subject, |line, step| {
        for status in 100..=599_u16 {
            let status = StatusCode::from_u16(status).unwrap();
            for body in [garbage.bytes(), garbage.bytes(), Vec::new(), b"{}".to_vec(), b"null".to_vec(), b"[]".to_vec()] {
                never_good(line, &step.draft, &Reply::new(status, body));
            }
            let Some(good) = &step.reply else { continue };
            never_good(
                line,
                &step.draft,
                &Reply { status, body: garbage.cut(&good.body).to_vec().into(), headers: good.headers.clone() },
            );
            // The right words under a status that takes them back.
            if !status.is_success() {
                never_good(line, &step.draft, &Reply { status, ..good.clone() });
            }
        }
    });
}

/// A good answer with one bit turned over: no panic.
pub fn a_damaged_answer_is_survived(subject: &dyn Subject) {
    each_step(subject, |line, step| {
        let Some(good) = &step.reply else { return };
        for bit in (0..good.body.len().saturating_mul(8)).step_by(1 + good.body.len() / 512) {
            let _ = line.decode(&step.draft, &Reply { body: flipped(&good.body, bit).into(), ..good.clone() });
        }
    });
}

/// A 5xx never proves that nothing happened, whatever its body.
pub fn a_server_error_proves_nothing(subject: &dyn Subject) {
    let mut garbage = Garbage::new(2);
    each_step(subject, |line, step| {
        for refusal in subject.refusals() {
            let told = line.decode(&step.draft, &refusal).map_err(|failure| failure.error.fate());
            assert!(matches!(told, Err(Fate::NotApplied)), "{}: a proved refusal was {told:?}", line.kind());
            let failing = line.decode(&step.draft, &Reply { status: StatusCode::BAD_GATEWAY, ..refusal });
            let told = failing.map_err(|failure| failure.error.fate());
            assert!(matches!(told, Err(Fate::Unknown)), "{}: under 502 a refusal was {told:?}", line.kind());
        }
        for status in 500..=599_u16 {
            let status = StatusCode::from_u16(status).unwrap();
            let good = step.reply.as_ref().map(|reply| reply.body.to_vec()).unwrap_or_default();
            for body in [Vec::new(), garbage.bytes(), good] {
                let reply = Reply::new(status, body);
                match line.decode(&step.draft, &reply) {
                    Err(failure) => {
                        assert_ne!(failure.error.fate(), Fate::NotApplied, "{} {status}: {}", line.kind(), failure.error);
                    }
                    Ok(end) => panic!("{} {status}: believed as {end:?}", line.kind()),
                }
            }
        }
    });
}

/// An answer to one operation is not believed for another order's: drafts of different orders do not share answers.
///
/// Left out are steps whose answer names nothing of ours; those prove nothing by themselves.
pub fn an_answer_to_another_draft_is_not_believed(subject: &dyn Subject) {
    each_step(subject, |line, step| {
        let Some(good) = &step.reply else { return };
        let swap = |text: &str| text.replace(subject.charge().order_no.as_str(), "another-order");
        let Ok(body) = std::str::from_utf8(&good.body) else { return };
        let altered = swap(body);
        if altered == body {
            return;
        }
        match line.decode(&step.draft, &Reply { body: altered.into(), ..good.clone() }) {
            Err(failure) => assert_eq!(failure.error.fate(), Fate::Unknown, "{}: {}", line.kind(), failure.error),
            Ok(Decoded::Missing) => {}
            // A page of a list that shows nothing of ours leads to the next page.
            Ok(Decoded::Then { seen, .. }) if line.kind().asks() && *seen == Seen::default() => {}
            Ok(end) => panic!("{}: believed of another order: {end:?}", line.kind()),
        }
    });
}

/// A word it does not know becomes `Unrecognized`, never a known state.
pub fn an_unknown_word_is_unrecognized(subject: &dyn Subject) {
    for line in lines(subject) {
        let replies = subject.unknown_word(line.kind());
        if replies.is_empty() {
            continue;
        }
        match walk(&*line, replies).1 {
            Some(Ok(Decoded::Done(seen))) => {
                let parts =
                    seen.captures.iter().chain(&seen.refunds).any(|part| matches!(part.status, PartStatus::Unrecognized(_)));
                let whole = matches!(seen.status, Some(Status::Unrecognized(_)));
                assert!(whole || parts, "{}: {seen:?}", line.kind());
            }
            Some(Err(failure)) => assert_eq!(failure.error.fate(), Fate::Unknown, "{}: {}", line.kind(), failure.error),
            end => panic!("{}: an unknown word became {end:?}", line.kind()),
        }
    }
}

/// An observation that says nothing proves nothing.
pub fn nothing_seen_proves_nothing(subject: &dyn Subject) {
    each_step(subject, |line, step| {
        for seen in [Seen::default(), Seen::status(Status::Unrecognized("odd".into()))] {
            assert_eq!(line.judge(&step.draft, &seen), None, "{}", line.kind());
        }
    });
}

fn never_good(line: &dyn Line, draft: &Draft, reply: &Reply) {
    let (kind, status) = (line.kind(), reply.status);
    match line.decode(draft, reply) {
        Ok(Decoded::Done(seen)) => {
            let paid = seen.status.as_ref().is_some_and(Status::is_success);
            let done = seen.captures.iter().chain(&seen.refunds).any(|part| part.status == PartStatus::Succeeded);
            assert!(!paid && !done, "{kind}: garbage with status {status} was good news: {seen:?}");
        }
        Ok(Decoded::Then { .. }) => panic!("{kind}: garbage with status {status} led to the next step"),
        Ok(Decoded::Missing) => assert!(kind.asks(), "{kind}: only a question can find nothing"),
        Ok(Decoded::Need(_)) => {}
        Err(failure) => told(kind, reply, &failure),
    }
}

/// What cannot be read is doubt. A decline is an observation of its own, not a failure to read.
fn told(kind: Kind, reply: &Reply, failure: &Failure) {
    let error = &failure.error;
    assert_ne!(error.kind(), ErrorKind::Declined, "{kind}: garbage with status {} was a decline", reply.status);
    assert_ne!(error.fate(), Fate::Applied, "{kind}: garbage with status {} proved something: {error}", reply.status);
}

impl Kind {
    /// Whether it only asks.
    fn asks(self) -> bool {
        matches!(self, Self::Query | Self::QueryRefund)
    }
}
