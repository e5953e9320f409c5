//! The statements of the rewrite module in a server or location, in the order written.

use std::sync::Arc;

use super::Location;
use crate::pattern::Pattern;
use crate::value::Return;
use crate::{Template, Variable};

/// Statements, carried out one after the other.
#[derive(Debug, Default)]
pub struct Script {
    /// In the order written.
    pub steps: Box<[Step]>,
}

/// A statement of a [`Script`].
#[derive(Debug)]
pub enum Step {
    /// `set`.
    Set {
        /// What gets the value.
        variable: Assigned,
        /// The value.
        value: Template,
    },
    /// `if`.
    If(Box<If>),
    /// `rewrite`.
    Rewrite(Box<Rewrite>),
    /// `return`.
    Return(Arc<Return>),
    /// `break`.
    Break,
}

/// What a `set` assigns to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// A variable of the configuration's own, by its index in `Http::variables`.
    Defined(u32),
    /// `$args`: the arguments that the request has from then on.
    Args,
    /// `$limit_rate`.
    LimitRate,
}

/// An `if`.
#[derive(Debug)]
pub struct If {
    /// What is asked.
    pub test: Test,
    /// What the request obeys where the answer is yes; `None` in a server, where settings stay.
    pub location: Option<Arc<Location>>,
    /// What is done then.
    pub script: Script,
}

/// The condition of an `if`.
#[derive(Debug)]
pub enum Test {
    /// `$v`: neither empty nor `0`.
    True(Variable),
    /// `$v = text` or `$v != text`.
    Equal {
        /// The left side.
        variable: Variable,
        /// The right side.
        value: Template,
        /// `!=`.
        negated: bool,
    },
    /// `$v ~ pattern` and its kin.
    Matches {
        /// The text that is looked at.
        variable: Variable,
        /// The expression.
        pattern: Pattern,
        /// `!~` and `!~*`.
        negated: bool,
    },
    /// `-f path` and its kin.
    File {
        /// The path.
        path: Template,
        /// What is looked for.
        kind: FileKind,
        /// `!-f` and its kin.
        negated: bool,
    },
}

/// What a test of a file looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `-f`: a file.
    Plain,
    /// `-d`: a directory.
    Directory,
    /// `-e`: a file, a directory or a symbolic link.
    Any,
    /// `-x`: something executable.
    Executable,
}

/// A `rewrite`.
#[derive(Debug)]
pub struct Rewrite {
    /// What the path is tried with.
    pub pattern: Pattern,
    /// What the path becomes, or the URL that the client is sent to.
    pub path: Template,
    /// What the arguments become: behind the first `?` of a replacement that is no URL.
    pub args: Option<Template>,
    /// The arguments of the request are added to those: no `?` ends the replacement.
    pub keeps_args: bool,
    /// There is a `?` in the replacement, which says how the request's arguments are added to a URL.
    pub has_mark: bool,
    /// What then.
    pub end: RewriteEnd,
}

/// What follows a [`Rewrite`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewriteEnd {
    /// The next statement, and then a location for the new path.
    Next,
    /// A location for the new path.
    Last,
    /// The statements are over, and the location stays.
    Break,
    /// The client is sent elsewhere, with this status.
    Redirect(u16),
}
