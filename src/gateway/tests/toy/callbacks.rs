//! The toy's access and callbacks: tokens for an hour, messages signed by HMAC.

use std::time::{Duration, SystemTime};

use http::{Method as Verb, StatusCode};
use serde_json::Value;

use super::{SIGNATURE, Toy, object, seen};
use crate::adapter::*;
use crate::model::*;

impl Access for Toy {
    fn request(&self, _: &Want, _: &Stamp) -> Result<Request, Error> {
        Ok(Request::new(Verb::POST, "https://toy.test/token"))
    }
    fn read(&self, want: &Want, reply: &Reply, received: &Stamp) -> Result<Vec<Grant>, Failure> {
        let value = object(reply)?;
        let token = Secret::new(value["id"].as_str().unwrap_or_default());
        Ok(vec![Grant::new(want.clone(), token, Some(received.now + Duration::from_secs(3600)))])
    }
}

impl Callbacks for Toy {
    fn open(&self, raw: &Request, _: SystemTime, _: &Granted) -> Result<Opened, Error> {
        let claim = single_header(&raw.headers, SIGNATURE).and_then(|text| hex::decode(text).ok()).unwrap_or_default();
        let proof = self.secret.verify(&[], &raw.body, [claim.as_slice()]);
        let proof = proof.ok_or_else(|| Error::new(ErrorKind::Unauthorized, "the signature does not match"))?;
        let value: Value = serde_json::from_slice(proof.covered()).map_err(|_| Error::new(ErrorKind::Invalid, "not JSON"))?;
        let bad = value["bad"].as_str().map(|key| Item {
            delivery_key: key.to_owned(),
            raw: raw.body.clone(),
            verdict: Err(Error::new(ErrorKind::Unintelligible, "an item of no known form")),
        });
        let payment = &value["payment"];
        let shown = seen(payment, &raw.body);
        let order = payment["order"]
            .as_str()
            .and_then(|no| OrderNo::new(no).ok())
            .map(|no| (no, AttemptNo::new(u32::try_from(payment["attempt"].as_u64().unwrap_or(1)).unwrap()).unwrap()));
        let about = About { order, number: None, refs: shown.refs.clone() };
        let name = value["name"].as_str().unwrap_or_default();
        let change = if name.starts_with("dispute") { Change::Dispute } else { Change::Payment };
        let event = Event::new(proof, name, about, change, shown, self.trust);
        let delivery_key = value["event"].as_str().unwrap_or_default().to_owned();
        let good = Item { delivery_key, raw: raw.body.clone(), verdict: Ok(event) };
        Ok(Opened::Items(bad.into_iter().chain([good]).collect()))
    }
    fn accepted(&self) -> Reply {
        Reply::new(StatusCode::OK, "thanks")
    }
    fn refused(&self, _: &Error) -> Reply {
        Reply::new(StatusCode::BAD_REQUEST, "no")
    }
}
