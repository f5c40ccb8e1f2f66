//! The text that is signed, signatures over it, forged ones included, and a signed answer as the wire carries it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::chain::{Chain, Signer};
use crate::meddle::Forgery;

/// A message by its fields, of which none is empty: an empty one takes no part in anything. The map keeps them in the order in
/// which they are signed.
pub(super) type Fields = BTreeMap<String, String>;

/// The names and values of all fields but the signature, as they are, sorted and joined.
pub(super) fn text(fields: &Fields) -> String {
    joined(fields.iter().filter(|(name, _)| *name != "signature"))
}

/// What RSA signs: the hex, in lower case, of the text's SHA-256. RSA's own SHA-256 is the second.
pub(super) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// An answer's body: nothing is encoded, neither the base64 nor the line ends of the certificate.
pub(super) fn body(fields: &Fields) -> String {
    joined(fields.iter())
}

fn joined<'a>(fields: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        let and = if text.is_empty() { "" } else { "&" };
        let _ = write!(text, "{and}{name}={value}");
    }
    text
}

/// Signs a message with UnionPay's certificate, or as a forgery has it.
pub(super) fn sealed(mut fields: Fields, signer: &Arc<Signer>, forgery: Option<Forgery>) -> Fields {
    let signer = match forgery {
        Some(Forgery::Absent) => return fields,
        Some(Forgery::OtherKey) => Chain::get().stranger(),
        Some(Forgery::OtherName) => Chain::get().other_name(),
        Some(Forgery::OutOfTime) => Chain::get().expired(),
        None | Some(Forgery::Broken | Forgery::Probe) => signer.clone(),
    };
    fields.insert("signMethod".to_owned(), "01".to_owned());
    fields.insert("signPubKeyCert".to_owned(), signer.certificate.clone());
    let signature = signer.sign(&digest(&text(&fields)));
    let signature = if matches!(forgery, Some(Forgery::Broken | Forgery::Probe)) { broken(&signature) } else { signature };
    fields.insert("signature".to_owned(), signature);
    fields
}

/// Another first character, so that it still is base64.
fn broken(signature: &str) -> String {
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{first}{}", signature.get(1..).unwrap_or_default())
}
