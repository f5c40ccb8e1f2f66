//! From configuration to a gateway: its adapter, its network, its store.

mod alipay;
pub(crate) mod provider;
mod stripe;
mod unionpay;
mod wechatpay;

use std::path::Path;
use std::sync::Arc;

use paysluice::adapter::Adapter;
use paysluice::env::Env;
use paysluice::gateway::{Gateway, Handler};
use paysluice::signing::Sealer;
use paysluice::store::{Durability, MemoryStore, Store, StoreError};
use paysluice::transport::{NetworkConfig, NetworkTransport};
use paysluice_postgres::PostgresStore;
use paysluice_redis::{RedisStore, StoreOptions};
use paysluice_sqlite::{Options, SqliteStore};

use crate::config::{self, Config, ConfigError, GatewaySection, StoreSection};
use crate::secrets::Secrets;
use provider::{At, Use};

/// What of a gateway is not in the file.
#[derive(Debug)]
pub(crate) struct Manner {
    /// Whether the gateway works off what is due while this process lives.
    pub(crate) background: bool,
    /// Who is told of changes.
    pub(crate) handler: Option<Arc<dyn Handler>>,
}

/// Opens a gateway for operations.
pub(crate) fn gateway(env: &Env, secrets: &Secrets<'_>, name: &str, manner: Manner) -> Result<Gateway, ConfigError> {
    let config = secrets.config;
    let section = config.gateway(name)?;
    let place = format!("gateways.{name}");
    let adapter = with_keys(secrets, name)?;
    let transport = NetworkTransport::new(&network(section), adapter.profile().keep_alive)
        .map_err(|invalid| ConfigError::of(&config.file, &place, &invalid))?;
    let (store, keeps) = store(env, config)?;
    let mut settings = section.settings.clone();
    settings.background &= manner.background;
    let mut builder = Gateway::builder(adapter, Arc::new(transport), store, env.clone())
        .guards(section.guards.clone())
        .config(settings)
        .accept_durability(keeps);
    builder = match manner.handler {
        Some(handler) => builder.handler(handler),
        None => builder.no_handler(),
    };
    builder = match sealer(secrets, keeps)? {
        Some(sealer) => builder.sealer(sealer),
        None => builder.unsealed(),
    };
    builder.build().map_err(|invalid| ConfigError::of(&config.file, &place, &invalid))
}

/// The adapter of a gateway for reading callbacks only: what only sends need is not looked for.
pub(crate) fn reader(secrets: &Secrets<'_>, name: &str) -> Result<Arc<dyn Adapter>, ConfigError> {
    adapter(secrets, name, Use::CALLBACKS)
}

/// The adapter of a gateway for taking callbacks in: with its API key only where something may be fetched to verify them. Without
/// that key, what is configured must do.
pub(crate) fn receiver(secrets: &Secrets<'_>, name: &str) -> Result<Arc<dyn Adapter>, ConfigError> {
    let reader = reader(secrets, name)?;
    if reader.access().is_none() {
        return Ok(reader);
    }
    with_keys(secrets, name).or_else(|error| {
        eprintln!("paysluice: {error}; callbacks are verified by the keys that are configured, and none is fetched");
        Ok(reader)
    })
}

/// The adapter of a gateway with all its keys.
pub(crate) fn with_keys(secrets: &Secrets<'_>, name: &str) -> Result<Arc<dyn Adapter>, ConfigError> {
    adapter(secrets, name, Use::ALL)
}

/// A gateway's network settings.
pub(crate) fn network(section: &GatewaySection) -> NetworkConfig {
    let mut network = section.network.clone();
    network.allow_http_loopback |= section.allow_http_loopback;
    network
}

/// What seals rows at rest. Only a store that keeps nothing may go without.
pub(crate) fn sealer(secrets: &Secrets<'_>, keeps: Durability) -> Result<Option<Sealer>, ConfigError> {
    match secrets.sealer()? {
        None if keeps > Durability::Process => {
            let rule = "must be given: what rests in the store is sealed (key_id, and key_env or key_file with 32 bytes)";
            Err(ConfigError::new(&secrets.config.file, "at_rest", rule))
        }
        sealer => Ok(sealer),
    }
}

/// The adapter of a gateway for that use.
pub(crate) fn adapter(secrets: &Secrets<'_>, name: &str, usage: Use) -> Result<Arc<dyn Adapter>, ConfigError> {
    let section = secrets.config.gateway(name)?;
    secrets.config.own(name)?.open(&At { secrets, name, section }, usage)
}

/// The store that `[store]` names, and what it keeps.
pub(crate) fn store(env: &Env, config: &Config) -> Result<(Arc<dyn Store>, Durability), ConfigError> {
    store_at(env, &config.file, config.sections.store.as_ref())
}

