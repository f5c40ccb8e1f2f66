//! One operation of an adapter with its kind erased, and the steps it goes through.

use std::time::{Duration, SystemTime};

use super::Subject;
use crate::adapter::{
    Cancel, Capture, Codec, Confirm, Decoded, Draft, Failure, Follow, Granted, Kind, Known, Operation, Query, QueryRefund, Ready,
    Recovery, Refund, Reply, Reverse, Seed, Seen, Signed, Stamp,
};
use crate::model::{CaptureNo, Error, ErrorKind, Fate, IdempotencyKey, Invalid, ProviderNo, RefundNo};

/// An operation and its codec.
pub(super) trait Line {
    fn kind(&self) -> Kind;
    fn seed(&self, key: &str) -> Seed;
    fn draft(&self, seed: &Seed) -> Result<Draft, Error>;
    fn sign(&self, draft: &Draft, stamp: &Stamp) -> Result<Signed, Error>;
    fn decode(&self, draft: &Draft, reply: &Reply) -> Result<Decoded, Failure>;
    fn recovery(&self, draft: &Draft) -> Recovery;
    fn judge(&self, draft: &Draft, seen: &Seen) -> Option<Fate>;
    fn follow(&self, draft: &Draft, seen: &Seen) -> Option<Follow>;
}

struct Of<'a, O> {
    codec: &'a dyn Codec<O>,
    op: O,
    number: Result<ProviderNo, Invalid>,
    known: Known,
    granted: Granted,
    now: SystemTime,
}

impl<O: Operation> Line for Of<'_, O> {
    fn kind(&self) -> Kind {
        O::KIND
    }

    fn seed(&self, key: &str) -> Seed {
        let number = self.number.clone().expect("the profile forms a number for everything");
        Seed { number, key: IdempotencyKey::new(key).unwrap(), born: self.now }
    }

    fn draft(&self, seed: &Seed) -> Result<Draft, Error> {
        Ok(ready(self.codec.draft(&self.op, &self.known, seed, &self.granted)?))
    }

    fn sign(&self, draft: &Draft, stamp: &Stamp) -> Result<Signed, Error> {
        Ok(ready(self.codec.sign(draft, stamp, &self.granted)?))
    }

    fn decode(&self, draft: &Draft, reply: &Reply) -> Result<Decoded, Failure> {
        self.codec.decode(draft, reply, &stamp(self.now, 1), &self.granted)
    }

    fn recovery(&self, draft: &Draft) -> Recovery {
        self.codec.recovery(&self.op, draft)
    }

    fn judge(&self, draft: &Draft, seen: &Seen) -> Option<Fate> {
        self.codec.judge(&self.op, draft, seen)
    }

    fn follow(&self, draft: &Draft, seen: &Seen) -> Option<Follow> {
        self.codec.follow(&self.op, draft, seen, self.now)
    }
}

fn ready<T>(ready: Ready<T>) -> T {
    match ready {
        Ready::Done(done) => done,
        Ready::Need(want) => panic!("the subject grants everything, but {want:?} is wanted"),
    }
}

/// The `send`th send's stamp, with other chance and another second each time.
pub(super) fn stamp(now: SystemTime, send: u32) -> Stamp {
    Stamp {
        now: now + Duration::from_secs(u64::from(send)),
        nonce: u128::from(send).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        send,
    }
}

/// Every operation the adapter can do with the subject's charge.
pub(super) fn lines(subject: &dyn Subject) -> Vec<Box<dyn Line + '_>> {
    let charge = subject.charge();
    let (order, attempt, money) = (charge.order_no.clone(), charge.attempt, charge.money);
    let (capture, refund, reverse) = ("cap-1", "ref-1", "rev-1");
    let mut lines: Vec<Box<dyn Line + '_>> = Vec::new();
    lines.extend(line(subject, charge, None));
    lines.extend(line(subject, Confirm::new(order.clone(), 1).on(attempt), None));
    lines.extend(line(subject, Capture::new(order.clone(), CaptureNo::new(capture).unwrap(), money).on(attempt), Some(capture)));
    lines.extend(line(subject, Cancel::new(order.clone()).on(attempt), None));
    lines.extend(line(subject, Reverse::new(order.clone(), RefundNo::new(reverse).unwrap()).on(attempt), Some(reverse)));
    lines.extend(line(subject, Refund::new(order.clone(), RefundNo::new(refund).unwrap(), money).on(attempt), Some(refund)));
    lines.extend(line(subject, Query::new(order.clone()).on(attempt), None));
    lines.extend(line(subject, QueryRefund::new(order, RefundNo::new(refund).unwrap()).on(attempt), Some(refund)));
    lines
}

fn line<'a, O: Operation>(subject: &'a dyn Subject, op: O, part: Option<&str>) -> Option<Box<dyn Line + 'a>> {
    let adapter = subject.adapter();
    let codec = O::codec(adapter)?;
    let (profile, account) = (adapter.profile(), adapter.account());
    let number = match part {
        Some(part) => profile.part_number.form_part(account, op.order_no(), part),
        None => profile.order_number.form(account, op.order_no(), op.attempt().unwrap_or_default()),
    };
    let mut known = if O::KIND == Kind::Charge { Known::default() } else { subject.known() };
    known.part_number = part.and_then(|_| number.clone().ok());
    let line = Of { codec, op, number, known, granted: subject.granted(), now: subject.now() };
    // What a provider can do depends on how it was charged; what it cannot do so, it refuses when it is drafted.
    let drafted = line.draft(&line.seed("conformance-key-1"));
    let unsupported = drafted.is_err_and(|error| error.kind() == ErrorKind::Unsupported) && O::KIND != Kind::Charge;
    (!unsupported).then(|| Box::new(line) as Box<dyn Line + 'a>)
}

/// A step of an operation: its draft, and the good answer to it, if anything is sent.
pub(super) struct Step {
    pub(super) draft: Draft,
    pub(super) reply: Option<Reply>,
}

/// The steps that an operation goes through when it is answered so, and what it ends with.
pub(super) fn walk(line: &dyn Line, replies: Vec<Reply>) -> (Vec<Step>, Option<Result<Decoded, Failure>>) {
    let kind = line.kind();
    let mut draft = line.draft(&line.seed("conformance-key-1")).unwrap_or_else(|error| panic!("{kind}: not drafted: {error}"));
    let mut steps = Vec::new();
    let count = replies.len();
    for (at, reply) in replies.into_iter().enumerate() {
        let decoded = line.decode(&draft, &reply);
        steps.push(Step { draft: draft.clone(), reply: Some(reply) });
        match decoded {
            Ok(Decoded::Then { draft: next, .. }) if at + 1 < count => draft = *next,
            end if at + 1 == count => return (steps, Some(end)),
            end => panic!("{kind}: ended at step {at} of {count} recorded answers with {end:?}"),
        }
    }
    steps.push(Step { draft, reply: None });
    (steps, None)
}

/// Every step of every operation, answered well.
pub(super) fn each_step(subject: &dyn Subject, mut look: impl FnMut(&dyn Line, &Step)) {
    for line in lines(subject) {
        for step in walk(&*line, subject.replies(line.kind())).0 {
            look(&*line, &step);
        }
    }
}
