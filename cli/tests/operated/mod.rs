//! Operators' commands, over a store on disk and a sandbox that loses answers.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::relayed::http::post;
use crate::served::{Served, json, paysluice, text};

const WORD: [&str; 4] = ["--by", "maria", "--evidence", "the dashboard shows it so"];

struct Shop {
    folder: tempfile::TempDir,
    sandbox: Served,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Served::start(folder.path());
        sandbox.configure(folder.path());
        Self { folder, sandbox }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// One command with its words, as JSON.
    fn run(&self, words: &str, more: &[&str]) -> Output {
        paysluice(self.path()).arg("--json").args(words.split(' ')).args(more).output().unwrap()
    }

    /// The same as a table, with what stands on stderr.
    fn shown(&self, words: &str, more: &[&str]) -> (String, String) {
        let output = paysluice(self.path()).args(words.split(' ')).args(more).output().unwrap();
        (text(&output.stdout), text(&output.stderr))
    }

    fn charge(&self, order: &str) -> Output {
        let words = format!("charge --gateway shop --order {order} --method token:pm_card_visa --timeout 2s");
        self.run(&words, &["--money", "12.34 USD"])
    }

    /// Every confirmation meets this first and is then turned away, until faults are ordered anew.
    fn confirmations(&self, first: &str) {
        let away = vec!["{\"fault\":\"unavailable\"}"; 60].join(",");
        let scope = "{\"scope\":\"matching\",\"method\":\"POST\",\"path\":\"/v1/payment_intents/*/confirm\"}";
        let order = format!("{{\"none\":true,\"scope\":{scope},\"script\":[{{\"fault\":\"{first}\"}},{away}]}}");
        self.faults(&order);
    }

    fn faults(&self, order: &str) {
        assert_eq!(post(&format!("{}/sandbox/faults", self.sandbox.url()), &[], order.as_bytes()), Some(200));
    }

    fn inspect(&self, order: &str) -> Value {
        json(&self.run(&format!("store inspect --gateway shop --order {order}"), &[]))
    }

    /// A charge that took the money, and whose answer was lost.
    fn in_doubt(&self, order: &str) -> String {
        self.confirmations("close_after");
        let charged = self.charge(order);
        assert_eq!(charged.status.code(), Some(3), "{}", text(&charged.stdout));
        let id = &self.inspect(order)["attempts"][0]["payment"]["provider_id"];
        id.as_str().unwrap().to_owned()
    }
}

#[test]
fn a_charge_in_doubt_is_seen_decided_and_written_down() {
    let shop = Shop::open();
    let id = shop.in_doubt("o-1");
    let open = json(&shop.run("store open --gateway shop", &[]));
    let found = &open["items"][0];
    assert_eq!((&found["order"], &found["operation"], &found["state"]), (&"o-1".into(), &"charge/1".into(), &"doubt".into()));
    assert!(found["next_look"].is_u64() && open["next"].is_null(), "{open}");
    let (table, _) = shop.shown("store open --gateway shop", &[]);
    assert!(table.contains("charge/1") && table.contains("doubt"), "{table}");
    // The provider says that it was paid: a person who says otherwise changes nothing, and is told what to do.
    let against = shop.run("settle --gateway shop --order o-1 --fate not-applied", &WORD);
    assert_eq!((against.status.code(), &json(&against)["kind"]), (Some(2), &"conflict".into()));
    let (_, hint) = shop.shown("settle --gateway shop --order o-1 --fate not-applied", &WORD);
    assert!(hint.contains("paysluice store inspect --gateway shop --order o-1"), "{hint}");
    let paid = ["--provider-id", &id, "--money", "12.34 USD"];
    let settled = shop.run("settle --gateway shop --order o-1 --fate applied", &[&WORD[..], &paid[..]].concat());
    assert_eq!((settled.status.code(), &json(&settled)["status"]), (Some(0), &"paid".into()), "{}", text(&settled.stdout));
    let view = shop.inspect("o-1");
    assert_eq!((&view["audit"][0]["by"], &view["audit"][0]["act"]), (&"maria".into(), &"settle".into()));
    assert_eq!((&view["tells"][0]["by"], &view["tells"][0]["taken"]), (&"operator".into(), &false.into()), "{view}");
    assert!(json(&shop.run("store open --gateway shop", &[]))["items"].as_array().unwrap().is_empty());
    let (table, _) = shop.shown("store audit --gateway shop", &[]);
    assert!(table.contains("maria") && table.contains("order/o-1 charge/1"), "{table}");
    // And it is charged once.
    shop.faults("{\"none\":true}");
    assert_eq!(json(&shop.charge("o-1"))["provider_id"], id.as_str());
}

#[test]
fn looking_now_settles_what_the_provider_can_answer() {
    let shop = Shop::open();
    shop.in_doubt("o-1");
    let looked = shop.run("resolve-now --gateway shop --order o-1", &[]);
    let view = json(&looked);
    assert_eq!((looked.status.code(), &view["attempts"][0]["payment"]["status"]), (Some(0), &"paid".into()), "{view}");
    assert_eq!(view["operations"][0]["state"], "settled");
}

