//! `callback serve` as a process: stopped, killed and started again, between a provider that signs and an application that is slow.

pub(crate) mod http;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use paysluice::env::Env;
use paysluice::model::Secret;
use paysluice::signing::{Claimed, HmacKey, StandardWebhooks};
use paysluice::store::{Space, SpaceKind, Store};
use paysluice_sqlite::{Options, SqliteStore};
use serde_json::{Value, json};

use crate::served::{self, paysluice, text};
use http::{Got, PATIENCE, Receiver, post};

const PROVIDERS: &str = "whsec_of_the_provider";
const OURS: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A running `callback serve`.
struct Serve {
    child: Child,
    url: String,
}

fn configure(folder: &Path, store: &str) {
    for (file, secret) in [("rest", &*"0f".repeat(32)), ("theirs", PROVIDERS), ("ours", OURS)] {
        std::fs::write(folder.join(file), secret).unwrap();
    }
    let text = format!(
        "[store]\nurl = \"{store}\"\n[at_rest]\nkey_id = \"k1\"\nkey_file = \"rest\"\n[gateways.shop]\nprovider = \"stripe\"\n\
         account = \"stripe:test:acct_1\"\nwebhook_secret_file = \"theirs\"\nforward_secret_file = \"ours\"\n"
    );
    std::fs::write(folder.join("paysluice.toml"), text).unwrap();
}

impl Serve {
    fn start(folder: &Path, forward: &str) -> Self {
        let words = ["--json", "callback", "serve", "--gateway", "shop", "--listen", "127.0.0.1:0", "--timeout", "1s"];
        let mut command = paysluice(folder);
        let mut child =
            command.args(words).args(["--forward", forward]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert!(!line.contains("hush"), "{line}");
        Self { child, url: format!("http://{}/any/path", said["listen"].as_str().unwrap()) }
    }

    fn send(&self, event: &str) -> Option<u16> {
        send(&self.url, event, PROVIDERS)
    }

    /// As an operator's process manager would. What it said comes back with how it ended.
    fn terminate(&mut self) -> (ExitStatus, String) {
        let told = std::process::Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // SIGKILL.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One event of the provider, signed now.
fn send(url: &str, event: &str, secret: &str) -> Option<u16> {
    let body = json!({"id": event, "object": "event", "livemode": false, "created": 1, "type": "customer.created", "data": {"object": {}}});
    let body = body.to_string();
    let now = seconds(Env::system().wall());
    let code = hex::encode(HmacKey::new(&Secret::new(secret)).sign(&[now.to_string().as_bytes(), b".", body.as_bytes()]));
    post(url, &[("stripe-signature", &format!("t={now},v1={code}"))], body.as_bytes())
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The delivery's id, after its signature was verified as a receiver does.
fn verified(got: &Got) -> (String, Value) {
    let claimed = Claimed {
        id: got.header("webhook-id"),
        timestamp: got.header("webhook-timestamp"),
        signature: got.header("webhook-signature"),
    };
    let ours = StandardWebhooks::new([&Secret::new(OURS)]).unwrap();
    let proof = ours.verify(claimed, &Bytes::copy_from_slice(&got.body), Env::system().wall()).unwrap();
    let told: Value = serde_json::from_slice(proof.covered()).unwrap();
    assert_eq!(told["data"]["id"], claimed.id);
    (claimed.id.to_owned(), told)
}

/// The provider's id of a forwarded event.
fn event_of(told: &Value) -> String {
    use base64::Engine;
    let raw = base64::engine::general_purpose::STANDARD.decode(told["data"]["raw_b64"].as_str().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&raw).unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_is_forwarded_under_one_id() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "sqlite:pay.db");
    let up = Arc::new(AtomicBool::new(false));
    let (is_up, heard) = (Arc::clone(&up), AtomicU64::new(0));
    // While it is down, every second request fails and every other hangs: attempts are under way when the kill comes.
    let receiver = Receiver::start(move |_| {
        if is_up.load(Ordering::SeqCst) {
            return Some("200 OK");
        }
        (heard.fetch_add(1, Ordering::SeqCst) % 2 == 0).then_some("500 Down")
    });
    let serve = Serve::start(folder.path(), &receiver.url);
    let url = serve.url.clone();
    let (acknowledged, events) = channel();
    let sender = std::thread::spawn(move || {
        for number in 0..10_000 {
            let event = format!("evt_{number}");
            match send(&url, &event, PROVIDERS) {
                Some(200) => acknowledged.send(event).unwrap(),
                _ => return,
            }
        }
    });
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    while first.len() < 40 {
        let (id, told) = verified(&receiver.next());
        first.insert(event_of(&told), id);
    }
    drop(serve);
    sender.join().unwrap();
    let acknowledged: BTreeSet<String> = events.try_iter().collect();
    assert!(acknowledged.len() >= 39, "{}", acknowledged.len());
    while let Ok(before) = receiver.got.try_recv() {
        let (id, told) = verified(&before);
        first.insert(event_of(&told), id);
    }

    up.store(true, Ordering::SeqCst);
    let mut serve = Serve::start(folder.path(), &receiver.url);
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    while !acknowledged.iter().all(|event| taken.contains_key(event)) {
        let came = receiver.got.recv_timeout(PATIENCE);
        let (id, told) = verified(&came.unwrap_or_else(|_| panic!("{} of {} came", taken.len(), acknowledged.len())));
        let event = event_of(&told);
        assert_eq!(first.get(&event).unwrap_or(&id), &id, "{event}");
        taken.insert(event, id);
    }
    // A repeat of what was stored is acknowledged, and a forged one is not.
    assert_eq!(serve.send("evt_0"), Some(200));
    assert_eq!(send(&serve.url, "evt_forged", "whsec_of_a_thief"), Some(400));
    let (ended, said) = serve.terminate();
    assert!(ended.success() && said.contains("stored 0, duplicates 1, refused 1, forwarded"), "{said}");
    let late: Vec<String> = receiver.got.try_iter().map(|got| event_of(&verified(&got).1)).collect();
    assert!(!late.iter().any(|event| event == "evt_forged" || event == "evt_0"), "{late:?}");
    assert!(!said.contains("whsec") && !said.contains("hush"), "{said}");
}

#[test]
fn a_redirect_is_not_followed_and_what_the_target_wants_no_more_is_kept_until_it_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "sqlite:pay.db");
    let asked = AtomicU64::new(0);
    let answers = ["302 Found\r\nlocation: /elsewhere", "410 Gone", "204 No Content"];
    let receiver = Receiver::start(move |_| {
        let before = asked.fetch_add(1, Ordering::SeqCst);
        Some(answers[usize::try_from(before).unwrap().min(2)])
    });
    let mut serve = Serve::start(folder.path(), &receiver.url);
    assert_eq!(serve.send("evt_1"), Some(200));
    let redirected = receiver.next();
    let refused = receiver.next();
    assert_eq!((&*redirected.path, &*refused.path), ("/hooks?key=hush", "/hooks?key=hush"));
    let at = |got: &Got| got.header("webhook-timestamp").parse::<u64>().unwrap();
    assert!((5..=8).contains(&(at(&refused) - at(&redirected))));
    let dead = || {
        let listed = paysluice(folder.path()).args(["--json", "callback", "dead", "--gateway", "shop"]).output().unwrap();
        served::json(&listed)["dead"].as_array().unwrap().clone()
    };
    let listed = std::iter::repeat_with(dead).take(200).find(|dead| !dead.is_empty()).expect("it was not given up");
    assert_eq!((&listed[0]["id"], &listed[0]["failed"], &listed[0]["replayable"]), (&"evt_1".into(), &2.into(), &true.into()));
    let replay = |id| paysluice(folder.path()).args(["callback", "replay", "--gateway", "shop", "--id", id]).output().unwrap();
    assert!(replay("evt_1").status.success());
    assert_eq!(verified(&receiver.next()).0, verified(&redirected).0);
    assert!(dead().is_empty() && replay("evt_1").status.code() == Some(1));
    assert!(serve.terminate().0.success());
}

#[test]
fn a_stop_waits_for_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "sqlite:pay.db");
    let (release, held) = channel::<()>();
    let held = Mutex::new(held);
    let receiver = Receiver::start(move |_| {
        let _ = held.lock().unwrap().recv_timeout(PATIENCE);
        Some("200 OK")
    });
    let mut serve = Serve::start(folder.path(), &receiver.url);
    assert_eq!(serve.send("evt_1"), Some(200));
    receiver.next();
    let url = serve.url.clone();
    let stopped = std::thread::spawn(move || (serve.terminate(), serve));
    // The port is closed before the attempt has come to its end.
    while send(&url, "evt_1", PROVIDERS).is_some() {}
    release.send(()).unwrap();
    let ((ended, said), serve) = stopped.join().unwrap();
    assert!(ended.success() && said.contains("forwarded 1") && !said.contains("left to the next start"), "{said}");
    drop(serve);
    assert_eq!(due_within_the_hour(folder.path()), 0);
}

