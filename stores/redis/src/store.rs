//! The store on Redis: every law of a store while the server keeps what it was told, and no promise that it does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use paysluice::env::{BoxFuture, Env, Mono};
use paysluice::store::{Commit, Depth, Durability, Key, OpId, Put, Row, Space, Store, StoreError, check_puts};
use redis::{FromRedisValue, Value, cmd};
use tokio::sync::OnceCell;

use crate::link::Link;
use crate::script::{Call, Script};
use crate::{check, errors, names, rows};

macro_rules! script {
    ($name:ident = $($file:literal),+) => {
        static $name: LazyLock<Script> = LazyLock::new(|| Script::new(concat!($(include_str!(concat!("lua/", $file))),+)));
    };
}

script!(GET = "now.lua", "row.lua", "get.lua");
script!(COMMIT = "now.lua", "row.lua", "commit.lua");
script!(CLAIM = "now.lua", "row.lua", "claim.lua");
script!(PAGE = "now.lua", "row.lua", "page.lua");
script!(DEPTH = "now.lua", "depth.lua");
script!(PURGE = "now.lua", "purge.lua");

/// How long answers are kept: a quarter more than is promised, because the server's clock may be set forward. They hold memory.
const KEPT: Duration = Duration::from_mins(75);

/// How often a space that is written to is entered in the set of all spaces: so that one that was lost comes back.
const ENTERED_EVERY: Duration = Duration::from_mins(1);

/// How a store works.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// What all keys begin with. Default `paysluice`. Two stores of one server need two.
    pub prefix: String,
    /// How long a call waits for the server before `Unavailable`. Default 2 s.
    pub timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { prefix: crate::PREFIX.to_owned(), timeout: Duration::from_secs(2) }
    }
}

/// A store in Redis, shared by all processes that name the same server and prefix. Clones share its connection.
///
/// Its durability is [`BestEffort`](Durability::BestEffort), whatever the server's settings: a failover may lose what was
/// answered. A gateway takes it only if told that this will do.
#[derive(Clone, Debug)]
pub struct RedisStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: Link,
    env: Env,
    prefix: String,
    /// Whether the server was found fit.
    checked: OnceCell<()>,
    /// The greatest version this process has seen: none below comes from here again, even if the server has lost it.
    seen: AtomicU64,
    /// When which space was last entered in the set of spaces.
    entered: Mutex<HashMap<Space, Mono>>,
    /// Microseconds added to the server's clock: zero, but in tests.
    shift: Arc<AtomicI64>,
}

impl RedisStore {
    /// A store on the server at `url` (`redis://` or `rediss://`). It connects when it is first used, and then refuses a server
    /// that would evict rows when its memory is full.
    ///
    /// # Errors
    /// `Refused`: not a URL that can be used.
    pub fn open(url: &str, env: &Env, options: StoreOptions) -> Result<Self, StoreError> {
        Self::shifted(url, env, options, Arc::default())
    }

    pub(crate) fn shifted(url: &str, env: &Env, options: StoreOptions, shift: Arc<AtomicI64>) -> Result<Self, StoreError> {
        let link = Link::new(url, env, options.timeout).map_err(|error| errors::of_url(&error))?;
        let inner = Inner {
            link,
            env: env.clone(),
            prefix: options.prefix,
            checked: OnceCell::new(),
            seen: AtomicU64::new(0),
            entered: Mutex::default(),
            shift,
        };
        Ok(Self(Arc::new(inner)))
    }
}

impl Inner {
    async fn run(&self, script: &Script, call: &Call) -> Result<Value, StoreError> {
        self.checked.get_or_try_init(|| check::server(&self.link)).await?;
        Ok(self.link.run(script, call).await?)
    }

    fn call(&self) -> Call {
        Call::default().arg(self.shift.load(Ordering::Relaxed))
    }

    fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    fn see(&self, vers: impl IntoIterator<Item = u64>) {
        if let Some(greatest) = vers.into_iter().max() {
            self.seen.fetch_max(greatest, Ordering::Relaxed);
        }
    }

    /// Before the first row of a space: whoever looks for spaces must not miss one.
    async fn enter(&self, puts: &[Put]) -> Result<(), StoreError> {
        let now = self.env.now();
        for put in puts {
            let space = &put.key.space;
            let is_known = |at: &Mono| now.since(*at) < ENTERED_EVERY;
            if self.entered().get(space).is_some_and(is_known) {
                continue;
            }
            let member = format!("{} {}", space.kind.name(), space.account);
            self.link.ask(cmd("SADD").arg(names::spaces(&self.prefix)).arg(member)).await?;
            self.entered().insert(space.clone(), now);
        }
        Ok(())
    }

