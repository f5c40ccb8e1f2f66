//! The name of a schema, which is put into statements as it is: a plain word, or refused.

use paysluice::store::{StoreError, StoreErrorKind};

/// A statement for that schema.
pub(crate) fn in_schema(sql: &str, schema: &str) -> String {
    sql.replace("{schema}", schema)
}

/// The rule of `paysluice_postgres::Options::schema`.
pub(crate) fn checked(schema: &str) -> Result<&str, StoreError> {
    let mut letters = schema.bytes();
    let opens = letters.next().is_some_and(|letter| letter.is_ascii_lowercase() || letter == b'_');
    let goes_on = letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_');
    if opens && goes_on && schema.len() <= 63 && !schema.starts_with("pg_") {
        return Ok(schema);
    }
    let why = format!("schema {schema:?}: must be at most 63 of a-z, 0-9 and _, and begin with neither a digit nor pg_");
    Err(StoreError::new(StoreErrorKind::Refused, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_s_name_is_a_plain_word() {
        for good in ["paysluice", "_a", "shop_2"] {
            assert_eq!(checked(good).unwrap(), good);
        }
        for bad in ["", "2a", "Shop", "a b", "a\"; DROP TABLE x", "pg_catalog", "é", &"x".repeat(64)] {
            assert_eq!(checked(bad).unwrap_err().kind(), StoreErrorKind::Refused, "{bad}");
        }
    }
}
