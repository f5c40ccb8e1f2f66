//! The README's tables are what the code does; `UPDATE_README=1` writes them anew.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::fmt::Write as _;
use std::path::PathBuf;

use paysluice::gateway::PaymentChannel;
use paysluice::model::{Error, ErrorKind, Next};
use paysluice_tests::{World, on_virtual_time};

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
    let world = on_virtual_time(async { World::quiet(1) });
    let operations: Vec<&str> = world.gateway.capabilities().operations.iter().map(|kind| kind.name()).collect();
    let name = world.gateway.account().provider().to_owned();
    let mut words = operations.join(", ").replace('_', " ");
    words.retain(|letter| letter != '`');
    format!("| channel | operations |\n|---|---|\n| [{name}](docs/channels/{name}.md) | {words} |\n")
}

/// One test, for both write the same file.
#[test]
fn the_tables_of_the_readme_are_what_the_code_does() {
    between("fates", &fates());
    between("channels", &channels());
}
