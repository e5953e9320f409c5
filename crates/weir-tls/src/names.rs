//! What OpenSSL calls versions, suites and groups: `$ssl_protocol`, `$ssl_cipher`, `$ssl_curve`.

use rustls::{CipherSuite, NamedGroup, ProtocolVersion};

use crate::numbers::{GROUPS, SUITES};

/// OpenSSL's name of a version.
pub fn version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "unknown",
    }
}

/// OpenSSL's name of a suite.
pub fn cipher(suite: CipherSuite) -> &'static str {
    named(SUITES, suite.into())
}

/// OpenSSL's name of a group.
pub fn group(group: NamedGroup) -> &'static str {
    named(GROUPS, group.into())
}

fn named(all: &[(u16, &'static str)], number: u16) -> &'static str {
    match all.binary_search_by_key(&number, |(known, _)| *known) {
        Ok(at) => all[at].1,
        Err(_) => "unknown",
    }
}
