//! Bytes into statements, by nginx's rules of quoting (`ngx_conf_read_token`).

use std::ops::Range;

use super::Word;

/// nginx reads files through a buffer of this size, and no word may exceed it.
const LONGEST_WORD: usize = 4096;

/// One step of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// Words and `;`.
    Simple(Vec<Word>),
    /// Words and `{`.
    Open(Vec<Word>),
    /// `}`.
    Close,
    /// The text is over.
    End,
}

/// Why a text cannot be split; displayed in nginx's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LexFault {
    #[error("unexpected \"{}\"", char::from(*.0))]
    Unexpected(u8),
    #[error("unexpected end of file, expecting \";\" or \"}}\"")]
    EndOfFile,
    #[error("too long parameter \"{0}...\" started")]
    TooLong(String),
    #[error("too long parameter, probably missing terminating \"{0}\" character")]
    MissingQuote(char),
}

/// Splits a text.
#[derive(Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a [u8],
    position: usize,
    line: u32,
    /// Where the word, comment or gap began that counts against [`LONGEST_WORD`].
    start: usize,
    start_line: u32,
    /// Where a quote opened that the text does not close.
    open_quote: Option<usize>,
    /// The words of the last statement.
    spans: Vec<Span>,
}

/// A word as it is written.
#[derive(Debug)]
struct Span {
    bytes: Range<usize>,
    /// What stands around it.
    quote: Option<u8>,
    /// Where it begins.
    line: u32,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            position: 0,
            line: 1,
            start: 0,
            start_line: 1,
            open_quote: None,
            spans: Vec::new(),
        }
    }

    /// The line reached, 1-based.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// How many bytes are read.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Where a quote opened that the text does not close.
    pub(crate) fn open_quote(&self) -> Option<usize> {
        self.open_quote
    }

    /// The next statement; [`Lexer::line`] is then the line of its last byte.
    pub(crate) fn next_statement(&mut self) -> Result<Statement, LexFault> {
        let mut words = Vec::new();
        self.spans.clear();
        self.mark(self.position);
        loop {
            let Some(byte) = self.bump(None)? else {
                return if words.is_empty() {
                    Ok(Statement::End)
                } else {
                    Err(LexFault::EndOfFile)
                };
            };
            self.mark(self.position - 1);
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'#' => self.skip_comment()?,
                b';' | b'{' if words.is_empty() => return Err(LexFault::Unexpected(byte)),
                b';' => return Ok(Statement::Simple(words)),
                b'{' => return Ok(Statement::Open(words)),
                b'}' if words.is_empty() => return Ok(Statement::Close),
                b'}' => return Err(LexFault::Unexpected(byte)),
                b'"' | b'\'' => {
                    words.push(self.quoted_word(byte)?);
                    if !matches!(
                        self.peek(),
                        Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')')
                    ) {
                        let Some(byte) = self.bump(None)? else {
                            return Err(LexFault::EndOfFile);
                        };
                        return Err(LexFault::Unexpected(byte));
                    }
                }
                _ => {
                    self.position -= 1;
                    words.push(self.bare_word()?);
                }
            }
        }
    }

    /// The rest of a word after its opening quote.
    fn quoted_word(&mut self, quote: u8) -> Result<Word, LexFault> {
        self.mark(self.position);
        let begin = self.position;
        while let Some(byte) = self.bump(Some(quote))? {
            match byte {
                b'\\' => {
                    self.bump(Some(quote))?;
                }
                _ if byte == quote => {
                    return Ok(self.word(begin..self.position - 1, Some(quote)));
                }
                _ => {}
            }
        }
        self.open_quote = Some(begin - 1);
        Err(LexFault::EndOfFile)
    }

    /// A word up to a space, `;` or `{`, which stay; the brace of `${` belongs to the word.
    fn bare_word(&mut self) -> Result<Word, LexFault> {
        let begin = self.position;
        let mut after_dollar = false;
        loop {
            match self.peek() {
                None => return Err(LexFault::EndOfFile),
                Some(b'{') if after_dollar => {
                    self.bump(None)?;
                    continue;
                }
                Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{') => {
                    return Ok(self.word(begin..self.position, None));
                }
                Some(byte) => {
                    self.bump(None)?;
                    after_dollar = byte == b'$';
                    if byte == b'\\' && self.bump(None)?.is_none() {
                        return Err(LexFault::EndOfFile);
                    }
                }
            }
        }
    }

    fn word(&mut self, bytes: Range<usize>, quote: Option<u8>) -> Word {
        let word = unescaped(&self.text[bytes.clone()]);
        self.spans.push(Span {
            bytes,
            quote,
            line: self.start_line,
        });
        word
    }

    /// The words of the last statement with the lines they begin in: without quotes, but with all backslashes that
    /// are not before a quote of the kind that the word stands in.
    pub(crate) fn words_as_written(&self) -> impl Iterator<Item = (u32, String)> {
        self.spans.iter().map(|span| {
            let text = String::from_utf8_lossy(&self.text[span.bytes.clone()]);
            let text = match span.quote {
                Some(quote) => without_escaped(&text, char::from(quote)),
                None => text.into_owned(),
            };
            (span.line, text)
        })
    }

    /// Up to the end of the line, which stays.
    fn skip_comment(&mut self) -> Result<(), LexFault> {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.bump(None)?;
        }
        Ok(())
    }

    fn mark(&mut self, start: usize) {
        self.start = start;
        self.start_line = self.line;
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    /// The next byte, or the fault of a word that nginx's buffer cannot hold.
    fn bump(&mut self, quote: Option<u8>) -> Result<Option<u8>, LexFault> {
        let Some(byte) = self.peek() else {
            return Ok(None);
        };
        if self.position - self.start >= LONGEST_WORD {
            self.line = self.start_line;
            return Err(match quote {
                Some(quote) => LexFault::MissingQuote(char::from(quote)),
                None => {
                    let head = &self.text[self.start..self.start + 10];
                    LexFault::TooLong(String::from_utf8_lossy(head).into_owned())
                }
            });
        }
        self.position += 1;
        if byte == b'\n' {
            self.line += 1;
        }
        Ok(Some(byte))
    }
}