#[test]
fn a_charge_is_given_up_with_a_name_and_a_reason() {
    let shop = Shop::open();
    shop.in_doubt("o-1");
    let nameless = shop.run("abandon --gateway shop --order o-1 --evidence because", &[]);
    assert_eq!(nameless.status.code(), Some(1));
    let empty = shop.run("abandon --gateway shop --order o-1 --by maria --evidence", &[" "]);
    assert_eq!(empty.status.code(), Some(1));
    assert!(text(&empty.stderr).contains("--evidence: must be"), "{}", text(&empty.stderr));
    let given_up = shop.run("abandon --gateway shop --order o-1", &WORD);
    assert_eq!((given_up.status.code(), &json(&given_up)["status"]), (Some(0), &"canceled".into()));
    let again = shop.run("abandon --gateway shop --order o-1", &WORD);
    assert_eq!(again.status.code(), Some(2));
    let nothing = shop.shown("settle --gateway shop --order o-1 --fate not-applied", &WORD).1;
    assert!(nothing.contains("nothing of order o-1 is in doubt"), "{nothing}");
}

#[test]
fn a_paused_gateway_refuses_charges_and_gives_money_back() {
    let shop = Shop::open();
    assert_eq!(shop.charge("o-1").status.code(), Some(0));
    assert_eq!(shop.run("pause shop", &WORD).status.code(), Some(0));
    let refused = shop.charge("o-2");
    let report = json(&refused);
    assert_eq!((refused.status.code(), &report["kind"]), (Some(2), &"refused".into()));
    assert!(report["message"].as_str().unwrap().contains("paused by maria"), "{report}");
    let refund = shop.run("refund --gateway shop --order o-1 --refund-no r1", &["--money", "2.34 USD"]);
    assert_eq!(refund.status.code(), Some(0));
    assert!(shop.shown("store open --gateway shop", &[]).1.contains("paused by maria"));
    assert_eq!(shop.run("resume shop", &WORD).status.code(), Some(0));
    assert_eq!(shop.run("resume shop", &WORD).status.code(), Some(2));
    assert_eq!(shop.charge("o-2").status.code(), Some(0));
    let acts = json(&shop.run("store audit --gateway shop", &[]));
    assert_eq!((&acts["items"][0]["act"], &acts["items"][1]["act"]), (&"pause".into(), &"resume".into()));
}

#[test]
fn orders_are_listed_and_adopted_and_shown_without_what_lets_its_bearer_pay() {
    let shop = Shop::open();
    let paid = json(&shop.charge("o-1"))["provider_id"].as_str().unwrap().to_owned();
    let waits = shop.run("charge --gateway shop --order o-2 --method client", &["--money", "5.00 USD"]);
    let secret = json(&waits)["payment"]["next_action"]["what"]["client"].as_str().unwrap().to_owned();
    let unpaid = json(&shop.run("store list --gateway shop --only unpaid", &[]));
    assert_eq!((unpaid["items"].as_array().unwrap().len(), &unpaid["items"][0]["order_no"]), (1, &"o-2".into()), "{unpaid}");
    let first = json(&shop.run("store list --gateway shop --max 1", &[]));
    assert_eq!(first["next"], "o-1");
    let shown = shop.inspect("o-2").to_string();
    assert!(!shown.contains(&secret) && shown.contains("\"action\":\"client\""), "{shown}");
    let (table, _) = shop.shown("store inspect --gateway shop --order o-2", &[]);
    assert!(table.contains("the payer has to act (client)") && !table.contains(&secret), "{table}");
    // A payment that belongs to an order here is not adopted as another's.
    let adopt = ["--provider-id", &paid, "--money", "12.34 USD"];
    let taken = shop.run("adopt --gateway shop --order o-3", &[&WORD[..], &adopt[..]].concat());
    assert_eq!((taken.status.code(), &json(&taken)["payment"]), (Some(3), &Value::Null), "{}", text(&taken.stdout));
    assert_eq!(shop.run("store inspect --gateway shop --order o-3", &[]).status.code(), Some(2));
    let unknown = shop.shown("store inspect --gateway shop --order o-9", &[]);
    assert!(unknown.1.contains("paysluice store list"), "{unknown:?}");
}

#[test]
fn what_there_is_not_is_said() {
    let shop = Shop::open();
    let migrated = shop.shown("store migrate", &[]);
    assert!(migrated.0.starts_with("nothing to do"), "{migrated:?}");
    assert!(!shop.path().join("pay.db").exists(), "it makes nothing");
    assert!(shop.shown("store dead --gateway shop", &[]).0.contains("no callback is dead"));
    let none = shop.run("store replay --gateway shop --id evt_1", &WORD);
    assert_eq!((none.status.code(), &json(&none)["kind"]), (Some(2), &"invalid".into()));
    let config = shop.path().join("paysluice.toml");
    let written = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, written.replace("sqlite:pay.db", "memory:")).unwrap();
    let memory = shop.shown("store open --gateway shop", &[]);
    assert!(memory.1.contains("it holds nothing of what your service did"), "{memory:?}");
}
