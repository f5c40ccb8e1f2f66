//! Bytes that nobody meant: random ones, cut-off ones, flipped ones, always the same from the same seed.

use crate::env::{Rng, SeededRng};

/// A source of garbage.
pub(super) struct Garbage(SeededRng);

impl Garbage {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// A number below `bound`, which is not zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let drawn = self.0.next_u128() % u128::try_from(bound.max(1)).unwrap();
        usize::try_from(drawn).unwrap()
    }

    /// Up to 200 bytes: noise, or what looks like JSON or a form.
    pub(super) fn bytes(&mut self) -> Vec<u8> {
        const WORDS: [&str; 20] = [
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "null",
            "true",
            "\"status\"",
            "\"id\"",
            "\"code\"",
            "\"error\"",
            "SUCCESS",
            "=",
            "&",
            "-1",
            "1e999",
            "\\ud800",
            "\u{0}",
        ];
        let length = self.below(200);
        if self.below(2) == 0 {
            return (0..length).map(|_| u8::try_from(self.below(256)).unwrap()).collect();
        }
        let words = length / 4;
        (0..words).map(|_| WORDS.get(self.below(WORDS.len())).copied().unwrap_or_default()).collect::<String>().into_bytes()
    }

    /// The bytes cut off somewhere before their end.
    pub(super) fn cut<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = self.below(bytes.len());
        bytes.get(..end).unwrap_or_default()
    }
}

/// The bytes with one bit turned over.
pub(super) fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    bytes
}
