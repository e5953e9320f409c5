//! Directives that build something instead of setting a value.

use super::{
    ANYWHERE, Arity, Contexts, Entry, HTTP, Inheritance, LOCATION, MAIN, SERVER, Support, UPSTREAM,
};

const fn block(name: &'static str, contexts: Contexts, arity: Arity, doc: &'static str) -> Entry {
    Entry {
        block: true,
        ..plain(name, contexts, arity, doc)
    }
}

const fn plain(name: &'static str, contexts: Contexts, arity: Arity, doc: &'static str) -> Entry {
    Entry {
        name,
        contexts,
        arity,
        block: false,
        default: None,
        inheritance: Inheritance::None,
        support: Support::Obeyed,
        doc,
    }
}

const fn inherited(entry: Entry) -> Entry {
    Entry {
        inheritance: Inheritance::AllOrNone,
        ..entry
    }
}

const LEVELS: Contexts = Contexts(HTTP.0 | SERVER.0 | LOCATION.0);
const INNER: Contexts = Contexts(SERVER.0 | LOCATION.0);
const ONE_OR_TWO: Arity = Arity::between(1, 2);

/// The rows.
pub(crate) const ENTRIES: &[Entry] = &[
    plain(
        "include",
        ANYWHERE,
        Arity::ONE,
        "Reads other files, by name or pattern, in place.",
    ),
    plain(
        "compat",
        MAIN,
        Arity::ONE,
        "weir's own: the nginx to behave as, `1.22`, `1.28` or `1.31`.",
    ),
    plain(
        "pcre_jit",
        MAIN,
        Arity::ONE,
        "Whether regular expressions count their steps as machine code does; weir's run as such anyway.",
    ),
    Entry {
        support: Support::Checked("weir has what it brings"),
        ..plain(
            "load_module",
            MAIN,
            Arity::ONE,
            "Loads one of nginx's modules: those that weir has need not be loaded, others are refused.",
        )
    },
    block("events", MAIN, Arity::NONE, "How connections are handled."),
    block("http", MAIN, Arity::NONE, "Everything about HTTP."),
    block("server", HTTP, Arity::NONE, "A virtual server."),
    block(
        "location",
        INNER,
        ONE_OR_TWO,
        "Settings for a part of the URIs: `[=|^~|~|~*] NAME`.",
    ),
    block(
        "upstream",
        HTTP,
        Arity::ONE,
        "A group of servers to pass requests to.",
    ),
    inherited(block(
        "types",
        LEVELS,
        Arity::NONE,
        "Media types of file extensions.",
    )),
    plain(
        "listen",
        SERVER,
        Arity::SOME,
        "An address that the server answers at.",
    ),
    plain(
        "server_name",
        SERVER,
        Arity::SOME,
        "Host names that the server answers to.",
    ),
    plain(
        "log_format",
        HTTP,
        Arity::between(2, usize::MAX),
        "A format for `access_log`.",
    ),
    plain(
        "limit_req_zone",
        HTTP,
        Arity::between(3, 3),
        "Memory in which the workers count requests by a key.",
    ),
    plain(
        "limit_conn_zone",
        HTTP,
        Arity::TWO,
        "Memory in which the workers count requests under way by a key.",
    ),
    inherited(plain(
        "allow",
        LEVELS,
        Arity::ONE,
        "Lets clients in: address, network, `unix:` or `all`.",
    )),
    inherited(plain(
        "deny",
        LEVELS,
        Arity::ONE,
        "Keeps clients out: address, network, `unix:` or `all`.",
    )),
    block(
        "geo",
        HTTP,
        ONE_OR_TWO,
        "A variable whose value the client's address decides, or another address.",
    ),
    inherited(plain(
        "valid_referers",
        INNER,
        Arity::SOME,
        "Pages that clients may come from: `none`, `blocked`, `server_names`, hosts with paths, regular expressions.",
    )),
    block(
        "map",
        HTTP,
        Arity::TWO,
        "A variable whose value another text decides.",
    ),
    block(
        "match",
        HTTP,
        Arity::ONE,
        "As nginx Plus has it: what answers to a `health_check` are to be: `status`, `header`, `body`, `require`.",
    ),
    block(
        "charset_map",
        HTTP,
        Arity::TWO,
        "How the bytes of one character set become those of another.",
    ),
    block(
        "split_clients",
        HTTP,
        Arity::TWO,
        "A variable that divides clients by the hash of a text.",
    ),
    plain("set", INNER, Arity::TWO, "Assigns a value to a variable."),
    block(
        "if",
        INNER,
        Arity::SOME,
        "Settings and statements for requests that meet a condition.",
    ),
    plain(
        "rewrite",
        INNER,
        Arity::between(2, 3),
        "Changes the path by a regular expression, or sends the client elsewhere.",
    ),
    plain(
        "return",
        INNER,
        ONE_OR_TWO,
        "Ends processing with a status.",
    ),
    plain(
        "break",
        INNER,
        Arity::NONE,
        "Ends the statements of the rewrite module.",
    ),
    block(
        "limit_except",
        LOCATION,
        Arity::SOME,
        "Settings for all methods but these.",
    ),
    plain(
        "proxy_pass",
        LOCATION,
        Arity::ONE,
        "Where requests are passed to.",
    ),
    plain(
        "health_check",
        LOCATION,
        Arity::ANY,
        "As nginx Plus has it: asks the servers of the group how they are, time and again; who fails gets no requests.",
    ),
    plain(
        "stub_status",
        INNER,
        Arity::between(0, 1),
        "Answers with numbers of connections and requests.",
    ),
    plain(
        "weir_status",
        LOCATION,
        Arity::between(0, 1),
        "weir's own: answers with what there is to know of upstreams, failures and connections, as a page (`html`, the default), as `json` or for `prometheus`; to clients of this machine only, unless `allow` or `deny` say otherwise.",
    ),
    plain(
        "flv",
        LOCATION,
        Arity::NONE,
        "Answers with FLV files, from a byte on that the client names.",
    ),
    plain(
        "mp4",
        LOCATION,
        Arity::NONE,
        "Answers with MP4 files, between times that the client names.",
    ),
    plain(
        "empty_gif",
        LOCATION,
        Arity::NONE,
        "Answers with a picture of one transparent pixel.",
    ),
    plain("server", UPSTREAM, Arity::SOME, "A server of the group."),
    plain(
        "upstream_start",
        Contexts(HTTP.0 | UPSTREAM.0),
        Arity::ONE,
        "weir's own: whether a server whose name has no address at the start is a reason not to start (`resolved`, \
        as in nginx), or is out until it has one (`unresolved`).",
    ),
    plain(
        "hash",
        UPSTREAM,
        ONE_OR_TWO,
        "Chooses by a key, `consistent`ly or not.",
    ),
    plain(
        "ip_hash",
        UPSTREAM,
        Arity::NONE,
        "Chooses by the client's address.",
    ),
    plain(
        "least_conn",
        UPSTREAM,
        Arity::NONE,
        "Chooses the server with fewest connections.",
    ),
    plain(
        "least_time",
        UPSTREAM,
        ONE_OR_TWO,
        "Chooses the server that answers soonest, by the times until the `header` or the `last_byte`.",
    ),
    plain(
        "random",
        UPSTREAM,
        Arity::between(0, 2),
        "Chooses at random, or the better of `two`.",
    ),
    plain(
        "sticky",
        UPSTREAM,
        Arity::between(2, usize::MAX),
        "Keeps requests with the server that they know by a `cookie` or a `route`, or that was `learn`ed.",
    ),
    plain(
        "keepalive",
        UPSTREAM,
        ONE_OR_TWO,
        "Most idle connections per worker.",
    ),
    plain(
        "keepalive_requests",
        UPSTREAM,
        Arity::ONE,
        "Requests over one upstream connection.",
    ),
    plain(
        "keepalive_time",
        UPSTREAM,
        Arity::ONE,
        "Age at which an upstream connection is closed.",
    ),
    plain(
        "keepalive_timeout",
        UPSTREAM,
        Arity::ONE,
        "Longest idle time of an upstream connection.",
    ),
    plain(
        "resolver",
        UPSTREAM,
        Arity::SOME,
        "The servers that are asked for names of the group; without it, those of `http`.",
    ),
    plain(
        "resolver_timeout",
        UPSTREAM,
        Arity::ONE,
        "How long such a name may take.",
    ),
    plain(
        "retry_budget",
        UPSTREAM,
        ONE_OR_TWO,
        "weir's own: how many of the requests may be retries, as a percentage, and `min=NUMBER` a second whatever the \
        requests (3).",
    ),
    plain(
        "panic_threshold",
        UPSTREAM,
        Arity::ONE,
        "weir's own: the percentage of servers in use below which those that are out are used, too.",
    ),
    plain(
        "queue",
        UPSTREAM,
        ONE_OR_TWO,
        "How many requests may wait for a server, and for how long (`timeout=60s`); as in nginx Plus.",
    ),
    Entry {
        support: Support::Checked(
            "the workers share what they know of a group's servers anyway; `health_check` and `resolve` are refused without it",
        ),
        ..plain(
            "zone",
            UPSTREAM,
            ONE_OR_TWO,
            "Memory in which the workers share a group.",
        )
    },
];
