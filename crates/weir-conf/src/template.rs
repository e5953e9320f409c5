//! Texts with variables, compiled at load.

use crate::Variable;
use crate::variable::UnknownVariable;

/// A compiled text; one without variables is a single literal (or nothing, when empty).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Template {
    parts: Box<[Part]>,
    /// See [`Self::values_first`].
    values_first: bool,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Bytes to copy.
    Literal(Box<[u8]>),
    /// A value to insert.
    Variable(Variable),
}

/// Why a text is not a template; displayed in nginx's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// A `$` with no name after it.
    #[error("invalid variable name")]
    InvalidName,
    /// `${` without `}`.
    #[error("the closing bracket in \"{0}\" variable is missing")]
    NoClosingBracket(String),
    /// No such variable.
    #[error(transparent)]
    Unknown(#[from] UnknownVariable),
}

/// What `$1` to `$9` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digits {
    /// Groups of the regular expression that matched last.
    Groups,
    /// Beginnings of names, as in log formats (`ngx_http_log_compile_format`).
    Names,
}

impl Template {
    /// A template that is exactly `text`.
    pub fn literal(text: impl Into<Box<[u8]>>) -> Self {
        let text = text.into();
        if text.is_empty() {
            return Self::default();
        }
        Self::of(vec![Part::Literal(text)])
    }

    /// Compiles `text` as nginx's complex values: `$name`, `${name}`, `$1`, where `$12` is `$1` followed
    /// by `2` (`ngx_http_script_compile`). There is no escape for a dollar sign.
    pub fn compile(text: &[u8]) -> Result<Self, TemplateFault> {
        Self::compile_with(text, Digits::Groups, &mut |name| Ok(Variable::named(name)?))
    }

    pub(crate) fn compile_with(
        text: &[u8],
        digits: Digits,
        resolve: &mut dyn FnMut(&str) -> Result<Variable, TemplateFault>,
    ) -> Result<Self, TemplateFault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(dollar) = memchr::memchr(b'$', rest) {
            if dollar > 0 {
                parts.push(Part::Literal(rest[..dollar].into()));
            }
            rest = &rest[dollar + 1..];
            if let Some((digit @ b'1'..=b'9', after)) = rest.split_first()
                && digits == Digits::Groups
            {
                parts.push(Part::Variable(Variable::Capture(digit - b'0')));
                rest = after;
                continue;
            }
            let (name, after) = split_name(rest)?;
            parts.push(Part::Variable(resolve(name)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Self::of(parts))
    }

    fn of(parts: Vec<Part>) -> Self {
        let has = |is: fn(&Variable) -> bool| {
            parts.iter().any(|part| match part {
                Part::Literal(_) => false,
                Part::Variable(variable) => is(variable),
            })
        };
        Self {
            values_first: has(|v| matches!(v, Variable::Capture(_)))
                && has(|v| matches!(v, Variable::Defined(_))),
            parts: parts.into(),
        }
    }

    /// A template of these pieces; adjacent literals are joined.
    pub(crate) fn from_parts(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut joined: Vec<Part> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (Some(Part::Literal(before)), Part::Literal(text)) => {
                    *before = [&**before, &*text].concat().into();
                }
                (_, part) => joined.push(part),
            }
        }
        Self::of(joined)
    }

    pub(crate) fn into_parts(self) -> impl Iterator<Item = Part> {
        self.parts.into_iter()
    }

    /// Whether it has no variables.
    pub fn is_literal(&self) -> bool {
        self.as_literal().is_some()
    }

    /// The text, if it has no variables.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match &*self.parts {
            [] => Some(b""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether the text is empty, whatever the request.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether the variables that the configuration defines are looked up before anything is written: their
    /// regular expressions give numbered groups, which the text shows as well, a new meaning. nginx measures
    /// a text before it writes it, and finds the values then (`ngx_http_complex_value`).
    pub fn values_first(&self) -> bool {
        self.values_first
    }

    /// The pieces in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The variables in order of appearance.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable(variable) => Some(variable),
        })
    }
}

/// Splits `NAME...` or `{NAME}...` after a dollar sign.
fn split_name(text: &[u8]) -> Result<(&str, &[u8]), TemplateFault> {
    let (braced, body) = match text.split_first() {
        Some((b'{', body)) => (true, body),
        _ => (false, text),
    };
    let end = body
        .iter()
        .position(|&byte| !is_name_byte(byte))
        .unwrap_or(body.len());
    // Name bytes are ASCII, so this never fails.
    let name = std::str::from_utf8(&body[..end]).map_err(|_| TemplateFault::InvalidName)?;
    let after = &body[end..];
    if braced && body.is_empty() {
        return Err(TemplateFault::InvalidName);
    }
    if braced && after.first() != Some(&b'}') {
        return Err(TemplateFault::NoClosingBracket(name.to_owned()));
    }
    if name.is_empty() {
        return Err(TemplateFault::InvalidName);
    }
    Ok((name, if braced { &after[1..] } else { after }))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match Template::compile(text.as_bytes()) {
            Ok(template) => template
                .parts()
                .iter()
                .map(show)
                .collect::<Vec<_>>()
                .join(" "),
            Err(fault) => format!("! {fault}"),
        };
        assert_eq!(shown, expected, "{text}");
    }

    fn show(part: &Part) -> String {
        match part {
            Part::Literal(text) => format!("'{}'", String::from_utf8_lossy(text)),
            Part::Variable(variable) => format!("{variable:?}"),
        }
    }

    #[test]
    fn compiles() {
        check("", "");
        check("abc", "'abc'");
        check("$uri", "Uri");
        check("a${uri}b", "'a' Uri 'b'");
        check("$1x$12", "Capture(1) 'x' Capture(1) '2'");
        check("${1}", "! unknown \"1\" variable");
        check("$0", "! unknown \"0\" variable");
        check("$http_x_y-z", "Http(\"x-y\") '-z'");
        check("$", "! invalid variable name");
        check("a$ b", "! invalid variable name");
        check("${}", "! invalid variable name");
        check("a${", "! invalid variable name");
        check(
            "${uri",
            "! the closing bracket in \"uri\" variable is missing",
        );
        check("$nope", "! unknown \"nope\" variable");
    }
}
