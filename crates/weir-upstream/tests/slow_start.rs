//! A peer that comes back gets its share little by little (`slow_start`).

use std::time::Duration;

use weir_upstream::{
    Key, Measure, Method, Now, PeerAddress, PeerOutcome, PeerSpec, Pool, PoolSpec, Took, Until,
    View,
};

const SLOW_START: u64 = 100;

fn view(method: Method, peers: u16) -> View {
    let mut spec = PoolSpec::implied("u", []);
    spec.method = method;
    for port in 1..=peers {
        let address = PeerAddress::Inet(([127, 0, 0, 1], port).into());
        let mut peer = PeerSpec::new(address, format!("s{port}"));
        peer.parameters.slow_start = Duration::from_secs(SLOW_START);
        spec.peers.push(peer);
    }
    View::with_seed(&Pool::new(spec, None), 1)
}

/// One request, which ends in no time; the peer that had it, unless all were out.
fn serve(view: &View, at: Now, fails: impl Fn(usize) -> bool) -> Option<usize> {
    let mut tries = view.begin(Key::None);
    loop {
        let peer = view.pick(&mut tries, at)?;
        let outcome = match fails(peer.index()) {
            true => PeerOutcome::Failed,
            false => PeerOutcome::Success,
        };
        let took = Took {
            header: Some(Duration::from_millis(1)),
            response: Duration::from_millis(1),
        };
        view.release(&mut tries, peer, outcome, took, at);
        if outcome == PeerOutcome::Success {
            return Some(peer.index());
        }
    }
}

/// Takes the first peer out and lets it come back; the moment in which it does.
fn come_back(view: &View) -> Now {
    let out = Duration::from_secs(1000);
    for _ in 0..view.list().peers().len() {
        serve(view, out, |peer| peer == 0);
    }
    let back = out + Duration::from_secs(11);
    while serve(view, back, |_| false) != Some(0) {}
    assert_eq!(view.list().peers()[0].status(back).fails, 0);
    back
}

/// Its share of the requests of each tenth of the time, and of one tenth after that.
fn shares(view: &View, back: Now) -> Vec<f64> {
    const REQUESTS: u32 = 3000;
    let tenth = Duration::from_secs(SLOW_START / 10);
    (0..11)
        .map(|turn| {
            let first = (0..REQUESTS).filter(|request| {
                let at = back + tenth * turn + tenth * *request / REQUESTS;
                serve(view, at, |_| false) == Some(0)
            });
            first.count() as f64 / f64::from(REQUESTS)
        })
        .collect()
}

#[test]
fn the_share_rises_from_nothing_to_what_it_was() {
    let until = Until::Header;
    let least_time = Measure {
        until,
        inflight: false,
    };
    for method in [
        Method::RoundRobin,
        Method::LeastConn,
        Method::LeastTime(least_time),
    ] {
        // Of three, and of so many that nobody looks at them all.
        for peers in [3, 60] {
            let view = view(method, peers);
            let back = come_back(&view);
            let shares = shares(&view, back);
            let full = 1.0 / f64::from(peers);
            assert!(shares[0] < 0.25 * full, "{method:?} of {peers}: {shares:?}");
            assert!(shares[9] > 0.7 * full, "{method:?} of {peers}: {shares:?}");
            assert!(
                (shares[10] - full).abs() < 0.1 * full,
                "{method:?} of {peers}: {shares:?}"
            );
            let rises = shares
                .windows(2)
                .all(|pair| pair[1] > pair[0] - 0.15 * full);
            assert!(rises, "{method:?} of {peers}: {shares:?}");
        }
    }
}

#[test]
fn where_there_is_nobody_else_it_gets_all() {
    let view = view(Method::RoundRobin, 2);
    let back = come_back(&view);
    let other_fails = |peer: usize| peer == 1;
    // The other fails once, and is out then.
    assert_eq!(serve(&view, back, other_fails), Some(0));
    for _ in 0..50 {
        assert_eq!(serve(&view, back, other_fails), Some(0));
    }
}

#[test]
fn a_peer_that_was_never_out_has_its_share_at_once() {
    let view = view(Method::RoundRobin, 2);
    let at = Duration::from_secs(5);
    let order: Vec<_> = (0..4).filter_map(|_| serve(&view, at, |_| false)).collect();
    assert_eq!(order, [0, 1, 0, 1]);
}
