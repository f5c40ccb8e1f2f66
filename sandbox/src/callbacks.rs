//! The delivery of callbacks: late, twice, out of order or never on command, and again until they are taken.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method};
use paysluice::adapter::{Reply, Request};
use paysluice::env::{BoxFuture, Env};
use paysluice::transport::{Limits, Transport};
use serde::Serialize;

use crate::config::SandboxConfig;
use crate::fault::{CallbackFault, ms};
use crate::letter::{Letter, News};
use crate::world::unix;
use crate::{http1, target};

/// Takes callbacks in the same process.
pub type Sink = Arc<dyn Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync>;

const HOLD_BACK: Duration = Duration::from_secs(60);
const REPLY_CAP: usize = 64 * 1024;

/// One try to deliver one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The event's id.
    pub event: String,
    /// Unix time in seconds.
    pub at: i64,
    /// Which try of this event: from 1.
    pub attempt: u32,
    /// The status of the answer; None if none came.
    pub status: Option<u16>,
}

/// What became of all callbacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallbackCounts {
    /// Events that arose while they had somewhere to go.
    pub events: u64,
    /// Tries to deliver.
    pub deliveries: u64,
    /// Tries that were answered as the provider wants it (Stripe: 2xx; WeChat Pay: 200 or 204; Alipay: 200 and `success`).
    pub accepted: u64,
    /// Tries for events that had been accepted before.
    pub duplicates: u64,
    /// Events that no try will follow, though none was accepted.
    pub given_up: u64,
    /// Events that a fault swallowed.
    pub missing: u64,
}

#[derive(Clone)]
enum Endpoint {
    Here(String, Sink),
    Over(Arc<dyn Transport>, String),
    Socket(String),
}

#[derive(Default)]
struct Post {
    endpoint: Option<Endpoint>,
    stopped: bool,
    held_back: Vec<News>,
    accepted: BTreeSet<String>,
    deliveries: Vec<Delivery>,
    counts: CallbackCounts,
}

/// The handle on callbacks; clones share it.
///
/// Stripe's events go to the endpoint that is set here; without one they are only written down. WeChat Pay's notices go to the
/// `notify_url` of their order: in the same process or through a transport if such an endpoint is set, else by plain HTTP; an
/// `https` address is then out of reach, and the notice only written down.
#[derive(Clone)]
pub struct Callbacks {
    post: Arc<Mutex<Post>>,
    delay: Duration,
}

