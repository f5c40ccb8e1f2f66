//! The network's settings: what can be set, what it is when it is not, and why.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Client, Identity, NoProxy, Proxy, Url, redirect, retry};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::model::text;
use crate::model::{Invalid, Secret};

/// Settings of one transport. Everything can be left out; unknown names are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// Connecting: DNS, TCP, the proxy, TLS. Default 2 s, which bears one lost packet (TCP repeats it after 1 s). Must be
    /// smaller than the timeout of a send, because only a failure to connect proves that nothing was sent.
    #[serde(deserialize_with = "connect_timeout")]
    pub connect_timeout: Duration,
    /// How long an idle connection is kept. Must be below the provider's keep-alive: a request written into a connection that
    /// the provider is just closing is in doubt. Default three quarters of it, at most 30 s, so that a quarter is left
    /// for the way there and a change of the provider's address is followed soon.
    #[serde(deserialize_with = "pool_idle_timeout")]
    pub pool_idle_timeout: Option<Duration>,
    /// Idle connections kept for a host. Default 68, all the permits of the default bulkhead: with fewer, a burst opens
    /// connections only to throw them away. It is no cap on open connections; the bulkhead is.
    pub pool_max_idle_per_host: usize,
    /// Whether HTTP/2 is never spoken. Default false. Set it where the provider's cap on streams of one connection is too low.
    pub http1_only: bool,
    /// The proxy for everything but loopback, as `http://` or `https://` URL, with user and password if it wants them.
    /// Default none; the environment's proxies are never used, so that nobody reroutes payments by a variable.
    pub proxy: Option<Secret>,
    /// Authorities trusted beside the system's: files of PEM certificates, or such a text itself. Default none.
    pub extra_ca: Vec<Pem>,
    /// A PEM file of a private key and its certificate chain, for providers that ask for one (mutual TLS). Default none.
    pub identity: Option<PathBuf>,
    /// Whether `http://` to this machine is allowed: for sandboxes and tests. Default false. To other machines it never is.
    pub allow_http_loopback: bool,
}

/// Certificates in PEM form. In configuration: a path, or the text itself, told by its `-----BEGIN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pem {
    /// The file that holds them.
    File(PathBuf),
    /// The certificates.
    Text(String),
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            pool_idle_timeout: None,
            pool_max_idle_per_host: 68,
            http1_only: false,
            proxy: None,
            extra_ca: Vec::new(),
            identity: None,
            allow_http_loopback: false,
        }
    }
}

impl NetworkConfig {
    pub(super) fn client(&self, keep_alive: Duration) -> Result<Client, Invalid> {
        let idle = self.idle(keep_alive)?;
        let mut builder = Client::builder()
            .tls_backend_rustls()
            .user_agent(concat!("paysluice/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout()?)
            .pool_idle_timeout(idle)
            .pool_max_idle_per_host(if idle.is_zero() { 0 } else { self.pool_max_idle_per_host })
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            // Off also when another crate of the build turns their features on.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .no_hickory_dns()
            // The name must mean this machine, whatever a resolver says: plain http is allowed to it.
            .resolve_to_addrs("localhost", &LOOPBACK);
        if self.http1_only {
            builder = builder.http1_only();
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(read_proxy(proxy)?);
        }
        if !self.extra_ca.is_empty() {
            builder = builder.tls_certs_merge(self.authorities()?);
        }
        if let Some(path) = &self.identity {
            builder = builder.identity(read_identity(path)?);
        }
        builder.build().map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            Invalid::new("network", format!("certificates and keys that TLS accepts ({cause})"))
        })
    }

    fn connect_timeout(&self) -> Result<Duration, Invalid> {
        let allowed = Duration::from_millis(1)..=Duration::from_secs(30);
        rule(allowed.contains(&self.connect_timeout), "network.connect_timeout", "1ms to 30s")?;
        Ok(self.connect_timeout)
    }

    fn idle(&self, keep_alive: Duration) -> Result<Duration, Invalid> {
        let Some(idle) = self.pool_idle_timeout else { return Ok((keep_alive / 4 * 3).min(Duration::from_secs(30))) };
        let below = format!("below the provider's keep-alive of {}", text::duration_text(keep_alive));
        rule(idle < keep_alive, "network.pool_idle_timeout", &below)?;
        Ok(idle)
    }

    fn authorities(&self) -> Result<Vec<Certificate>, Invalid> {
        let mut all = Vec::new();
        for (index, pem) in self.extra_ca.iter().enumerate() {
            let field = format!("network.extra_ca[{index}]");
            let certificates = match pem {
                Pem::File(path) => Certificate::from_pem_bundle(&read_file(&field, path)?),
                Pem::Text(text) => Certificate::from_pem_bundle(text.as_bytes()),
            };
            let certificates = certificates.unwrap_or_default();
            rule(!certificates.is_empty(), &field, "PEM certificates")?;
            all.extend(certificates);
        }
        Ok(all)
    }
}

