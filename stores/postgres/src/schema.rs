//! The schema: applied by us or by the user's own hand, and checked before anything is kept in it.

use paysluice::store::{Durability, StoreError, StoreErrorKind};
use tokio_postgres::types::Type;

use crate::database::Database;
use crate::errors::{Failure, Outcome};
use crate::options::Options;

/// The version of the schema that this program knows.
const SCHEMA: i64 = 1;

const FIRST: &str = include_str!("../sql/0001.sql");

/// Two programs that migrate at once take turns by this lock.
const TURN: &str = "SELECT pg_advisory_xact_lock(20261124)";

/// The migrations as SQL, for people who run their own: everything from an empty database, for the schema that `options` names.
///
/// # Errors
/// `Refused`: the schema's name is no plain word.
pub fn migration(options: &Options) -> Result<String, StoreError> {
    Ok(in_schema(FIRST, options.schema()?))
}

/// Applies what is missing, in one transaction; does nothing where all is there.
///
/// # Errors
/// * `Refused`: a URL that cannot be read, no such database, not let in, or the schema is a later version's.
/// * `Full`: no right to make a schema.
/// * `Unavailable`: no server there.
pub async fn migrate(url: &str, options: &Options) -> Result<(), StoreError> {
    let sql = migration(options)?;
    Ok(apply(&Database::at(url, options)?, &sql, options.schema()?).await?)
}

async fn apply(database: &Database, sql: &str, schema: &str) -> Outcome<()> {
    let mut client = database.connection().await?;
    let tx = client.transaction().await?;
    tx.batch_execute(TURN).await?;
    let found = tx.query_typed_one("SELECT to_regclass($1 || '.meta') IS NOT NULL", &[(&schema, Type::TEXT)]).await?;
    if found.try_get(0)? {
        let version = tx.query_typed_one(&in_schema(VERSION, schema), &[]).await?.try_get(0)?;
        return check_version(version);
    }
    tx.batch_execute(sql).await?;
    Ok(tx.commit().await?)
}

const VERSION: &str = "SELECT (SELECT value FROM {schema}.meta WHERE name = 'schema')";

const SERVER: &str = "SELECT current_setting('server_encoding'), current_setting('fsync'), current_setting('synchronous_commit'),
    current_setting('synchronous_standby_names'), current_setting('full_page_writes')";

/// Checks that the schema is there and ours, and tells what its server's settings keep.
pub(crate) async fn check(database: &Database, options: &Options) -> Outcome<Durability> {
    let schema = options.schema()?;
    let server = database.query(SERVER, &[]).await?;
    let Some(server) = server.first() else { return Err(Failure::corrupt("the server tells no settings")) };
    let setting = |at: usize| -> Outcome<String> { Ok(server.try_get(at)?) };
    if setting(0)? != "UTF8" {
        let why =
            format!("the database's encoding is {}: must be UTF8, or bodies would not come back as they were put", setting(0)?);
        return Err(Failure::new(StoreErrorKind::Refused, why));
    }
    let found = database.query("SELECT to_regclass($1 || '.meta') IS NOT NULL", &[(&schema, Type::TEXT)]).await?;
    if !found.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        let why = format!(
            "there is no schema {schema:?}: call migrate() (`paysluice store migrate`), or run the SQL that migration() gives"
        );
        return Err(Failure::new(StoreErrorKind::Refused, why));
    }
    let version = database.query(&in_schema(VERSION, schema), &[]).await?;
    check_version(version.first().map(|row| row.try_get(0)).transpose()?.flatten())?;
    Ok(options
        .durability
        .unwrap_or_else(|| kept(&[setting(1), setting(2), setting(3), setting(4)].map(Result::unwrap_or_default))))
}

/// What survives by the settings: a commit is raised to `synchronous_commit = on` where it is `off`.
fn kept([fsync, commits, standbys, full_pages]: &[String; 4]) -> Durability {
    match (fsync.as_str(), full_pages.as_str()) {
        ("on", "on") if !standbys.is_empty() && matches!(commits.as_str(), "on" | "remote_apply") => Durability::Replicated,
        ("on", "on") => Durability::Disk,
        _ => Durability::BestEffort,
    }
}

fn check_version(version: Option<i64>) -> Outcome<()> {
    match version {
        Some(SCHEMA) => Ok(()),
        Some(later) if later > SCHEMA => {
            let why = format!("its schema is version {later}, this program knows version {SCHEMA}: use a newer program");
            Err(Failure::new(StoreErrorKind::Refused, why))
        }
        other => Err(Failure::corrupt(format!("its schema version is {other:?}"))),
    }
}

/// A text of SQL for one schema, whose name has been checked.
pub(crate) fn in_schema(sql: &str, schema: &str) -> String {
    sql.replace("{schema}", schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durability_is_what_the_settings_keep() {
        let told = |settings: [&str; 4]| kept(&settings.map(str::to_owned));
        assert_eq!(told(["on", "on", "", "on"]), Durability::Disk);
        assert_eq!(told(["on", "on", "ANY 1 (a, b)", "on"]), Durability::Replicated);
        assert_eq!(told(["on", "local", "ANY 1 (a, b)", "on"]), Durability::Disk);
        assert_eq!(told(["off", "on", "ANY 1 (a, b)", "on"]), Durability::BestEffort);
        assert_eq!(told(["on", "on", "", "off"]), Durability::BestEffort);
    }

    #[test]
    fn a_later_version_is_refused_and_none_is_corrupt() {
        assert!(check_version(Some(SCHEMA)).is_ok());
        assert_eq!(check_version(Some(SCHEMA + 1)).unwrap_err().kind, StoreErrorKind::Refused);
        assert_eq!(check_version(None).unwrap_err().kind, StoreErrorKind::Corrupt);
    }

    #[test]
    fn the_printed_migration_names_its_schema_everywhere() {
        let sql = migration(&Options { schema: "shop".to_owned(), ..Options::default() }).unwrap();
        assert!(sql.contains("CREATE TABLE shop.rows") && !sql.contains("{schema}"));
    }
}
