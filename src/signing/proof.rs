//! Proof that bytes came from who they say: only the verifiers of this module can mint one.

use bytes::Bytes;

/// Bytes that a signature was checked over. An event can be built only from a proof, and only from what it covers.
#[derive(Clone, Debug)]
pub struct Proof(Bytes);

impl Proof {
    /// Only for verifiers, after the check has passed.
    pub(super) fn minted(covered: Bytes) -> Self {
        Self(covered)
    }

    /// The bytes that the signature covers.
    pub fn covered(&self) -> &Bytes {
        &self.0
    }
}
