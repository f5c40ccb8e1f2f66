//! The network: name, port, TLS and HTTP to the provider, whether it takes the credentials, and what it hands out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, Uri};
use paysluice::adapter::{Adapter, Finding, Request, Stamp};
use paysluice::env::{Env, Mono};
use paysluice::model::ErrorKind;
use paysluice::transport::{Limits, NetworkTransport, Transport, TransportError};
use tokio::net::{TcpStream, lookup_host};

use super::clock;
use super::report::Area;
use crate::access::Fetcher;
use crate::config::GatewaySection;
use crate::open;

/// Everything that needs the network, and then what the adapter itself finds, with all that is granted by now.
pub(super) async fn check(
    env: &Env,
    section: &GatewaySection,
    name: &str,
    adapter: Arc<dyn Adapter>,
    has_keys: bool,
    deadline: Mono,
) -> Vec<(Area, Finding)> {
    let network = open::network(section);
    let direct = network.proxy.is_none();
    let transport = match NetworkTransport::new(&network, adapter.profile().keep_alive) {
        Ok(transport) => Arc::new(transport),
        Err(invalid) => {
            let what = format!("gateways.{name}.{}", invalid.field());
            let finding = Finding::bad(what, format!("must be {}", invalid.rule()), "change the configuration as the rule says");
            let mut found = vec![(Area::Network, finding)];
            found.extend(inspected(env, &*adapter, &paysluice::adapter::Granted::default()));
            return found;
        }
    };
    let mut found = probed(env, name, &*adapter, &*transport, has_keys, direct, deadline).await;
    let fetcher = Fetcher::new(env.clone(), Arc::clone(&adapter), transport);
    found.extend(granted(&fetcher, &*adapter, has_keys, deadline).await);
    found.extend(inspected(env, &*adapter, &fetcher.granted()));
    found
}

/// What an adapter says of its keys, certificates and callback settings.
fn inspected(env: &Env, adapter: &dyn Adapter, granted: &paysluice::adapter::Granted) -> Vec<(Area, Finding)> {
    let findings = adapter.inspect(granted, env.wall()).into_iter();
    findings.map(|finding| (if finding.what.contains("webhook") { Area::Callbacks } else { Area::Keys }, finding)).collect()
}

async fn probed(
    env: &Env,
    name: &str,
    adapter: &dyn Adapter,
    transport: &dyn Transport,
    has_keys: bool,
    direct: bool,
    deadline: Mono,
) -> Vec<(Area, Finding)> {
    let Some(probe) = adapter.probe() else {
        let finding =
            Finding::warning("probe", "this provider has no harmless question, so it was not asked", "make a small payment");
        return vec![(Area::Network, finding)];
    };
    let stamp = Stamp { now: env.wall(), nonce: env.rng().next_u128(), send: 1 };
    let request = match probe.request(&stamp, &paysluice::adapter::Granted::default()) {
        Ok(request) => request,
        Err(error) => return vec![(Area::Network, Finding::bad("probe", error.message(), "change the configuration"))],
    };
    let mut found = Vec::new();
    if direct {
        found.extend(connected(env, &request, deadline).await.into_iter().map(|finding| (Area::Network, finding)));
    }
    let (began, wall) = (env.now(), env.wall());
    let limits = Limits { timeout: deadline.since(began), reply_cap: adapter.profile().reply_cap };
    let reply = match transport.send(request, limits).await {
        Ok(reply) => reply,
        Err(error) => {
            found.push((Area::Network, Finding::bad("http", error.to_string(), way(&error))));
            return found;
        }
    };
    let took = env.now().since(began);
    let received = Stamp { now: env.wall(), ..stamp };
    let read = probe.read(&reply, &received).map_err(|failure| failure.error);
    let answered = format!("answered {} in {} ms", reply.status.as_u16(), took.as_millis());
    found.push((
        Area::Network,
        match &read {
            Ok(()) => Finding::good("http", answered),
            Err(error) if error.kind() == ErrorKind::Throttled => Finding::warning(
                "http",
                format!("{answered}: {}", error.message()),
                "ask less, or ask the provider for a higher quota",
            ),
            Err(error) => {
                let mend =
                    "if the provider is down, see its status page; if not, base_url or something between answers in its place";
                Finding::bad("http", format!("{answered}: {}", error.message()), mend)
            }
        },
    ));
    if has_keys {
        found.extend(credentials(name, reply.status, read.is_ok()).map(|finding| (Area::Keys, finding)));
    }
    found.push((Area::Clock, clock::check(&reply, wall + took / 2)));
    found
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
async fn connected(env: &Env, request: &Request, deadline: Mono) -> Vec<Finding> {
    let uri: Option<Uri> = request.url.parse().ok();
    let Some((host, port)) = uri.as_ref().and_then(|uri| {
        let default = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        Some((uri.host()?.trim_start_matches('[').trim_end_matches(']'), uri.port_u16().unwrap_or(default)))
    }) else {
        return Vec::new();
    };
    let began = env.now();
    let looked_up = in_time(env, deadline, lookup_host((host, port))).await;
    let addresses: Vec<SocketAddr> = match looked_up {
        Ok(addresses) => addresses.collect(),
        Err(why) => {
            let mend = "check the name in base_url, and this machine's resolver (/etc/resolv.conf)";
            return vec![Finding::bad("dns", format!("{host} has no address: {why}"), mend)];
        }
    };
    let mut found = vec![Finding::good("dns", format!("{host} is found in {} ms", ms(env, began)))];
    let began = env.now();
    found.push(match in_time(env, deadline, TcpStream::connect(addresses.as_slice())).await {
        Ok(_) => Finding::good("tcp", format!("port {port} opens in {} ms", ms(env, began))),
        Err(why) => {
            let mend =
                "let a firewall or the provider's allow-list let this machine through, or set network.proxy; a sandbox must run";
            Finding::bad("tcp", format!("port {port} of {host} does not open: {why}"), mend)
        }
    });
    found
}

/// The work's outcome, or that a fair part of the time was up: what follows must still be made.
async fn in_time<T>(env: &Env, deadline: Mono, work: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    let now = env.now();
    let until = now + (deadline.since(now) / 3).min(Duration::from_secs(3));
    match paysluice::guard::timeout::run(env, until, work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(paysluice::guard::timeout::Elapsed) => Err("no answer in time".to_owned()),
    }
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

/// Fetches what every send needs ready, and says until when it holds.
async fn granted(fetcher: &Fetcher, adapter: &dyn Adapter, has_keys: bool, deadline: Mono) -> Vec<(Area, Finding)> {
    if adapter.access().is_none() || !has_keys {
        return Vec::new();
    }
    let mut found = Vec::new();
    for want in adapter.profile().access {
        let what = format!("{want:?}").to_lowercase();
        found.push((
            Area::Keys,
            match fetcher.ensure(want, deadline).await {
                Ok(()) => Finding::good(what, "handed out by the provider"),
                Err(error) => Finding::bad(
                    what,
                    format!("not handed out: {}", error.message()),
                    "see network and credentials; the channel's page in docs/channels says what the account must have enabled",
                ),
            },
        ));
    }
    found
}
