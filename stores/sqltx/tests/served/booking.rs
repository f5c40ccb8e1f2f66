//! What an application does with a change: marks it and writes its own table, by each driver, and comes to each end.

use paysluice::gateway::Told;
use paysluice_sqltx::{Arg, Inbox, Mark, SqlTx, StoreMarks, TxError};
use tokio::sync::Barrier;
use tokio_postgres::NoTls;

use super::Place;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    TokioPostgres,
    Sqlx8,
    Sqlx9,
}

pub(crate) const DRIVERS: [Driver; 3] = [Driver::TokioPostgres, Driver::Sqlx8, Driver::Sqlx9];

impl Driver {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::TokioPostgres => Self::Sqlx8,
            Self::Sqlx8 => Self::Sqlx9,
            Self::Sqlx9 => Self::TokioPostgres,
        }
    }
}

/// Where it marks.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Store(StoreMarks),
    Inbox(Inbox),
}

impl Way {
    pub(crate) async fn mark<T: SqlTx>(&self, tx: &mut T, told: &Told) -> Result<Mark, TxError> {
        match self {
            Self::Store(marks) => marks.mark(tx, told).await,
            Self::Inbox(inbox) => inbox.mark(tx, told).await,
        }
    }

    /// What who comes second is told.
    pub(crate) fn second(&self) -> Mark {
        match self {
            Self::Store(_) => Mark::NotHeld,
            Self::Inbox(_) => Mark::AlreadyHandled,
        }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Store(_) => "store",
            Self::Inbox(_) => "inbox",
        })
    }
}

/// How a transaction ends that may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Commit,
    RollBack,
    /// The connection is gone before the commit.
    Broken,
    /// The process is.
    Dies,
    /// The process is gone after the commit, before anything else.
    CommitsAndDies,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Booking<'a> {
    pub(crate) place: &'a Place,
    pub(crate) driver: Driver,
    pub(crate) way: &'a Way,
    /// All that meet here have begun and not marked yet.
    pub(crate) gate: Option<&'a Barrier>,
    pub(crate) end: End,
}

impl Booking<'_> {
    pub(crate) async fn run(self, told: &Told) -> Mark {
        let url = &self.place.url;
        match self.driver {
            Driver::TokioPostgres => {
                let (mut client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
                tokio::task::spawn(connection);
                let mut tx = client.transaction().await.unwrap();
                let mark = self.work(&mut tx, told).await;
                match self.outcome(mark) {
                    Some(done) => self.done(tx.commit().await.is_ok(), done),
                    None => tx.rollback().await.unwrap(),
                }
                mark
            }
            Driver::Sqlx8 => {
                use sqlx_0_8::Connection as _;
                // PgBouncer knows no such parameter.
                let options = url.parse::<sqlx_0_8::postgres::PgConnectOptions>().unwrap().extra_float_digits(None);
                let mut connection = sqlx_0_8::PgConnection::connect_with(&options).await.unwrap();
                let mut tx = connection.begin().await.unwrap();
                let mark = self.work(&mut tx, told).await;
                match self.outcome(mark) {
                    Some(done) => self.done(tx.commit().await.is_ok(), done),
                    None => tx.rollback().await.unwrap(),
                }
                mark
            }
            Driver::Sqlx9 => {
                use sqlx_0_9::Connection as _;
                // PgBouncer knows no such parameter.
                let options = url.parse::<sqlx_0_9::postgres::PgConnectOptions>().unwrap().extra_float_digits(None);
                let mut connection = sqlx_0_9::PgConnection::connect_with(&options).await.unwrap();
                let mut tx = connection.begin().await.unwrap();
                let mark = self.work(&mut tx, told).await;
                match self.outcome(mark) {
                    Some(done) => self.done(tx.commit().await.is_ok(), done),
                    None => tx.rollback().await.unwrap(),
                }
                mark
            }
        }
    }

    async fn work<T: SqlTx>(&self, tx: &mut T, told: &Told) -> Mark {
        if let Some(gate) = self.gate {
            gate.wait().await;
        }
        let mark = self.way.mark(tx, told).await.unwrap();
        if mark == Mark::First {
            let effect = format!("INSERT INTO {}.effects VALUES ($1)", self.place.shop());
            assert_eq!(tx.execute(&effect, &[Arg::Text(&told.effect_key)]).await.unwrap(), 1);
            if self.end == End::Broken {
                let broken = tx.execute("SELECT pg_terminate_backend(pg_backend_pid())", &[]).await;
                assert!(broken.is_err(), "{broken:?}");
            }
        }
        mark
    }

    /// Whether it is to be committed, and whether that is to go well.
    fn outcome(&self, mark: Mark) -> Option<bool> {
        match self.end {
            _ if mark != Mark::First => None,
            End::RollBack => None,
            End::Commit | End::CommitsAndDies => Some(true),
            End::Broken => Some(false),
            End::Dies => std::process::abort(),
        }
    }

    fn done(&self, committed: bool, expected: bool) {
        assert_eq!(committed, expected, "{self:?}");
        if self.end == End::CommitsAndDies {
            std::process::abort();
        }
    }
}
