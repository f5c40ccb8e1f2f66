//! A certificate that has taken the place of the configured one: fetched by its name, and vouched for by the roots.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use paysluice::adapter::{Access, Failure, Grant, Reply, Request, Stamp, Want};
use paysluice::model::{Error, ErrorKind, Secret};
use paysluice::signing::Certificate;

use crate::Alipay;
use crate::answer::{unintelligible, with_id};
use crate::codes::{self, Call, Verdict};
use crate::envelope::Envelope;
use crate::seen::given;
use crate::sign::json;
use crate::trust::{Certificates, Trust, is_sn, sn};

const METHOD: &str = "alipay.open.app.alipaycert.download";

#[derive(serde::Serialize)]
struct Body<'a> {
    alipay_cert_sn: &'a str,
}

impl Access for Alipay {
    fn request(&self, want: &Want, stamp: &Stamp) -> Result<Request, Error> {
        match (want, &self.trust) {
            (Want::Key(name), Trust::Certificates(_)) if is_sn(name) => {
                self.asking(METHOD, json(&Body { alipay_cert_sn: name })?, stamp)
            }
            (other, _) => {
                let why = format!("Alipay hands out its certificates by name, in the mode of certificates; not {other:?}");
                Err(Error::new(ErrorKind::Unsupported, why))
            }
        }
    }

    /// The answer is not signed: the certificate proves itself, by a chain to a root and by whose it is.
    fn read(&self, want: &Want, reply: &Reply, received: &Stamp) -> Result<Vec<Grant>, Failure> {
        let (Want::Key(name), Trust::Certificates(held)) = (want, &self.trust) else {
            return Err(unintelligible(reply, "nothing was fetched that it could answer"));
        };
        if reply.status.as_u16() != 200 {
            let kind = if reply.status.is_server_error() { ErrorKind::Unavailable } else { ErrorKind::Unintelligible };
            return Err(with_id(Error::new(kind, format!("the certificate was answered with {}", reply.status)), reply).into());
        }
        let envelope =
            Envelope::read(&reply.body, METHOD).map_err(|error| unintelligible(reply, &self.shown(&error.to_string())))?;
        let node = self.node(envelope.node.get().as_bytes(), reply)?;
        let code = given(node.code.as_ref()).unwrap_or_default();
        if code != "10000" || envelope.of_gateway {
            let sub = given(node.sub_code.as_ref()).unwrap_or_default();
            let kind = match codes::verdict(Call::Query, code, sub).verdict {
                Verdict::Fails(kind) => kind,
                Verdict::Declines(_) | Verdict::Missing | Verdict::Query => ErrorKind::Unintelligible,
            };
            let why = given(node.sub_msg.as_ref()).and_then(|text| self.printable(text)).unwrap_or_default();
            let error = Error::new(kind, format!("Alipay did not hand out its certificate {name}: {why}"));
            return Err(with_id(error.with_code(self.shown(if sub.is_empty() { code } else { sub })), reply).into());
        }
        let content = given(node.alipay_cert_content.as_ref()).and_then(|content| STANDARD.decode(content).ok());
        let pem = content.ok_or_else(|| unintelligible(reply, "alipay_cert_content is no base64"))?;
        let certificate = held.vouched(name, &pem, received).map_err(|why| unintelligible(reply, &why))?;
        let expires = Some(certificate.valid_until());
        Ok(vec![Grant::new(want.clone(), Secret::new(pem), expires).with_parsed(certificate)])
    }
}

impl Certificates {
    /// The certificate of that name, if it is Alipay's: vouched for, valid now, and of the same subject as the configured one.
    ///
    /// The same authority signs the applications' certificates, so that a chain alone would let any of them speak as Alipay.
    fn vouched(&self, name: &str, pem: &[u8], received: &Stamp) -> Result<Certificate, String> {
        let brought = Certificate::rsa_of_bundle("alipay_cert_content", pem).map_err(|invalid| invalid.to_string())?;
        let (named, between): (Vec<_>, Vec<_>) = brought.into_iter().partition(|certificate| sn(certificate) == name);
        let certificate = named.into_iter().next().ok_or("alipay_cert_content is another certificate than was asked for")?;
        if certificate.common_name().is_none() || certificate.common_name() != self.alipay.common_name() {
            return Err("alipay_cert_content is not Alipay's: it has another common name than the configured certificate".into());
        }
        self.issuers.vouch(&certificate, &between, received.now).map_err(|why| format!("alipay_cert_content: {why}"))?;
        Ok(certificate)
    }
}
