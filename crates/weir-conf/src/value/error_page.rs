//! What to answer instead.

use crate::Template;

/// An `error_page`.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorPage {
    /// The statuses it replaces, 300 to 599.
    pub statuses: Box<[u16]>,
    /// Which status the client sees.
    pub overwrite: Overwrite,
    /// Where the answer comes from.
    pub target: ErrorTarget,
}

/// The status of a replaced answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// The original one.
    Keep,
    /// `=`: whatever the target answers.
    FromTarget,
    /// `=CODE`.
    Code(u16),
}

/// The target of an [`ErrorPage`].
#[derive(Clone, Debug, PartialEq)]
pub enum ErrorTarget {
    /// An internal redirect; the text starts with `/`.
    Uri {
        /// The path; with variables also the arguments, to be split at `?` when evaluated.
        path: Template,
        /// The arguments of a text without variables.
        args: Option<Box<[u8]>>,
    },
    /// `@name`: a named location.
    Named(String),
    /// Anything else: a redirect for the client.
    Url(Template),
}

/// A `return`.
#[derive(Clone, Debug, PartialEq)]
pub struct Return {
    /// The status, 0 to 999; 302 for a bare URL.
    pub status: u16,
    /// The URL for 301, 302, 303, 307 and 308, else the body.
    pub text: Option<Template>,
}

/// A `try_files`.
#[derive(Clone, Debug, PartialEq)]
pub struct TryFiles {
    /// The files to look for, in order, under `root` or `alias`.
    pub files: Box<[TryFile]>,
    /// What if there is none.
    pub fallback: TryFallback,
}

/// A file of a [`TryFiles`].
#[derive(Clone, Debug, PartialEq)]
pub struct TryFile {
    /// The path, without the slash that marks a directory.
    pub path: Template,
    /// Whether a directory is looked for.
    pub is_dir: bool,
}

/// The last argument of `try_files`.
#[derive(Clone, Debug, PartialEq)]
pub enum TryFallback {
    /// An internal redirect; may hold arguments.
    Uri(Template),
    /// A named location.
    Named(String),
    /// `=CODE`.
    Code(u16),
}