/// The store of a `[store]` section that stands in `file`.
pub(crate) fn store_at(
    env: &Env,
    file: &Path,
    section: Option<&StoreSection>,
) -> Result<(Arc<dyn Store>, Durability), ConfigError> {
    let error = |rule: String| ConfigError::new(file, "store.url", rule);
    let url = section.map(|section| section.url.as_str()).filter(|url| !url.is_empty());
    let Some((section, url)) = section.zip(url) else {
        return Err(error(
            "must be given: sqlite:PATH, postgres://…, or memory: which forgets everything at the command's end".to_owned(),
        ));
    };
    if url == "memory:" {
        return Ok((Arc::new(MemoryStore::new(env.clock().clone())), Durability::Process));
    }
    if url.starts_with("redis://") || url.starts_with("rediss://") {
        return redis(env, file, section);
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let store = postgres(url).map_err(|failure| error(format!("must be a database that can be opened ({failure})")))?;
        let keeps = store.durability();
        return Ok((Arc::new(store), keeps));
    }
    let path = url.strip_prefix("sqlite:").filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| error("must be sqlite:PATH, postgres://…, redis://… or memory:".to_owned()))?;
    let store = SqliteStore::open(config::beside(file, path.as_ref()), env.clock().clone(), Options::default())
        .map_err(|failure| error(format!("must be a database that can be opened ({failure})")))?;
    let keeps = store.durability();
    Ok((Arc::new(store), keeps))
}

/// The store on PostgreSQL, its schema migrated: of several processes that start at once one migrates, the others find it done.
fn postgres(url: &str) -> Result<PostgresStore, StoreError> {
    // No command makes tables unasked, a doctor least of all: `store migrate` does.
    let opening = PostgresStore::connect(url, paysluice_postgres::Options::default());
    // Commands open their stores once, as they start, on a thread that has nothing else to do.
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opening))
}

/// Redis may forget what it has answered, also with its file on: only who says that this will do gets it.
fn redis(env: &Env, file: &Path, section: &StoreSection) -> Result<(Arc<dyn Store>, Durability), ConfigError> {
    if section.accept_durability.as_deref() != Some("best_effort") {
        let rule = "must be \"best_effort\" for a store in Redis: a failover may lose payments that were answered";
        return Err(ConfigError::new(file, "store.accept_durability", rule));
    }
    let store = RedisStore::open(&section.url, env, StoreOptions::default())
        .map_err(|failure| ConfigError::new(file, "store.url", format!("must be a server's URL ({failure})")))?;
    let keeps = store.durability();
    Ok((Arc::new(store), keeps))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "provider = \"stripe\"\naccount = \"stripe:test:acct_1\"\nsecret_key_env = \"K\"\n";

    fn open(head: &str, lines: &str, key: &str) -> Result<(), String> {
        let config = Config::parse(Path::new("paysluice.toml"), &format!("{head}\n[gateways.shop]\n{lines}")).unwrap();
        let environment = |_: &str| Some(key.to_owned());
        let secrets = Secrets { config: &config, environment: &environment };
        let manner = Manner { background: false, handler: None };
        gateway(&Env::system(), &secrets, "shop", manner).map(|_| ()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_does_not_fit_is_told_by_key_and_rule() {
        let memory = "[store]\nurl = \"memory:\"";
        assert_eq!(open(memory, HEAD, "sk_test_a"), Ok(()));
        let told = open(memory, HEAD, "sk_live_a").unwrap_err();
        assert!(told.starts_with("paysluice.toml: gateways.shop.secret_key: must be a test key"), "{told}");
        let told = open(memory, &format!("{HEAD}base_url = \"http://127.0.0.1:1\""), "sk_test_a").unwrap_err();
        assert!(told.starts_with("paysluice.toml: gateways.shop.base_url: must be https://"), "{told}");
        let told = open("[store]\nurl = \"postgres:x\"", HEAD, "sk_test_a").unwrap_err();
        assert_eq!(told, "paysluice.toml: store.url: must be sqlite:PATH, postgres://…, redis://… or memory:");
        let told = open("", HEAD, "sk_test_a").unwrap_err();
        assert!(told.starts_with("paysluice.toml: store.url: must be given"), "{told}");
        let other = HEAD.replace("\"stripe\"", "\"adyen\"");
        let told = Config::parse(Path::new("paysluice.toml"), &format!("[gateways.shop]\n{other}")).unwrap_err().to_string();
        assert!(told.starts_with("paysluice.toml: gateways.shop.provider: must be stripe, wechatpay, alipay"), "{told}");
        let redis = "[store]\nurl = \"redis://127.0.0.1:1\"";
        let told = open(redis, HEAD, "sk_test_a").unwrap_err();
        assert!(
            told.starts_with("paysluice.toml: store.accept_durability: must be \"best_effort\" for a store in Redis"),
            "{told}"
        );
        let told = open(&format!("{redis}\naccept_durability = \"best_effort\""), HEAD, "sk_test_a").unwrap_err();
        assert!(
            told.starts_with("paysluice.toml: at_rest: must be given"),
            "accepted, and sealed as any store that keeps: {told}"
        );
        let folder = tempfile::tempdir().unwrap();
        let told = open(&format!("[store]\nurl = \"sqlite:{}\"", folder.path().join("a.db").display()), HEAD, "sk_test_a");
        assert!(told.unwrap_err().starts_with("paysluice.toml: at_rest: must be given"));
    }

    #[test]
    fn a_reader_of_callbacks_needs_no_key_and_no_store() {
        let config = Config::parse(Path::new("p.toml"), &format!("[gateways.shop]\n{HEAD}webhook_secret_env = \"W\"")).unwrap();
        let environment = |name: &str| (name == "W").then(|| "whsec_a".to_owned());
        assert!(reader(&Secrets { config: &config, environment: &environment }, "shop").is_ok());
    }
}
