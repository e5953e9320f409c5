//! What seems to be left out of a statement: most often a `;`, which shows only in the line after.

use std::ops::Range;

use super::statement::{Found, Kind, line_of};
use crate::table;

/// Something that is not there.
pub(super) struct Missing {
    /// Where it should stand.
    pub(super) at: usize,
    /// What follows it, on another line.
    pub(super) before: Option<Range<usize>>,
    /// For the mark.
    pub(super) label: Option<&'static str>,
    pub(super) hint: String,
}

/// What seems to be missing in the statement about which nginx says `message`.
pub(super) fn find(text: &str, found: &Found, message: &str) -> Option<Missing> {
    match &found.kind {
        Kind::Open(blocks) => {
            let innermost = *blocks.last()?;
            Some(Missing {
                at: innermost,
                before: None,
                label: Some("never closed"),
                hint: "a `}` is missing: of this block, or of one inside it".to_owned(),
            })
        }
        Kind::Cut(Some(quote)) => Some(Missing {
            at: *quote,
            before: None,
            label: Some("never closed"),
            hint: "the other quotation mark is missing".to_owned(),
        }),
        Kind::Cut(None) | Kind::Unexpected | Kind::Whole => terminator(text, found, message),
    }
}

/// A `;`, or the `{` of a block, at the end of a line or before a `}`.
fn terminator(text: &str, found: &Found, message: &str) -> Option<Missing> {
    if message.starts_with("unknown directive") {
        return None;
    }
    let start = found.range.start;
    let words = words(&text[found.range.clone()]);
    let cut = matches!(found.kind, Kind::Cut(_));
    let next = words.iter().enumerate().skip(1).find(|(at, word)| {
        let begins_line =
            text[start + words[at - 1].range.end..start + word.range.start].contains('\n');
        word.text == "}" || is_directive(word.text) && (begins_line || word.text.contains('_'))
    });
    let last = match next {
        Some((at, _)) => &words[at - 1],
        None if cut => words.last()?,
        None => return None,
    };
    let at = start + last.range.end;
    let line = line_of(text, at);
    let what = if message.ends_with("has no opening \"{\"") {
        '{'
    } else {
        ';'
    };
    let end_of_line = text[at..]
        .trim_start_matches([' ', '\t', '\r'])
        .starts_with(['\n', '#']);
    let place = match next {
        Some((_, next)) if !end_of_line => format!("before \"{}\" in line {line}", next.text),
        _ => format!("at the end of line {line}"),
    };
    let before = next.map(|(_, word)| start + word.range.start..start + word.range.end);
    Some(Missing {
        at,
        before: before.filter(|_| end_of_line),
        label: None,
        hint: format!("is a `{what}` missing {place}?"),
    })
}

fn is_directive(word: &str) -> bool {
    table::named(word.as_bytes()).next().is_some()
}

/// A word, and where it stands.
struct Word<'a> {
    text: &'a str,
    range: Range<usize>,
}

/// The words of a statement without quotes around them, up to what ends it; a `}` is one, too.
fn words(code: &str) -> Vec<Word<'_>> {
    let bytes = code.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let end_of = |stop: &dyn Fn(&u8) -> bool| {
            rest.iter()
                .skip(1)
                .position(stop)
                .map_or(bytes.len(), |end| at + 1 + end)
        };
        let end = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'#' => {
                at = end_of(&|byte| *byte == b'\n');
                continue;
            }
            b';' | b'{' => break,
            b'}' => at + 1,
            b'"' | b'\'' => {
                let end = end_of(&|next| *next == byte).min(bytes.len() - 1) + 1;
                // What is quoted is no directive's name.
                words.push(Word {
                    text: "",
                    range: at..end,
                });
                at = end;
                continue;
            }
            _ => end_of(&|byte| b" \t\r\n;{".contains(byte)),
        };
        words.push(Word {
            text: &code[at..end],
            range: at..end,
        });
        at = end;
    }
    words
}
