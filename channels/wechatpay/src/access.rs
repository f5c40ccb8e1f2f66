//! Platform certificates: fetched, opened with the APIv3 key, and the answer verified by what it brought.

use std::time::{Duration, SystemTime};

use http::Method;
use paysluice::adapter::{Access, Failure, Grant, Reply, Request, Stamp, Want};
use paysluice::model::{Error, ErrorKind, Secret};
use paysluice::signing::Certificate;

use crate::WeChatPay;
use crate::answer::{unintelligible, with_id};
use crate::codes;
use crate::objects::{Certificates, Listed, Refusal};
use crate::seen::is_id;
use crate::verify::{Unproved, is_serial};

const PATH: &str = "/v3/certificates";

/// "Refresh at an interval below 12 hours": a new certificate is listed a day before it is used.
const LIST_LIFE: Duration = Duration::from_secs(11 * 3600);

/// What is not listed any more is not trusted for longer than this.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(12 * 3600);

impl Access for WeChatPay {
    fn request(&self, want: &Want, stamp: &Stamp) -> Result<Request, Error> {
        match want {
            Want::Keys => {}
            Want::Key(serial) if is_serial(serial) => {}
            other => {
                return Err(Error::new(ErrorKind::Unsupported, format!("WeChat Pay hands out certificates only, not {other:?}")));
            }
        }
        self.signed(Method::GET, PATH, "", stamp)
    }

    /// The first certificates cannot be verified before they are opened: the APIv3 key vouches for each, and one of them, or a
    /// key that was held before, must have signed the answer.
    fn read(&self, _: &Want, reply: &Reply, received: &Stamp) -> Result<Vec<Grant>, Failure> {
        if reply.status.as_u16() != 200 {
            return Err(refused(self, reply));
        }
        let listed: Certificates<'_> =
            serde_json::from_slice(&reply.body).map_err(|error| unintelligible(reply, &self.shown(&error.to_string())))?;
        let opened = listed.data.iter().map(|listed| self.listed(listed)).collect::<Result<Vec<_>, Error>>();
        let opened = opened.map_err(|error| with_id(error, reply))?;
        let signer = |serial: &str| {
            let listed = opened.iter().find(|(_, certificate)| certificate.serial() == serial);
            listed.map(|(_, certificate)| certificate.key()).or_else(|| self.held(serial))
        };
        self.prove_with(&reply.headers, &reply.body, received.now, signer).map_err(|unproved| {
            let (kind, why) = match unproved {
                Unproved::Need(_) => (ErrorKind::Unintelligible, "signed with a certificate that it does not list".to_owned()),
                Unproved::Probe => (ErrorKind::Doubtful, "a sign probe of WeChat Pay's".to_owned()),
                Unproved::No(why) => (ErrorKind::Unintelligible, why),
            };
            with_id(Error::new(kind, format!("the list of certificates is not proved: {why}")), reply)
        })?;
        if opened.is_empty() {
            return Err(unintelligible(reply, "it lists no certificate"));
        }
        Ok(grants(opened, received.now))
    }
}

fn grants(opened: Vec<(Secret, Certificate)>, now: SystemTime) -> Vec<Grant> {
    let serials: Vec<&str> = opened.iter().map(|(_, certificate)| certificate.serial()).collect();
    let list = Grant::new(Want::Keys, Secret::new(serials.join("\n")), now.checked_add(LIST_LIFE));
    let each = opened.into_iter().map(|(pem, certificate)| {
        let expires = now.checked_add(CERTIFICATE_LIFE).map(|at| at.min(certificate.valid_until()));
        Grant::new(Want::Key(certificate.serial().to_owned()), pem, expires).with_parsed(certificate)
    });
    std::iter::once(list).chain(each).collect()
}

impl WeChatPay {
    fn listed(&self, listed: &Listed<'_>) -> Result<(Secret, Certificate), Error> {
        let pem = self.opened(&listed.encrypt_certificate)?;
        let certificate = Certificate::from_pem("certificate", pem.covered())
            .map_err(|invalid| Error::new(ErrorKind::Unintelligible, format!("a platform certificate: {invalid}")))?;
        if certificate.serial() != &*listed.serial_no {
            return Err(Error::new(ErrorKind::Unintelligible, "a platform certificate has another serial than it is listed by"));
        }
        Ok((Secret::new(pem.covered().to_vec()), certificate))
    }
}

/// Merchants who began with the public key have no certificates, and are told so in more than one way.
fn refused(wechat: &WeChatPay, reply: &Reply) -> Failure {
    let status = reply.status.as_u16();
    let fault = serde_json::from_slice::<Refusal<'_>>(&reply.body).ok();
    let code = fault.as_ref().map(|fault| &*fault.code).filter(|code| is_id(code)).unwrap_or_default();
    let none = matches!(code, "RESOURCE_NOT_EXISTS" | "NOT_FOUND") || (status == 500 && code == "SYSTEM_ERROR");
    let kind = match status {
        401 | 403 => ErrorKind::Unauthorized,
        429 => ErrorKind::Throttled,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Unintelligible,
    };
    let sentence = fault.as_ref().and_then(|fault| fault.message.as_deref()).and_then(|text| wechat.printable(text));
    let hint = if none && wechat.public_key.is_none() {
        ": this merchant may have no platform certificates; configure WeChat Pay's public key"
    } else {
        ""
    };
    let sentence = sentence.unwrap_or_else(|| format!("answered {status}"));
    let error = Error::new(kind, format!("platform certificates were not handed out: {sentence}{hint}"));
    let code = if code.is_empty() { status.to_string() } else { wechat.shown(&codes::shown(code)) };
    with_id(error.with_code(code), reply).into()
}
