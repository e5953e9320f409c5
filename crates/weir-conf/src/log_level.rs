//! The severities of the error log; also those of faults.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A severity; the graver one is less, so `level <= limit` asks whether a line is written.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The process cannot run.
    Emerg = 1,
    /// A bug, or a resource used up.
    Alert,
    /// A system call failed in a way that needs an operator.
    Crit,
    /// A request failed; the default of `error_log`.
    #[default]
    Error,
    /// A request went on, but not as it should.
    Warn,
    /// Events of the process's life.
    Notice,
    /// Events of a connection's life.
    Info,
    /// Everything.
    Debug,
}

impl Level {
    /// All levels, the gravest first.
    pub const ALL: [Self; 8] = [
        Self::Emerg,
        Self::Alert,
        Self::Crit,
        Self::Error,
        Self::Warn,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];

    /// The word in `error_log` directives and between the brackets of a line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Emerg => "emerg",
            Self::Alert => "alert",
            Self::Crit => "crit",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The level with nginx's number, 1 (emerg) to 8 (debug).
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level as u64 == number)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid log level \"{0}\"")]
pub struct UnknownLevel(
    /// The word.
    pub String,
);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(word: &str) -> Result<Self, UnknownLevel> {
        let named = Self::ALL.into_iter().find(|level| level.as_str() == word);
        named.ok_or_else(|| UnknownLevel(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_round_trip_in_falling_gravity() {
        for (number, level) in (1..).zip(Level::ALL) {
            assert_eq!(level.to_string().parse(), Ok(level));
            assert_eq!(Level::from_number(number), Some(level));
        }
        assert!(Level::ALL.is_sorted());
        assert_eq!(
            "Error".parse::<Level>(),
            Err(UnknownLevel("Error".to_owned()))
        );
        assert_eq!(Level::from_number(0), None);
        assert_eq!(Level::from_number(9), None);
    }
}
