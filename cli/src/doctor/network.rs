//! The network: name, port and HTTP to the provider, whether it takes the credentials, and what it hands out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, Uri};
use paysluice::adapter::{Adapter, Finding, Granted, Reply, Request, Stamp};
use paysluice::env::{Env, Mono};
use paysluice::guard::timeout;
use paysluice::model::{Error, ErrorKind};
use paysluice::transport::{Limits, NetworkTransport, TransportError};
use tokio::net::{TcpStream, lookup_host};

use super::clock;
use super::report::Area;
use crate::access::Fetcher;
use crate::config::GatewaySection;
use crate::open;

/// How the provider is asked.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    pub(super) env: &'a Env,
    /// The gateway's name.
    pub(super) name: &'a str,
    /// Whether the adapter has its keys; without them nothing is said of credentials.
    pub(super) has_keys: bool,
    /// Whether connections go there directly, not by a proxy.
    direct: bool,
    fetcher: Fetcher,
}

impl<'a> Asker<'a> {
    /// With a gateway's network settings.
    pub(super) fn new(
        env: &'a Env,
        section: &GatewaySection,
        name: &'a str,
        adapter: &Arc<dyn Adapter>,
        has_keys: bool,
    ) -> Result<Self, Finding> {
        let network = open::network(section);
        let transport = NetworkTransport::new(&network, adapter.profile().keep_alive).map_err(|invalid| {
            let (what, says) = (format!("gateways.{name}.{}", invalid.field()), format!("must be {}", invalid.rule()));
            Finding::bad(what, says, "put it right where the configuration has it, or the file that it names there")
        })?;
        let fetcher = Fetcher::new(env.clone(), Arc::clone(adapter), Arc::new(transport));
        Ok(Self { env, name, has_keys, direct: network.proxy.is_none(), fetcher })
    }

    /// What the provider has handed out.
    pub(super) fn granted(&self) -> Arc<Granted> {
        self.fetcher.granted()
    }

    /// Everything that needs the network. What was found stays found when the time is up.
    pub(super) async fn ask(&self, deadline: Mono, found: &mut Vec<(Area, Finding)>) {
        self.probe(deadline, found).await;
        self.fetch(deadline, found).await;
    }

    async fn probe(&self, deadline: Mono, found: &mut Vec<(Area, Finding)>) {
        let (env, adapter) = (self.env, &self.fetcher.adapter);
        let Some(probe) = adapter.probe() else {
            let says = "this provider has no harmless question, so it was not asked";
            return found.push((Area::Network, Finding::warning("probe", says, "make a small payment")));
        };
        let stamp = Stamp { now: env.wall(), nonce: env.rng().next_u128(), send: 1 };
        let request = match probe.request(&stamp, &Granted::default()) {
            Ok(request) => request,
            Err(error) => return found.push((Area::Network, Finding::bad("probe", error.message(), "see keys"))),
        };
        if self.direct {
            connect(env, &request, deadline, found).await;
        }
        let (began, wall) = (env.now(), env.wall());
        let limits = Limits { timeout: share(env, deadline), reply_cap: adapter.profile().reply_cap };
        let reply = match self.fetcher.transport.send(request, limits).await {
            Ok(reply) => reply,
            Err(error) => return found.push((Area::Network, Finding::bad("http", error.to_string(), way(&error)))),
        };
        let took = env.now().since(began);
        let received = Stamp { now: env.wall(), ..stamp };
        let read = probe.read(&reply, &received).map_err(|failure| failure.error);
        found.push((Area::Network, answered(&reply, took, &read)));
        if self.has_keys {
            found.extend(credentials(self.name, reply.status, read.is_ok()).map(|finding| (Area::Keys, finding)));
        }
        found.push((Area::Clock, clock::check(&reply, wall + took / 2)));
    }

    /// Fetches what every send needs ready.
    async fn fetch(&self, deadline: Mono, found: &mut Vec<(Area, Finding)>) {
        let adapter = &self.fetcher.adapter;
        if adapter.access().is_none() || !self.has_keys {
            return;
        }
        for want in adapter.profile().access {
            let what = format!("{want:?}").to_lowercase();
            let obtained = self.fetcher.ensure(want, self.env.now() + share(self.env, deadline)).await;
            let finding = match obtained {
                Ok(()) => Finding::good(what, "handed out by the provider"),
                Err(error) => {
                    let mend = "see network and credentials; docs/channels says what the account must have enabled";
                    Finding::bad(what, format!("not handed out: {}", error.message()), mend)
                }
            };
            found.push((Area::Keys, finding));
        }
    }
}