/// What a worker would find that starts in an hour, when every lease and short pause has ended.
fn due_within_the_hour(folder: &Path) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let env = Env::simulated(1, Env::system().wall() + Duration::from_secs(3600));
        let options = Options { inline: true, ..Options::default() };
        let store = SqliteStore::open(folder.join("pay.db"), env.clock().clone(), options).unwrap();
        let space = Space::new(SpaceKind::Relay, &"stripe:test:acct_1".parse().unwrap());
        assert_eq!(store.depth(&space).await.unwrap().rows, 1);
        store.claim_due(&space, 8, Duration::from_secs(1)).await.unwrap().len()
    })
}

#[test]
fn a_store_that_forgets_and_a_missing_secret_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "memory:");
    let serve = |more: &[&str]| {
        let words = ["callback", "serve", "--gateway", "shop", "--listen", "127.0.0.1:0"];
        let ended = paysluice(folder.path()).args(words).args(more).output().unwrap();
        (ended.status.code(), text(&ended.stderr))
    };
    let (code, said) = serve(&["--forward", "http://127.0.0.1:1/"]);
    assert!(code == Some(1) && said.contains("--accept-loss"), "{said}");
    let (code, said) = serve(&["--forward", "http://shop.example/"]);
    assert!(code == Some(1) && said.contains("--forward: must be https://"), "{said}");
    std::fs::write(folder.path().join("ours"), "whsec_c2hvcnQ=").unwrap();
    let (code, said) = serve(&["--forward", "http://127.0.0.1:1/"]);
    assert!(code == Some(1) && said.contains("forward_secret_env: must be whsec_") && !said.contains("c2hvcnQ"), "{said}");
}
