use std::time::Duration;

use super::*;
use crate::{
    Key, Measure, Method, PeerAddress, PeerOutcome, PeerSpec, Pool, PoolSpec, Took, Until, View,
};

const NOW: Now = Duration::from_secs(5);

fn pool(checking: &[usize], carried: Option<&Pool>) -> Pool {
    let address = PeerAddress::Inet(([127, 0, 0, 1], 1).into());
    let mut spec = PoolSpec::implied("u", []);
    spec.peers.push(PeerSpec::new(address, "a"));
    spec.awaited = set(checking);
    Pool::new(spec, carried)
}

fn peer(pool: &Pool) -> Peer {
    pool.list().peers()[0].clone()
}

fn id(number: usize) -> CheckId {
    CheckId::new(number).unwrap()
}

fn set(numbers: &[usize]) -> CheckSet {
    let mut set = CheckSet::default();
    numbers.iter().for_each(|number| set.insert(id(*number)));
    set
}

/// Checks begin of which `known` were there before; `anew`: those that are mandatory and not persistent.
fn beginning(all: &[usize], known: &[usize], anew: &[usize]) -> Beginning {
    Beginning {
        all: set(all),
        known: set(known),
        awaited: set(anew),
        anew: set(anew),
    }
}

/// The health of the pool's only peer, and whether it is picked.
fn state(pool: &Pool) -> (PeerHealth, bool) {
    let view = View::new(pool);
    let mut tries = view.begin(Key::None);
    let picked = view.pick(&mut tries, NOW);
    if let Some(peer) = picked {
        view.release(&mut tries, peer, PeerOutcome::Success, Took::default(), NOW);
    }
    (peer(pool).health(), picked.is_some())
}

/// What the answers of `marks`, `+` for one that passes, have changed.
fn changes(pool: &Pool, streak: &mut Streak, patience: Patience, marks: &str) -> String {
    let peer = &peer(pool);
    let change = |mark| match streak.note(peer, id(0), patience, mark == '+', NOW) {
        HealthChange::None => '.',
        HealthChange::Unhealthy => 'u',
        HealthChange::Healthy => 'h',
    };
    marks.chars().map(change).collect()
}

#[test]
fn so_many_answers_in_a_row_change_a_peer() {
    for (checking, fails, passes, answers, expected) in [
        (false, 1, 1, "++-+-", "..uhu"),
        (false, 3, 1, "--+---+", ".....uh"),
        (false, 1, 3, "-++-+++", "u.....h"),
        (false, 2, 2, "-+-+--++", ".....u.h"),
        (true, 3, 3, "+---+++", "h..u..h"),
        (true, 3, 3, "-+-+++", "u....h"),
    ] {
        let checks: &[usize] = if checking { &[0] } else { &[] };
        let pool = pool(checks, None);
        let patience = Patience { fails, passes };
        let found = changes(&pool, &mut Streak::default(), patience, answers);
        assert_eq!(found, expected, "{checking} {fails} {passes} {answers}");
    }
}

#[test]
fn only_a_healthy_peer_gets_requests_even_a_pools_only_one() {
    let pool = pool(&[0], None);
    let once = Patience {
        fails: 1,
        passes: 1,
    };
    let mut streak = Streak::default();
    assert_eq!(state(&pool), (PeerHealth::Checking, false));
    for (answer, expected) in [
        ("-", (PeerHealth::Unhealthy, false)),
        ("+", (PeerHealth::Healthy, true)),
        ("-", (PeerHealth::Unhealthy, false)),
    ] {
        changes(&pool, &mut streak, once, answer);
        assert_eq!(state(&pool), expected, "{answer}");
    }
}

/// A pool of so many peers that no balancer looks at all of them.
fn many(method: Method) -> Pool {
    let mut spec = PoolSpec::implied("u", []);
    spec.method = method;
    for port in 0..100 {
        let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
        spec.peers.push(PeerSpec::new(address, "a"));
    }
    Pool::new(spec, None)
}

