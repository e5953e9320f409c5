//! Pools whose peers change while requests are under way.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use weir_conf::ServerParameters;
use weir_upstream::{
    Found, FoundService, Key, Method, NameSource, NameSpec, Now, PeerAddress, PeerOutcome,
    PeerSpec, Pool, PoolSpec, Took, View,
};

const NOW: Now = Duration::from_secs(5);

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn name(host: &str) -> NameSpec {
    NameSpec {
        host: host.into(),
        service: None,
        port: 80,
        server: host.into(),
        route: None,
        source: NameSource::Resolver,
        parameters: ServerParameters::default(),
    }
}

fn service(host: &str) -> NameSpec {
    NameSpec {
        service: Some("http".into()),
        ..name(host)
    }
}

fn pool(names: Vec<NameSpec>) -> PoolSpec {
    let mut spec = PoolSpec::implied("u", []);
    spec.peers
        .push(PeerSpec::new(PeerAddress::Inet(address(1)), "static"));
    spec.names = names;
    spec
}

/// The last byte of each address.
fn addresses(last: &[u8]) -> Vec<Found> {
    let found = |last: &u8| Found {
        address: ([127, 0, 0, *last], 0).into(),
        service: None,
    };
    last.iter().map(found).collect()
}

fn record(port: u16, priority: u16, weight: u32) -> Found {
    let service = Some(FoundService {
        host: format!("h{port}"),
        priority,
        weight,
    });
    Found {
        address: address(port),
        service,
    }
}

fn shown(pool: &Pool) -> Vec<String> {
    let list = pool.list();
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    list.peers().iter().map(|peer| text(peer.name())).collect()
}

#[test]
fn addresses_that_stay_keep_their_place_and_new_ones_follow() {
    let pool = Pool::new(pool(vec![name("a"), name("b")]), None);
    for (number, answer, changes, peers) in [
        (0, &[2, 3][..], true, "1:1 2:80 3:80"),
        (1, &[9], true, "1:1 2:80 3:80 9:80"),
        (0, &[3, 2], false, "1:1 2:80 3:80 9:80"),
        (0, &[4, 3], true, "1:1 3:80 9:80 4:80"),
        (0, &[], true, "1:1 9:80"),
        (1, &[9, 9], true, "1:1 9:80 9:80"),
        (7, &[1], false, "1:1 9:80 9:80"),
    ] {
        assert_eq!(pool.set_addresses(number, &addresses(answer)), changes);
        let expected: Vec<String> = peers
            .split(' ')
            .map(|end| format!("127.0.0.{end}"))
            .collect();
        assert_eq!(shown(&pool), expected, "{number} {answer:?}");
    }
}

#[test]
fn of_a_service_the_lowest_priority_serves_and_the_others_back_it_up() {
    let parameters = ServerParameters {
        backup: true,
        ..ServerParameters::default()
    };
    let behind = NameSpec {
        parameters,
        ..service("b")
    };
    let weighty = ServerParameters {
        weight: 7,
        ..ServerParameters::default()
    };
    let heavy = NameSpec {
        parameters: weighty,
        ..service("c")
    };
    let pool = Pool::new(pool(vec![service("a"), behind, heavy]), None);
    pool.set_addresses(0, &[record(20, 2, 5), record(10, 1, 3), record(11, 1, 1)]);
    pool.set_addresses(1, &[record(30, 4, 1), record(31, 5, 1)]);
    pool.set_addresses(2, &[record(40, 1, 2)]);
    let list = pool.list();
    let ports = |peer: &weir_upstream::Peer| match peer.address() {
        PeerAddress::Inet(address) => (address.port(), peer.parameters().weight),
        PeerAddress::Unix(_) => (0, 0),
    };
    let all: Vec<_> = list.peers().iter().map(ports).collect();
    assert_eq!(all, [(1, 1), (10, 3), (11, 1), (40, 7), (20, 5), (30, 1)]);
    assert_eq!(list.tries(), 6);
    // Another weight is another peer, unless the configuration says what each weighs.
    assert!(pool.set_addresses(0, &[record(10, 1, 4)]));
    assert!(!pool.set_addresses(2, &[record(40, 1, 9)]));
}

#[test]
fn where_there_are_no_backups_a_service_has_none() {
    let spec = PoolSpec {
        method: Method::IpHash,
        ..pool(vec![service("a")])
    };
    let pool = Pool::new(spec, None);
    pool.set_addresses(0, &[record(20, 2, 5), record(10, 1, 3)]);
    assert_eq!(shown(&pool), ["127.0.0.1:1", "127.0.0.1:10"]);
}

