//! Lines from a stream, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line that is read, in bytes: a body of a megabyte in base64, and its headers.
pub(crate) const LONGEST: usize = 2 * 1024 * 1024;

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Without its end.
    Whole(&'a [u8]),
    /// Nothing to judge.
    Blank,
    /// Passed over.
    TooLong,
}

/// The lines of a stream.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: BufReader<R>) -> Self {
        Self { input, line: Vec::new() }
    }

    /// Whether the next read needs nothing from outside.
    pub(crate) fn has_buffered(&self) -> bool {
        self.input.buffer().contains(&b'\n')
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let (mut any, mut long) = (false, false);
        loop {
            let piece = match self.input.fill_buf() {
                Ok(piece) => piece,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if piece.is_empty() {
                break;
            }
            any = true;
            let end = piece.iter().position(|byte| *byte == b'\n');
            let text = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
            long |= text.len() > LONGEST.saturating_sub(self.line.len());
            if !long {
                self.line.extend_from_slice(text);
            }
            let taken = text.len() + usize::from(end.is_some());
            self.input.consume(taken);
            if end.is_some() {
                break;
            }
        }
        Ok(match (any, long) {
            (false, _) => None,
            (true, true) => Some(Line::TooLong),
            (true, false) if self.line.trim_ascii().is_empty() => Some(Line::Blank),
            (true, false) => Some(Line::Whole(&self.line)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let input = [b"a\n\n".as_slice(), &vec![b'x'; LONGEST + 1], b"\nb\r\n", &vec![b'y'; LONGEST], b"\nlast"].concat();
        let mut lines = Lines::new(BufReader::with_capacity(7, input.as_slice()));
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(b"a")));
        assert_eq!(lines.next().unwrap(), Some(Line::Blank));
        assert_eq!(lines.next().unwrap(), Some(Line::TooLong));
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(b"b\r")));
        assert!(matches!(lines.next().unwrap(), Some(Line::Whole(line)) if line.len() == LONGEST));
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(b"last")));
        assert_eq!(lines.next().unwrap(), None);
    }
}