/// What an adapter says of its keys, certificates and callback settings.
pub(super) fn inspected(env: &Env, adapter: &dyn Adapter, granted: &Granted) -> Vec<(Area, Finding)> {
    let of_callbacks = |what: &str| what.contains("webhook") || what.contains("notify");
    let findings = adapter.inspect(granted, env.wall()).into_iter();
    findings.map(|finding| (if of_callbacks(&finding.what) { Area::Callbacks } else { Area::Keys }, finding)).collect()
}

fn answered(reply: &Reply, took: Duration, read: &Result<(), Error>) -> Finding {
    let answered = format!("answered {} in {} ms", reply.status.as_u16(), took.as_millis());
    match read {
        Ok(()) => Finding::good("http", answered),
        Err(error) if error.kind() == ErrorKind::Throttled => {
            let mend = "ask less, or ask the provider for a higher quota";
            Finding::warning("http", format!("{answered}: {}", error.message()), mend)
        }
        Err(error) => {
            let mend = "if the provider is down, see its status page; if not, base_url or something between answers in its place";
            Finding::bad("http", format!("{answered}: {}", error.message()), mend)
        }
    }
}

/// Whether the provider takes the credentials, as far as the probe's answer shows it.
fn credentials(name: &str, status: StatusCode, at_work: bool) -> Option<Finding> {
    match status {
        StatusCode::UNAUTHORIZED => Some(Finding::bad(
            "credentials",
            "the provider refuses them (401)",
            format!(
                "put the account's current key where gateways.{name} names it: it was rolled, revoked, or is another account's"
            ),
        )),
        StatusCode::FORBIDDEN => Some(Finding::warning(
            "credentials",
            "the provider knows them, and does not let them ask the probe's question (403)",
            "if payments are refused too, give the key the permissions that the channel's page in docs/channels names",
        )),
        _ if at_work => Some(Finding::good("credentials", "accepted")),
        _ => None,
    }
}

/// DNS and TCP, each on its own: so that it is seen which of them fails.
async fn connect(env: &Env, request: &Request, deadline: Mono, found: &mut Vec<(Area, Finding)>) {
    let uri: Option<Uri> = request.url.parse().ok();
    let Some((host, port)) = uri.as_ref().and_then(|uri| {
        let usual = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        Some((uri.host()?.trim_start_matches('[').trim_end_matches(']'), uri.port_u16().unwrap_or(usual)))
    }) else {
        return;
    };
    let began = env.now();
    let addresses: Vec<SocketAddr> = match in_time(env, deadline, lookup_host((host, port))).await {
        Ok(addresses) => addresses.collect(),
        Err(why) => {
            let mend = "check the name in base_url, and this machine's resolver (/etc/resolv.conf)";
            return found.push((Area::Network, Finding::bad("dns", format!("{host} has no address: {why}"), mend)));
        }
    };
    found.push((Area::Network, Finding::good("dns", format!("{host} is found in {} ms", ms(env, began)))));
    let began = env.now();
    let connected = in_time(env, deadline, TcpStream::connect(addresses.as_slice())).await;
    let finding = match connected {
        Ok(_) => Finding::good("tcp", format!("port {port} opens in {} ms", ms(env, began))),
        Err(why) => {
            let mend =
                "let a firewall or the provider's allow-list let this machine through, or set network.proxy; a sandbox must run";
            Finding::bad("tcp", format!("port {port} of {host} does not open: {why}"), mend)
        }
    };
    found.push((Area::Network, finding));
}

/// The work's outcome, or that its share of the time is up.
async fn in_time<T>(env: &Env, deadline: Mono, work: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match timeout::run(env, env.now() + share(env, deadline), work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(timeout::Elapsed) => Err("no answer in time".to_owned()),
    }
}

/// What one step may take of the time that is left, so that what follows can still be made.
fn share(env: &Env, deadline: Mono) -> Duration {
    (deadline.since(env.now()) / 2).min(Duration::from_secs(5))
}

fn ms(env: &Env, began: Mono) -> u128 {
    env.now().since(began).as_millis()
}

/// What may be done about a send that had no answer.
fn way(error: &TransportError) -> &'static str {
    match error {
        TransportError::Unsent(_) => {
            "see dns and tcp; if both are good it is TLS: trust the right authority with network.extra_ca, or take out what breaks TLS open"
        }
        TransportError::Lost(_) => {
            "it connects and does not answer: see the provider's status page, and network.proxy if one is set"
        }
    }
}