/// Takes off backslashes: before a quote or backslash they vanish, `\t`, `\r` and `\n` are
/// control characters, all others stay.
fn unescaped(text: &[u8]) -> Word {
    if memchr::memchr(b'\\', text).is_none() {
        return Word { text: text.into() };
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, length) = match (byte, after.first()) {
            (b'\\', Some(&next @ (b'"' | b'\'' | b'\\'))) => (next, 2),
            (b'\\', Some(b't')) => (b'\t', 2),
            (b'\\', Some(b'r')) => (b'\r', 2),
            (b'\\', Some(b'n')) => (b'\n', 2),
            _ => (byte, 1),
        };
        plain.push(byte);
        rest = &rest[length..];
    }
    Word { text: plain.into() }
}

/// Takes the backslashes off that stand before `quote`.
fn without_escaped(text: &str, quote: char) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => match rest.next() {
                Some(next) if next == quote => plain.push(quote),
                Some(next) => plain.extend(['\\', next]),
                None => plain.push('\\'),
            },
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Statements of `text` in one line: words joined by `|`, then what ended them.
    fn shown(text: &[u8]) -> String {
        let mut lexer = Lexer::new(text);
        let mut all = Vec::new();
        loop {
            let statement = lexer.next_statement();
            let line = lexer.line();
            match statement {
                Ok(Statement::Simple(words)) => all.push(format!("{line} {};", joined(&words))),
                Ok(Statement::Open(words)) => all.push(format!("{line} {}{{", joined(&words))),
                Ok(Statement::Close) => all.push(format!("{line} }}")),
                Ok(Statement::End) => return all.join(" "),
                Err(fault) => {
                    all.push(format!("{line} ! {fault}"));
                    return all.join(" ");
                }
            }
        }
    }

    fn joined(words: &[Word]) -> String {
        words
            .iter()
            .map(|word| String::from_utf8_lossy(&word.text).into_owned())
            .collect::<Vec<_>>()
            .join("|")
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(shown(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn words() {
        check("", "");
        check("a b;", "1 a|b;");
        check("a\n b\t c ;\n", "2 a|b|c;");
        check("a{b;}", "1 a{ 1 b; 1 }");
        check("a ${b}c;", "1 a|${b}c;");
        check("a $b{c;}", "1 a|$b{ 1 c; 1 }");
        check("a \"b c\" 'd\"e';", "1 a|b c|d\"e;");
        check("a b\"c;", "1 a|b\"c;");
        check("a b}c;", "1 a|b}c;");
        check("a '' ;", "1 a|;");
        check("a # b;\nc;", "2 a|c;");
        check("a b#c;", "1 a|b#c;");
        check(r#"a "b\"c\\d\te\x";"#, "1 a|b\"c\\d\te\\x;");
        check(r"a b\;c;", r"1 a|b\;c;");
        check("if ($a = \"b\") {}", "1 if|($a|=|b|){ 1 }");
        check("\"a\"b;", "1 ! unexpected \"b\"");
        check(";", "1 ! unexpected \";\"");
        check("\n{", "2 ! unexpected \"{\"");
        check("a }", "1 ! unexpected \"}\"");
        check("a", "1 ! unexpected end of file, expecting \";\" or \"}\"");
        check(
            "a 'b\n;\n",
            "3 ! unexpected end of file, expecting \";\" or \"}\"",
        );
        check(
            "a \"b\"",
            "1 ! unexpected end of file, expecting \";\" or \"}\"",
        );
    }

    #[test]
    fn long_words() {
        let long = "x".repeat(5000);
        check(
            &format!("\na {long};"),
            "2 ! too long parameter \"xxxxxxxxxx...\" started",
        );
        check(
            &format!("\na \"\n{long};"),
            "2 ! too long parameter, probably missing terminating \"\"\" character",
        );
        let fits = "x".repeat(4000);
        check(&format!("a {fits};"), &format!("1 a|{fits};"));
    }

    /// A text that splits into exactly `words`.
    fn written(words: &[Vec<u8>]) -> Vec<u8> {
        let mut text = Vec::new();
        for word in words {
            text.push(b'"');
            for &byte in word {
                if matches!(byte, b'"' | b'\\') {
                    text.push(b'\\');
                }
                text.push(byte);
            }
            text.extend_from_slice(b"\" ");
        }
        text.push(b';');
        text
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(
            words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
        ) {
            let text = written(&words);
            let expected = words.iter().map(|word| Word { text: word.as_slice().into() }).collect();
            let mut lexer = Lexer::new(&text);
            prop_assert_eq!(lexer.next_statement(), Ok(Statement::Simple(expected)));
            prop_assert_eq!(lexer.next_statement(), Ok(Statement::End));
        }

        #[test]
        fn anything_ends(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let statements = shown(&text);
            prop_assert!(statements.len() <= text.len() * 8 + 100);
        }
    }
}
