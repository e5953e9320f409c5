//! `charset` and `source_charset`.

use crate::Variable;

/// A character set, as a directive names it.
#[derive(Clone, Debug, PartialEq)]
pub enum Charset {
    /// None is told, or known.
    Off,
    /// One of [`crate::Charsets`], by its place.
    Named(usize),
    /// The one that the variable names.
    Variable(Variable),
}
