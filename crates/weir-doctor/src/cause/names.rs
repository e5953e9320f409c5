//! Names that are looked up while requests are served, and name servers.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[&NAME, &NAME_TIMEOUT, &NO_RESOLVER, &NAME_SERVER];

/// A name without addresses.
pub static NAME: Cause = Cause {
    code: "WEIR-502-NAME",
    title: "the configured resolver does not know the upstream's name",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "A name that comes out of variables, or has `resolve`, is looked up by the servers of the `resolver` directive: not by the \
              system, and without /etc/hosts and search domains.",
    reasons: &[
        "A public resolver (8.8.8.8, 1.1.1.1) is asked for an internal name: Docker's are known to 127.0.0.11 only, Kubernetes' to the cluster's DNS.",
        "The name is short: `backend` instead of `backend.namespace.svc.cluster.local`, as search domains do not count.",
        "It is misspelt, or was removed; it stands in /etc/hosts only.",
    ],
    checks: &[
        "`dig @RESOLVER NAME A` and `AAAA`: the server that the configuration names, not the system's.",
    ],
    directives: &["resolver", "proxy_pass", "server"],
    disproof: "That resolver answers with an address when asked directly.",
};

/// A name server that does not answer.
pub static NAME_TIMEOUT: Cause = Cause {
    code: "WEIR-502-NAME-TIMEOUT",
    title: "the configured resolver does not answer",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "No answer came within `resolver_timeout` (30 s by default), or only such as are none.",
    reasons: &[
        "The resolver's address is wrong or unreachable from here: another network, a firewall for UDP port 53.",
        "It answers for one kind of addresses and not for the other: `ipv6=off` leaves AAAA out.",
        "It is overloaded, or limits this client.",
    ],
    checks: &["`dig @RESOLVER NAME` from the proxy's namespace."],
    directives: &["resolver", "resolver_timeout"],
    disproof: "`dig` against that address answers at once.",
};

/// `resolver` is missing.
pub static NO_RESOLVER: Cause = Cause {
    code: "WEIR-502-NO-RESOLVER",
    title: "a name must be looked up, and no `resolver` is defined",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "`proxy_pass` has variables, so that its name is looked up for each request; there is no `resolver` in this location, server or http block.",
    reasons: &[
        "Variables in `proxy_pass` turn off the look-up at the start: also a plain `$host` or `$request_uri` behind a fixed name.",
        "`resolver` stands in another server or location.",
    ],
    checks: &[
        "`resolver 127.0.0.53;` or that of /etc/resolv.conf; in Docker `resolver 127.0.0.11 valid=10s;`.",
        "An `upstream` block of that name needs no resolver.",
    ],
    directives: &["resolver", "proxy_pass"],
    disproof: "The location in question has a `resolver`.",
};

/// Trouble with a name server.
pub static NAME_SERVER: Cause = Cause {
    code: "WEIR-DNS-SERVER",
    title: "a name server answers wrongly, late, or not at all",
    severity: Severity::Warning,
    client_sees: "nothing by itself; a 502 where the name stays unknown",
    meaning: "What the resolver said is no answer to the question, or an error that other servers are asked about.",
    reasons: &[
        "The name server is broken, or something in between answers in its place.",
        "An answer came after its question was given up: the resolver is slow.",
    ],
    checks: &["`dig @RESOLVER NAME +tries=1` a few times."],
    directives: &["resolver", "resolver_timeout"],
    disproof: "Names are resolved all the same: then nothing depends on it.",
};
