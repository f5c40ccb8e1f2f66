//! The handle that applications hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use paysluice::env::BoxFuture;
use paysluice::store::{Commit, Depth, Durability, Key, OpId, Put, Row, Space, Store, StoreError, check_puts};
use tokio_postgres::types::Type;

use crate::claims::{self, BATCH, Marks};
use crate::commits::{self, Group};
use crate::database::{Database, Param};
use crate::errors::{Failure, Outcome};
use crate::line::{Line, Waiting};
use crate::options::Options;
use crate::{micros, rows, schema, views};

/// After so many commits old answers are removed, a batch of up to [`BATCH`]: faster than they can come.
const FORGET_EVERY: usize = 500;

/// A store in one schema of a PostgreSQL database. Clones share its connections.
///
/// Any number of processes and machines may share the schema.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: Database,
    line: Line,
    marks: Marks,
    statements: Statements,
    durability: Durability,
    commits: AtomicUsize,
}

/// The statements for this store's schema.
#[derive(Debug)]
struct Statements {
    get: String,
    page: String,
    page_due: String,
    commit: String,
    claim: String,
    purge: String,
    forget: String,
    depth: String,
    spaces: String,
}

impl PostgresStore {
    /// Connects to the server of a `postgres://` URL whose schema has been migrated.
    ///
    /// `sslmode=require`, `verify-ca` and `verify-full` all verify the certificate and its name, by `sslrootcert` if it is given.
    /// Without `sslmode` only this machine is spoken to in plaintext.
    ///
    /// # Errors
    /// * `Refused`: a URL that cannot be read, no such database or schema, not let in, a later version's schema, or not UTF8.
    /// * `Unavailable`: no server there, or it does not answer in time.
    pub async fn connect(url: &str, options: Options) -> Result<Self, StoreError> {
        let database = Database::at(url, &options)?;
        let durability = schema::check(&database, &options).await?;
        let inner = Inner {
            database,
            line: Line::new(options.lanes, options.line, options.group),
            marks: Marks::default(),
            statements: Statements::new(options.schema()?),
            durability,
            commits: AtomicUsize::new(0),
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Statements {
    fn new(schema: &str) -> Self {
        let text = |sql: &str| schema::in_schema(sql, schema);
        Self {
            get: text(rows::GET),
            page: text(rows::PAGE),
            page_due: text(rows::PAGE_DUE),
            commit: text(commits::COMMIT),
            claim: text(claims::CLAIM),
            purge: text(claims::PURGE),
            forget: text(claims::FORGET),
            depth: text(views::DEPTH),
            spaces: text(views::SPACES),
        }
    }
}

impl Inner {
    async fn get(&self, key: &Key) -> Outcome<Option<Row>> {
        let (kind, account) = (key.space.kind.name(), key.space.account.to_string());
        let params: [Param<'_>; 4] =
            [(&kind, Type::TEXT), (&account, Type::TEXT), (&key.part, Type::TEXT), (&key.id, Type::TEXT)];
        let found = self.database.query(&self.statements.get, &params).await?;
        found.first().map(|found| rows::row(&key.space, found)).transpose()
    }

    async fn page(&self, statement: &str, space: &Space, after: Option<&Key>, max: usize) -> Outcome<Vec<Row>> {
        let (kind, account, max) = (space.kind.name(), space.account.to_string(), rows::limit(max));
        // Parts and ids are never empty, so that the empty pair comes before all.
        let (part, id) = after.map_or(("", ""), |key| (&key.part, &key.id));
        let params: [Param<'_>; 5] =
            [(&kind, Type::TEXT), (&account, Type::TEXT), (&part, Type::TEXT), (&id, Type::TEXT), (&max, Type::INT8)];
        let found = self.database.query(statement, &params).await?;
        found.iter().map(|found| rows::row(space, found)).collect()
    }

    async fn commit(&self, op: OpId, puts: &[Put]) -> Outcome<Commit> {
        let answer = self.line.commit(op, puts, |group| self.lead(group)).await;
        if self.commits.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            // Housekeeping: its failure is not this commit's, and the next time comes.
            let _ = self.remove(&self.statements.forget, None, BATCH).await;
        }
        answer
    }

    /// Takes a group to the server; if one spoils it or waits for what others hold, each alone and beside the others, so that only
    /// the guilty one fails and only the held one waits.
    async fn lead(&self, group: Vec<Waiting>) {
        match self.ask(&group).await {
            Ok(answers) => group.into_iter().zip(answers).for_each(|(one, answer)| one.tell(Ok(answer))),
            Err(failure) if group.len() > 1 && failure.is_of_one => {
                join_all(group.into_iter().map(|one| async {
                    let alone = self.ask(std::slice::from_ref(&one)).await;
                    one.tell(alone.and_then(|mut answers| answers.pop().ok_or_else(|| Failure::corrupt("no answer"))));
                }))
                .await;
            }
            Err(failure) => group.into_iter().for_each(|one| one.tell(Err(failure.clone()))),
        }
    }

    async fn ask(&self, group: &[Waiting]) -> Outcome<Vec<Commit>> {
        let columns = Group::of(group.iter().map(|one| (one.op, &one.puts[..])));
        let found = self.database.query(&self.statements.commit, &columns.params()).await?;
        commits::answers(group.len(), &found)
    }

    async fn claim(&self, space: &Space, max: usize, lease: Duration) -> Outcome<Vec<Row>> {
        let (kind, account, max) = (space.kind.name(), space.account.to_string(), rows::limit(max));
        let (low, lease_micros) = (self.marks.low(space), micros::of(lease));
        let params: [Param<'_>; 5] = [
            (&kind, Type::TEXT),
            (&account, Type::TEXT),
            (&max, Type::INT8),
            (&lease_micros, Type::INT8),
            (&low, Type::TIMESTAMPTZ),
        ];
        let found = self.database.query(&self.statements.claim, &params).await?;
        self.marks.claimed(space, low, lease, &found)
    }

    async fn purge(&self, space: &Space, max: usize) -> Outcome<usize> {
        let mut purged = 0;
        while purged < max {
            let batch = BATCH.min(max - purged);
            let removed = self.remove(&self.statements.purge, Some(space), batch).await?;
            purged += removed;
            if removed < batch {
                break;
            }
        }
        self.remove(&self.statements.forget, None, BATCH).await?;
        Ok(purged)
    }

    /// One batch of a removal; tells how many went.
    async fn remove(&self, statement: &str, space: Option<&Space>, max: usize) -> Outcome<usize> {
        let (kind, account) = space.map(|space| (space.kind.name(), space.account.to_string())).unzip();
        let max = rows::limit(max);
        let all: [Param<'_>; 3] = [(&kind, Type::TEXT), (&account, Type::TEXT), (&max, Type::INT8)];
        let params = if space.is_some() { &all[..] } else { &all[2..] };
        let found = self.database.query(statement, params).await?;
        let removed: i64 = found.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
        usize::try_from(removed).map_err(|_| Failure::corrupt(format!("a count is {removed}")))
    }
}

impl Store for PostgresStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move { Ok(self.inner.get(key).await?) })
    }

    fn commit<'a>(&'a self, op: OpId, puts: &'a [Put]) -> BoxFuture<'a, Result<Commit, StoreError>> {
        Box::pin(async move {
            check_puts(puts)?;
            Ok(self.inner.commit(op, puts).await?)
        })
    }

    fn claim_due<'a>(&'a self, space: &'a Space, max: usize, lease: Duration) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move { Ok(self.inner.claim(space, max, lease).await?) })
    }

    fn page<'a>(&'a self, space: &'a Space, after: Option<&'a Key>, max: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move { Ok(self.inner.page(&self.inner.statements.page, space, after, max).await?) })
    }

    fn page_due<'a>(
        &'a self,
        space: &'a Space,
        after: Option<&'a Key>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move { Ok(self.inner.page(&self.inner.statements.page_due, space, after, max).await?) })
    }

    fn depth<'a>(&'a self, space: &'a Space) -> BoxFuture<'a, Result<Depth, StoreError>> {
        Box::pin(async move {
            let (kind, account) = (space.kind.name(), space.account.to_string());
            let params: [Param<'_>; 2] = [(&kind, Type::TEXT), (&account, Type::TEXT)];
            Ok(views::depth(&self.inner.database.query(&self.inner.statements.depth, &params).await?)?)
        })
    }

    fn spaces(&self) -> BoxFuture<'_, Result<Vec<Space>, StoreError>> {
        Box::pin(async move {
            let found = self.inner.database.query(&self.inner.statements.spaces, &[]).await?;
            Ok(found.iter().map(views::space).collect::<Outcome<_>>()?)
        })
    }

    fn purge<'a>(&'a self, space: &'a Space, max: usize) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move { Ok(self.inner.purge(space, max).await?) })
    }

    fn durability(&self) -> Durability {
        self.inner.durability
    }
}
