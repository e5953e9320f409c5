//! Log lines as records: an error line taken apart by nginx's grammar, and an access line with one
//! entry per attempt at a backend.

mod access;
mod error;

pub use access::{AccessLine, Attempt, UnreadableLine};
pub use error::ErrorLine;
pub use weir_conf::Level;

pub(crate) use access::FORMAT;
