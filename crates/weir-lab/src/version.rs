//! The versions of nginx whose behaviour is known here.

use serde::{Deserialize, Serialize};

/// A version of nginx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Version {
    /// Debian's 1.22.1.
    #[serde(rename = "1.22.1", alias = "1.22")]
    V1_22,
    /// 1.28.3, as the crate `nginx-src` has it.
    #[serde(rename = "1.28.3", alias = "1.28")]
    V1_28,
    /// The development branch at 1.31.5, of which there are records only.
    #[serde(rename = "1.31.5", alias = "1.31")]
    V1_31,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V1_22, Self::V1_28, Self::V1_31];

    /// As nginx prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_22 => "1.22.1",
            Self::V1_28 => "1.28.3",
            Self::V1_31 => "1.31.5",
        }
    }

    /// The branch, which is what `compat` takes.
    pub fn branch(self) -> &'static str {
        match self {
            Self::V1_22 => "1.22",
            Self::V1_28 => "1.28",
            Self::V1_31 => "1.31",
        }
    }

    /// The version that `text` names: `1.22`, or `1.22.1` and any other release of that branch.
    pub fn parse(text: &str) -> Option<Self> {
        let is = |version: &Self| {
            let rest = text.strip_prefix(version.branch());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        Self::ALL.into_iter().find(is)
    }

    /// The directive that makes weir behave so.
    pub fn compat_directive(self) -> &'static str {
        match self {
            Self::V1_22 => "compat 1.22; ",
            Self::V1_28 => "compat 1.28; ",
            Self::V1_31 => "compat 1.31; ",
        }
    }
}

impl clap::ValueEnum for Version {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.branch()).alias(self.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Version>) {
        assert_eq!(Version::parse(text), expected);
    }

    #[test]
    fn versions_are_known_by_their_branch() {
        check("1.28", Some(Version::V1_28));
        check("1.28.0", Some(Version::V1_28));
        check("1.22.1", Some(Version::V1_22));
        check("1.280", None);
        check("1.29.1", None);
    }
}
