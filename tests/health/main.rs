//! Health checks: the binary over sockets, with servers whose answers to checks the tests give.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is test code; clippy sees the helpers as none"
)]

mod answers;
#[path = "../tls/client.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod client;
mod many;
mod outages;
mod paused;
mod peer;
mod reload;
#[path = "../command/site.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod site;
mod tls;

use peer::Peer;
use site::Site;

/// Writes a configuration with an upstream of these peers, whose location has these lines; `http`: what stands
/// beside the server.
fn serve(site: &Site, peers: &[&Peer], http: &str, location: &str) {
    let servers = peers
        .iter()
        .map(|peer| format!("server {};", peer.address))
        .collect::<String>();
    serve_servers(site, &servers, http, location);
}

fn serve_servers(site: &Site, servers: &str, http: &str, location: &str) {
    write(site, "", servers, http, location);
}

/// The same with lines outside all blocks.
fn write(site: &Site, main: &str, servers: &str, http: &str, location: &str) {
    site.conf(&format!(
        "daemon off;
        error_log stderr notice;
        error_log logs/error.log notice;
        {main}
        events {{ worker_connections 2048; }}
        http {{
            access_log logs/access.log;
            upstream app {{ zone app 1m; {servers} }}
            {http}
            server {{
                listen 127.0.0.1:PORT;
                location / {{ proxy_pass http://app; {location} }}
            }}
        }}"
    ));
}

/// How often these words stand in the error log.
fn told(site: &Site, words: &str) -> usize {
    site.read("logs/error.log").matches(words).count()
}

/// What the log says of a check of this peer, behind what was done.
fn of(tests: &str, peer: &Peer) -> String {
    let address = peer.address;
    format!("health check \"{tests}\" of peer {address} in upstream \"app\"")
}