    fn entered(&self) -> std::sync::MutexGuard<'_, HashMap<Space, Mono>> {
        self.entered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn commit(&self, op: OpId, puts: &[Put]) -> Result<Commit, StoreError> {
        check_puts(puts)?;
        let Some(first) = puts.first() else { return Ok(Commit::Done(Vec::new())) };
        self.checked.get_or_try_init(|| check::server(&self.link)).await?;
        self.enter(puts).await?;
        let space = &first.key.space;
        let mut call = self.call().key(names::answer(&self.prefix, space, op)).key(names::last_version(&self.prefix, space));
        call = call.arg(self.seen()).arg(rows::millis(KEPT));
        for put in puts {
            call = rows::put(call, &self.prefix, put);
        }
        let answer = rows::answer(puts, self.run(&COMMIT, &call).await?)?;
        match &answer {
            Commit::Done(vers) => self.see(vers.iter().copied()),
            Commit::Lost { current, .. } => self.see(current.iter().map(|row| row.ver)),
        }
        Ok(answer)
    }

    async fn claim(&self, space: &Space, max: usize, lease: Duration) -> Result<Vec<Row>, StoreError> {
        let [_, due, ..] = names::indexes(&self.prefix, space);
        let call = self.call().key(names::last_version(&self.prefix, space)).key(due);
        let call = call.arg(self.seen()).arg(max).arg(rows::micros(lease)).arg(names::rows(&self.prefix, space));
        let claimed = rows::several(space, self.run(&CLAIM, &call).await?)?;
        self.see(claimed.iter().map(|row| row.ver));
        Ok(claimed)
    }

    async fn page(&self, list: String, space: &Space, after: Option<&Key>, max: usize) -> Result<Vec<Row>, StoreError> {
        let after = after.map(names::member).unwrap_or_default();
        let call = self.call().key(list).arg(after).arg(max).arg(names::rows(&self.prefix, space));
        rows::several(space, self.run(&PAGE, &call).await?)
    }

    async fn depth(&self, space: &Space) -> Result<Depth, StoreError> {
        let call = names::indexes(&self.prefix, space).into_iter().fold(self.call(), Call::key);
        rows::depth(self.run(&DEPTH, &call).await?)
    }

    async fn spaces(&self) -> Result<Vec<Space>, StoreError> {
        let entered = self.link.ask(cmd("SMEMBERS").arg(names::spaces(&self.prefix))).await?;
        let entered = Vec::<String>::from_redis_value(entered).map_err(|_| errors::corrupt("the set of spaces"))?;
        let mut spaces = Vec::new();
        for name in entered {
            let space = rows::space(&name)?;
            if self.depth(&space).await?.rows > 0 {
                spaces.push(space);
            }
        }
        Ok(spaces)
    }

    async fn purge(&self, space: &Space, max: usize) -> Result<usize, StoreError> {
        let call = names::indexes(&self.prefix, space).into_iter().fold(self.call(), Call::key);
        let call = call.arg(max).arg(names::rows(&self.prefix, space));
        usize::from_redis_value(self.run(&PURGE, &call).await?).map_err(|_| errors::corrupt("the count of purged rows"))
    }
}

impl Store for RedisStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move {
            let call = self.0.call().key(names::row(&self.0.prefix, key));
            rows::one(key, self.0.run(&GET, &call).await?)
        })
    }

    fn commit<'a>(&'a self, op: OpId, puts: &'a [Put]) -> BoxFuture<'a, Result<Commit, StoreError>> {
        Box::pin(self.0.commit(op, puts))
    }

    fn claim_due<'a>(&'a self, space: &'a Space, max: usize, lease: Duration) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(self.0.claim(space, max, lease))
    }

    fn page<'a>(&'a self, space: &'a Space, after: Option<&'a Key>, max: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        let [list, ..] = names::indexes(&self.0.prefix, space);
        Box::pin(self.0.page(list, space, after, max))
    }

    fn page_due<'a>(
        &'a self,
        space: &'a Space,
        after: Option<&'a Key>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        let [.., open] = names::indexes(&self.0.prefix, space);
        Box::pin(self.0.page(open, space, after, max))
    }

    fn depth<'a>(&'a self, space: &'a Space) -> BoxFuture<'a, Result<Depth, StoreError>> {
        Box::pin(self.0.depth(space))
    }

    fn spaces(&self) -> BoxFuture<'_, Result<Vec<Space>, StoreError>> {
        Box::pin(self.0.spaces())
    }

    fn purge<'a>(&'a self, space: &'a Space, max: usize) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.0.purge(space, max))
    }

    fn durability(&self) -> Durability {
        Durability::BestEffort
    }
}
