//! Heads, fields, URIs and the plain wire formats, read and written as nginx does: HTTP/1, the fields of HTTP/2's heads
//! and the PROXY protocol.
//!
//! A head is a set of ranges ([`Span`]) over one buffer that the caller owns and grows; of HTTP/1 nothing is
//! copied, the fields of HTTP/2 are put there, and once its `Vec`s have grown nothing is allocated per request.
//!
//! Modules in reading order: [`span`], [`field`] and [`fields`] (what a head consists of), [`request`],
//! [`response`], [`chunked`] (bodies), [`host`], [`address`], [`uri`], [`date`], [`range`], [`base64`] and
//! [`token`] (what is inside the values), [`proxy_protocol`] (what a balancer in front says before the first head).
//!
//! # Invariants
//!
//! - No I/O, no clock, no log: faults and notices are values whose text is nginx's, up to " while ".
//! - The result never depends on how the bytes were split over calls, and no byte is scanned twice.
//! - Every range lies inside the bytes handed over so far.
//! - Byte strings stay byte strings; nothing here demands UTF-8.

pub mod address;
pub mod base64;
pub mod chunked;
pub mod date;
pub mod field;
mod field_line;
pub mod fields;
#[doc(hidden)]
pub mod fuzz;
pub mod host;
pub mod proxy_protocol;
pub mod range;
pub mod request;
pub mod response;
mod search;
pub mod span;
pub mod token;
pub mod uri;
mod version;

pub use field::{Field, KnownField};
pub use fields::{FieldLines, Fields};
pub use span::Span;
pub use version::Version;
