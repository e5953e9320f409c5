//! Differences that are known and explained: `tests/configuration-differences.toml`.

use std::path::Path;

use serde::Deserialize;
use weir_lab::version::Version;

use super::asked::Answer;
use crate::known::{self, KnownError};

/// All explained differences.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    #[serde(default)]
    pub(super) difference: Vec<Explained>,
}

/// What the two say, and why they may.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Explained {
    /// A part of what nginx says, its verdict before it.
    nginx: String,
    /// A word of the line that nginx names.
    about: Option<String>,
    /// A part of what weir says.
    weir: String,
    /// The version; all when absent.
    version: Option<Version>,
    /// Why that is right, or not to be had yet.
    pub(super) reason: String,
}

impl Known {
    pub(super) fn load(path: &Path) -> Result<Self, KnownError> {
        let known: Self = known::read(path)?;
        for explained in &known.difference {
            known::demand_reason(&explained.reason, &explained.nginx)?;
        }
        Ok(known)
    }

    /// The number of the reason for which the two may differ so.
    pub(super) fn explains(
        &self,
        text: &str,
        (nginx, weir): (&Answer, &Answer),
        of: Version,
    ) -> Option<usize> {
        let (nginx, weir) = (nginx.to_string(), weir.to_string());
        let line = line_named(text, &nginx).unwrap_or_default();
        self.difference.iter().position(|known| {
            let about = known.about.as_ref();
            known.version.is_none_or(|version| version == of)
                && nginx.contains(&known.nginx)
                && weir.contains(&known.weir)
                && about.is_none_or(|word| line.contains(word))
        })
    }
}

/// The line of `text` that a message names at its end.
fn line_named<'a>(text: &'a str, message: &str) -> Option<&'a str> {
    let (_, number) = message.rsplit_once(':')?;
    let number: usize = number.parse().ok()?;
    text.lines().nth(number.checked_sub(1)?)
}
