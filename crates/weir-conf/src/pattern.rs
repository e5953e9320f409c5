//! Regular expressions over bytes: PCRE's, as nginx compiles and tries them.

mod pcre;
mod plain;
mod set;

use std::ops::Range;
use std::sync::Arc;

use crate::model::Captures;
use pcre::{Code, CompileFault, Engine, MatchError};
use plain::Plain;

pub(crate) use set::Filter;

/// A compiled regular expression.
///
/// nginx interprets expressions unless told `pcre_jit on`, and gives up after ten million steps, which
/// machine code counts in another way. Here machine code runs wherever the steps are known to be few:
/// it finds the same, only faster.
#[derive(Clone, Debug)]
pub struct Pattern {
    code: Arc<Code>,
    plain: Option<Plain>,
    /// The longest text on which the interpreter takes few steps.
    longest: usize,
    /// Variables that groups are assigned to, by number, with the numbers of the groups.
    variables: Arc<[(u32, u16)]>,
    source: Box<[u8]>,
    case: Case,
    jit: bool,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.source, self.case, self.jit) == (&other.source, other.case, other.jit)
    }
}

/// Whether letters match both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Kept,
    Ignored,
}

/// A text that is no regular expression; displayed in nginx's words (`ngx_regex_compile`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct PatternFault {
    text: String,
}

/// PCRE gave up, mostly because a match takes too many steps; displayed as nginx logs it
/// (`ngx_http_regex_exec`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", String::from_utf8_lossy(&self.line()))]
pub struct MatchFault {
    code: i32,
    subject: Box<[u8]>,
    pattern: Box<[u8]>,
}

impl MatchFault {
    /// nginx's `[alert]`.
    pub fn line(&self) -> Vec<u8> {
        let code = self.code.to_string();
        [
            b"pcre2_match() failed: ",
            code.as_bytes(),
            b" on \"",
            &self.subject,
            b"\" using \"",
            &self.pattern,
            b"\"",
        ]
        .concat()
    }
}

impl PatternFault {
    fn new(source: &[u8], fault: &CompileFault) -> Self {
        const LONGEST: usize = 1024;
        let shown = String::from_utf8_lossy(source);
        let mut text = format!("pcre2_compile() failed: {} in \"{shown}\"", fault.reason);
        if let Some(rest) = source.get(fault.offset..).filter(|rest| !rest.is_empty()) {
            let rest = String::from_utf8_lossy(rest);
            text.push_str(&format!(" at \"{rest}\""));
        }
        text.truncate(text.floor_char_boundary(LONGEST));
        Self { text }
    }
}

impl Pattern {
    /// Compiles `source`; `jit` says whether nginx would run it as machine code.
    pub(crate) fn compile(source: &[u8], case: Case, jit: bool) -> Result<Self, PatternFault> {
        let caseless = case == Case::Ignored;
        let code = Code::compile(source, caseless).map_err(|e| PatternFault::new(source, &e))?;
        let plain = Plain::read(source, caseless);
        Ok(Self {
            variables: Arc::default(),
            code: Arc::new(code),
            longest: plain.as_ref().map_or(0, Plain::longest),
            plain,
            source: source.into(),
            case,
            jit,
        })
    }

    /// The expression of a `~`, or of a `~*` if `caseless`, for whoever reads a configuration as text.
    ///
    /// # Errors
    ///
    /// PCRE does not take it.
    pub fn read(source: &[u8], caseless: bool) -> Result<Self, PatternFault> {
        let case = if caseless { Case::Ignored } else { Case::Kept };
        Self::compile(source, case, false)
    }

    /// Names and numbers of the groups that have a name.
    pub(crate) fn group_names(&self) -> Vec<(String, u16)> {
        self.code.names()
    }

    /// The same; a match assigns groups to `variables`.
    pub(crate) fn with_variables(mut self, variables: Vec<(u32, u16)>) -> Self {
        self.variables = variables.into();
        self
    }

    /// Whether there are groups besides the whole match.
    pub(crate) fn has_groups(&self) -> bool {
        self.code.groups() > 1
    }

    /// The text of the pattern.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// The groups of the leftmost match in `text` (`ngx_http_regex_exec`).
    ///
    /// # Errors
    ///
    /// PCRE gave up.
    pub fn captures(&self, text: &[u8]) -> Result<Option<Captures>, Box<MatchFault>> {
        self.exec(text, |offsets| Captures {
            spans: offsets.iter().map(span).collect(),
            variables: Arc::clone(&self.variables),
        })
    }

    /// Whether it matches anywhere in `text`.
    ///
    /// # Errors
    ///
    /// PCRE gave up.
    pub fn matches(&self, text: &[u8]) -> Result<bool, Box<MatchFault>> {
        self.exec(text, |_| ()).map(|found| found.is_some())
    }