#[test]
fn one_of_many_is_out_from_the_next_choice_on() {
    let once = Patience {
        fails: 1,
        passes: 1,
    };
    for method in [
        Method::RoundRobin,
        Method::LeastConn,
        Method::IpHash,
        Method::HashConsistent,
        Method::Random,
        Method::LeastTime(Measure {
            until: Until::Header,
            inflight: false,
        }),
        Method::RandomTwo,
    ] {
        let pool = many(method);
        let view = View::with_seed(&pool, 1);
        let list = pool.list();
        // Each with a key of its own, also in its first three bytes, and held, so that whoever has least to do changes.
        let picks = |index: usize| {
            let mut held = Vec::new();
            for key in 0..3000_u32 {
                let key = (key << 8).to_be_bytes();
                let mut tries = view.begin(match method {
                    Method::IpHash => Key::ClientAddr(Some(key.into())),
                    _ => Key::Hash(&key),
                });
                let peer = view.pick(&mut tries, NOW).unwrap();
                held.push((tries, peer));
            }
            let found = held.iter().any(|(_, peer)| peer.index() == index);
            for (tries, peer) in &mut held {
                view.release(tries, *peer, PeerOutcome::Success, Took::default(), NOW);
            }
            found
        };
        let note = |passed| Streak::default().note(&list.peers()[7], id(0), once, passed, NOW);
        assert!(picks(7), "{method:?}");
        assert_eq!(note(false), HealthChange::Unhealthy);
        assert!(!picks(7), "{method:?}");
        assert_eq!(note(true), HealthChange::Healthy);
        assert!(picks(7), "{method:?}");
        list.peers()[7].begin_checks(&beginning(&[0], &[0], &[0]));
        assert!(!picks(7), "{method:?}");
    }
}

#[test]
fn each_of_several_checks_can_take_a_peer_out_alone() {
    let pool = pool(&[], None);
    let peer = &peer(&pool);
    let once = Patience {
        fails: 1,
        passes: 1,
    };
    let mut streaks = [Streak::default(); 2];
    let mut note = |check: usize, passed| {
        let change = streaks[check].note(peer, id(check), once, passed, NOW);
        (change, state(&pool).1)
    };
    assert_eq!(note(0, false), (HealthChange::Unhealthy, false));
    assert_eq!(note(1, false), (HealthChange::Unhealthy, false));
    assert_eq!(note(0, true), (HealthChange::Healthy, false));
    assert_eq!(peer.status(NOW).since_recovery, None);
    assert_eq!(note(1, true), (HealthChange::Healthy, true));
    assert_eq!(
        peer.status(NOW + Duration::from_secs(2)).since_recovery,
        Some(2)
    );
}

#[test]
fn a_reload_keeps_what_was_found_unless_it_is_asked_anew() {
    let once = Patience {
        fails: 1,
        passes: 1,
    };
    for (before, anew, expected) in [
        ("+", &[][..], PeerHealth::Healthy),
        ("-", &[], PeerHealth::Unhealthy),
        ("+", &[0], PeerHealth::Checking),
        ("-", &[0], PeerHealth::Unhealthy),
    ] {
        let old = pool(&[0], None);
        changes(&old, &mut Streak::default(), once, before);
        let new = pool(&[0], Some(&old));
        peer(&new).begin_checks(&beginning(&[0], &[0], anew));
        assert_eq!(state(&new).0, expected, "{before} {anew:?}");
    }
    let old = pool(&[0, 1], None);
    let new = pool(&[], Some(&old));
    assert_eq!(state(&new).0, PeerHealth::Checking);
    peer(&new).begin_checks(&beginning(&[], &[], &[]));
    assert_eq!(
        state(&new),
        (PeerHealth::Healthy, true),
        "nobody asks any more"
    );
}

#[test]
fn a_new_check_inherits_nothing_from_one_whose_number_it_has() {
    let once = Patience {
        fails: 1,
        passes: 1,
    };
    let old = pool(&[0], None);
    changes(&old, &mut Streak::default(), once, "-");
    let new = pool(&[], Some(&old));
    peer(&new).begin_checks(&beginning(&[0], &[], &[]));
    assert_eq!(state(&new), (PeerHealth::Healthy, true));
}

#[test]
fn a_new_peer_waits_for_a_new_check_that_is_persistent() {
    let new = pool(&[0], None);
    peer(&new).begin_checks(&Beginning {
        awaited: set(&[0]),
        ..beginning(&[0], &[], &[])
    });
    assert_eq!(state(&new), (PeerHealth::Checking, false));
}

