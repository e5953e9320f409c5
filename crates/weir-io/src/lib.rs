//! What touches the outside on behalf of a worker: sockets, clocks, files, and the buffers between.
//!
//! Modules in reading order: [`clock`] and [`deadline`] (when), [`stream`], [`dial`] and
//! [`gathered_write`] (bytes to and from a peer, through TLS or not), [`pipe`] (bytes that stay in the kernel),
//! [`temp_file`] (what memory is not for), [`links`] (files that are served), [`crypt`] (passwords), [`spare`]
//! (descriptors kept for the next), [`buffers`] and [`prefetch`] (memory).
//!
//! # Invariants
//!
//! - Nothing here knows of a request, a log or a setting; every failure is a value.
//! - Free lists belong to the thread: nothing is shared, nothing is locked.
//! - The system's clocks are read in [`clock`] alone.

pub mod buffers;
pub mod clock;
pub mod crypt;
pub mod deadline;
pub mod dial;
pub mod gathered_write;
pub mod links;
pub mod pipe;
pub mod prefetch;
pub mod spare;
pub mod stream;
pub mod temp_file;
