//! Backends and clients that misbehave on script, and a weir between them, inside a test.
//!
//! Reading order: [`script`] (what a backend or a client does, as data), [`socket`] (one type for
//! TCP, unix sockets and pipes), [`backend`] and [`client`] (they play scripts and report what they
//! saw), [`dns`] (a name server on script), [`response`] (how a client reads an answer), [`bed`] (a
//! proxy between them, and everything that showed), [`scenario`] (configuration, scripts and
//! expectations in one file), [`catalogue`] (faults by name, with verdicts), [`embedded`] (a weir in
//! this process), [`lab`] (all of it inside a test), [`command`] and [`demo`] (the same for people).
//!
//! Invariants:
//! - Scripts are byte-exact: nothing is added to, removed from or re-ordered in what they say.
//! - A peer's misbehaviour is an observation, never an error of the lab; errors are faults of
//!   the test bed (an address in use, no permission).
//! - Nothing here interprets nginx.conf, and only [`embedded`] and [`lab`] know the proxy: whatever
//!   takes `-p PREFIX -c CONF` can be played against.
//! - No HTTP library: a client that would repair what it reads could not report it. Of HTTP/2 only the
//!   decoding of header blocks comes from elsewhere.

pub mod backend;
pub mod bed;
pub mod catalogue;
pub mod client;
pub mod command;
pub mod demo;
pub mod dns;
pub mod embedded;
pub mod lab;
pub mod response;
pub mod scenario;
pub mod script;
pub mod socket;
pub mod text;
pub mod tls;
pub mod version;
