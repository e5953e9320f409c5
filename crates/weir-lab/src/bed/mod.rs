//! What it takes to see a proxy between scripted backends and a scripted client.

mod conf;
mod field;

pub use conf::{Conf, DEFAULT_BACKEND};
pub use field::Field;
