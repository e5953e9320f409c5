//! Bodies rewritten while they pass: decompressed, searched and replaced, recoded, compressed.
//!
//! - `chain`: the filters of one answer, in nginx's order.
//! - `gunzip`: decompression, of several members one after the other.
//! - `sub`: texts that are searched for and replaced.
//! - `recode`: from one character set to another.
//! - `gzip`: compression.
//! - `mp4`: no filter, but as pure: a part of a film as a film of its own.
//!
//! Invariants: no I/O and no clock; a body becomes the same bytes however it was cut into pieces; what a chain
//! holds and makes at once is bounded, whatever comes.

mod chain;
#[doc(hidden)]
pub mod fuzz;
mod gunzip;
mod gzip;
pub mod mp4;
mod recode;
mod sub;

pub use chain::{Chain, Filter, Flush, More};
pub use gunzip::{Gunzip, InflateFault};
pub use gzip::{Gzip, GzipSettings};
pub use recode::Recode;
pub use sub::{Sub, SubPattern};
