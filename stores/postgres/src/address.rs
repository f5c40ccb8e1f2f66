//! A server's URL, and what it asks of TLS: plaintext leaves this machine only where the URL says so.

use std::net::IpAddr;
use std::path::PathBuf;

use paysluice::store::StoreErrorKind;
use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::errors::{Failure, Outcome};

/// Where the server is, and whom to trust.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) config: Config,
    /// A file of certificates to trust instead of the machine's (`sslrootcert`).
    pub(crate) roots: Option<PathBuf>,
}

/// Reads a URL. libpq's words for `sslmode` mean:
///
/// * `require`, `verify-ca`, `verify-full`: TLS, and the certificate is verified with its name, always.
/// * `disable`: plaintext, wherever the server is; that is what was asked for.
/// * `prefer`, `allow` or nothing: plaintext on this machine, verified TLS to any other.
pub(crate) fn read(url: &str) -> Outcome<Address> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(refused("must begin with postgres:// or postgresql://"));
    }
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut kept, mut mode, mut roots) = (Vec::new(), String::new(), None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        match name {
            "sslmode" => mode = value.into_owned(),
            "sslrootcert" => roots = Some(PathBuf::from(&*value)),
            _ => kept.push(pair),
        }
    }
    // Not the parser's own words: they may quote a password.
    let mut config: Config =
        format!("{place}?{}", kept.join("&")).parse().map_err(|_| refused("cannot be read as a URL of PostgreSQL"))?;
    config.ssl_mode(match mode.as_str() {
        "disable" => SslMode::Disable,
        "" | "prefer" | "allow" if is_here(&config) => SslMode::Disable,
        "require" | "verify-ca" | "verify-full" | "" | "prefer" | "allow" => SslMode::Require,
        _ => return Err(refused("sslmode must be disable, require, verify-ca or verify-full")),
    });
    if config.get_application_name().is_none() {
        config.application_name("paysluice");
    }
    Ok(Address { config, roots })
}

/// True if every host of the URL is this machine.
fn is_here(config: &Config) -> bool {
    let hosts = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    });
    hosts && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn refused(why: &str) -> Failure {
    Failure::new(StoreErrorKind::Refused, format!("the store's URL {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        read(url).unwrap().config.get_ssl_mode()
    }

    #[test]
    fn plaintext_leaves_the_machine_only_where_the_url_says_so() {
        for here in ["postgres://a@localhost/x", "postgres://a@127.0.0.1/x?sslmode=prefer", "postgres://a@%2Frun%2Fpg/x"] {
            assert_eq!(mode(here), SslMode::Disable, "{here}");
        }
        for away in [
            "postgres://a@db/x",
            "postgres://a@db/x?sslmode=prefer",
            "postgres://a@localhost,db/x",
            "postgres://a@localhost/x?hostaddr=203.0.113.9",
        ] {
            assert_eq!(mode(away), SslMode::Require, "{away}");
        }
        assert_eq!(mode("postgres://a@db/x?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://a@localhost/x?sslmode=verify-full"), SslMode::Require);
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_quoting_it() {
        for bad in [
            "mysql://a",
            "postgres://a:s3cret@db:port/x",
            "postgres://a:s3cret@db/x?sslmode=maybe",
            "postgres://a:s3cret@db/x?nonsense=1",
        ] {
            let failure = read(bad).unwrap_err();
            assert_eq!(failure.kind, StoreErrorKind::Refused);
            assert!(!format!("{failure:?}").contains("s3cret"));
        }
    }

    #[test]
    fn roots_are_taken_out_of_the_url() {
        let address = read("postgresql://a@db/x?sslrootcert=%2Fetc%2Fmy%20ca.pem&connect_timeout=3").unwrap();
        assert_eq!(address.roots, Some(PathBuf::from("/etc/my ca.pem")));
        assert_eq!(address.config.get_connect_timeout(), Some(&std::time::Duration::from_secs(3)));
    }
}
