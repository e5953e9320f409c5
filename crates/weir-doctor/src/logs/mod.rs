//! Logs, read in constant memory however long they are.

pub mod access;
pub mod errors;
pub mod follow;
mod lines;
mod progress;
mod when;

pub use lines::{Lines, UnreadableLog};
pub use when::Since;
