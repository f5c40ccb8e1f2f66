//! A wire for tests: writes down what is sent and when, can be cut, and can hang like a process that was paused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paysluice::adapter::{Reply, Request};
use paysluice::env::{BoxFuture, Env, Mono};
use paysluice::transport::{Limits, Transport, TransportError};

/// One request that was to be sent.
#[derive(Clone, Debug)]
pub struct Line {
    /// When.
    pub at: Mono,
    /// `POST /v1/payment_intents`.
    pub what: String,
    /// Its idempotency key, if it has one.
    pub key: Option<String>,
}

/// A transport that is watched.
#[derive(Debug)]
pub struct Wire {
    env: Env,
    inner: Arc<dyn Transport>,
    lines: Mutex<Vec<Line>>,
    cut: AtomicBool,
    hang: Mutex<Option<(String, Hang)>>,
}

/// How the next request hangs.
#[derive(Clone, Copy, Debug)]
pub struct Hang {
    /// For so long, with no regard to its timeout: the process stands still.
    pub time: Duration,
    /// Whether the request goes out before it hangs; its answer is lost then. Otherwise nothing goes out.
    pub sent: bool,
}

impl Wire {
    /// A wire over another.
    pub fn new(env: &Env, inner: Arc<dyn Transport>) -> Arc<Self> {
        Arc::new(Self { env: env.clone(), inner, lines: Mutex::default(), cut: AtomicBool::new(false), hang: Mutex::default() })
    }

    /// Loses everything from now on, or nothing any more.
    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    /// Lets the next request whose `what` contains this hang.
    pub fn hang(&self, what: &str, how: Hang) {
        *self.hang.lock().unwrap_or_else(PoisonError::into_inner) = Some((what.to_owned(), how));
    }

    /// What was to be sent, oldest first.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests contain this.
    pub fn count(&self, what: &str) -> usize {
        self.lines().iter().filter(|line| line.what.contains(what)).count()
    }

    fn hangs(&self, what: &str) -> Option<Hang> {
        let mut hang = self.hang.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = hang.as_ref().is_some_and(|(wanted, _)| what.contains(wanted.as_str()));
        if fits { hang.take().map(|(_, how)| how) } else { None }
    }
}

impl Transport for Wire {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        let path = request.url.split("://").nth(1).and_then(|rest| rest.find('/').map(|at| rest[at..].to_owned()));
        let what = format!("{} {}", request.method, path.unwrap_or_else(|| request.url.clone()));
        let key = request.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
        let line = Line { at: self.env.now(), what: what.clone(), key };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        Box::pin(async move {
            if self.cut.load(Ordering::Relaxed) {
                self.env.sleep(Duration::from_millis(5)).await;
                return Err(TransportError::Lost("the wire is cut".to_owned()));
            }
            match self.hangs(&what) {
                None => self.inner.send(request, limits).await,
                Some(Hang { time, sent }) => {
                    if sent {
                        let _ = self.inner.send(request, limits).await;
                    }
                    self.env.sleep(time).await;
                    Err(TransportError::Lost("the process stood still".to_owned()))
                }
            }
        })
    }
}
