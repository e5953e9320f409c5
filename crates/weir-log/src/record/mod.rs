//! Log lines read back as records: an error line taken apart by nginx's grammar, and an access line with one
//! entry per attempt at a backend.

mod access;
mod error;
mod raw;

pub use access::{AccessLine, Attempt, FORMAT, UnreadableLine};
pub use error::ErrorLine;
pub use raw::RawErrorLine;
