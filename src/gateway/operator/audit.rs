//! The audit trail: who changed what by hand, when and on what evidence; written in the same commit as the change, kept for ever.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Word, page_part, seconds};
use crate::gateway::Inner;
use crate::gateway::rows::{json, part, read, store_failed};
use crate::model::{Error, OrderNo};
use crate::store::{Expect, Key, Put, SpaceKind};

/// Something a person changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// When, by the wall clock of the process it was done in. In JSON, unix seconds.
    #[serde(with = "seconds")]
    pub at: SystemTime,
    /// Who.
    pub by: String,
    /// What was done: `settle`, `abandon`, `adopt`, `replay`, `pause`, `resume`.
    pub act: String,
    /// To what: `order/<number>`, `callback/<delivery key>`, `pause`.
    pub about: String,
    /// To which operation of it: `charge/1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// On what evidence, in that person's words.
    pub evidence: String,
    /// How it stood.
    pub before: String,
    /// How it stands since.
    pub after: String,
}

/// What was done to what, without who and why.
#[derive(Debug)]
pub(crate) struct Deed {
    pub(crate) act: &'static str,
    pub(crate) part: String,
    pub(crate) operation: Option<String>,
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Inner {
    /// The row of a deed, for the commit that does it.
    pub(crate) fn put_audit(&self, word: &Word, deed: Deed) -> Result<Put, Error> {
        let at = self.env.wall();
        let millis = at.duration_since(SystemTime::UNIX_EPOCH).as_ref().map_or(0, Duration::as_millis);
        let id = format!("{millis:015}/{:032x}", self.env.rng().next_u128());
        let key = Key { space: self.rows.space(SpaceKind::Audit), part: deed.part.clone(), id };
        let entry = AuditEntry {
            at,
            by: word.by.clone(),
            act: deed.act.to_owned(),
            about: deed.part,
            operation: deed.operation,
            evidence: word.evidence.clone(),
            before: deed.before,
            after: deed.after,
        };
        Ok(Put { key, expect: Expect::Absent, due_in: None, keep_in: None, body: json(&entry)? })
    }

    /// All that was done to an order by hand, oldest first.
    pub(crate) async fn audit_of(&self, order_no: &OrderNo) -> Result<Vec<AuditEntry>, Error> {
        let rows = page_part(self, SpaceKind::Audit, &part(order_no)).await?;
        rows.iter().map(|row| Ok(read::<AuditEntry>(row)?.value)).collect()
    }

    /// Up to `max` entries of the account after `after`, by what they are about, and where to go on.
    pub(crate) async fn audit(&self, after: Option<&str>, max: usize) -> Result<super::Page<AuditEntry>, Error> {
        let space = self.rows.space(SpaceKind::Audit);
        let after = after.map(|after| super::cursor(&space, after)).transpose()?;
        let rows = self.store.page(&space, after.as_ref(), max).await.map_err(store_failed)?;
        let next = (rows.len() == max).then(|| rows.last().map(|row| super::named(&row.key))).flatten();
        let items = rows.iter().map(|row| Ok(read::<AuditEntry>(row)?.value)).collect::<Result<_, Error>>()?;
        Ok(super::Page { items, next })
    }
}
