//! Whether a server may hold a store: it must not throw rows away to make room.

use paysluice::store::{StoreError, StoreErrorKind};
use redis::{FromRedisValue, cmd};

use crate::errors::corrupt;
use crate::link::Link;

/// Asks the server what it does when its memory is full.
pub(crate) async fn server(link: &Link) -> Result<(), StoreError> {
    let reply = link.ask(cmd("INFO").arg("memory")).await?;
    let info = String::from_redis_value(reply).map_err(|_| corrupt("the server's INFO"))?;
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    match (field("maxmemory"), field("maxmemory_policy")) {
        // Without a limit nothing is ever evicted.
        (Some("0"), _) | (_, Some("noeviction")) => Ok(()),
        (_, policy) => {
            let policy = policy.unwrap_or("unknown");
            let why = format!("the server evicts when its memory is full (maxmemory-policy {policy}); a store needs noeviction");
            Err(StoreError::new(StoreErrorKind::Refused, why))
        }
    }
}
