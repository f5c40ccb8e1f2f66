//! Where events go: one POST, signed for this very attempt, and what its answer means.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use paysluice::env::Env;
use paysluice::signing::StandardWebhooks;
use reqwest::{Client, Url, redirect, retry};

/// Longest `Retry-After` believed: the longest pause of the schedule.
const AFTER_MAX: Duration = Duration::from_hours(24);

/// How much of an answer is read, so that its connection can be used again, in bytes.
const ANSWER: usize = 64 * 1024;

const LOOPBACK: [SocketAddr; 2] =
    [SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0)];

/// The application's endpoint.
#[derive(Debug)]
pub(crate) struct Target {
    env: Env,
    client: Client,
    url: Url,
    signer: StandardWebhooks,
}

/// What became of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// 2xx.
    Taken,
    /// Anything else, with the wait that the target asked for.
    Failed { why: String, after: Option<Duration> },
    /// 410: the target wants no more.
    Gone,
}

impl Target {
    /// An endpoint by its address. Plain http only to this machine, unless `allow_http`: the body holds the payer's data.
    pub(crate) fn new(
        env: Env,
        url: &str,
        allow_http: bool,
        signer: StandardWebhooks,
        timeout: Duration,
    ) -> Result<Self, String> {
        let url = address(url, allow_http)?;
        let client = Client::builder()
            .tls_backend_rustls()
            .user_agent(concat!("paysluice/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .pool_idle_timeout(Duration::from_secs(30))
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            // The name must mean this machine, whatever a resolver says: plain http is allowed to it.
            .resolve_to_addrs("localhost", &LOOPBACK);
        let client = client.build().map_err(|error| format!("no client for --forward ({error})"))?;
        Ok(Self { env, client, url, signer })
    }

    /// The address without what may be secret in it.
    pub(crate) fn shown(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }

    /// Sends once. `id` is the message's, the same at every attempt; time and signature are of now.
    pub(crate) async fn post(&self, id: &str, body: Bytes) -> Attempt {
        let now = self.env.wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let signature = match self.signer.sign(id, now, &body) {
            Ok(signature) => signature,
            Err(invalid) => return failed(invalid.to_string()),
        };
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.header("webhook-id", id).header("webhook-timestamp", now).header("webhook-signature", signature);
        let mut answer = match request.body(body).send().await {
            Ok(answer) => answer,
            Err(error) => return failed(told(error)),
        };
        let attempt = self.judge(answer.status(), answer.headers());
        let mut read = 0;
        while let Ok(Some(chunk)) = answer.chunk().await {
            read += chunk.len();
            if read > ANSWER {
                break;
            }
        }
        attempt
    }

    /// The status decides; what the body says, or whether it comes whole, does not.
    fn judge(&self, status: StatusCode, headers: &HeaderMap) -> Attempt {
        match status {
            status if status.is_success() => Attempt::Taken,
            StatusCode::GONE => Attempt::Gone,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| self.after(text));
                Attempt::Failed { why: format!("answered {}", status.as_u16()), after }
            }
            status => failed(format!("answered {}", status.as_u16())),
        }
    }

    /// Seconds, or an HTTP date (RFC 9110, 10.2.3).
    fn after(&self, text: &str) -> Option<Duration> {
        let after = match text.trim().parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => httpdate::parse_http_date(text.trim()).ok()?.duration_since(self.env.wall()).unwrap_or_default(),
        };
        Some(after.min(AFTER_MAX))
    }
}

fn failed(why: String) -> Attempt {
    Attempt::Failed { why, after: None }
}

fn address(text: &str, allow_http: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("--forward: must be an absolute URL ({error})"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("--forward: must hold no user and no password: the signature tells the receiver who sends".to_owned());
    }
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if here || allow_http => Ok(url),
        "http" => {
            Err("--forward: must be https://, since events hold the payer's data (--allow-http sends them plain)".to_owned())
        }
        _ => Err("--forward: must be https:// or http://".to_owned()),
    }
}

/// What went wrong, without the address, whose query may hold a secret.
fn told(error: reqwest::Error) -> String {
    let what = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "no answer in time",
        (_, true) => "no connection",
        _ => "no answer",
    };
    let error = error.without_url();
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| what.to_owned(), |cause| format!("{what} ({cause})"))
}

#[cfg(test)]
mod tests {
    use paysluice::model::Secret;

    use super::*;

    fn target(url: &str, allow_http: bool) -> Result<Target, String> {
        let signer = StandardWebhooks::new([&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]).unwrap();
        let env = Env::simulated(1, UNIX_EPOCH + Duration::from_secs(784_111_777));
        Target::new(env, url, allow_http, signer, Duration::from_secs(15))
    }

    #[tokio::test]
    async fn plain_http_stays_on_this_machine_unless_allowed() {
        for (url, allowed, fits) in [
            ("https://shop.example/hooks?key=hush", false, true),
            ("http://127.0.0.1:8080/", false, true),
            ("http://[::1]:8080/", false, true),
            ("http://shop.example/", false, false),
            ("http://shop.example/", true, true),
            ("http://127.0.0.1.example/", false, false),
            ("https://user:hush@shop.example/", false, false),
            ("ftp://shop.example/", true, false),
            ("shop.example", true, false),
        ] {
            match target(url, allowed) {
                Ok(target) => assert!(fits && !target.shown().contains("hush"), "{url}"),
                Err(told) => assert!(!fits && !told.contains("hush"), "{url}: {told}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_2xx_is_taken_and_a_wait_is_believed_where_it_is_meant() {
        let target = target("https://shop.example/", false).unwrap();
        let judge = |status: u16, after: Option<&str>| {
            let mut headers = HeaderMap::new();
            after.map(|after| headers.insert(RETRY_AFTER, after.parse().unwrap()));
            target.judge(StatusCode::from_u16(status).unwrap(), &headers)
        };
        assert_eq!([judge(200, None), judge(204, None)], [Attempt::Taken, Attempt::Taken]);
        assert_eq!(judge(410, None), Attempt::Gone);
        let after = |attempt| if let Attempt::Failed { after, .. } = attempt { after } else { panic!("{attempt:?}") };
        for status in [301, 302, 400, 401, 404, 500] {
            assert_eq!(after(judge(status, Some("7"))), None, "{status}");
        }
        assert_eq!(after(judge(429, Some("7"))), Some(Duration::from_secs(7)));
        assert_eq!(after(judge(503, Some("Sun, 06 Nov 1994 08:50:37 GMT"))), Some(Duration::from_secs(60)));
        assert_eq!(after(judge(503, Some("99999999"))), Some(AFTER_MAX));
        assert_eq!((after(judge(503, None)), after(judge(503, Some("soon")))), (None, None));
    }
}
