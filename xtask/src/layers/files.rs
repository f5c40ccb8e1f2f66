//! Every Rust file opens with one sentence that says what it is for, and none is long.

use super::{Fault, File};

const LONGEST: usize = 400;

pub(super) fn check(files: &[File]) -> Vec<Fault> {
    files.iter().filter(|file| file.is_rust()).flat_map(|file| [no_sentence(file), too_long(file)]).flatten().collect()
}

fn no_sentence(file: &File) -> Option<Fault> {
    let first = file.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//! ").is_some_and(|sentence| !sentence.trim().is_empty());
    (!says).then(|| Fault::at(&file.path, 1, "the file does not open with a `//!` sentence"))
}

fn too_long(file: &File) -> Option<Fault> {
    let lines = file.text.lines().count();
    (lines > LONGEST).then(|| Fault::new(&file.path, format!("{lines} lines: more than {LONGEST}")))
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_file_of_the_longest_length_passes_and_one_more_line_does_not() {
        let longest = format!("//! Says.\n{}", "\n".repeat(LONGEST - 1));
        assert_eq!(check(&[file("a.rs", &longest)]), []);
        assert_eq!(check(&[file("a.rs", &format!("{longest}\n"))]), [Fault::new("a.rs", "401 lines: more than 400")]);
    }

    #[test]
    fn a_file_without_its_sentence_is_found() {
        for text in ["", "//!\nfn a() {}", "// A comment.", "#![no_main]\n//! Late."] {
            assert_eq!(check(&[file("a.rs", text)]).len(), 1, "{text}");
        }
        assert_eq!(check(&[file("README.md", "no sentence")]), []);
    }
}