#[test]
fn a_reload_goes_on_with_the_addresses_of_a_name() {
    let old = Pool::new(pool(vec![name("gone"), name("a"), service("s")]), None);
    old.set_addresses(0, &addresses(&[5]));
    old.set_addresses(1, &addresses(&[2, 3]));
    old.set_addresses(2, &[record(10, 1, 1), record(11, 2, 1)]);
    old.names()[1].hold_until(Duration::from_secs(60));
    let view = View::new(&old);
    let mut tries = view.begin(Key::None);
    for outcome in [
        PeerOutcome::Success,
        PeerOutcome::Success,
        PeerOutcome::Failed,
    ] {
        let peer = view.pick(&mut tries, NOW).unwrap();
        view.release(&mut tries, peer, outcome, Took::default(), NOW);
    }
    let port = NameSpec {
        port: 81,
        ..name("a")
    };
    let new = Pool::new(pool(vec![service("s"), port, name("new")]), Some(&old));
    let expected = [
        "127.0.0.1:1",
        "127.0.0.1:10",
        "127.0.0.2:81",
        "127.0.0.3:81",
        "127.0.0.1:11",
    ];
    assert_eq!(shown(&new), expected);
    assert_eq!(new.names()[1].valid(), Duration::from_secs(60));
    let same = Pool::new(pool(vec![name("a")]), Some(&old));
    let list = same.list();
    let failed = list.peers().iter().map(|peer| peer.status(NOW).failed);
    assert_eq!(
        failed.collect::<Vec<_>>(),
        [0, 1, 0],
        "what is known of peers goes on"
    );
}

