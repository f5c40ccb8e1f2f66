//! One send of one step: signed, sent, verified, read. No loop, no store.

use std::time::Duration;

use super::Inner;
use super::again::Miss;
use crate::adapter::{Adapter, Codec, Decoded, Draft, Failure, Operation, Ready, Reply, Seen, Signed, Stamp, Want};
use crate::env::Mono;
use crate::guard::{Admitted, Signal, Stage, Timing};
use crate::model::{Error, ErrorKind};
use crate::transport::{Limits, TransportError};

/// What one send came to.
#[derive(Debug)]
pub(crate) enum Sent {
    /// A verified answer.
    Answer(Decoded),
    /// Nothing was sent: the payer carries it.
    Presented(Box<Seen>),
    /// Nothing was sent: this must be fetched first.
    Need(Want),
    /// No answer, or one that says no.
    Miss(Miss),
}

impl Sent {
    /// What the guards learn from it.
    pub(crate) fn signal(&self) -> Signal {
        match self {
            Self::Answer(_) => Signal::Good,
            Self::Presented(_) | Self::Need(_) => Signal::Neutral,
            Self::Miss(Miss::Wire(_)) => Signal::Fault,
            Self::Miss(Miss::Failed(failure)) => signal_of(&failure.error),
            Self::Miss(Miss::Unverified(error)) => signal_of(error),
        }
    }
}

/// What the guards learn from an answer that says no: a decline is a provider at work.
pub(crate) fn signal_of(error: &Error) -> Signal {
    match error.kind() {
        // A provider that names a time wants less of us, whatever became of this send.
        _ if error.after().is_some() => Signal::Pushback { after: error.after() },
        ErrorKind::Throttled => Signal::Pushback { after: None },
        ErrorKind::Unavailable | ErrorKind::Unintelligible | ErrorKind::Lost => Signal::Fault,
        ErrorKind::Unauthorized | ErrorKind::Refused => Signal::Neutral,
        _ => Signal::Good,
    }
}

/// One send: what is sent, by which number, until when.
#[derive(Debug)]
pub(crate) struct Send<'a> {
    pub(crate) draft: &'a Draft,
    pub(crate) number: u32,
    pub(crate) until: Mono,
    pub(crate) deadline: Mono,
}

impl Inner {
    /// Signs and sends a step, and reads the answer. The permit's connection is let go as soon as the body is read.
    pub(crate) async fn send<Op: Operation>(
        &self,
        adapter: &dyn Adapter,
        codec: &dyn Codec<Op>,
        send: Send<'_>,
        admitted: &mut Admitted,
        timing: &mut Timing,
    ) -> Sent {
        let stamp = Stamp { now: self.env.wall(), nonce: self.env.rng().next_u128(), send: send.number };
        let request = match codec.sign(send.draft, &stamp, &self.access.granted()) {
            Ok(Ready::Done(Signed::Send(request))) => request,
            Ok(Ready::Done(Signed::Present(seen))) => return Sent::Presented(seen),
            Ok(Ready::Need(want)) => return Sent::Need(want),
            Err(error) => return Sent::Miss(Miss::Failed(Failure::last(error))),
        };
        let begun = self.env.now();
        let timeout = send.until.since(begun);
        // A store that stalled may have used up the caller's time: after his deadline nothing is begun.
        if timeout == Duration::ZERO || begun >= send.deadline {
            let why = "the time for this send was over before it began".to_owned();
            return Sent::Miss(Miss::Wire(TransportError::Unsent(why)));
        }
        admitted.sending();
        let limits = Limits { timeout, reply_cap: adapter.profile().reply_cap };
        let reply = self.transport.send(request, limits).await;
        admitted.release_connection();
        timing.add(Stage::FirstByte, self.env.now().since(begun));
        match reply {
            Ok(reply) => self.read(adapter, codec, &send, stamp, &reply, timing).await,
            Err(error) => Sent::Miss(Miss::Wire(error)),
        }
    }

    /// Decodes an answer; fetches what its verification needs, once, and decodes the same answer again.
    async fn read<Op: Operation>(
        &self,
        adapter: &dyn Adapter,
        codec: &dyn Codec<Op>,
        send: &Send<'_>,
        stamp: Stamp,
        reply: &Reply,
        timing: &mut Timing,
    ) -> Sent {
        let begun = self.env.now();
        let received = Stamp { now: self.env.wall(), ..stamp };
        let decode = || codec.decode(send.draft, reply, &received, &self.access.granted());
        let decoded = match decode() {
            Ok(Decoded::Need(want)) => match self.access.ensure(&want, self.means(adapter), send.deadline).await {
                Ok(()) => decode(),
                Err(error) => return Sent::Miss(Miss::Unverified(unverified(&want).caused_by(error))),
            },
            decoded => decoded,
        };
        timing.add(Stage::Verify, self.env.now().since(begun));
        match decoded {
            Ok(Decoded::Need(want)) => Sent::Miss(Miss::Unverified(unverified(&want))),
            Ok(decoded) => Sent::Answer(decoded),
            Err(failure) => Sent::Miss(Miss::Failed(failure)),
        }
    }
}

fn unverified(want: &Want) -> Error {
    Error::new(ErrorKind::Unintelligible, format!("the answer cannot be verified without {want:?}"))
}
