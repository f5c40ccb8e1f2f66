//! No file carries traces of the machine it was written on: home folders, private addresses, internal host names.

use super::{Fault, File};

/// Folders that only one machine has. Written in two halves, so that this file passes its own check.
const FOLDERS: [(&str, &str); 6] =
    [("/wo", "rk/"), ("/ho", "me/"), ("/ro", "ot/"), ("/Us", "ers/"), ("C:\\Us", "ers"), ("/var/fol", "ders/")];

/// Endings of host names that resolve in one house only.
const DOMAINS: [&str; 4] = ["internal", "lan", "corp", "intranet"];

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    files.iter().flat_map(in_file).collect()
}

fn in_file(file: &File) -> Vec<Fault> {
    let lines = file.text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter_map(|(at, line)| Some(Fault::at(&file.path, at, format!("a machine's trace: {}", trace(line)?)))).collect()
}

fn trace(line: &str) -> Option<String> {
    let folder = FOLDERS.iter().map(|(a, b)| format!("{a}{b}")).find(|folder| names_folder(line, folder));
    folder.or_else(|| hosts(line).find(|host| is_private(host)).map(str::to_owned))
}

/// At the start of a path, not inside one: an address may well have a part called that.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        !line[..at].bytes().next_back().is_some_and(|before| before.is_ascii_alphanumeric() || b"._-/~*".contains(&before))
    })
}

/// What could be an address or a host name.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-')
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.contains('.'))
}

fn is_private(host: &str) -> bool {
    match host.parse::<std::net::Ipv4Addr>() {
        Ok(address) => address.is_private() || address.is_link_local(),
        Err(_) => host.rsplit_once('.').is_some_and(|(name, last)| {
            DOMAINS.contains(&last)
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
                && name.contains(['.', '-'])
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined((a, b): (&str, &str)) -> String {
        format!("{a}{b}")
    }

    #[test]
    fn folders_of_a_machine_are_found() {
        for folder in FOLDERS {
            assert!(trace(&format!("see `{}x`", joined(folder))).is_some(), "{folder:?}");
        }
        assert_eq!(trace("https://docs.example/work/today and ./work/x"), None);
    }

    #[test]
    fn private_addresses_and_internal_hosts_are_found() {
        for (a, b) in
            [("http://10.1", ".2.3:80/"), ("192.168", ".0.1"), ("proxy.build.inter", "nal:3128"), ("cache-1.eu.co", "rp")]
        {
            assert!(trace(&joined((a, b))).is_some(), "{a}{b}");
        }
        for fine in ["127.0.0.1:8080", "version = \"1.10.0\"", "api.example.com", "self.internal()", "192.0.2.7"] {
            assert_eq!(trace(fine), None, "{fine}");
        }
    }
}
