//! Headers added, set and hidden.

use std::sync::Arc;

use crate::Template;

/// An `add_header` or `add_trailer`.
#[derive(Clone, Debug, PartialEq)]
pub struct AddHeader {
    /// As written.
    pub name: String,
    /// Nothing is added where it evaluates to nothing.
    pub value: Template,
    /// Whatever the status; else only with 200, 201, 204, 206, 301, 302, 303, 304, 307, 308.
    pub always: bool,
}

/// A `proxy_set_header`, or one of nginx's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct SetHeader {
    /// As written.
    pub name: String,
    /// The header is not sent where it evaluates to nothing.
    pub value: Template,
}

/// The upstream's response headers that are not passed to the client.
///
/// A list, asked for every header of every response: a dozen lengths compare faster than one hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HiddenHeaders {
    names: Arc<[Box<[u8]>]>,
}

impl HiddenHeaders {
    /// A list of these names.
    pub(crate) fn new(names: impl IntoIterator<Item = Box<[u8]>>) -> Self {
        Self {
            names: names.into_iter().collect(),
        }
    }

    /// Whether the header called `name` is hidden; any case.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.names
            .iter()
            .any(|hidden| hidden.eq_ignore_ascii_case(name))
    }
}
