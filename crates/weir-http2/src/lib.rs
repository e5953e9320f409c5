//! A whole HTTP/2 connection without I/O, in either role: bytes in, events and bytes out.
//!
//! ```
//! use weir_http2::{Connection, Event, Limits, Share};
//!
//! let mut client = Connection::client(Limits::default());
//! let mut server = Connection::server(Limits::default());
//! let stream = client.open().expect("a first stream");
//! let fields = [(":method", "GET"), (":path", "/")].map(|(n, v)| (n.as_bytes(), v.as_bytes()));
//! client.send_fields(stream, fields, true);
//!
//! let (input, mut at) = (std::mem::take(client.output()), 0);
//! server.begin_read().expect("few wakes");
//! while let Some(event) = server.receive(&input, &mut at).expect("no fault") {
//!     if let Event::Head { stream, .. } = event {
//!         assert_eq!(server.fields().iter().nth(1), Some((&b":path"[..], &b"/"[..])));
//!         let head = server.head();
//!         head.status(200);
//!         head.field(b"X-Room", b"1");
//!         server.send_head(stream, false);
//!         let share = Share { most: usize::MAX, chunk: 8192 };
//!         assert_eq!(server.send_data(stream, &[b"hello"], share, true), 5);
//!         server.close(stream, weir_http2::Ending::Done);
//!     }
//! }
//! assert_eq!(at, input.len());
//! ```
//!
//! Behaviour is that of nginx 1.31 (`ngx_http_v2.c`, `ngx_http_v2_filter_module.c`, `ngx_http_v2_table.c`),
//! and RFC 9113 and RFC 7541 where nginx is silent. Whether a head makes a valid request is not decided
//! here: nginx answers such heads with 400 like any other, so they come out as they are.
//!
//! Modules in reading order: [`limits`], [`event`], [`fault`] and [`complaint`] (what goes in and comes out),
//! [`fields`], [`connection`], and inside it `frame`, `receive` and what that leads to (`data`, `headers`,
//! `settings`, `control`), `stream`, `flow`, `flood`, `send`; [`hpack`] by itself.
//!
//! # Invariants
//!
//! - No I/O, no clock, no log: faults and complaints are values whose text is nginx's.
//! - The events, the output and the faults never depend on how the bytes were cut. (How often
//!   [`begin_read`](Connection::begin_read) is called counts, as each wake of nginx's read handler does.)
//! - Payload is never gathered. What is kept of a partial frame is at most 16 octets; what is kept of a
//!   head is bounded by [`Limits::fields`], however it is compressed.
//! - Output grows by what is asked for, by acknowledgements that are bounded (`flood`), and by nothing else.
//! - Nothing is allocated per request once buffers have grown, and an idle connection gives them back.

pub mod complaint;
pub mod connection;
pub mod event;
pub mod fault;
pub mod fields;
#[doc(hidden)]
pub mod fuzz;
pub mod hpack;
pub mod limits;

pub use complaint::{Complaint, OfUpstream};
pub use connection::{Connection, PREFACE};
pub use event::Event;
pub use fault::{ErrorCode, Fault};
pub use fields::{FieldLine, Fields};
pub use hpack::encode::{Block, Name};
pub use limits::{Ending, Limits, Share};
