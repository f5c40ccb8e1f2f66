//! The platform's certificates: listed and encrypted, one after the other in use; and which key signs what.

use paysluice::env::Mono;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, SerialNumber, date_time_ymd};
use serde_json::{Value, json};

use super::config::Trust;
use super::errors::ApiError;
use super::keys::{Rsa, WechatPayKeys};
use super::seal::{Seal, encrypted};
use super::{Answer, Call, Outcome, WechatPay};
use crate::world::World;

/// The first byte of a certificate's serial number: its leading zero is part of the name in hex.
const PLATFORM: u8 = 0x0c;
pub(super) const MERCHANT: u8 = 0x5d;

/// A certificate of the platform.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) seal: Seal,
    pub(super) pem: String,
    /// From when it signs.
    used_from: Mono,
    expires_in: i32,
}

impl Certificate {
    /// The certificate at that place of the rotation.
    pub(super) fn at(place: usize, keys: &WechatPayKeys, used_from: Mono) -> Self {
        let key = keys.certified(place);
        let serial = key.serial(PLATFORM);
        let expires_in = 2040 + i32::try_from(place).unwrap_or_default();
        let pem = certificate(&key, &serial, "Tenpay.com sign", expires_in);
        Self { seal: Seal { serial: hex::encode_upper(serial), key }, pem, used_from, expires_in }
    }
}

/// The certificate of the merchant's key.
pub(super) fn merchant_certificate(keys: &WechatPayKeys) -> String {
    certificate(&keys.merchant, &keys.merchant.serial(MERCHANT), "Sandbox merchant", 2040)
}

fn certificate(key: &Rsa, serial: &[u8], name: &str, expires_in: i32) -> String {
    let Ok(pem) = self_signed(key, serial, name, expires_in) else {
        unreachable!("rcgen certifies any RSA key that aws-lc has read")
    };
    pem
}

fn self_signed(key: &Rsa, serial: &[u8], name: &str, expires_in: i32) -> Result<String, rcgen::Error> {
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key.pkcs8().into(), &PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(expires_in, 1, 1);
    params.serial_number = Some(SerialNumber::from_slice(serial));
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names.push(DnType::OrganizationName, "Sandbox");
    params.distinguished_name = names;
    Ok(params.self_signed(&pair)?.pem())
}

impl WechatPay {
    /// All certificates, the oldest first; the first is made when it is first needed.
    pub(super) fn certificates(&mut self) -> &[Certificate] {
        if self.certificates.is_empty() {
            let first = Certificate::at(0, self.keys(), Mono::ORIGIN);
            self.certificates.push(first);
        }
        &self.certificates
    }

    /// Lists one more certificate, used from some time later. Its serial number.
    pub(super) fn rotate(&mut self, used_from: Mono) -> String {
        let place = self.certificates().len();
        let next = Certificate::at(place, self.keys(), used_from);
        let serial = next.seal.serial.clone();
        self.certificates.push(next);
        serial
    }

    pub(super) fn list_certificates(&mut self, world: &mut World, call: &Call<'_>) -> Outcome {
        call.only_asks(&[])?;
        if world.config.wechatpay.trust == Trust::PublicKey {
            let message = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥";
            return Err(ApiError::not_found("RESOURCE_NOT_EXISTS", message));
        }
        let key = self.identity.api_v3_key.clone();
        let list: Vec<Value> = self
            .certificates()
            .iter()
            .map(|certificate| {
                json!({
                    "serial_no": certificate.seal.serial,
                    "effective_time": "2020-01-01T08:00:00+08:00",
                    "expire_time": format!("{}-01-01T08:00:00+08:00", certificate.expires_in),
                    "encrypt_certificate": encrypted(key.expose(), &world.letters(12), "certificate", certificate.pem.as_bytes()),
                })
            })
            .collect();
        Ok(Answer::Plain(json!({ "data": list })))
    }

    /// What an answer is signed with: what the request asks for by `Wechatpay-Serial`, else what the merchant is set up for.
    pub(super) fn seal_for(&mut self, world: &World, asked: Option<&str>) -> Result<Seal, ApiError> {
        let trust = world.config.wechatpay.trust;
        let unknown =
            || ApiError::bad_param("Wechatpay-Serial: names neither a platform certificate nor the public key of this merchant");
        match asked {
            Some(id) if trust != Trust::Certificates && id == self.identity.public_key_id => Ok(self.public_seal()),
            Some(serial) if trust != Trust::PublicKey && self.certificates().iter().any(|known| known.seal.serial == serial) => {
                Ok(self.certified_seal(world.now))
            }
            Some(_) => Err(unknown()),
            None if trust == Trust::PublicKey => Ok(self.public_seal()),
            None => Ok(self.certified_seal(world.now)),
        }
    }

    /// What a callback is signed with.
    pub(super) fn seal_of_notice(&mut self, world: &mut World) -> Seal {
        let public = match world.config.wechatpay.trust {
            Trust::Certificates => false,
            Trust::PublicKey => true,
            Trust::Both => world.digits(1).as_str() < "5",
        };
        if public { self.public_seal() } else { self.certified_seal(world.now) }
    }

    fn public_seal(&self) -> Seal {
        Seal { serial: self.identity.public_key_id.clone(), key: self.keys().public.clone() }
    }

    fn certified_seal(&mut self, now: Mono) -> Seal {
        let used = self.certificates().iter().rfind(|certificate| certificate.used_from <= now);
        used.map_or_else(|| unreachable!("the first is used from the beginning"), |certificate| certificate.seal.clone())
    }
}
