//! What touches the outside: streams, clocks, deadlines, buffers, temporary files.

pub(crate) mod buffers;
pub mod clock;
pub(crate) mod deadline;
pub mod dial;
pub(crate) mod pipe;
pub(crate) mod prefetch;
pub mod stream;
pub(crate) mod temp_file;
