//! Request heads: request line and fields, as nginx's core reads them from a client.
//!
//! [`RequestParser::parse`] is called again and again with the same buffer grown, until it says
//! [`Progress::Done`]. It stops on the way where a virtual server may have to be chosen, because
//! the limits that hold for the rest of the head are that server's.

mod browser;
mod fault;
mod fields;
mod head;
mod limits;
mod line;
mod method;
mod parser;
mod section;
mod section_fault;
mod window;

pub use browser::Browser;
pub(crate) use fault::write_bad_line;
pub use fault::{LinePair, RequestFault, RequestNotice};
pub use head::{ConnectionOption, RequestHead};
pub use limits::{HeadCompat, HeadLimits};
pub use method::Method;
pub use parser::{ParsePhase, Progress, RequestParser};
pub use section::{SectionReader, Taken};
pub use section_fault::{Pseudo, SectionFault};
pub use window::HeaderBuffer;

pub use crate::version::Version;

#[cfg(test)]
mod tests;
