//! The law of secrets: nothing that is printed holds one.

use http::StatusCode;

use super::Subject;
use super::line::{each_step, stamp};
use crate::adapter::{Reply, Signed};

/// No secret is in the `Debug` of the adapter, a draft, a request, an answer or an error, even if the provider repeats it.
pub fn no_secret_is_printed(subject: &dyn Subject) {
    let secrets = subject.secrets();
    let clean = |what: &str, printed: String| {
        for secret in &secrets {
            assert!(!printed.contains(secret.as_str()), "{what} prints a secret");
        }
    };
    clean("the adapter", format!("{:?} {:?}", subject.adapter(), subject.adapter().profile()));
    each_step(subject, |line, step| {
        clean("a draft", format!("{:?}", step.draft));
        let signed = line.sign(&step.draft, &stamp(subject.now(), 1));
        clean("a signed request", format!("{signed:?}"));
        if let Ok(Signed::Send(request)) = signed {
            clean("a request's headers", format!("{:?}", request.headers));
        }
        // A provider, or who claims to be it, that repeats what it was sent.
        for secret in &secrets {
            let message = serde_json::to_string(secret).unwrap();
            for body in [
                secret.clone(),
                format!(
                    r#"{{"error":{{"type":"invalid_request_error","code":{message},"message":{message},"param":{message}}}}}"#
                ),
                format!(r#"{{"code":{message},"message":{message},"msg":{message},"name":{message}}}"#),
            ] {
                for status in [200, 400, 401, 403, 404, 500] {
                    let reply = Reply::new(StatusCode::from_u16(status).unwrap(), body.clone());
                    if let Err(failure) = line.decode(&step.draft, &reply) {
                        clean("a failure", format!("{failure:?} {}", failure.error));
                    }
                }
            }
        }
    });
    for mut request in subject.callbacks() {
        request.body = [request.body.as_ref(), b" "].concat().into();
        let opened = subject.adapter().callbacks().open(&request, subject.now(), &subject.granted());
        clean("a refused callback", format!("{opened:?} {request:?}"));
    }
}
