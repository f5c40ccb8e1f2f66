//! The core names no provider, and no channel names another.

use super::{Fault, File, Source, channel_of, channels};

/// Providers that the core could be tempted to know, whether or not they have a channel yet.
const KNOWN: [&str; 7] = ["stripe", "wechat", "weixin", "alipay", "unionpay", "adyen", "paypal"];

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let channels = channels(files);
    let mut names: Vec<&str> = KNOWN.iter().copied().chain(channels.iter().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    let core = files.iter().filter(|file| file.is_rust() && file.path.starts_with("src/")).flat_map(|file| in_core(file, &names));
    core.chain(files.iter().flat_map(|file| in_channel(file, &channels))).collect()
}

/// Comments and tests may give examples; code may not decide by a name.
fn in_core(file: &File, names: &[&str]) -> Vec<Fault> {
    if file.path.ends_with("/tests.rs") || file.path.contains("/tests/") {
        return Vec::new();
    }
    let source = Source::read(&file.text);
    let code = source.code.to_lowercase();
    let found = names.iter().flat_map(|name| code.match_indices(name)).filter(|(at, _)| !source.is_test(*at));
    found.map(|(at, name)| Fault::at(&file.path, source.line(at), format!("the core's code names a provider: {name}"))).collect()
}

fn in_channel(file: &File, channels: &[String]) -> Vec<Fault> {
    let Some(own) = channel_of(&file.path) else { return Vec::new() };
    if !file.is_rust() && !file.path.ends_with("/Cargo.toml") {
        return Vec::new();
    }
    let others = channels.iter().filter(|other| *other != own);
    others
        .filter(|other| file.text.contains(&format!("paysluice-{other}")) || file.text.contains(&format!("paysluice_{other}")))
        .map(|other| Fault::new(&file.path, format!("the channel {own} imports the channel {other}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_provider_in_the_cores_code_is_found_and_in_comments_and_tests_is_not() {
        let text = "//! Stripe\n/// As Adyen does.\nfn f(name: &str) -> bool { name == \"PayPal\" }\n#[cfg(test)]\nmod tests { const A: &str = \"stripe\"; }";
        assert_eq!(
            check(&[file("src/model/a.rs", text)]),
            [Fault::at("src/model/a.rs", 3, "the core's code names a provider: paypal")]
        );
        assert_eq!(check(&[file("src/store/tests.rs", "const A: &str = \"stripe\";")]), []);
        assert_eq!(check(&[file("sandbox/src/a.rs", "use stripe;")]), []);
    }

    #[test]
    fn a_channel_that_imports_another_is_found() {
        let one = file("channels/one/src/lib.rs", "use paysluice_two::Codec;");
        let two = file("channels/two/Cargo.toml", "name = \"paysluice-two\"");
        assert_eq!(check(&[one, two]), [Fault::new("channels/one/src/lib.rs", "the channel one imports the channel two")]);
    }
}