    fn exec<T>(
        &self,
        text: &[u8],
        found: impl Fn(&[[usize; 2]]) -> T,
    ) -> Result<Option<T>, Box<MatchFault>> {
        let few = text.len() <= self.longest;
        let engine = if few || self.jit {
            Engine::Jit
        } else {
            Engine::Interpreter
        };
        let outcome = match self.code.exec(text, engine, &found) {
            // Machine code may lack stack where the interpreter does not.
            Err(_) if few && !self.jit => self.code.exec(text, Engine::Interpreter, &found),
            outcome => outcome,
        };
        outcome.map_err(|MatchError(code)| {
            Box::new(MatchFault {
                code,
                subject: text.into(),
                pattern: self.source.clone(),
            })
        })
    }
}

/// As in nginx, a group that took no part is empty.
fn span(offsets: &[usize; 2]) -> Range<u32> {
    let [start, end] = offsets.map(|offset| u32::try_from(offset).unwrap_or(0));
    // `\K` can put the start behind the end.
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compiled(source: &str, case: Case) -> Pattern {
        Pattern::compile(source.as_bytes(), case, false).expect("an expression")
    }

    fn check(source: &str, text: &[u8], expected: &str) {
        let pattern = compiled(source, Case::Kept);
        let shown = match pattern.captures(text) {
            Ok(Some(captures)) => captures
                .spans
                .iter()
                .map(|span| {
                    let span = span.start as usize..span.end as usize;
                    String::from_utf8_lossy(&text[span]).into_owned()
                })
                .collect::<Vec<_>>()
                .join("|"),
            Ok(None) => "none".to_owned(),
            Err(fault) => format!("! {}", fault.code),
        };
        assert_eq!(shown, expected, "{source} {text:?}");
    }

    #[test]
    fn expressions_are_pcre_s() {
        check(r"^/(\d+)/(x)?(y)?", b"/12/", "/12/|12");
        check(r"^/(\d+)/(x)?(y)?", b"/12/y", "/12/y|12||y");
        check(r"^/\Qa.b\E$", b"/a.b", "/a.b");
        check(r"^/[a&&b]$", b"/&", "/&");
        check(r"^/[[]x", b"/[x", "/[x");
        check(r"^/\x{e9}$", b"/\xe9", "/\u{fffd}");
        check(r"^/\x{e9}$", "/\u{e9}".as_bytes(), "none");
        check(r"(*UTF8)^/\x{e9}$", "/\u{e9}".as_bytes(), "/\u{e9}");
        check(r"(*UTF8)^/x", b"/\xe9", "! -4");
        check(r"^/(x)\g{-1}$", b"/xx", "/xx|x");
        check(r"^/(?<n>a)(?&n)$", b"/aa", "/aa|a");
        check(r"^/(?|(a)|(b))$", b"/b", "/b|b");
        check(r"^/a{,3}$", b"/aa", "none");
        check(r"^/a{,3}$", b"/a{,3}", "/a{,3}");
        check(r"a$", b"a\n", "a");
        check(r"\Ka", b"a", "a");
        check("", b"", "");
    }

    #[test]
    fn steps_are_limited() {
        let hard = [b"/", "a".repeat(28).as_bytes(), b"!"].concat();
        check("^/(a+)+$", &hard, "! -47");
        // Machine code counts fewer.
        let jit = Pattern::compile(b"^/(a+)+$", Case::Kept, true).expect("an expression");
        assert_eq!(jit.matches(&hard[14..]), Ok(false));
        // Easy on a short text, given up on a long one.
        let long = "/x".repeat(3000);
        check("^(.*)x(.*)y(.*)$", b"1x2y3", "1x2y3|1|2|3");
        check("^(.*)x(.*)y(.*)$", long.as_bytes(), "none");
        check("^(.*)x(.*)/(.*)y$", long.as_bytes(), "! -47");
    }

    #[test]
    fn faults_are_told_as_nginx_does() {
        let check = |source: &[u8], expected: &str| {
            let fault = Pattern::compile(source, Case::Kept, false).expect_err("a fault");
            assert_eq!(fault.to_string(), expected);
        };
        check(
            b"^/(a",
            "pcre2_compile() failed: missing closing parenthesis in \"^/(a\"",
        );
        check(
            b"a**b",
            "pcre2_compile() failed: quantifier does not follow a repeatable item \
             in \"a**b\" at \"*b\"",
        );
        let long = [b"[".as_slice(), &[b'x'; 3000]].concat();
        let fault = Pattern::compile(&long, Case::Kept, false).expect_err("a fault");
        assert_eq!(fault.to_string().len(), 1024);
    }

    #[test]
    fn common_expressions_are_plain() {
        const LONGEST_LINE: usize = 8192;
        let longest = |source: &str| compiled(source, Case::Kept).longest;
        for source in [
            r"^/item1/[a-z]+-\d+\.html$",
            r"^/user/([^/]+)/photo/([^/]+)/?$",
            r"^/(?<lang>en|de)/",
            "^(?:/[a-z]+)+$",
            "^/(a|b)*c",
            r"\.(gif|jpe?g|png)$",
            r"^/(.*)\.php$",
            r"\.php$",
            "^/a(bc)*$",
        ] {
            assert!(
                longest(source) > LONGEST_LINE,
                "{source} {}",
                longest(source)
            );
        }
        for source in [
            "(a+)+",
            "(a|ab)*c",
            "^(?:/?[a-z]+)+$",
            r"a\b",
            "a++",
            "(?i)a",
            "[[:alpha:]]",
        ] {
            assert_eq!(longest(source), 0, "{source}");
        }
    }

    /// Expressions of the kind that [`Plain`] reads, most of them.
    fn plain() -> impl Strategy<Value = String> {
        let atom = prop_oneof![
            prop::sample::select(vec![
                "a", "b", "/", r"\.", ".", r"\d", r"\w", r"\s", r"\W", "-", "[ab]", "[^a/]",
                "[a-c.-]", r"[\d_]", "^", "$", "1", "Z",
            ])
            .prop_map(str::to_owned),
        ];
        let whole = atom.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|all| all.concat()),
                prop::collection::vec(inner.clone(), 1..3)
                    .prop_map(|all| format!("(?:{})", all.join("|"))),
                (
                    inner.clone(),
                    prop::sample::select(vec!["*", "+", "?", "{2}", "{1,3}", "*?"])
                )
                    .prop_map(|(inner, count)| format!("({inner}){count}")),
                (
                    prop::sample::select(vec!["a", r"\w", "[ab]", ".", "[^/]"]),
                    prop::sample::select(vec!["*", "+", "?", "{2,}", "+?"])
                )
                    .prop_map(|(atom, count)| format!("{atom}{count}")),
                inner,
            ]
        });
        (prop::bool::ANY, whole)
            .prop_map(|(start, whole)| format!("{}{whole}", if start { "^/" } else { "" }))
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ab/.1Z_-]{0,12}",
            "[a-c/ \n\u{e9}.]{0,8}",
            "/a{0,40}b?",
            "(/[ab]{1,3}){0,9}"
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Whatever runs, it finds what the interpreter finds.
        #[test]
        fn engines_agree(source in plain(), caseless: bool, texts in prop::collection::vec(text(), 1..8)) {
            let case = if caseless { Case::Ignored } else { Case::Kept };
            let pattern = compiled(&source, case);
            for text in texts {
                let slow = pattern.code.exec(text.as_bytes(), Engine::Interpreter, <[_]>::to_vec);
                let found = pattern.exec(text.as_bytes(), <[_]>::to_vec);
                prop_assert_eq!(found.map_err(|fault| MatchError(fault.code)), slow, "{}", text);
            }
        }

        #[test]
        fn a_filter_leaves_out_what_cannot_match(
            sources in prop::collection::vec((plain(), prop::bool::ANY), 1..12),
            texts in prop::collection::vec(text(), 1..8),
        ) {
            let patterns: Vec<_> = sources
                .iter()
                .map(|(source, caseless)| {
                    compiled(source, if *caseless { Case::Ignored } else { Case::Kept })
                })
                .collect();
            let Some(filter) = Filter::new(patterns.iter()) else {
                return Ok(());
            };
            for text in texts {
                let text = text.as_bytes();
                let first = patterns.iter().position(|one| one.matches(text) == Ok(true));
                let mut seen = Vec::new();
                let filtered = filter.candidates(text, |place| {
                    seen.push(place);
                    (patterns[place].matches(text) == Ok(true)).then_some(place)
                });
                prop_assert!(seen.is_sorted());
                prop_assert!(filtered.is_none_or(|filtered| filtered == first), "{:?}", text);
            }
        }

        /// The interpreter keeps to the bound that a plain expression claims.
        #[test]
        fn plain_expressions_take_few_steps(source in plain(), text in text(), count in 1_usize..9) {
            let pattern = compiled(&source, Case::Kept);
            let text = text.repeat(count);
            let Some(plain) = &pattern.plain else {
                return Ok(());
            };
            let limit = plain.most_steps(text.len()).min(10_000_000);
            let limited = compiled(&format!("(*LIMIT_MATCH={limit}){source}"), Case::Kept);
            let found = limited.code.exec(text.as_bytes(), Engine::Interpreter, |_| ());
            prop_assert!(found.is_ok(), "{:?} {}", found, limit);
        }
    }
}
