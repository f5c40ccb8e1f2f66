//! The names of keys: all of an account carry one hash tag, so that one script may touch them on a cluster.

/// `prefix:{account}:name`. An account's text holds no braces, so that the tag is the account.
pub(crate) fn tagged(prefix: &str, account: &str, name: &str) -> String {
    format!("{prefix}:{{{account}}}:{name}")
}
