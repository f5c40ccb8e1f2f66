//! Time is a parameter: clocks are read and threads put to sleep only where a real world is meant.

use super::{Fault, File, Source};

const FORBIDDEN: [&str; 3] = ["SystemTime::now", "Instant::now", "thread::sleep"];

/// The home of time, programs that people and not orders wait for, and the driver of real processes.
const ALLOWED: [&str; 6] = ["src/env/", "cli/", "xtask/", "benches/", "examples/", "tests/src/crash/"];

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let bound = |file: &&File| file.is_rust() && !ALLOWED.iter().any(|home| file.path.starts_with(home));
    files.iter().filter(bound).flat_map(in_file).collect()
}

fn in_file(file: &File) -> Vec<Fault> {
    let source = Source::read(&file.text);
    let found = FORBIDDEN.iter().flat_map(|word| source.bare.match_indices(word));
    found.map(|(at, word)| Fault::at(&file.path, source.line(at), format!("{word}: take it from paysluice::env"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_clock_read_outside_its_home_is_found_in_tests_too() {
        let text = "//! Not Instant::now.\n#[cfg(test)]\nmod tests { fn f() { std::thread::sleep(d); } }\nfn g() { tokio::time::Instant::now(); }";
        assert_eq!(check(&[file("sandbox/src/a.rs", text)]).len(), 2);
        assert_eq!(check(&[file("src/env/clock.rs", text)]), []);
    }
}
