//! The intake: a provider's request is verified and stored before it is acknowledged, in the provider's own words.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Request as Incoming, State};
use axum::response::Response;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use paysluice::adapter::{Adapter, Item, Opened, Reply, Request};
use paysluice::env::Env;
use paysluice::guard::timeout;
use paysluice::model::{Error, ErrorKind};
use paysluice::store::StoreError;
use tokio::sync::{Notify, Semaphore};

use super::event::{self, From};
use super::letters::Letters;
use crate::access::Fetcher;

/// How long a body may take to arrive: who drips longer is not a provider.
const BODY: Duration = Duration::from_secs(10);

/// How long fetching what a verification needs may take: providers hang up after 5 to 10 s.
const FETCH: Duration = Duration::from_secs(4);

/// Most requests at work at once; the next is asked to come again.
pub(crate) const ROOM: usize = 256;

/// Takes callbacks in.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) env: Env,
    pub(crate) gateway: String,
    pub(crate) account: String,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) fetcher: Fetcher,
    pub(crate) letters: Arc<Letters>,
    pub(crate) bell: Arc<Notify>,
    pub(crate) room: Semaphore,
    pub(crate) counts: Counts,
    pub(crate) verbose: bool,
}

/// What came in so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) stored: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// Answers one request, at whatever path the provider was given.
pub(crate) async fn answer(State(intake): State<Arc<Intake>>, request: Incoming) -> Response {
    let reply = intake.take(request).await;
    let mut response = Response::new(reply.body.into());
    (*response.status_mut(), *response.headers_mut()) = (reply.status, reply.headers);
    response
}

impl Intake {
    async fn take(&self, request: Incoming) -> Reply {
        let Ok(_room) = self.room.try_acquire() else { return Reply::new(StatusCode::SERVICE_UNAVAILABLE, "try again") };
        if request.method() != Method::POST {
            return Reply::new(StatusCode::METHOD_NOT_ALLOWED, "POST only");
        }
        let (head, body) = request.into_parts();
        let body = match self.read(body).await {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        let url = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let raw = Request { method: head.method, url, headers: head.headers, body };
        let items = match self.open(&raw).await {
            Ok(items) => items,
            Err(error) => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                eprintln!("paysluice: a callback was refused: {}", error.message());
                return self.adapter.callbacks().refused(&error);
            }
        };
        for item in items {
            if let Err(error) = self.store(item).await {
                eprintln!("paysluice: a callback could not be stored, so the provider is asked to send it again: {error}");
                return Reply::new(StatusCode::SERVICE_UNAVAILABLE, "try again");
            }
        }
        self.adapter.callbacks().accepted()
    }

    async fn read(&self, body: axum::body::Body) -> Result<Bytes, Reply> {
        let collected = Limited::new(body, self.adapter.profile().callback_cap).collect();
        match timeout::run(&self.env, self.env.now() + BODY, collected).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Reply::new(StatusCode::PAYLOAD_TOO_LARGE, "too large")),
            Ok(Err(_)) => Err(Reply::new(StatusCode::BAD_REQUEST, "the body did not arrive whole")),
            Err(timeout::Elapsed) => Err(Reply::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
        }
    }

    /// Verifies and reads, fetching once what the verification needs.
    async fn open(&self, raw: &Request) -> Result<Vec<Item>, Error> {
        let opened = || self.adapter.callbacks().open(raw, self.env.wall(), &self.fetcher.granted());
        let opened = match opened()? {
            Opened::Need(want) => {
                self.fetcher.ensure(&want, self.env.now() + FETCH).await?;
                opened()?
            }
            items @ Opened::Items(_) => items,
        };
        match opened {
            Opened::Items(items) => Ok(items),
            Opened::Need(want) => Err(Error::new(ErrorKind::Invalid, format!("cannot be verified without {want:?}"))),
        }
    }

    /// Stores one item; one that cannot be read is kept for a person, and does not spoil the rest.
    async fn store(&self, item: Item) -> Result<(), StoreError> {
        let key = item.delivery_key;
        let from = From { gateway: &self.gateway, account: &self.account };
        let read = item.verdict.map_err(|error| error.message().to_owned()).and_then(|event| {
            let body = event::body(from, &self.letters.id(&key), &event, self.env.wall())?;
            Ok((event.name().to_owned(), body))
        });
        let fresh = match &read {
            Ok((name, body)) => self.letters.take_in(&key, name, body).await?,
            Err(why) => {
                eprintln!("paysluice: {key} is the provider's, and cannot be forwarded: {why}");
                self.letters.keep_unread(&key, why).await?
            }
        };
        let (count, what) = if fresh { (&self.counts.stored, "stored") } else { (&self.counts.duplicates, "was here already:") };
        count.fetch_add(1, Ordering::Relaxed);
        if self.verbose {
            eprintln!("{what} {key}");
        }
        self.bell.notify_one();
        Ok(())
    }
}
