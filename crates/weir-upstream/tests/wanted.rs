//! Requests that want a certain peer. `orders.rs` holds what each method makes of that to nginx's choices.

use std::time::Duration;

use weir_conf::ServerParameters;
use weir_upstream::{
    Found, Key, Measure, Method, NameSource, NameSpec, Now, PeerAddress, PeerOutcome, PeerSpec,
    Pool, PoolSpec, Took, Until, View,
};

const NOW: Now = Duration::from_secs(5);

const METHODS: [Method; 10] = [
    Method::RoundRobin,
    Method::LeastConn,
    Method::LeastTime(Measure {
        until: Until::Header,
        inflight: true,
    }),
    Method::IpHash,
    Method::Hash,
    Method::HashConsistent,
    Method::Random,
    Method::RandomTwo,
    Method::RandomTwoLeastConn,
    Method::RandomTwoLeastTime(Until::LastByte),
];

/// Peers on these ports, whose routes are their ports' numbers.
fn pool(ports: impl IntoIterator<Item = u16>) -> PoolSpec {
    let mut spec = PoolSpec::implied("u", []);
    spec.sticky = true;
    for port in ports {
        let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
        let mut peer = PeerSpec::new(address, format!("127.0.0.1:{port}"));
        peer.route = Some(port.to_string().as_bytes().into());
        spec.peers.push(peer);
    }
    spec
}

/// The names of the peers that a request gets which wants this one, as each fails.
fn tried(view: &View, id: Option<&str>) -> Vec<String> {
    let mut tries = view.begin(Key::Hash(b"key"));
    let mut names = Vec::new();
    while let Some(peer) = view.pick_wanted(&mut tries, id.map(str::as_bytes), NOW) {
        names.push(String::from_utf8_lossy(view.peer(peer).name()).into_owned());
        view.release(
            &mut tries,
            peer,
            PeerOutcome::NextNoCount,
            Took::default(),
            NOW,
        );
        if tries.tries_left() == 0 {
            break;
        }
    }
    names
}

#[test]
fn only_who_wants_a_drained_peer_gets_it_whatever_the_method() {
    for method in METHODS {
        let mut spec = pool(1..=3);
        spec.method = method;
        spec.peers[1].parameters.drain = true;
        let view = View::with_seed(&Pool::new(spec, None), 1);
        for turn in 0..20 {
            let drained = "127.0.0.1:2".to_owned();
            let all = tried(&view, None);
            assert!(
                !all.contains(&drained) && all.len() == 2,
                "{method:?} {all:?}"
            );
            assert_eq!(
                tried(&view, Some("2")).first(),
                Some(&drained),
                "{method:?} {turn}"
            );
        }
    }
}

#[test]
fn a_peer_behind_many_is_wanted_like_another() {
    let view = View::with_seed(&Pool::new(pool(1..=300), None), 1);
    assert_eq!(tried(&view, Some("299"))[0], "127.0.0.1:299");
}

#[test]
fn a_backup_is_wanted_once_the_primaries_are_used_up() {
    let mut spec = pool(1..=4);
    for backup in &mut spec.peers[2..] {
        backup.parameters.backup = true;
    }
    let view = View::with_seed(&Pool::new(spec, None), 1);
    let ports = [1, 2, 4, 3].map(|port| format!("127.0.0.1:{port}"));
    assert_eq!(tried(&view, Some("4")), ports);
}

#[test]
fn each_address_of_a_name_has_its_route_or_is_called_by_itself() {
    let check = |route: Option<&str>, ids: [&str; 2]| {
        let mut spec = pool([]);
        spec.names.push(NameSpec {
            host: "a".into(),
            service: None,
            port: 80,
            server: "a".into(),
            route: route.map(|route| route.as_bytes().into()),
            source: NameSource::Resolver,
            parameters: ServerParameters::default(),
        });
        let pool = Pool::new(spec, None);
        let found = [1, 2].map(|last| Found {
            address: ([127, 0, 0, last], 0).into(),
            service: None,
        });
        pool.set_addresses(0, &found);
        let view = View::with_seed(&pool, 1);
        let mut tries = view.begin(Key::None);
        for id in ids {
            let peer = view
                .pick_wanted(&mut tries, Some(id.as_bytes()), NOW)
                .unwrap();
            assert_eq!(view.server_id(peer), Some(id.as_bytes()));
        }
    };
    check(Some("r"), ["r", "r"]);
    check(
        None,
        [
            "9e1b422b6129a3640943dfe93e680a62",
            "cef54f47984626c9efbf070c50bfad1b",
        ],
    );
}
