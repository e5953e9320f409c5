//! Response heads of upstreams: status line and fields, as nginx's proxy module reads them.

mod fault;
mod fields;
mod head;
mod parser;
mod status_line;

pub use fault::{ResponseFault, ResponseNotice};
pub use head::{ResponseHead, ResponseRules};
pub use parser::{ResponseParser, ResponseProgress};

#[cfg(test)]
mod tests;
