//! Replays the orders in which a real nginx tried peers.
//!
//! `orders/nginx-VERSION.txt` is recorded by `orders/record.py`, `orders/fault-matrix.txt` is taken
//! from the fault matrix. A line is `SECOND k=KEY from=ADDRESS PORT=fail|404|500 ... -> PORT ...`:
//! what each peer does (unnamed ones answer 200), then the peers tried, `-` for "no live
//! upstreams", and `disabled=PORT` for each peer that nginx logged as temporarily disabled.
//! A request with `want=ID` wants the peer that is called so (`sticky route`).
//! A request with `hold=ID` keeps its last peer until a line `SECOND end=ID`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use weir_upstream::{
    Key, Method, Now, PeerAddress, PeerId, PeerOutcome, PeerSpec, Pool, PoolSpec, Took, Tries, View,
};

#[test]
fn peers_are_tried_in_the_order_of_nginx_1_22_1() {
    check(include_str!("orders/nginx-1.22.1.txt"), 60);
}

#[test]
fn wanted_peers_are_tried_in_the_order_of_nginx_1_31_5() {
    check(include_str!("orders/nginx-1.31.5-sticky.txt"), 60);
}

#[test]
fn peers_are_tried_in_the_order_of_the_fault_matrix() {
    check(include_str!("orders/fault-matrix.txt"), 25);
}

fn check(recorded: &str, at_least: usize) {
    let cases: Vec<&str> = recorded.split("\nupstream ").skip(1).collect();
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    for case in cases {
        let (upstream, lines) = case.split_once('\n').expect("a case has lines");
        let mut replay = Replay::new(upstream);
        for line in lines
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
        {
            replay.line(upstream, line);
        }
    }
}

struct Replay {
    view: View,
    held: HashMap<String, (Tries, PeerId)>,
}

impl Replay {
    fn new(upstream: &str) -> Self {
        let pool = Pool::new(parse_upstream(upstream), None);
        Self {
            view: View::with_seed(&pool, 1),
            held: HashMap::new(),
        }
    }

    fn line(&mut self, upstream: &str, line: &str) {
        let (second, rest) = line.split_once(' ').expect("a second");
        // Any epoch will do; nginx's seconds are large.
        let now = Duration::from_secs(1000 + second.parse::<u64>().expect("a second"));
        if let Some(id) = rest.strip_prefix("end=") {
            let (mut tries, peer) = self.held.remove(id).expect("a held request");
            self.view
                .release(&mut tries, peer, PeerOutcome::Success, Took::default(), now);
            return;
        }
        let (request, expected) = rest.split_once("-> ").expect("a result");
        let actual = self.request(&parse_request(request), now);
        assert_eq!(actual.join(" "), expected, "\nupstream {upstream}\n{line}");
    }

    /// What a proxy does with the peers, for `proxy_next_upstream error http_404 http_500`.
    fn request(&mut self, request: &Request<'_>, now: Now) -> Vec<String> {
        let mut tries = self.view.begin(match self.view.list().method() {
            Method::IpHash => Key::ClientAddr(Some(request.from)),
            _ => Key::Hash(request.key.as_bytes()),
        });
        let (mut tried, mut disabled) = (Vec::new(), Vec::new());
        loop {
            let want = request.want.map(str::as_bytes);
            let Some(peer) = self.view.pick_wanted(&mut tries, want, now) else {
                tried.push("-".to_owned());
                break;
            };
            let name = String::from_utf8_lossy(self.view.peer(peer).name());
            let port = name.rsplit(':').next().unwrap_or(&name).to_owned();
            tried.push(port.clone());
            let outcome = match request.does.get(port.as_str()) {
                Some(&"fail") => PeerOutcome::Failed,
                // A status is a reason to go on only while there is a try left.
                Some(&"404") if tries.tries_left() > 1 => PeerOutcome::NextNoCount,
                Some(&"500") if tries.tries_left() > 1 => PeerOutcome::Failed,
                _ => PeerOutcome::Success,
            };
            if outcome == PeerOutcome::Success
                && let Some(id) = request.hold
            {
                self.held.insert(id.to_owned(), (tries, peer));
                break;
            }
            let released = self
                .view
                .release(&mut tries, peer, outcome, Took::default(), now);
            if released.disabled {
                disabled.push(format!("disabled={port}"));
            }
            if outcome == PeerOutcome::Success || tries.tries_left() == 0 {
                break;
            }
        }
        tried.extend(disabled);
        tried
    }
}

struct Request<'a> {
    key: &'a str,
    from: IpAddr,
    does: HashMap<&'a str, &'a str>,
    hold: Option<&'a str>,
    want: Option<&'a str>,
}

fn parse_request(text: &str) -> Request<'_> {
    let mut does: HashMap<&str, &str> = text
        .split_whitespace()
        .map(|word| word.split_once('=').expect("name=value"))
        .collect();
    // A key may hold `=` itself; what stands between `k=` and ` from=` is the key.
    let key = text
        .strip_prefix("k=")
        .and_then(|t| t.split_once(" from="))
        .expect("a key")
        .0;
    does.remove("k");
    let from = does
        .remove("from")
        .and_then(|a| a.parse().ok())
        .expect("an address");
    let hold = does.remove("hold");
    let want = does.remove("want");
    Request {
        key,
        from,
        does,
        hold,
        want,
    }
}

fn parse_upstream(text: &str) -> PoolSpec {
    let mut spec = PoolSpec::implied("u", []);
    for directive in text.split(';').map(str::trim).filter(|d| !d.is_empty()) {
        let words: Vec<&str> = directive.split_whitespace().collect();
        match words[..] {
            ["least_conn"] => spec.method = Method::LeastConn,
            ["ip_hash"] => spec.method = Method::IpHash,
            ["hash", _] => spec.method = Method::Hash,
            ["hash", _, "consistent"] => spec.method = Method::HashConsistent,
            ["sticky", "route", _] => spec.sticky = true,
            ["server", server, ref parameters @ ..] => {
                spec.peers.push(parse_server(server, parameters));
            }
            _ => panic!("unknown directive: {directive}"),
        }
    }
    spec
}

fn parse_server(server: &str, parameters: &[&str]) -> PeerSpec {
    let address = PeerAddress::Inet(server.parse().expect("an address"));
    let mut peer = PeerSpec::new(address, server);
    for parameter in parameters {
        match parameter.split_once('=') {
            Some(("weight", n)) => peer.parameters.weight = n.parse().expect("a number"),
            Some(("max_fails", n)) => peer.parameters.max_fails = n.parse().expect("a number"),
            Some(("max_conns", n)) => peer.parameters.max_conns = n.parse().expect("a number"),
            Some(("fail_timeout", t)) => {
                let seconds = t.trim_end_matches('s').parse().expect("seconds");
                peer.parameters.fail_timeout = Duration::from_secs(seconds);
            }
            Some(("route", id)) => peer.route = Some(id.as_bytes().into()),
            None if *parameter == "drain" => peer.parameters.drain = true,
            None if *parameter == "down" => peer.parameters.down = true,
            None if *parameter == "backup" => peer.parameters.backup = true,
            _ => panic!("unknown parameter: {parameter}"),
        }
    }
    peer
}
