//! A configuration as words and punctuation that can be changed and put together again.

use std::ops::Range;

/// A word with its quotation marks, `;`, `{` or `}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// Blanks and comments before it.
    pub(super) gap: String,
    /// Empty for the end of the text.
    pub(super) text: String,
}

/// A directive.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// Name and arguments.
    pub(super) words: Range<usize>,
    /// Whether a block follows.
    pub(super) opens: bool,
    /// What is behind it: behind `;`, or behind the `}` of its block.
    pub(super) end: usize,
}

/// Takes a text apart.
pub(super) fn split(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let gap = gap(rest);
        let word = word(&rest[gap..]);
        tokens.push(Token {
            gap: rest[..gap].to_owned(),
            text: rest[gap..gap + word].to_owned(),
        });
        rest = &rest[gap + word..];
    }
    tokens
}

/// Puts one together.
pub(super) fn join(tokens: &[Token]) -> String {
    let parts = tokens.iter();
    parts
        .flat_map(|token| [token.gap.as_str(), token.text.as_str()])
        .collect()
}

/// Bytes of blanks and comments.
fn gap(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        let blanks = rest.len() - rest.trim_start().len();
        length += blanks;
        if !rest[blanks..].starts_with('#') {
            return length;
        }
        let line = text[length..].find('\n');
        length = line.map_or(text.len(), |line| length + line);
    }
}

/// Bytes of a token.
fn word(text: &str) -> usize {
    let Some(first) = text.chars().next() else {
        return 0;
    };
    let quote = matches!(first, '"' | '\'').then_some(first);
    if matches!(first, ';' | '{' | '}') {
        return 1;
    }
    let mut escaped = false;
    let mut before = first;
    for (at, letter) in text.char_indices().skip(1) {
        let ends = match quote {
            Some(quote) if letter == quote && !escaped => return at + 1,
            Some(_) => false,
            None => {
                matches!(letter, ';') || letter.is_whitespace() || (letter == '{' && before != '$')
            }
        };
        if ends && !escaped {
            return at;
        }
        escaped = !escaped && letter == '\\';
        before = letter;
    }
    text.len()
}

/// The directives, those of blocks behind their block's.
pub(super) fn statements(tokens: &[Token]) -> Vec<Statement> {
    let mut all: Vec<Statement> = Vec::new();
    let mut open = Vec::new();
    let mut begin = 0;
    for (at, token) in tokens.iter().enumerate() {
        let opens = match token.text.as_str() {
            "{" => true,
            ";" => false,
            "}" => {
                if let Some(block) = open.pop() {
                    let block: usize = block;
                    all[block].end = at + 1;
                }
                begin = at + 1;
                continue;
            }
            _ => continue,
        };
        if begin < at {
            if opens {
                open.push(all.len());
            }
            all.push(Statement {
                words: begin..at,
                opens,
                end: at + 1,
            });
        }
        begin = at + 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let tokens = split(text);
        assert_eq!(join(&tokens), text);
        let all = statements(&tokens);
        let shown = all
            .iter()
            .map(|one| join(&tokens[one.words.start..one.end]));
        let shown: Vec<_> = shown.map(|text| text.trim().to_owned()).collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn texts_are_taken_apart_at_directives() {
        check("a;", &["a;"]);
        check("a 'b;' \"c\\\"\" ${d}e;", &["a 'b;' \"c\\\"\" ${d}e;"]);
        check("a { b c; } # d;\ne;", &["a { b c; }", "b c;", "# d;\ne;"]);
        check("a b{ c; }", &["a b{ c; }", "c;"]);
        check("} a; {", &["a;"]);
        check("a 'b", &[]);
    }
}
