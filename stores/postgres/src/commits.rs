//! Commits on the wire: a group of them as columns of one statement, and its answers.

use bytes::Bytes;
use paysluice::store::{Commit, Expect, Key, OpId, Put, Row};
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::columns;
use crate::database::Param;
use crate::errors::{Failure, Outcome};
use crate::{micros, rows, views};

pub(crate) const COMMIT: &str = "SELECT out_n, out_vers, out_lost, out_kind, out_account, out_part, out_id, out_ver, out_tries,
    out_due_in, out_body
FROM {schema}.commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// The puts of a group, column by column.
#[derive(Debug, Default)]
pub(crate) struct Group<'a> {
    ops: Vec<Uuid>,
    of: Vec<i32>,
    index: Vec<i32>,
    kind: Vec<&'a str>,
    account: Vec<String>,
    part: Vec<&'a str>,
    id: Vec<&'a str>,
    expect: Vec<Option<i64>>,
    due: Vec<Option<i64>>,
    keep: Vec<Option<i64>>,
    body: Vec<Option<&'a str>>,
    raw: Vec<Option<&'a [u8]>>,
}

impl<'a> Group<'a> {
    pub(crate) fn of(commits: impl IntoIterator<Item = (OpId, &'a [Put])>) -> Self {
        let mut group = Self::default();
        for (op, puts) in commits {
            group.ops.push(Uuid::from_u128(op.0));
            let of = i32::try_from(group.ops.len()).unwrap_or(i32::MAX);
            for (put, index) in puts.iter().zip(0..) {
                group.add(of, index, put);
            }
        }
        group
    }

    fn add(&mut self, of: i32, index: i32, put: &'a Put) {
        let Key { space, part, id } = &put.key;
        self.of.push(of);
        self.index.push(index);
        self.kind.push(space.kind.name());
        self.account.push(space.account.to_string());
        self.part.push(part);
        self.id.push(id);
        self.expect.push(match put.expect {
            Expect::Absent => None,
            // A version that no sequence can reach stands nowhere.
            Expect::Ver(ver) => Some(i64::try_from(ver).unwrap_or(-1)),
        });
        self.due.push(put.due_in.map(micros::of));
        self.keep.push(put.keep_in.map(micros::of));
        let text = columns::json(&put.body);
        self.body.push(text);
        self.raw.push(text.is_none().then_some(&put.body[..]));
    }

    pub(crate) fn params(&self) -> [Param<'_>; 12] {
        [
            (&self.ops, Type::UUID_ARRAY),
            (&self.of, Type::INT4_ARRAY),
            (&self.index, Type::INT4_ARRAY),
            (&self.kind, Type::TEXT_ARRAY),
            (&self.account, Type::TEXT_ARRAY),
            (&self.part, Type::TEXT_ARRAY),
            (&self.id, Type::TEXT_ARRAY),
            (&self.expect, Type::INT8_ARRAY),
            (&self.due, Type::INT8_ARRAY),
            (&self.keep, Type::INT8_ARRAY),
            (&self.body, Type::TEXT_ARRAY),
            (&self.raw, Type::BYTEA_ARRAY),
        ]
    }
}

/// The answers in the order of the commits; a commit without one is corruption.
pub(crate) fn answers(count: usize, found: &[tokio_postgres::Row]) -> Outcome<Vec<Commit>> {
    let mut answers: Vec<Option<Commit>> = vec![None; count];
    for row in found {
        let n: i32 = row.try_get(0)?;
        let place = usize::try_from(n).ok().and_then(|n| n.checked_sub(1)).and_then(|at| answers.get_mut(at));
        *place.ok_or_else(unreadable)? = Some(answer(row)?);
    }
    answers.into_iter().map(|answer| answer.ok_or_else(unreadable)).collect()
}

fn answer(row: &tokio_postgres::Row) -> Outcome<Commit> {
    let vers: Option<Vec<i64>> = row.try_get(1)?;
    let lost: Option<i32> = row.try_get(2)?;
    match (vers, lost) {
        (Some(vers), None) => {
            Ok(Commit::Done(vers.into_iter().map(|ver| rows::unsigned("version", ver)).collect::<Outcome<_>>()?))
        }
        (None, Some(index)) => {
            let kind: Option<&str> = row.try_get(3)?;
            let current = kind.map(|kind| lost_to(kind, row)).transpose()?;
            Ok(Commit::Lost { index: usize::try_from(index).map_err(|_| unreadable())?, current })
        }
        _ => Err(unreadable()),
    }
}

/// The row that a commit lost to; its due time is what was left then.
fn lost_to(kind: &str, row: &tokio_postgres::Row) -> Outcome<Row> {
    let space = views::named(kind, row.try_get(4)?)?;
    let due_in: Option<i64> = row.try_get(9)?;
    let body: Vec<u8> = row.try_get(10)?;
    Ok(Row {
        key: Key { space, part: row.try_get(5)?, id: row.try_get(6)? },
        ver: rows::unsigned("version", row.try_get(7)?)?,
        tries: rows::tries(row.try_get(8)?)?,
        due_in: due_in.map(micros::time),
        body: Bytes::from(body),
    })
}

fn unreadable() -> Failure {
    Failure::corrupt("a remembered answer cannot be read")
}
