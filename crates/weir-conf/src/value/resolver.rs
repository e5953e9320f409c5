//! Name servers that are asked while running.

use crate::Place;
use crate::model::UpstreamAddress;

/// A `resolver` directive. Each is a resolver of its own, which the blocks inside share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverSpec {
    /// Its place in [`crate::Http::resolvers`].
    pub index: usize,
    /// What it says.
    pub rules: ResolverRules,
    /// Where it stands.
    pub place: Place,
}

/// What a `resolver` directive says. Two that say the same may share what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverRules {
    /// Who is asked, in turn; at least one.
    pub servers: Vec<NameServer>,
    /// Whether addresses of IPv4 are asked for.
    pub ipv4: bool,
    /// Whether addresses of IPv6 are asked for.
    pub ipv6: bool,
    /// Seconds for which answers hold; 0 = as long as they say themselves.
    pub valid: u64,
}

/// A server of a `resolver`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    /// Its address; a name may stand for several servers.
    pub address: UpstreamAddress,
    /// The address as written, for messages.
    pub written: String,
}
