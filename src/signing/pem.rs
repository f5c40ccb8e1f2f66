//! Reads the bytes out of a PEM text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A block of a PEM text: its label and its bytes, wiped when dropped.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// The first block of a text: `-----BEGIN label-----`, base64 in lines of any length, `-----END label-----`.
pub(super) fn first(text: &[u8]) -> Option<Block<'_>> {
    next(std::str::from_utf8(text).ok()?).ok()?.map(|(block, _)| block)
}

/// Every block of a text. None if one of them is broken.
pub(super) fn all(text: &[u8]) -> Option<Vec<Block<'_>>> {
    let mut text = std::str::from_utf8(text).ok()?;
    let mut blocks = Vec::new();
    while let Some((block, rest)) = next(text).ok()? {
        blocks.push(block);
        text = rest;
    }
    Some(blocks)
}

/// Whether a text has a PEM in it, or the beginning of one.
pub(super) fn is_armoured(text: &[u8]) -> bool {
    text.windows(5).any(|dashes| dashes == b"-----")
}

/// The bytes of a base64 that stands alone.
pub(super) fn bare(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    unpacked(std::str::from_utf8(text).ok()?).filter(|bytes| !bytes.is_empty())
}

fn unpacked(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    // As long as it can get, so that no copy of a key is left behind by a reallocation.
    let mut packed = Zeroizing::new(Vec::with_capacity(text.len()));
    packed.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    STANDARD.decode(packed.as_slice()).ok().map(Zeroizing::new)
}

/// A block that begins and has no right end.
struct Broken;

/// The next block and what follows it; none if no more begins.
fn next(text: &str) -> Result<Option<(Block<'_>, &str)>, Broken> {
    const DASHES: &str = "-----";
    let Some((_, rest)) = text.split_once("-----BEGIN ") else { return Ok(None) };
    let (label, rest) = rest.split_once(DASHES).ok_or(Broken)?;
    let (body, rest) = rest.split_once("-----END ").ok_or(Broken)?;
    let rest = rest.strip_prefix(label).and_then(|rest| rest.strip_prefix(DASHES)).ok_or(Broken)?;
    let bytes = unpacked(body).ok_or(Broken)?;
    Ok(Some((Block { label, bytes }, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Vec<u8>)> {
        first(text.as_bytes()).map(|block| (block.label.to_owned(), block.bytes.to_vec()))
    }

    #[test]
    fn lines_may_end_as_they_like_and_the_labels_must_agree() {
        let expected = Some(("A B".to_owned(), b"hello".to_vec()));
        assert_eq!(read("-----BEGIN A B-----\naGVs\nbG8=\n-----END A B-----\n"), expected);
        assert_eq!(read("words before\r\n-----BEGIN A B-----\r\naGVsbG8=\r\n-----END A B-----"), expected);
        for broken in [
            "",
            "aGVsbG8=",
            "-----BEGIN A-----\naGVsbG8=\n-----END B-----",
            "-----BEGIN A-----\naGVsbG8=\n",
            "-----BEGIN A-----\naGVsbG8\n-----END A-----",
            "-----BEGIN A-----\n*\n-----END A-----",
        ] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }
}
