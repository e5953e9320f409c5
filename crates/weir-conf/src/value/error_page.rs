//! What to answer instead.

use crate::Template;

/// An `error_page`.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorPage {
    /// The statuses it replaces, 300 to 599.
    pub statuses: Box<[u16]>,
    /// Which status the client sees.
    pub overwrite: Overwrite,
    /// Where the answer comes from. What it is, its value decides: a path is an internal redirect,
    /// `@name` a named location, anything else a redirect for the client.
    pub target: Template,
    /// The arguments of a path without variables; of others they are split off when evaluated.
    pub args: Box<[u8]>,
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
    /// By its value an internal redirect, which may hold arguments, or `@name`, a named location.
    Uri(Template),
    /// `=CODE`.
    Code(u16),
}
