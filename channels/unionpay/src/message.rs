//! A signed message: an answer or a notice, proved to be UnionPay's and of this merchant before a field of it is read.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use paysluice::signing::{Proof, canonical};

use crate::UnionPay;
use crate::fields::Fields;

/// The one version and the one method that are spoken: hashed with SHA-256, signed with RSA.
pub(crate) const VERSION: &str = "5.1.0";
pub(crate) const SIGN_METHOD: &str = "01";

const SIGNATURE: &str = "signature";

/// The largest signature, as base64: of 4096 bits.
const LARGEST: usize = 700;

/// A message that is proved. All of its fields but the signature are covered.
pub(crate) struct Message<'a> {
    pub(crate) fields: Fields<'a>,
    pub(crate) proof: Proof,
}

/// Why it is none.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Not proved to be UnionPay's.
    Unproved(String),
    /// UnionPay's, but another merchant's.
    NotOurs,
}

impl UnionPay {
    /// Proves a message as of `now`. `named`: it must name the merchant; a refusal of what could not be read names nobody.
    pub(crate) fn proved<'a>(&self, fields: Fields<'a>, now: SystemTime, named: bool) -> Result<Message<'a>, Refused> {
        let proof = self.proof(&fields, now).map_err(Refused::Unproved)?;
        match fields.bytes("merId") {
            Some(merchant) if merchant == self.account.merchant().as_bytes() => {}
            None if !named => {}
            _ => return Err(Refused::NotOurs),
        }
        Ok(Message { fields, proof })
    }

    /// "Leave `signature` and empty fields out, sort, join, SHA-256 as small hex, RSA with SHA-256 by the key of `signPubKeyCert`",
    /// which is signed itself.
    fn proof(&self, fields: &Fields<'_>, now: SystemTime) -> Result<Proof, String> {
        let must = |name: &str, is: &str| match fields.text(name) {
            Some(text) if text == is => Ok(()),
            Some(_) => Err(format!("{name} is not {is}")),
            None => Err(format!("{name} is missing")),
        };
        let missing = |name: &str| format!("{name} is missing: not from UnionPay, or altered on the way");
        let claim = fields.bytes(SIGNATURE).ok_or_else(|| missing(SIGNATURE))?;
        must("version", VERSION)?;
        must("signMethod", SIGN_METHOD)?;
        let pem = fields.bytes("signPubKeyCert").ok_or_else(|| missing("signPubKeyCert"))?;
        let claim = Some(claim).filter(|claim| claim.len() <= LARGEST).and_then(|claim| STANDARD.decode(claim).ok());
        let claim = claim.ok_or("signature is not standard base64 (a + that became a space, or an answer that was decoded)")?;
        let signer = self.signers.believed(pem, now)?;
        if fields.text("certId").is_some_and(|id| id != signer.serial) {
            return Err("certId is not the serial number of signPubKeyCert".to_owned());
        }
        let signed = fields.iter().filter(|(name, _)| *name != SIGNATURE.as_bytes());
        let text = Bytes::from(canonical(signed));
        let proof = signer.key.verify_hashed(&text, &claim).ok_or(
            "the signature does not match: forged, or altered on the way (line ends of signPubKeyCert, fields of the address \
             mixed in, another charset)",
        )?;
        self.signers.remember(&signer);
        Ok(proof)
    }
}