const LOOPBACK: [SocketAddr; 2] = [
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

fn read_proxy(proxy: &Secret) -> Result<Proxy, Invalid> {
    let wrong = || Invalid::new("network.proxy", "an http:// or https:// URL of a host");
    let url = proxy.expose_str().and_then(|text| Url::parse(text).ok()).ok_or_else(wrong)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong());
    }
    let proxy = Proxy::all(url).map_err(|_| wrong())?;
    Ok(proxy.no_proxy(NoProxy::from_string("localhost, 127.0.0.0/8, ::1")))
}

fn read_identity(path: &Path) -> Result<Identity, Invalid> {
    let pem = read_file("network.identity", path)?;
    Identity::from_pem(&pem).map_err(|_| Invalid::new("network.identity", "a PEM private key and its certificates"))
}

fn read_file(field: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Invalid> {
    fs::read(path).map(Zeroizing::new).map_err(|error| Invalid::new(field, format!("a file that can be read ({})", error.kind())))
}

fn rule(holds: bool, field: &str, rule: &str) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid::new(field, rule)) }
}

impl<'de> Deserialize<'de> for Pem {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Ok(if text.contains("-----BEGIN") { Self::Text(text) } else { Self::File(text.into()) })
    }
}

fn connect_timeout<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    text::read_duration(input, "network.connect_timeout")
}

fn pool_idle_timeout<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    text::read_duration(input, "network.pool_idle_timeout").map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP_ALIVE: Duration = Duration::from_secs(8);

    fn read(json: &str) -> Result<NetworkConfig, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    fn refusal(json: &str) -> String {
        read(json).unwrap().client(KEEP_ALIVE).unwrap_err().to_string()
    }

    #[test]
    fn everything_can_be_left_out_and_is_read_as_written() {
        assert_eq!(read("{}").unwrap(), NetworkConfig::default());
        let config = read(
            r#"{"connect_timeout": "1s500ms", "pool_idle_timeout": "5s", "pool_max_idle_per_host": 4, "http1_only": true,
                "proxy": "http://u:secret@proxy.example:3128", "extra_ca": ["ca.pem", "-----BEGIN CERTIFICATE-----\n"],
                "identity": "me.pem", "allow_http_loopback": true}"#,
        );
        let config = config.unwrap();
        assert_eq!(config.connect_timeout, Duration::from_millis(1500));
        assert_eq!(config.pool_idle_timeout, Some(Duration::from_secs(5)));
        assert_eq!(config.extra_ca.first(), Some(&Pem::File("ca.pem".into())));
        assert!(matches!(config.extra_ca.last(), Some(Pem::Text(_))));
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(read(r#"{"retries": 3}"#).unwrap_err().contains("unknown field `retries`"));
        assert!(read(r#"{"connect_timeout": 2}"#).unwrap_err().contains("network.connect_timeout: must be a duration such as"));
        assert!(read(r#"{"pool_idle_timeout": "2"}"#).unwrap_err().contains("network.pool_idle_timeout: must be a duration"));
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        assert_eq!(refusal(r#"{"connect_timeout": "0s"}"#), "network.connect_timeout: must be 1ms to 30s");
        assert_eq!(
            refusal(r#"{"pool_idle_timeout": "8s"}"#),
            "network.pool_idle_timeout: must be below the provider's keep-alive of 8s"
        );
        for proxy in ["proxy.example:3128", "socks5://proxy.example", "secret"] {
            let refused = refusal(&format!(r#"{{"proxy": "{proxy}"}}"#));
            assert_eq!(refused, "network.proxy: must be an http:// or https:// URL of a host");
        }
    }

    #[test]
    fn files_that_are_missing_or_hold_something_else_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join("other.pem");
        fs::write(&other, "not PEM").unwrap();
        let missing = dir.path().join("missing.pem");
        let with = |extra_ca: Vec<Pem>, identity: Option<PathBuf>| {
            let config = NetworkConfig { extra_ca, identity, ..NetworkConfig::default() };
            config.client(KEEP_ALIVE).unwrap_err().to_string()
        };
        let gone = "must be a file that can be read (entity not found)";
        assert_eq!(with(vec![Pem::File(missing.clone())], None), format!("network.extra_ca[0]: {gone}"));
        assert_eq!(with(vec![Pem::File(other.clone())], None), "network.extra_ca[0]: must be PEM certificates");
        assert_eq!(with(vec![], Some(missing)), format!("network.identity: {gone}"));
        assert_eq!(with(vec![], Some(other)), "network.identity: must be a PEM private key and its certificates");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
        assert!(with(vec![Pem::Text(broken)], None).starts_with("network: must be certificates and keys that TLS accepts"));
    }

    #[test]
    fn idle_connections_are_closed_before_the_provider_does() {
        let idle = |keep_alive| NetworkConfig::default().idle(Duration::from_secs(keep_alive)).unwrap();
        assert_eq!(idle(8), Duration::from_secs(6));
        assert_eq!(idle(3600), Duration::from_secs(30));
        assert_eq!(idle(0), Duration::ZERO);
    }
}