impl Callbacks {
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        Self { post: Arc::default(), delay: config.callback_delay }
    }

    /// Delivers to a function in this process; `path` is the request's url there, unless the letter has an address: then its path.
    pub fn to_handler(&self, path: impl Into<String>, sink: Sink) {
        self.set(Endpoint::Here(path.into(), sink));
    }

    /// Delivers by plain HTTP to an address: `http://127.0.0.1:8080/callbacks/stripe`.
    pub fn to_url(&self, url: impl Into<String>) {
        self.set(Endpoint::Socket(url.into()));
    }

    /// Delivers through a transport.
    pub fn via(&self, transport: Arc<dyn Transport>, url: impl Into<String>) {
        self.set(Endpoint::Over(transport, url.into()));
    }

    /// Delivers nowhere from now on; tries under way count as unanswered.
    pub fn stop(&self) {
        self.post(|post| (post.endpoint, post.stopped) = (None, true));
    }

    fn set(&self, endpoint: Endpoint) {
        self.post(|post| (post.endpoint, post.stopped) = (Some(endpoint), false));
    }

    /// What became of them so far.
    pub fn counts(&self) -> CallbackCounts {
        self.post(|post| post.counts)
    }

    /// Every try so far, in order.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.post(|post| post.deliveries.clone())
    }

    /// Starts the delivery of an event.
    pub(crate) fn dispatch(&self, env: &Env, news: News, fault: CallbackFault) {
        let wanted = self.post(|post| {
            let wanted = post.way(&*news.letter).is_some();
            post.counts.events += u64::from(wanted);
            post.counts.missing += u64::from(wanted && fault == CallbackFault::Missing);
            wanted
        });
        if !wanted || fault == CallbackFault::Missing {
            return;
        }
        let delay = match fault {
            CallbackFault::Early => Duration::ZERO,
            CallbackFault::Late { by_ms } => self.delay + ms(by_ms),
            _ => self.delay,
        };
        let (post, world) = (self.clone(), env.clone());
        env.spawn(async move {
            if fault == CallbackFault::Reordered {
                let id = news.id.clone();
                post.post(|post| post.held_back.push(news));
                world.sleep(HOLD_BACK).await;
                for event in post.post(|post| take_where(&mut post.held_back, |held| held.id == id)) {
                    post.deliver(&world, event, CallbackFault::Pass).await;
                }
                return;
            }
            world.sleep(delay).await;
            let overtaken = post.post(|post| std::mem::take(&mut post.held_back));
            post.clone().start_overtaken(&world, overtaken);
            post.deliver(&world, news, fault).await;
        });
    }

    /// What was held back follows a moment after what overtook it.
    fn start_overtaken(self, env: &Env, overtaken: Vec<News>) {
        for event in overtaken {
            let (post, world) = (self.clone(), env.clone());
            env.spawn(async move {
                world.sleep(Duration::from_millis(10)).await;
                post.deliver(&world, event, CallbackFault::Pass).await;
            });
        }
    }

    /// Tries until it is taken; then once more if it is to come twice.
    async fn deliver(&self, env: &Env, news: News, fault: CallbackFault) {
        let waits = news.letter.waits();
        let mut waits = waits.iter();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let how = if attempt == 1 { fault } else { CallbackFault::Pass };
            if self.once(env, &news, how, attempt).await {
                break;
            }
            let Some(wait) = waits.next() else {
                return self.post(|post| post.counts.given_up += 1);
            };
            env.sleep(*wait).await;
        }
        if fault == CallbackFault::Duplicate {
            env.sleep(self.delay).await;
            self.once(env, &news, CallbackFault::Pass, attempt + 1).await;
        }
    }

    /// One try, with a fresh time and signature; whether it was taken.
    async fn once(&self, env: &Env, news: &News, how: CallbackFault, attempt: u32) -> bool {
        let at = unix(env.wall());
        let answer = match self.post(|post| post.way(&*news.letter)) {
            Some(way) => way.carry(env, &*news.letter, at.saturating_add(news.skew), attempt, how).await,
            None => None,
        };
        let taken = answer.as_ref().is_some_and(|(status, body)| news.letter.taken_by(*status, body));
        let status = answer.map(|(status, _)| status);
        self.post(|post| {
            post.counts.deliveries += 1;
            post.counts.accepted += u64::from(taken);
            post.counts.duplicates += u64::from(post.accepted.contains(&news.id));
            if taken {
                post.accepted.insert(news.id.clone());
            }
            post.deliveries.push(Delivery { event: news.id.clone(), at, attempt, status });
        });
        taken
    }

    fn post<T>(&self, f: impl FnOnce(&mut Post) -> T) -> T {
        f(&mut self.post.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Post {
    /// The way a letter takes; None if it can go nowhere.
    fn way(&self, letter: &dyn Letter) -> Option<Endpoint> {
        let Some(address) = letter.address() else { return self.endpoint.clone() };
        match &self.endpoint {
            _ if self.stopped => None,
            Some(Endpoint::Here(_, sink)) => Some(Endpoint::Here(target::of(address).to_owned(), sink.clone())),
            Some(Endpoint::Over(transport, _)) => Some(Endpoint::Over(transport.clone(), address.to_owned())),
            Some(Endpoint::Socket(_)) | None => address.starts_with("http://").then(|| Endpoint::Socket(address.to_owned())),
        }
    }
}

impl Endpoint {
    /// Status and body of the answer, if one came.
    async fn carry(self, env: &Env, letter: &dyn Letter, at: i64, attempt: u32, how: CallbackFault) -> Option<(u16, Bytes)> {
        let url = match &self {
            Self::Here(url, _) | Self::Over(_, url) | Self::Socket(url) => url.clone(),
        };
        let sealed = letter.sealed(at, attempt, how);
        let mut request = Request::new(Method::POST, url).with_body(sealed.body);
        for (name, value) in &sealed.headers {
            request.headers.insert(*name, HeaderValue::from_str(value).ok()?);
        }
        let limits = Limits { timeout: letter.patience(), reply_cap: REPLY_CAP };
        let answer = async {
            let reply = match self {
                Self::Here(_, sink) => sink(request).await,
                Self::Over(transport, _) => transport.send(request, limits).await.ok()?,
                Self::Socket(_) => return http1::post(&request).await.ok(),
            };
            Some((reply.status.as_u16(), reply.body))
        };
        tokio::select! {
            biased;
            answer = answer => answer,
            () = env.sleep(limits.timeout) => None,
        }
    }
}

fn take_where(held: &mut Vec<News>, fits: impl Fn(&News) -> bool) -> Vec<News> {
    let (taken, kept) = std::mem::take(held).into_iter().partition(|news| fits(news));
    *held = kept;
    taken
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callbacks({:?})", self.counts())
    }
}
