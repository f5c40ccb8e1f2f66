//! What a face tells by callback: a letter that is signed anew for every delivery.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::fault::CallbackFault;

/// Something that happened and is to be told.
#[derive(Clone, Debug)]
pub(crate) struct News {
    /// The event's id.
    pub(crate) id: String,
    /// How far the face's clock was off when it arose, in seconds.
    pub(crate) skew: i64,
    pub(crate) letter: Arc<dyn Letter>,
}

/// One delivery, ready to go.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// A face's way to tell something.
pub(crate) trait Letter: fmt::Debug + Send + Sync {
    /// The delivery of this unix time and count (from 1); `how` says what is to be wrong with its signature.
    fn sealed(&self, at: i64, attempt: u32, how: CallbackFault) -> Sealed;

    /// Where it goes, if the merchant named an address with the request; else to the endpoint that was set.
    fn address(&self) -> Option<&str>;

    /// Whether an answer of this status and body means that it was taken.
    fn taken_by(&self, status: u16, body: &[u8]) -> bool;

    /// How long an answer may take.
    fn patience(&self) -> Duration;

    /// The waits between deliveries that are not taken; when they are used up it is given up.
    fn waits(&self) -> Arc<[Duration]>;
}
