//! `hash`, consistent and not, under every kind of server: the order in which peers are tried.
//!
//! No backend is there, so that each request goes the whole round and `$upstream_addr` shows it. The
//! addresses are the same for all: nginx draws their text into its ring.

use weir_lab::bed::Conf;
use weir_lab::scenario::Scenario;
use weir_lab::script::ClientStep;

/// The servers of a group; port 1 refuses.
const SERVERS: [&str; 14] = [
    "server 127.0.0.2:1; server 127.0.0.3:1; server 127.0.0.4:1;",
    "server 127.0.0.2:1; server 127.0.0.3:1 down; server 127.0.0.4:1;",
    "server 127.0.0.2:1 down; server 127.0.0.3:1; server 127.0.0.4:1; server 127.0.0.5:1;",
    "server 127.0.0.2:1 down; server 127.0.0.3:1 down; server 127.0.0.4:1;",
    "server 127.0.0.2:1 down; server 127.0.0.3:1;",
    "server 127.0.0.2:1; server 127.0.0.3:1 down;",
    "server 127.0.0.2:1 weight=3; server 127.0.0.3:1 weight=2 down; server 127.0.0.4:1;",
    "server 127.0.0.2:1 weight=2; server 127.0.0.3:1 weight=5; server 127.0.0.4:1 weight=1;",
    "server 127.0.0.2:1; server 127.0.0.2:1; server 127.0.0.3:1; server 127.0.0.4:1 down;",
    "server 127.0.0.2:1; server 127.0.0.2:1 down; server 127.0.0.3:1;",
    "server 127.0.0.2:1;",
    "server 127.0.0.2:1 down;",
    "zone z 64k; server 127.0.0.2:1; server 127.0.0.3:1 down; server 127.0.0.4:1 weight=2;",
    "server unix:logs/none; server 127.0.0.3:1 down; server 127.0.0.4:1; server unix:logs/nor;",
];

/// How peers are chosen.
const METHODS: [&str; 2] = ["hash $arg_k consistent;", "hash $arg_k;"];

/// Keys for each group, the empty one among them.
const KEYS: usize = 40;

pub(super) fn scenarios() -> Vec<Scenario> {
    METHODS
        .into_iter()
        .enumerate()
        .map(|(number, method)| scenario(number, method))
        .collect()
}

fn scenario(number: usize, method: &str) -> Scenario {
    let (mut groups, mut locations) = (String::new(), String::new());
    let mut client = Vec::new();
    for (group, servers) in SERVERS.iter().enumerate() {
        // A failure is forgotten at once, or each request would hang on those before.
        let servers = servers.replace(";", " max_fails=0;");
        let servers = servers.replace("64k max_fails=0;", "64k;");
        groups += &format!("upstream g{group} {{ {method} {servers} }}\n");
        locations += &format!("location = /{group} {{ proxy_pass http://g{group}; }}\n");
        for key in 0..KEYS {
            let key = match key {
                0 => String::new(),
                key => format!("key-{key}"),
            };
            let request = format!("GET /{group}?k={key} HTTP/1.1\r\nHost: t\r\n\r\n");
            client.push(ClientStep::Send(request.as_str().into()));
            client.push(super::RECEIVE);
        }
    }
    let name = format!("grid/rings-{number}");
    let summary = "the order in which a hash tries its servers";
    let mut scenario = super::scenario(name, summary, locations, client, Vec::new());
    scenario.config = Conf {
        http: Some(groups),
        level: Some("crit".to_owned()),
        ..scenario.config
    };
    scenario
}
