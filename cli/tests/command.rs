//! The built command, run as a person or a script would.

#[cfg(test)]
mod doctored;
#[cfg(test)]
mod operated;
#[cfg(test)]
mod relayed;
#[cfg(test)]
mod served;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::Value;

use served::{Served, json, paysluice, text};

#[test]
fn an_order_is_charged_once_and_given_back_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Served::start(folder.path());
    sandbox.configure(folder.path());
    let run = |words: &str| {
        let common = ["--gateway", "shop", "--order", "o-1"];
        let money = ["--money", "12.34 USD"];
        let (words, money) = (words.split(' '), if words.starts_with("charge") { &money[..] } else { &[] });
        paysluice(folder.path()).arg("--json").args(words).args(common).args(money).output().unwrap()
    };
    let charged = run("charge --method token:pm_card_visa");
    let report = json(&charged);
    assert_eq!(
        (charged.status.code(), &report["status"], &report["fate"]),
        (Some(0), &"paid".into(), &"applied".into()),
        "{report}"
    );
    let again = json(&run("charge --method token:pm_card_visa"));
    assert_eq!(again["provider_id"], report["provider_id"]);
    let refunded = paysluice(folder.path())
        .args(["--json", "refund", "--gateway", "shop", "--order", "o-1", "--refund-no", "r1", "--money", "2.34 USD"])
        .output()
        .unwrap();
    assert_eq!(json(&refunded)["payment"]["refunded"]["minor"], 234);
    let queried = run("query");
    assert_eq!((queried.status.code(), &json(&queried)["fate"]), (Some(0), &Value::Null));
}

#[test]
fn a_decline_is_told_with_its_fate_and_exit_status() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Served::start(folder.path());
    sandbox.configure(folder.path());
    let charge =
        ["charge", "--gateway", "shop", "--order", "o-1", "--money", "12.34 USD", "--method", "token:pm_card_chargeDeclined"];
    let declined = paysluice(folder.path()).arg("--json").args(charge).output().unwrap();
    let report = json(&declined);
    assert_eq!(declined.status.code(), Some(2), "{report}");
    assert_eq!((&report["kind"], &report["fate"], &report["next"]), (&"declined".into(), &"not_applied".into(), &"fix".into()));
    let table = paysluice(folder.path()).args(charge).output().unwrap();
    assert!(text(&table.stdout).contains("not applied"), "{}", text(&table.stdout));
}

#[test]
fn wrong_usage_and_wrong_configuration_end_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let no_such = paysluice(folder.path()).arg("chrge").output().unwrap();
    assert_eq!(no_such.status.code(), Some(1));
    let query = || paysluice(folder.path()).args(["query", "--gateway", "shop", "--order", "o"]).output().unwrap();
    let no_file = query();
    assert_eq!(no_file.status.code(), Some(1));
    assert!(text(&no_file.stderr).contains("paysluice.toml: must be a file that can be read"), "{}", text(&no_file.stderr));
    let section = "[gateways.shop]\nprovider = \"stripe\"\naccount = \"stripe:test:acct_1\"\nsecret_key_env = \"STRIPE_KEY\"\n";
    std::fs::write(folder.path().join("paysluice.toml"), section).unwrap();
    let unset = query();
    assert_eq!(unset.status.code(), Some(1));
    let told = "paysluice: paysluice.toml: gateways.shop.secret_key_env: environment variable STRIPE_KEY is not set\n";
    assert_eq!(text(&unset.stderr), told);
}

#[test]
fn callbacks_are_verified_line_by_line_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let section = "[gateways.shop]\nprovider = \"stripe\"\naccount = \"stripe:test:acct_1\"\nwebhook_secret_env = \"W\"\n";
    std::fs::write(folder.path().join("paysluice.toml"), section).unwrap();
    let mut verify = paysluice(folder.path());
    verify.args(["callback", "verify"]).env("W", "whsec_a").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = verify.spawn().unwrap();
    let (mut lines, mut answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for (line, start) in
        [("{\"id\":1,\"body_b64\":\"\"}\n", "header Stripe-Signature is missing"), ("no json\n", "line: must be one JSON object")]
    {
        // The answer must come before the next line is written, or a person at a terminal would wait for ever.
        lines.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        let verdict: Value = serde_json::from_str(&answer).unwrap();
        assert!(verdict["verdict"] == "invalid" && verdict["reason"].as_str().unwrap().starts_with(start), "{verdict}");
    }
    drop(lines);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_demo_counts_every_cent_of_every_channel() {
    let folder = tempfile::tempdir().unwrap();
    let demo = paysluice(folder.path()).args(["--json", "demo", "--payments", "120", "--seed", "4"]).output().unwrap();
    let report = json(&demo);
    assert_eq!(demo.status.code(), Some(0), "{report}");
    assert_eq!(
        (&report["orders"], &report["double_charges"], &report["told_wrongly"], &report["disagreements"]),
        (&120.into(), &0.into(), &0.into(), &0.into())
    );
    let of = |channel: &str, figure: &str| report["channels"][channel][figure].as_u64().unwrap();
    let channels = ["stripe", "wechatpay", "alipay", "unionpay"];
    for channel in channels {
        assert!(of(channel, "orders") > 15 && of(channel, "faults") > 0 && of(channel, "taken") > 0, "{report}");
        // A notice of UnionPay's is asked about before it counts: what it tells is told by the answer.
        let by_callback = of(channel, "changes_by_callback");
        assert!(of(channel, "callbacks_applied") > 0 && (by_callback > 0) == (channel != "unionpay"), "{report}");
    }
    for figure in ["orders", "operations", "taken", "refunded", "sends", "callbacks_delivered"] {
        assert_eq!(report[figure].as_u64(), Some(channels.iter().map(|channel| of(channel, figure)).sum()), "{figure}");
    }
    // The certificate that was there, and the one that replaced it.
    assert!(of("wechatpay", "key_fetches") >= 2, "{report}");
    // The one that is configured is not fetched.
    assert!(of("alipay", "key_fetches") >= 1, "{report}");
}
