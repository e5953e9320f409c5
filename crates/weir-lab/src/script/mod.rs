//! What a backend or a client does, step by step, as data.
//!
//! In TOML and JSON a step is its name, or a table of its name and what belongs to it: `"head"`,
//! `{ send = "HTTP/1.1 200 OK" }`, `{ sleep = "200ms" }`. Bytes are [`Text`](crate::text::Text);
//! times are numbers with units (`10ms`, `1s 500ms`, `2m`). The types are built in Rust in the same
//! shape.

mod backend;
mod client;
mod http2;
mod misbehaviour;
mod name_server;
mod payload;
mod sequence;

pub use backend::{BackendScript, BackendStep, Connect};
pub use client::ClientStep;
pub use http2::{Http2Step, Request, Setting};
pub use name_server::{NameScript, OtherQuestion, Record, Replies, Reply};
pub use payload::{Part, Payload};
pub use sequence::{Choice, Sequence};

/// How times are written.
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as time;
