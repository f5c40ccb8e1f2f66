//! Rust source with its comments, strings or tests taken out, so that a word can be looked for where it counts.
//!
//! What is taken out becomes spaces, so offsets and line numbers stay.

use std::ops::Range;

/// The same text in three views.
#[derive(Debug)]
pub(crate) struct Source {
    /// Without comments.
    pub(crate) code: String,
    /// Without comments and without what stands in strings and characters.
    pub(crate) bare: String,
    /// Where items under `#[cfg(test)]` stand.
    tests: Vec<Range<usize>>,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let mut code = text.as_bytes().to_vec();
        let mut bare = code.clone();
        for (range, part) in parts(text.as_bytes()) {
            if part == Part::Comment {
                blank(&mut code, &range);
            }
            blank(&mut bare, &range);
        }
        let [code, bare] = [code, bare].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let tests = tests(&bare);
        Self { code, bare, tests }
    }

    /// Whether that place belongs to a test.
    pub(crate) fn is_test(&self, offset: usize) -> bool {
        self.tests.iter().any(|test| test.contains(&offset))
    }

    /// The line of that place, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        1 + self.bare.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Comment,
    Quoted,
}

/// Comments, and the insides of strings and characters.
fn parts(text: &[u8]) -> Vec<(Range<usize>, Part)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let end = if rest.starts_with(b"//") {
            let end = at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            found.push((at..end, Part::Comment));
            end
        } else if rest.starts_with(b"/*") {
            let end = at + comment(rest);
            found.push((at..end, Part::Comment));
            end
        } else if rest[0] == b'"' {
            let end = at + quoted(rest, b'"');
            found.push((at + 1..end.saturating_sub(1).max(at + 1), Part::Quoted));
            end
        } else if rest[0] == b'\'' && is_character(rest) {
            let end = at + quoted(rest, b'\'');
            found.push((at + 1..end.saturating_sub(1).max(at + 1), Part::Quoted));
            end
        } else if is_word(rest[0]) {
            let word = rest.iter().position(|&byte| !is_word(byte)).unwrap_or(rest.len());
            let raw = matches!(&rest[..word], b"r" | b"br" | b"cr").then(|| raw_string(&rest[word..])).flatten();
            if let Some(length) = raw {
                found.push((at + word..at + word + length, Part::Quoted));
            }
            at + word + raw.unwrap_or(0)
        } else {
            at + 1
        };
        at = end;
    }
    found
}

fn comment(text: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < text.len() && depth > 0 {
        if text[at..].starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if text[at..].starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
        } else {
            at += 1;
        }
    }
    at.min(text.len())
}

fn quoted(text: &[u8], mark: u8) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != mark {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

/// The length of `#"..."#`, if that is what stands here.
fn raw_string(text: &[u8]) -> Option<usize> {
    let hashes = text.iter().take_while(|&&byte| byte == b'#').count();
    if text.get(hashes) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), &text[..hashes]].concat();
    let inside = &text[hashes + 1..];
    let length = inside.windows(close.len()).position(|window| window == close).map_or(inside.len(), |at| at + close.len());
    Some(hashes + 1 + length)
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn is_character(text: &[u8]) -> bool {
    match text.get(1) {
        Some(b'\\') => true,
        Some(first) => {
            let width = match first {
                0..0x80 => 1,
                0x80..0xE0 => 2,
                0xE0..0xF0 => 3,
                _ => 4,
            };
            text.get(1 + width) == Some(&b'\'')
        }
        None => false,
    }
}

/// Items under `#[cfg(test)]` or `#[cfg(all(test, ...))]`: from the attribute to the item's `;` or closing brace.
fn tests(bare: &str) -> Vec<Range<usize>> {
    ["#[cfg(test)]", "#[cfg(all(test"]
        .iter()
        .flat_map(|attribute| bare.match_indices(attribute))
        .map(|(start, _)| start..start + item(&bare[start..]))
        .collect()
}

fn item(bare: &str) -> usize {
    let mut brackets = 0_u32;
    for (at, byte) in bare.bytes().enumerate() {
        match byte {
            b'[' | b'(' => brackets += 1,
            b']' | b')' => brackets = brackets.saturating_sub(1),
            b';' if brackets == 0 => return at + 1,
            b'{' if brackets == 0 => return at + block(&bare[at..]),
            _ => {}
        }
    }
    bare.len()
}

/// The length of the block that opens here.
pub(crate) fn block(bare: &str) -> usize {
    let mut depth = 0_u32;
    for (at, byte) in bare.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    bare.len()
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn blank(text: &mut [u8], range: &Range<usize>) {
    for byte in text.get_mut(range.clone()).into_iter().flatten().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_leave_the_code_and_strings_leave_the_bare_text() {
        let source = Source::read("let a = \"one // \\\" two\"; // three\n/* four /* five */ six */ let b = 'x';");
        assert!(source.code.contains("one // \\\" two") && source.code.contains("'x'"));
        assert!(!source.code.contains("three") && !source.code.contains("six"));
        assert!(!source.bare.contains("two") && !source.bare.contains('x') && source.bare.contains("let b"));
    }

    #[test]
    fn a_raw_string_ends_at_its_own_mark() {
        let source = Source::read("f(r#\"in \" side\"#, br\"too\"); after");
        assert!(!source.bare.contains("side") && !source.bare.contains("too") && source.bare.contains("after"));
    }

    #[test]
    fn a_lifetime_is_no_character() {
        let source = Source::read("fn f<'a>(x: &'a str, quote: char) { g('\\'', 'é', '\"') } // end");
        assert!(source.bare.contains("&'a str, quote") && source.bare.contains("g(") && !source.bare.contains('é'));
        assert!(!source.bare.contains("end"));
    }

    #[test]
    fn tests_are_found_to_their_last_brace() {
        let text =
            "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn b() { {} } }\nfn c() {}\n#[cfg(test)]\nmod d;\nfn e() {}";
        let source = Source::read(text);
        let is_test = |word: &str| source.is_test(text.find(word).unwrap_or_default());
        assert!(!is_test("fn a") && is_test("fn b") && !is_test("fn c") && is_test("mod d") && !is_test("fn e"));
        assert_eq!(source.line(text.find("fn c").unwrap_or_default()), 5);
    }
}
