//! `sub_filter`.

use crate::Template;

/// A text that is replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct SubFilter {
    /// What is searched for, without regard to case; in lower case unless it has variables. One that evaluates to
    /// nothing is left out.
    pub pattern: Template,
    /// What is put in its place.
    pub replacement: Template,
}
