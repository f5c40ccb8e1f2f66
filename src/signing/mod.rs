//! Signatures and seals: what proves where bytes came from, and what hides them at rest.

mod aead;
mod canonical;
mod certificate;
mod hashed_twice;
mod hmac;
mod issuers;
mod pem;
#[cfg(feature = "pfx")]
mod pfx;
mod proof;
mod rsa;
mod seal;
mod standard_webhooks;

pub use self::hmac::HmacKey;
pub use aead::AesGcmKey;
pub use canonical::canonical;
pub use certificate::{Certificate, NameAttribute};
pub use issuers::{Issuers, NotVouched};
#[cfg(feature = "pfx")]
pub use pfx::Pfx;
pub use proof::Proof;
pub use rsa::{RsaPrivateKey, RsaPublicKey};
pub use seal::{SealError, Sealer};
pub use standard_webhooks::{Claimed, NotProved, StandardWebhooks};

use sha2::{Digest, Sha256};

/// SHA-256 of the parts, one after the other, as lower-case hex.
pub fn sha256_hex(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hex::encode(hash.finalize())
}
