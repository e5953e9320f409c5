//! What can be wrong with a configuration, in nginx's words, and where.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::Level;
use crate::model::SourceFile;

/// A line of a configuration file, or of the command line's `-g` text (`line` 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as nginx names it: absolute, or relative as the user wrote it after the prefix.
    pub file: Arc<Path>,
    /// 1-based; 0 stands for text that has no lines, the `-g` option.
    pub line: u32,
}

impl Place {
    /// The first line of `file`.
    pub fn start_of(file: &Arc<Path>) -> Self {
        Self {
            file: Arc::clone(file),
            line: 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}", self.file.display());
        }
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One thing wrong, or one warning. Displayed as nginx prints it after the time and process id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `Emerg` and `Crit` make the configuration unusable, `Warn` and `Notice` do not.
    pub level: Level,
    /// nginx's text where nginx has one, without the place.
    pub message: String,
    /// Where nginx says it is: often the line on which a directive or block ends.
    pub place: Option<Place>,
    /// Where the cause stands, if nginx names no place, or another.
    pub about: Option<Place>,
    /// What nginx does not say: a likely cure.
    pub hint: Option<String>,
    /// What weir lacks of nginx, if that is all there is wrong.
    pub lacking: Option<String>,
}

impl Fault {
    pub(crate) fn emerg(message: impl Into<String>, place: Option<Place>) -> Self {
        Self {
            level: Level::Emerg,
            message: message.into(),
            place,
            about: None,
            hint: None,
            lacking: None,
        }
    }

    pub(crate) fn warn(message: impl Into<String>, place: &Place) -> Self {
        Self {
            level: Level::Warn,
            message: message.into(),
            place: Some(place.clone()),
            about: None,
            hint: None,
            lacking: None,
        }
    }

    /// What nginx has and weir does not yet: `"NAME" is not implemented`, behind the `kind` of thing it is.
    pub(crate) fn lacking(kind: &str, name: &str, place: Option<Place>) -> Self {
        Self {
            lacking: Some(name.to_owned()),
            ..Self::emerg(
                format!("{kind} \"{name}\" is not implemented in weir yet"),
                place,
            )
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.level, self.message)?;
        match &self.place {
            Some(place) => write!(f, " in {place}"),
            None => Ok(()),
        }
    }
}

/// Every fault of a configuration that cannot be used; the first is the one nginx stops at.
#[derive(Debug, thiserror::Error)]
pub struct Faults {
    faults: Vec<Fault>,
    files: Vec<SourceFile>,
}

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>, files: Vec<SourceFile>) -> Self {
        Self { faults, files }
    }

    /// All faults in the order in which nginx would meet them, warnings among them.
    pub fn all(&self) -> &[Fault] {
        &self.faults
    }

    /// The fault that nginx would have stopped at.
    pub fn first(&self) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.level < Level::Warn)
    }

    /// The files that were read, for `-T` and for excerpts.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// What nginx does not print: the source, every further fault, "did you mean".
    pub fn explain(&self) -> String {
        crate::explain::explain(&self.faults, &self.files)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first() {
            Some(fault) => fault.fmt(f),
            None => f.write_str("[emerg] the configuration cannot be used"),
        }
    }
}
