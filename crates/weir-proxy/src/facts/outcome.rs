//! How a phase or a handler ended.

/// How a phase or a handler ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The answer is out, whole or cut.
    Answered,
    /// Answer with this status: by `error_page` or nginx's own page.
    Status(u16),
    /// Start over with this path and these arguments.
    Redirect {
        /// Decoded path.
        uri: Vec<u8>,
        /// Arguments; empty ones that were looked for are a value, `None` is none.
        args: Option<Vec<u8>>,
    },
    /// Go on in the location of this name.
    Named(Vec<u8>),
    /// Close without an answer; the access line shows this status.
    Close(u16),
}

/// The request ends at once, and no status is booked for it (`NGX_ERROR`); one that ends so for a subrequest
/// keeps its own.
pub(crate) const NO_STATUS: u16 = 0;
