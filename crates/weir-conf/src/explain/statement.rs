//! The source of the statement that a fault is about.

use std::ops::Range;

use crate::text::{LexFault, Lexer, Statement};

/// A statement in its file.
pub(super) struct Found {
    /// Its bytes, from its first word to where its reading ended.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    /// The line of its last byte, counted from 1.
    line: u32,
}

/// How its reading ended.
pub(super) enum Kind {
    /// With `;`, `{` or `}`.
    Whole,
    /// With a byte that does not belong there.
    Unexpected,
    /// The text ends within it. With the position of a quote that is open.
    Cut(Option<usize>),
    /// The text ends, and these blocks, outermost first by position, are open.
    Open(Vec<usize>),
}

/// The statement of `text` that ends on `line`, counted from 1; if there are several, the first that
/// has a word which `message` quotes. After a fault of nginx's lexer, the one with that fault.
pub(super) fn find(text: &str, line: u32, message: &str) -> Option<Found> {
    let lexical = message.starts_with("unexpected ");
    let mut best = None;
    for found in statements(text) {
        if found.line < line {
            continue;
        }
        if lexical && !matches!(found.kind, Kind::Whole) {
            return Some(found);
        }
        let code = &text[found.range.clone()];
        if !lexical && quoted(message).any(|word| code.contains(word)) {
            return Some(found);
        }
        let behind = found.line > line || !matches!(found.kind, Kind::Whole);
        if behind && !lexical {
            return best.or(Some(found));
        }
        best = best.or(Some(found));
    }
    best
}

/// The statements of `text` up to its end or its first fault.
fn statements(text: &str) -> impl Iterator<Item = Found> {
    let mut lexer = Lexer::new(text.as_bytes());
    let mut open = Vec::new();
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let from = lexer.position();
        let statement = lexer.next_statement();
        // A fault may stand within a character.
        let end = text.ceil_char_boundary(lexer.position());
        let range = begin_of_code(text, from..end)..end;
        let kind = match statement {
            Ok(Statement::Simple(_)) => Kind::Whole,
            Ok(Statement::Open(_)) => {
                open.push(range.start);
                Kind::Whole
            }
            Ok(Statement::Close) if open.pop().is_some() => Kind::Whole,
            Ok(Statement::End) => Kind::Open(std::mem::take(&mut open)),
            Err(LexFault::EndOfFile) => Kind::Cut(lexer.open_quote()),
            Ok(Statement::Close) | Err(_) => Kind::Unexpected,
        };
        over = !matches!(kind, Kind::Whole);
        let line = lexer.line();
        Some(Found { range, kind, line })
    })
}

/// The first word that the message quotes and the statement has, else its first line.
pub(super) fn marked(text: &str, found: &Found, message: &str) -> Range<usize> {
    let code = &text[found.range.clone()];
    let start = found.range.start;
    for word in quoted(message) {
        if let Some(at) = code.find(word) {
            return start + at..start + at + word.len();
        }
    }
    let length = code.find('\n').unwrap_or(code.len());
    start..start + code[..length].trim_end().len()
}

/// `range`, with all of the lines that it begins and ends on, without the last line's end.
pub(super) fn whole_lines(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..]
        .find('\n')
        .map_or(text.len(), |at| range.end + at);
    start..end
}

/// The line, counted from 1, of a position.
pub(super) fn line_of(text: &str, at: usize) -> u32 {
    let before = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n');
    u32::try_from(before.count()).map_or(u32::MAX, |count| count + 1)
}

/// The words between quotation marks.
fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| !word.is_empty())
}

/// Behind blanks and comments; the range's end if there is nothing else.
fn begin_of_code(text: &str, range: Range<usize>) -> usize {
    let mut at = range.start;
    loop {
        let rest = &text[at..range.end];
        let blank = rest.len() - rest.trim_start().len();
        at += blank;
        if !text[at..range.end].starts_with('#') {
            return at;
        }
        at = text[at..range.end]
            .find('\n')
            .map_or(range.end, |end| at + end);
    }
}
