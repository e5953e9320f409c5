//! What a proxy's error log says, and which cause stands behind it.
//!
//! The tables know nginx's messages of 1.18 to 1.31, and weir's own; a table each for who is spoken of.

mod client;
mod here;
mod starting;
mod tls;
mod upstream;

use std::collections::HashMap;
use std::sync::LazyLock;

use weir_log::record::{ErrorLine, RawErrorLine};

use crate::cause::Cause;

/// What a line says, and the cause that stands behind it.
#[derive(Debug)]
struct Rule {
    /// The message, without the system's error; `*` stands for anything.
    message: &'static str,
    /// Numbers of the system's errors; none: whatever they are.
    errno: &'static [i32],
    /// How what follows ` while ` begins; empty: whatever it is.
    doing: &'static str,
    cause: &'static Cause,
}

impl Rule {
    /// A message that says it all.
    const fn of(message: &'static str, cause: &'static Cause) -> Self {
        Self {
            message,
            errno: &[],
            doing: "",
            cause,
        }
    }

    /// The same with one of these errors.
    const fn with(self, errno: &'static [i32]) -> Self {
        Self { errno, ..self }
    }

    /// The same while this is done.
    const fn doing(self, doing: &'static str) -> Self {
        Self { doing, ..self }
    }

    fn fits(&self, said: &Said<'_>) -> bool {
        let errno = said
            .errno
            .is_some_and(|number| self.errno.contains(&number));
        (self.errno.is_empty() || errno)
            && said.doing.starts_with(self.doing.as_bytes())
            && is_like(self.message.as_bytes(), said.message)
    }
}

/// The part of a line that the cause hangs on.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// What happened.
    pub message: &'a [u8],
    /// The number of the system's error.
    pub errno: Option<i32>,
    /// What was being done; empty if nothing.
    pub doing: &'a [u8],
}

impl<'a> From<&RawErrorLine<'a>> for Said<'a> {
    fn from(line: &RawErrorLine<'a>) -> Self {
        Self {
            message: line.message,
            errno: line.errno.map(|(number, _)| number),
            doing: line.doing.unwrap_or_default(),
        }
    }
}

impl<'a> From<&'a ErrorLine> for Said<'a> {
    fn from(line: &'a ErrorLine) -> Self {
        Self {
            message: line.message.as_bytes(),
            errno: line.errno.as_ref().map(|(number, _)| *number),
            doing: line.doing.as_deref().unwrap_or_default().as_bytes(),
        }
    }
}

/// So many bytes of a message choose the rules that are looked at.
const PREFIX: usize = 5;

/// Rules by how their messages begin, each list in the tables' order, and those that begin anyhow.
struct Index {
    by_prefix: HashMap<[u8; PREFIX], Vec<&'static Rule>>,
    others: Vec<&'static Rule>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index {
        by_prefix: HashMap::new(),
        others: Vec::new(),
    };
    for rule in TABLES.iter().copied().flatten() {
        match prefix(rule.message.as_bytes()) {
            Some(prefix) if !prefix.contains(&b'*') => {
                index.by_prefix.entry(prefix).or_default().push(rule);
            }
            _ => index.others.push(rule),
        }
    }
    index
});

const TABLES: &[&[Rule]] = &[
    upstream::RULES,
    tls::RULES,
    client::RULES,
    here::RULES,
    starting::RULES,
];

fn prefix(message: &[u8]) -> Option<[u8; PREFIX]> {
    message.first_chunk().copied()
}

/// The cause behind what is said; `None` if nobody knows it.
pub fn cause_of(said: &Said<'_>) -> Option<&'static Cause> {
    rule_of(said).map(|rule| rule.cause)
}

/// The message that it is an instance of, `*` in the place of what differs.
pub fn message_of(said: &Said<'_>) -> Option<&'static str> {
    rule_of(said).map(|rule| rule.message)
}

fn rule_of(said: &Said<'_>) -> Option<&'static Rule> {
    let known = prefix(said.message).and_then(|prefix| INDEX.by_prefix.get(&prefix));
    let mut rules = known.into_iter().flatten().chain(&INDEX.others);
    rules.find(|rule| rule.fits(said)).copied()
}

/// Whether `text` is as `pattern` says, in which `*` stands for anything.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let mut parts = pattern.split(|&byte| byte == b'*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut open = false;
    for part in parts {
        open = part.is_empty();
        match memchr::memmem::find(rest, part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    // What is behind the last part is nothing, or the last part stands at the end as well.
    open || rest.is_empty() || ends_with_last(pattern, text)
}

fn ends_with_last(pattern: &[u8], text: &[u8]) -> bool {
    let star = pattern.iter().rposition(|&byte| byte == b'*');
    star.is_some_and(|star| text.ends_with(&pattern[star + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::{self, Severity};

    #[test]
    fn patterns_stand_for_texts() {
        for (pattern, text, is) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*c", "acbc", true),
            ("*c", "abc", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
        ] {
            assert_eq!(
                is_like(pattern.as_bytes(), text.as_bytes()),
                is,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn each_rule_finds_its_own_cause() {
        let mut wrong = Vec::new();
        for rule in TABLES.iter().copied().flatten() {
            let message = rule.message.replace('*', "x");
            let said = Said {
                message: message.as_bytes(),
                errno: rule.errno.first().copied(),
                doing: rule.doing.as_bytes(),
            };
            let found = cause_of(&said).map(|cause| cause.code);
            if found != Some(rule.cause.code) {
                wrong.push((rule.message, rule.cause.code, found));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// What the doctor tells of its own accord has no message.
    #[test]
    fn each_cause_is_told_by_a_message() {
        let told_by_doctor = [
            &cause::IDLE_CLOSED,
            &cause::PLAIN_TO_TLS,
            &cause::OTHER_ADDRESS,
            &cause::ADDRESS_FAMILY,
            &cause::STALE_NAME,
            &cause::NOT_RELOADED,
            &cause::LOG_UNREADABLE,
            &cause::UNEXPLAINED,
            &cause::ANSWERS,
            &cause::CLOCK_NEAR,
            &cause::OWN_LOOPBACK,
            &cause::SELINUX,
            &cause::APPARMOR,
        ];
        let is_said = |cause: &&Cause| {
            !told_by_doctor.contains(cause) && !cause.code.starts_with("WEIR-CONF-")
        };
        for cause in cause::all().filter(is_said) {
            let mut rules = TABLES.iter().copied().flatten();
            assert!(rules.any(|rule| rule.cause == cause), "{}", cause.code);
            assert!(cause.severity >= Severity::Note);
        }
    }
}
