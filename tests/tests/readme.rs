//! The README's tables are what the code does; `UPDATE_README=1` writes them anew.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::fmt::Write as _;
use std::path::PathBuf;

use paysluice::adapter::Adapter;
use paysluice::env::Env;
use paysluice::gateway::Capabilities;
use paysluice::model::{Error, ErrorKind, Next, Secret};
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_stripe::{Stripe, StripeConfig};
use paysluice_unionpay::{UnionPay, UnionPayConfig};
use paysluice_wechatpay::{WeChatPay, WeChatPayConfig};

fn readme() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../README.md")
}

/// What stands between `<!-- name: ... -->` and `<!-- /name -->`, compared or written anew.
fn between(name: &str, wanted: &str) {
    let text = std::fs::read_to_string(readme()).unwrap();
    let open = text.find(&format!("<!-- {name}:")).unwrap();
    let from = open + text[open..].find("-->\n").unwrap() + 4;
    let to = from + text[from..].find(&format!("<!-- /{name} -->")).unwrap();
    if std::env::var("UPDATE_README").is_ok_and(|update| update == "1") {
        std::fs::write(readme(), format!("{}{wanted}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    assert_eq!(&text[from..to], wanted, "the {name} table differs; run the test with UPDATE_README=1");
}

fn fates() -> String {
    let mut table = "| kind | fate | next |\n|---|---|---|\n".to_owned();
    for kind in ErrorKind::ALL {
        let next = match Error::new(kind, "").next() {
            Next::Fix => "Fix",
            Next::Resend { .. } => "Resend { after }",
            Next::Later => "Later",
            Next::Query => "Query",
            Next::Stop => "Stop",
        };
        writeln!(table, "| `{kind:?}` | {:?} | `{next}` |", kind.fate()).unwrap();
    }
    table
}

fn channels() -> String {
    let mut table = "| channel | operations |\n|---|---|\n".to_owned();
    for adapter in adapters() {
        let name = adapter.profile().provider;
        let operations: Vec<&str> = Capabilities::of(&*adapter).operations.iter().map(|kind| kind.name()).collect();
        let words = operations.join(", ").replace('_', " ");
        writeln!(table, "| [{name}](docs/channels/{name}.md) | {words} |").unwrap();
    }
    table
}

/// Every channel there is, with credentials that guard nothing.
fn adapters() -> Vec<Box<dyn Adapter>> {
    let stripe = StripeConfig::new("stripe:test:acct_1".parse().unwrap(), Secret::new("sk_test_1"));
    let key = Secret::new(include_str!("../../channels/wechatpay/vectors/java_test_merchant_private_key.pem"));
    let wechatpay = "wechatpay:live:1".parse().unwrap();
    let wechatpay = WeChatPayConfig::new(wechatpay, "wx1", key, "01", Secret::new([b'k'; 32]));
    let pem = |name: &str| std::fs::read_to_string(readme().with_file_name("channels/unionpay/vectors").join(name)).unwrap();
    let unionpay = "unionpay:live:777290058110048".parse().unwrap();
    let unionpay = UnionPayConfig::new(unionpay, pem("made_root.pem"), pem("made_middle.pem"))
        .signing(Secret::new(pem("made_merchant_key.pem")), pem("made_merchant.pem"));
    let sandbox = Sandbox::new(Env::system(), SandboxConfig::default());
    vec![
        Box::new(Stripe::new(stripe).unwrap()),
        Box::new(WeChatPay::new(wechatpay).unwrap()),
        Box::new(paysluice_tests::alipay(&sandbox, false)),
        Box::new(UnionPay::new(unionpay).unwrap()),
    ]
}

/// One test, for both write the same file.
#[test]
fn the_tables_of_the_readme_are_what_the_code_does() {
    between("fates", &fates());
    between("channels", &channels());
}
