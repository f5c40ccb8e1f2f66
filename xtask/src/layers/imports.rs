//! Who may import whom inside `src/`.

use super::{Fault, File, Source};
use crate::source::{block, is_word};

/// From the ground floor up. A module may import those named beside it and itself; the table has no circle, so `src/` has none.
///
/// An adapter has no clock and no chance, so `adapter` stands on `env` not at all; transport, guard and store stand side by side.
const TABLE: [(&str, &[&str]); 10] = [
    ("env", &[]),
    ("model", &[]),
    ("signing", &["env", "model"]),
    ("adapter", &["env", "model", "signing"]),
    ("transport", &["env", "model", "signing", "adapter"]),
    ("guard", &["env", "model", "signing", "adapter"]),
    ("store", &["env", "model", "signing", "adapter"]),
    ("gateway", &["env", "model", "signing", "adapter", "transport", "guard", "store"]),
    ("callback", &["env", "model", "signing", "adapter", "transport", "guard", "store", "gateway"]),
    ("lib", &["env", "model", "signing", "adapter", "transport", "guard", "store", "gateway", "callback"]),
];

/// Files of tests (`src/*/tests/`) stand outside the house: they may look into every room.
pub(super) fn check(files: &[File]) -> Vec<Fault> {
    files
        .iter()
        .filter(|file| file.is_rust())
        .filter_map(|file| Some((file, path_in_src(&file.path)?)))
        .flat_map(in_file)
        .collect()
}

/// `src/guard/rate/line.rs` is `[guard, rate, line]`, `src/guard/mod.rs` is `[guard]`, `src/lib.rs` is `[]`.
fn path_in_src(path: &str) -> Option<Vec<&str>> {
    if path.contains("/tests/") {
        return None;
    }
    let mut parts: Vec<&str> = path.strip_prefix("src/")?.strip_suffix(".rs")?.split('/').collect();
    if matches!(parts.as_slice(), [.., "mod"] | ["lib"]) {
        parts.pop();
    }
    Some(parts)
}

fn in_file((file, path): (&File, Vec<&str>)) -> Vec<Fault> {
    let own = path.first().copied().unwrap_or("lib");
    let Some((_, below)) = TABLE.iter().find(|(name, _)| *name == own) else {
        return vec![Fault::new(&file.path, format!("`{own}` is not in the table of layers: add it with what it may import"))];
    };
    let source = Source::read(&file.text);
    let wrong = |target: &str| target != own && !below.contains(&target);
    imports(&source.bare, path.len())
        .into_iter()
        .filter(|(_, target)| wrong(target))
        .map(|(offset, target)| Fault::at(&file.path, source.line(offset), blame(own, target, below)))
        .collect()
}

fn blame(own: &str, target: &str, below: &[&str]) -> String {
    if TABLE.iter().any(|(name, _)| *name == target) {
        return format!("`{own}` imports `{target}`, and may import {below:?} only");
    }
    format!("`{own}` imports `crate::{target}` through the crate's face: name the module it lives in")
}

/// The first names of all paths that start at the crate's root, and where they stand. `depth` is the file's own.
fn imports(bare: &str, depth: usize) -> Vec<(usize, &str)> {
    let from_root = bare.match_indices("crate::").filter(|(at, _)| starts_word(bare, *at)).map(|(at, word)| at + word.len());
    from_root.chain(climbs_to_root(bare, depth)).flat_map(|at| names(bare, at)).collect()
}

/// Where paths by `super::super::` have arrived at the root.
fn climbs_to_root(bare: &str, depth: usize) -> impl Iterator<Item = usize> {
    let inline = inline_modules(bare);
    let starts =
        bare.match_indices("super::").map(|(at, _)| at).filter(|&at| starts_word(bare, at) && !bare[..at].ends_with("super::"));
    starts.filter_map(move |at| {
        let climbs = bare[at..]
            .split("super::")
            .skip(1)
            .scan(true, |go, rest| std::mem::replace(go, rest.is_empty()).then_some(()))
            .count();
        let here = depth + inline.iter().filter(|module| module.contains(&at)).count();
        (climbs >= here).then_some(at + climbs * "super::".len())
    })
}

fn inline_modules(bare: &str) -> Vec<std::ops::Range<usize>> {
    let opens = bare.match_indices("mod ").filter(|(at, _)| starts_word(bare, *at));
    opens
        .filter_map(|(at, word)| {
            let name = at + word.len();
            let brace = name + bare[name..].find(|c: char| !c.is_alphanumeric() && c != '_' && c != ' ')?;
            bare[brace..].starts_with('{').then(|| brace..brace + block(&bare[brace..]))
        })
        .collect()
}

fn starts_word(bare: &str, at: usize) -> bool {
    !bare[..at].bytes().next_back().is_some_and(is_word)
}

/// `x::y` names `x`; `{x::y, z}` names `x` and `z`.
fn names(bare: &str, at: usize) -> Vec<(usize, &str)> {
    if !bare[at..].starts_with('{') {
        return vec![(at, word(bare, at))];
    }
    let mut found = Vec::new();
    let (mut depth, mut fresh) = (0, false);
    for (offset, byte) in bare[at..].bytes().take(block(&bare[at..])).enumerate() {
        match byte {
            b'{' => (depth, fresh) = (depth + 1, depth == 0),
            b'}' => depth -= 1,
            b',' if depth == 1 => fresh = true,
            _ if fresh && is_word(byte) => {
                found.push((at + offset, word(bare, at + offset)));
                fresh = false;
            }
            _ => {}
        }
    }
    found
}

fn word(bare: &str, at: usize) -> &str {
    let end = bare[at..].bytes().position(|byte| !is_word(byte)).unwrap_or(bare.len() - at);
    &bare[at..at + end]
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        check(&[file(path, text)]).into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn the_table_names_only_what_lies_below() {
        for (floor, (name, below)) in TABLE.iter().enumerate() {
            let lower: Vec<&str> = TABLE[..floor].iter().map(|(name, _)| *name).collect();
            assert!(below.iter().all(|target| lower.contains(target)), "{name} imports upwards");
        }
    }

    #[test]
    fn an_import_from_above_is_found_in_every_spelling() {
        for text in [
            "use crate::gateway::Loop;",
            "use crate::{\n    env::{Clock, Mono},\n    gateway::{Loop},\n};",
            "fn f() -> crate::gateway::Loop { crate::env::x() }",
            "use super::super::gateway::Loop;",
            "mod inner { use super::super::super::gateway::Loop; }",
            "pub(in crate::gateway) fn f() {}",
        ] {
            assert_eq!(faults("src/guard/rate.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn what_lies_below_or_beside_in_the_same_room_passes() {
        let text = "use crate::{env::Clock, model};\nuse crate::guard::Ask;\nuse super::Permit;\nuse super::super::model;
            // use crate::gateway\nconst A: &str = \"crate::gateway\";\nmod tests { use super::super::Permit; }\nuse mycrate::gateway;";
        assert_eq!(faults("src/guard/rate.rs", text), [""; 0]);
        assert_eq!(faults("src/lib.rs", "pub use crate::gateway::Gateway;"), [""; 0]);
    }

    #[test]
    fn neighbours_on_one_floor_and_the_face_are_not_imported() {
        assert_eq!(
            faults("src/store/mod.rs", "use crate::guard::Ask;"),
            ["`store` imports `guard`, and may import [\"env\", \"model\", \"signing\", \"adapter\"] only"]
        );
        assert!(faults("src/store/mod.rs", "use crate::Money;")[0].contains("through the crate's face"));
        assert!(faults("src/router/mod.rs", "")[0].contains("not in the table"));
    }
}
