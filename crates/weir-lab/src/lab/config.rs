//! The configuration of a lab: what the test wrote, with the lab's own logs in it.

use weir_log::record::FORMAT;

use crate::version::Version;

/// Where the lab's access lines go, under the prefix.
pub(super) const ACCESS_LOG: &str = "weir_lab.access";

/// Where its error lines go.
pub(super) const ERROR_LOG: &str = "weir_lab.error";

/// The file that holds what the test wrote, if it is a piece of an `http` block.
pub(super) const FRAGMENT: &str = "http.conf";

/// A configuration as it is served.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Woven {
    /// The whole configuration.
    pub(super) main: String,
    /// The contents of [`FRAGMENT`], if `main` includes it.
    pub(super) fragment: Option<String>,
}

/// What the test wrote, to be judged before anything is added to it.
pub(super) fn plain(text: &str, compat: Option<Version>) -> Woven {
    let first = compat.map_or("", Version::compat_directive);
    if is_whole(text) {
        return Woven {
            main: format!("{first}{text}"),
            fragment: None,
        };
    }
    Woven {
        main: format!("{first}events {{}} http {{ include {FRAGMENT}; }}"),
        fragment: Some(text.to_owned()),
    }
}

/// The same, with the lab's logs at every place that has logs of its own, so that none is silent.
pub(super) fn with_logs(text: &str, compat: Option<Version>) -> Woven {
    let plain = plain(text, compat);
    let main = format!("error_log {ERROR_LOG} info; {}", weave(&plain.main));
    Woven {
        main,
        fragment: plain
            .fragment
            .map(|fragment| Weaver::fragment().weave(&fragment)),
    }
}

/// Whether it has an `http` block of its own.
fn is_whole(text: &str) -> bool {
    Statements::new(text).any(|statement| statement.depth == 0 && statement.opens("http"))
}

fn weave(main: &str) -> String {
    Weaver::main().weave(main)
}

/// One statement: a directive up to its `;` or `{`, or a `}`.
#[derive(Debug, PartialEq, Eq)]
struct Statement<'a> {
    /// What is between it and the one before: blanks and comments.
    gap: &'a str,
    text: &'a str,
    /// Blocks around it.
    depth: usize,
}

impl Statement<'_> {
    fn name(&self) -> &str {
        let end = self
            .text
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, ';' | '{' | '}'));
        &self.text[..end.unwrap_or(self.text.len())]
    }

    fn opens(&self, name: &str) -> bool {
        self.name() == name && self.text.ends_with('{')
    }

    fn is_off(&self) -> bool {
        let rest = self.text[self.name().len()..].trim_end_matches(';');
        rest.trim() == "off"
    }
}

/// The statements of a configuration, every byte of it in one of them.
struct Statements<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Statements<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            depth: 0,
        }
    }
}

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (gap, rest) = self.rest.split_at(gap_length(self.rest));
        let (text, rest) = rest.split_at(statement_length(rest));
        self.rest = rest;
        if text == "}" {
            self.depth = self.depth.saturating_sub(1);
        }
        let depth = self.depth;
        if text.ends_with('{') {
            self.depth += 1;
        }
        Some(Statement { gap, text, depth })
    }
}

/// Blanks and comments at the front.
fn gap_length(text: &str) -> usize {
    let mut rest = text.trim_ascii_start();
    while rest.starts_with('#') {
        let end = rest.find('\n').unwrap_or(rest.len());
        rest = rest[end..].trim_ascii_start();
    }
    text.len() - rest.len()
}

/// Up to and with the `;`, `{` or `}` that ends it. Quotes, backslashes and `${` hide those.
fn statement_length(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate();
    let (mut quote, mut before) = (None, b' ');
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (_, b'\\') => drop(bytes.next()),
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') if before.is_ascii_whitespace() => quote = Some(byte),
            (None, b'{') if before == b'$' => quote = Some(b'}'),
            (None, b';' | b'{' | b'}') => return at + 1,
            (None, _) => {}
        }
        before = byte;
    }
    text.len()
}

/// Adds the lab's logs to statements.
struct Weaver {
    /// For each open block, whether it has the lab's access log and error log.
    blocks: Vec<(bool, bool)>,
}

impl Weaver {
    /// In the main context, after the lab's `error_log`.
    fn main() -> Self {
        Self {
            blocks: vec![(false, true)],
        }
    }

    /// In an `http` block that has the lab's logs.
    fn fragment() -> Self {
        Self {
            blocks: vec![(true, false)],
        }
    }

    fn weave(mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 1024);
        for statement in Statements::new(text) {
            out.push_str(statement.gap);
            self.statement(&statement, &mut out);
        }
        out
    }

    fn statement(&mut self, statement: &Statement<'_>, out: &mut String) {
        let (mut access, mut error) = self.blocks.pop().unwrap_or_default();
        match statement.name() {
            "access_log" => {
                if !std::mem::replace(&mut access, true) {
                    out.push_str(&format!("access_log {ACCESS_LOG} weir_lab; "));
                }
                // Off would silence the lab's too.
                if !statement.is_off() {
                    out.push_str(statement.text);
                }
            }
            "error_log" => {
                if !std::mem::replace(&mut error, true) {
                    out.push_str(&format!("error_log {ERROR_LOG} info; "));
                }
                out.push_str(statement.text);
            }
            _ => out.push_str(statement.text),
        }
        if statement.text != "}" || self.blocks.is_empty() {
            self.blocks.push((access, error));
        }
        if statement.text.ends_with('{') {
            let is_http = self.blocks.len() == 1 && statement.opens("http");
            if is_http {
                out.push_str(&format!(
                    " log_format weir_lab {FORMAT}; access_log {ACCESS_LOG} weir_lab;"
                ));
            }
            self.blocks.push((is_http, false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fragment: &str, expected: &str) {
        let woven = with_logs(fragment, None).fragment.unwrap();
        let woven = woven
            .replace("access_log weir_lab.access weir_lab;", "A;")
            .replace("error_log weir_lab.error info;", "E;");
        assert_eq!(woven, expected);
    }

    #[test]
    fn each_place_with_logs_has_the_lab_s_too() {
        let plain = "# { access_log\nserver { listen 80; }";
        check(plain, plain);
        check(
            "server { access_log a.log; access_log b.log; location / { error_log e; } }",
            "server { A; access_log a.log; access_log b.log; location / { E; error_log e; } }",
        );
        check(
            "access_log off;\nserver { access_log off; }",
            "\nserver { A;  }",
        );
        check(
            "return 200 'access_log x; {'; set $a ${b}c; access_log a;",
            "return 200 'access_log x; {'; set $a ${b}c; access_log a;",
        );
    }

    #[test]
    fn a_whole_configuration_is_told_by_its_http_block() {
        assert!(is_whole("user x;\nevents { } # http {\nhttp\n{ }"));
        assert!(!is_whole("server { listen 80; location /http { } }"));
        assert!(!is_whole("# http {}\nserver { return 200 'http {'; }"));
    }

    #[test]
    fn a_whole_configuration_keeps_its_lines() {
        let text = "events {}\nhttp {\n server {} }";
        let woven = with_logs(text, Some(Version::V1_28));
        assert_eq!(woven.fragment, None);
        assert!(woven.main.starts_with(
            "error_log weir_lab.error info; compat 1.28; events {}\nhttp { log_format"
        ));
        assert!(woven.main.ends_with("\n server {} }"));
    }
}
