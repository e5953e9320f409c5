//! A worker that goes over to another configuration, or that a reload makes superfluous.

use std::rc::Rc;

use crate::rig::{Act, Conf, GET, Rig, ok, run};

/// `location /` says which configuration answers, whatever the upstream says.
fn named(name: &str) -> String {
    format!("add_header X-Conf {name};")
}

#[test]
fn a_request_that_was_sent_ahead_is_answered_under_the_new_configuration() {
    run(async {
        let [old, new] = ["old", "new"].map(named);
        let mut rig = Rig::location(&old);
        let mut client = rig.connect();
        client.send(&format!("{GET}{GET}{GET}")).await;
        let mut peer = rig.accept().await;
        peer.request().await;
        rig.reload(&Conf {
            location: &new,
            ..Conf::default()
        });
        rig.script(9001, &[Act::Send(ok("b"))]);
        peer.send(ok("a")).await;
        assert_eq!(client.answer().await.field("X-Conf"), Some("old"));
        for _ in 0..2 {
            let answer = client.answer().await;
            assert_eq!(answer.field("X-Conf"), Some("new"));
            assert_eq!(answer.text(), "b");
        }
    });
}

#[test]
fn no_upstream_connection_idles_for_an_older_configuration() {
    run(async {
        let keepalive = Conf {
            upstream: "server 127.0.0.1:9001; keepalive 8;",
            location: "proxy_http_version 1.1; proxy_set_header Connection '';",
            ..Conf::default()
        };
        let mut rig = Rig::new(&keepalive);
        let [mut idle, mut busy] = [rig.connect(), rig.connect()];
        busy.send(GET).await;
        let mut kept_by_busy = rig.accept().await;
        kept_by_busy.request().await;
        idle.send(GET).await;
        let mut kept = rig.accept().await;
        kept.request().await;
        kept.send(ok("a")).await;
        idle.answer().await;
        rig.reload(&keepalive);
        assert_eq!(kept.rest().await, b"", "it was closed with the old pool");
        kept_by_busy.send(ok("b")).await;
        busy.answer().await;
        assert_eq!(kept_by_busy.rest().await, b"", "it was not kept");
    });
}

#[test]
fn fewer_worker_connections_hold_once_the_surplus_has_ended() {
    run(async {
        let slots = |slots| Conf {
            slots,
            location: "return 200 a;",
            ..Conf::default()
        };
        let mut rig = Rig::new(&slots(5));
        let mut clients: Vec<_> = (0..5).map(|_| rig.connect()).collect();
        for client in &mut clients {
            client.send("GET / HT").await;
        }
        rig.settle().await;
        rig.reload(&slots(2));
        for left in (1..5).rev() {
            clients.pop();
            rig.settle().await;
            let mut next = rig.connect();
            next.try_send(GET).await;
            let served = left < 2;
            assert_eq!(
                next.answer().await.status,
                if served { 200 } else { 0 },
                "{left}"
            );
        }
    });
}

#[test]
fn nothing_keeps_a_worker_alive_whose_thread_has_ended() {
    for ending in [|_: &Rig| {}, |rig: &Rig| rig.worker().retire()] {
        let worker = run(async {
            let rig = Rig::new(&Conf {
                upstream: "server 127.0.0.1:9001; keepalive 8;",
                location: "proxy_http_version 1.1; proxy_set_header Connection '';",
                ..Conf::default()
            });
            rig.script(9001, &[Act::Send(ok("a"))]);
            let mut client = rig.connect();
            client.send(GET).await;
            assert_eq!(client.answer().await.text(), "a");
            ending(&rig);
            rig.settle().await;
            Rc::downgrade(rig.worker())
        });
        assert!(worker.upgrade().is_none());
    }
}