#[test]
fn a_check_that_a_reload_has_removed_finds_nothing_more() {
    let once = Patience {
        fails: 1,
        passes: 1,
    };
    let pool = pool(&[], None);
    peer(&pool).begin_checks(&beginning(&[1], &[], &[]));
    assert_eq!(changes(&pool, &mut Streak::default(), once, "-"), ".");
    assert_eq!(state(&pool), (PeerHealth::Healthy, true));
}

#[test]
fn numbers_are_taken_until_there_are_no_more() {
    assert_eq!(set(&[]).first_missing(), Some(id(0)));
    assert_eq!(set(&[0, 1, 3]).first_missing(), Some(id(2)));
    let all: Vec<usize> = (0..32).collect();
    assert_eq!(set(&all).first_missing(), None);
    let rest = set(&all[1..]);
    assert_eq!(rest.first_missing(), Some(id(0)));
    assert_eq!(rest.union(set(&[0])).first_missing(), None);
}

#[test]
fn the_first_checks_of_many_peers_are_spread() {
    let schedule = |interval, jitter| Schedule {
        interval: Duration::from_millis(interval),
        jitter: Duration::from_millis(jitter),
    };
    for (interval, jitter, index, count, waited_for, random, expected) in [
        (5000, 0, 0, 1, false, 9, 0),
        (5000, 0, 0, 1000, false, 9, 0),
        (5000, 0, 999, 1000, false, 9, 4995),
        (5000, 0, 1, 2, false, 9, 2500),
        (5000, 100, 1, 2, false, 100, 2600),
        (5000, 100, 1, 2, false, 101, 2500),
        (5000, 100, 2, 3, true, 100, 20),
        (5000, 0, 999, 1000, true, 0, 4995),
        (5000, 0, 0, 0, false, 0, 0),
    ] {
        let start = Start {
            index,
            count,
            waited_for,
            due: None,
        };
        let found = schedule(interval, jitter).first(start, NOW, random);
        assert_eq!(found.as_millis(), expected, "{index} of {count}");
    }
    for (jitter, random, expected) in [
        (0, 7, 5000),
        (300, 7, 5007),
        (300, 300, 5300),
        (300, 301, 5000),
        (300, u64::MAX, 5000 + u64::MAX % 301),
    ] {
        let found = schedule(5000, jitter).next(random);
        assert_eq!(found, Duration::from_millis(expected), "{jitter} {random}");
    }
    let endless = schedule(u64::MAX, u64::MAX);
    assert!(endless.next(u64::MAX) >= endless.interval);
}

#[test]
fn a_check_that_was_due_is_not_put_off_by_a_reload() {
    let at = |millis: i64| NOW.as_millis() as i64 + millis;
    // The interval, when the peer is due from now, and when it is asked: 99th of 100.
    for (interval, due, waited_for, expected) in [
        (1000, 700, false, 700),
        (1000, 1, false, 1),
        (1000, 0, false, 0),
        (1000, -999, false, 0),
        (1000, -1000, false, 990),
        (1000, 700, true, 700),
        (1000, -500, true, 0),
        (4000, 3000, true, 990),
        (500, 3000, false, 600),
    ] {
        let start = Start {
            index: 99,
            count: 100,
            waited_for,
            due: Some(Duration::from_millis(at(due).unsigned_abs())),
        };
        let schedule = Schedule {
            interval: Duration::from_millis(interval),
            jitter: Duration::from_millis(100),
        };
        let found = schedule.first(start, NOW, 101);
        assert_eq!(found.as_millis(), expected, "{interval} {due} {waited_for}");
    }
}

#[test]
fn a_reload_keeps_what_is_due_in_checks_that_go_on() {
    let old = pool(&[], None);
    let due = |pool: &Pool| [0, 1].map(|number| peer(pool).due(id(number)));
    for number in [0, 1] {
        peer(&old).note_due(id(number), NOW);
    }
    let new = pool(&[], Some(&old));
    assert_eq!(due(&new), [Some(NOW); 2]);
    peer(&new).begin_checks(&beginning(&[1, 2], &[1], &[]));
    assert_eq!(due(&new), [None, Some(NOW)]);
    peer(&old).note_due(id(0), NOW);
    assert_eq!(due(&new), [None, Some(NOW)], "the check is gone");
}

#[test]
fn there_are_no_more_checks_than_bits() {
    assert!(CheckId::new(31).is_some());
    assert_eq!(CheckId::new(32), None);
}
