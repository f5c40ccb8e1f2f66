//! Seals what rests in a store: AES-256-GCM under the application's key, bound to the row it belongs to.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::env::Rng;
use crate::model::{Invalid, Secret};

/// Seals and opens texts. Holds the key that seals, and older ones that still open.
pub struct Sealer {
    keys: Vec<(String, LessSafeKey)>,
}

impl Sealer {
    /// A sealer whose first key seals; all of them open. Each key is 32 bytes and has an id that is stored beside what it sealed.
    pub fn new(keys: impl IntoIterator<Item = (String, Secret)>) -> Result<Self, Invalid> {
        let keys = keys
            .into_iter()
            .map(|(id, secret)| {
                let named =
                    !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
                let key = UnboundKey::new(&AES_256_GCM, secret.expose());
                match (named, key) {
                    (true, Ok(key)) => Ok((id, LessSafeKey::new(key))),
                    (false, _) => Err(Invalid::new("at_rest_key.id", "1 to 64 characters of A-Z a-z 0-9 _ -")),
                    (true, Err(_)) => Err(Invalid::new("at_rest_key", "32 bytes")),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(Invalid::new("at_rest_key", "at least one key")) } else { Ok(Self { keys }) }
    }

    /// Seals `plain` for the row named `row`: `id.nonce.ciphertext`, which opens only there.
    pub fn seal(&self, row: &str, plain: &[u8], rng: &dyn Rng) -> Result<String, SealError> {
        let (id, key) = self.keys.first().ok_or(SealError::UnknownKey)?;
        let random = rng.next_u128().to_be_bytes();
        let nonce: [u8; NONCE_LEN] = random.first_chunk().copied().unwrap_or_default();
        let mut sealed = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(row.as_bytes()), &mut sealed)
            .map_err(|_| SealError::Broken)?;
        Ok(format!("{id}.{}.{}", STANDARD.encode(nonce), STANDARD.encode(&sealed)))
    }

    /// Opens what was sealed for the row named `row`.
    pub fn open(&self, row: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(id), Some(nonce), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SealError::Broken);
        };
        let key = self.keys.iter().find(|(known, _)| known == id).map(|(_, key)| key).ok_or(SealError::UnknownKey)?;
        let nonce =
            STANDARD.decode(nonce).ok().and_then(|nonce| <[u8; NONCE_LEN]>::try_from(nonce).ok()).ok_or(SealError::Broken)?;
        let mut bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| SealError::Broken)?);
        let length = key
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(row.as_bytes()), &mut bytes)
            .map_err(|_| SealError::Broken)?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

/// Why a seal did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// It was sealed under a key that is not configured any more.
    UnknownKey,
    /// It was altered, or belongs to another row.
    Broken,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownKey => "sealed under a key that is not configured",
            Self::Broken => "the seal is broken or belongs to another row",
        })
    }
}

impl std::error::Error for SealError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::SeededRng;

    fn sealer(ids: &[(&str, u8)]) -> Sealer {
        Sealer::new(ids.iter().map(|(id, byte)| ((*id).to_owned(), Secret::new(vec![*byte; 32])))).unwrap()
    }

    #[test]
    fn it_opens_only_in_its_own_row() {
        let (sealer, rng) = (sealer(&[("k1", 1)]), SeededRng::new(1));
        let sealed = sealer.seal("order/1", b"draft", &rng).unwrap();
        assert_eq!(sealer.open("order/1", &sealed).unwrap().as_slice(), b"draft");
        assert_eq!(sealer.open("order/2", &sealed).unwrap_err(), SealError::Broken);
        assert!(!sealed.contains("draft"));
    }

    #[test]
    fn an_older_key_still_opens_and_a_missing_one_is_named() {
        let rng = SeededRng::new(1);
        let sealed = sealer(&[("old", 1)]).seal("r", b"x", &rng).unwrap();
        assert_eq!(sealer(&[("new", 2), ("old", 1)]).open("r", &sealed).unwrap().as_slice(), b"x");
        assert_eq!(sealer(&[("new", 2)]).open("r", &sealed).unwrap_err(), SealError::UnknownKey);
    }

    #[test]
    fn a_short_key_is_refused() {
        let error = Sealer::new([("k".to_owned(), Secret::new("short"))]).unwrap_err();
        assert_eq!(error.to_string(), "at_rest_key: must be 32 bytes");
    }
}