#[test]
fn what_a_request_has_tried_it_does_not_try_again_after_a_change() {
    let pool = Pool::new(
        PoolSpec {
            peers: Vec::new(),
            ..pool(vec![name("a")])
        },
        None,
    );
    pool.set_addresses(0, &addresses(&[2, 3]));
    let older = View::new(&pool);
    let mut tries = older.begin(Key::None);
    let first = older.pick(&mut tries, NOW).unwrap();
    assert_eq!(older.peer(first).name(), b"127.0.0.2:80");
    pool.set_addresses(0, &addresses(&[4, 2, 5]));
    // Given back where it was picked.
    assert!(
        older
            .release(&mut tries, first, PeerOutcome::Failed, Took::default(), NOW)
            .disabled
    );
    let newer = older.renewed(&pool);
    assert_ne!(newer.epoch(), older.epoch());
    newer.follow(&older, &mut tries, Key::None, 0);
    let next = newer.pick(&mut tries, NOW).unwrap();
    assert_eq!(newer.peer(next).name(), b"127.0.0.4:80");
    newer.release(
        &mut tries,
        next,
        PeerOutcome::NextNoCount,
        Took::default(),
        NOW,
    );
    let statuses = pool.list();
    let disabled = statuses
        .peers()
        .iter()
        .map(|peer| peer.status(NOW).disabled);
    assert_eq!(disabled.collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn a_name_that_changes_its_group_in_a_reload_begins_anew() {
    let backup = ServerParameters {
        backup: true,
        ..ServerParameters::default()
    };
    let behind = NameSpec {
        parameters: backup,
        ..name("a")
    };
    let old = Pool::new(pool(vec![behind]), None);
    old.set_addresses(0, &addresses(&[9]));
    let new = Pool::new(pool(vec![name("a")]), Some(&old));
    assert_eq!(shown(&new), ["127.0.0.1:1"]);
    // Where there are no backups any more, those of a service are not taken over either.
    let old = Pool::new(pool(vec![service("s")]), None);
    old.set_addresses(0, &[record(10, 1, 1), record(11, 2, 1)]);
    let spec = PoolSpec {
        method: Method::Random,
        ..pool(vec![service("s")])
    };
    let new = Pool::new(spec, Some(&old));
    assert_eq!(shown(&new), ["127.0.0.1:1", "127.0.0.1:10"]);
    new.set_addresses(0, &[record(12, 1, 1)]);
    assert_eq!(shown(&new), ["127.0.0.1:1", "127.0.0.1:12"]);
}

#[test]
fn a_request_has_as_many_tries_as_there_are_peers_after_a_change() {
    let empty = PoolSpec {
        peers: Vec::new(),
        ..pool(vec![name("a")])
    };
    let pool = Pool::new(empty, None);
    let older = View::new(&pool);
    for (limit, expected) in [(0, 3), (2, 2)] {
        let mut tries = older.begin(Key::None);
        tries.limit_tries(limit);
        assert_eq!(older.pick(&mut tries, NOW), None);
        pool.set_addresses(0, &addresses(&[1, 2, 3]));
        let newer = older.renewed(&pool);
        newer.follow(&older, &mut tries, Key::None, limit);
        assert_eq!(tries.tries_left(), expected);
        let peer = newer.pick(&mut tries, NOW).unwrap();
        newer.release(&mut tries, peer, PeerOutcome::Failed, Took::default(), NOW);
        pool.set_addresses(0, &addresses(&[1, 2, 3, 4]));
        let newest = newer.renewed(&pool);
        newest.follow(&newer, &mut tries, Key::None, limit);
        assert_eq!(tries.tries_left(), if limit == 0 { 3 } else { 1 });
        pool.set_addresses(0, &[]);
    }
}

#[test]
fn few_keys_move_when_a_server_comes_to_a_ring() {
    let spec = PoolSpec {
        method: Method::HashConsistent,
        ..pool(vec![service("s")])
    };
    let pool = Pool::new(spec, None);
    let records: Vec<Found> = (10..20).map(|port| record(port, 1, 1)).collect();
    pool.set_addresses(0, &records[..9]);
    let owners = |view: &View| -> Vec<Vec<u8>> {
        (0..2000_u32)
            .map(|key| {
                let mut tries = view.begin(Key::Hash(&key.to_be_bytes()));
                let peer = view.pick(&mut tries, NOW).unwrap();
                view.release(&mut tries, peer, PeerOutcome::Success, Took::default(), NOW);
                view.peer(peer).name().to_vec()
            })
            .collect()
    };
    let older = View::new(&pool);
    let before = owners(&older);
    pool.set_addresses(0, &records);
    let after = owners(&older.renewed(&pool));
    let moved = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after);
    let moved: Vec<_> = moved.map(|(_, after)| after.clone()).collect();
    // A tenth and a bit belongs to the new one, and nothing goes anywhere else.
    assert!(
        (100..320).contains(&moved.len()),
        "{} of 2000 moved",
        moved.len()
    );
    assert!(moved.iter().all(|owner| owner == b"127.0.0.1:19"));
}

proptest! {
    #[test]
    fn every_pick_is_given_back_and_no_pool_with_addresses_is_empty(
        answers in prop::collection::vec(prop::collection::vec(1..20_u8, 1..6), 1..30),
        method in prop::sample::select(vec![
            Method::RoundRobin, Method::LeastConn, Method::IpHash, Method::HashConsistent, Method::Random,
        ]),
    ) {
        let spec = PoolSpec { method, peers: Vec::new(), ..pool(vec![name("a")]) };
        let pool = Pool::new(spec, None);
        pool.set_addresses(0, &addresses(&[1]));
        let mut view = Rc::new(View::new(&pool));
        let mut open = Vec::new();
        for (turn, answer) in answers.iter().enumerate() {
            if view.epoch() != pool.epoch() {
                view = Rc::new(view.renewed(&pool));
            }
            let key = [turn as u8];
            let mut tries = view.begin(Key::Hash(&key));
            let picked = view.pick(&mut tries, NOW);
            prop_assert!(picked.is_some(), "all peers are live");
            open.extend(picked.map(|peer| (view.clone(), tries, peer)));
            pool.set_addresses(0, &addresses(answer));
            let mut wanted: Vec<String> =
                answer.iter().map(|last| format!("127.0.0.{last}:80")).collect();
            let mut has = shown(&pool);
            wanted.sort();
            has.sort();
            prop_assert_eq!(has, wanted);
            if turn % 3 == 2 {
                // Who has not seen the change gives back to what it knows.
                for (view, mut tries, peer) in open.drain(..) {
                    view.release(&mut tries, peer, PeerOutcome::Success, Took::default(), NOW);
                }
            }
        }
        for (view, mut tries, peer) in open {
            view.release(&mut tries, peer, PeerOutcome::Success, Took::default(), NOW);
        }
        let list = pool.list();
        prop_assert!(list.peers().iter().all(|peer| peer.status(NOW).active == 0));
    }
}
