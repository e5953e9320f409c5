//! `weir_status`: what it shows, in each form, and to whom.

use serde_json::Value;

use crate::rig::{Act, Conf, Rig, ok, run};

const SERVER: &str = "set_real_ip_from 127.0.0.1; \
                      location = /json { weir_status json; } \
                      location = /metrics { weir_status prometheus; } \
                      location = /page { weir_status; } \
                      location = /open { weir_status json; allow 10.0.0.0/8; deny all; }";

fn rig() -> Rig {
    Rig::new(&Conf {
        upstream: "server 127.0.0.1:9001; server 127.0.0.1:9002 weight=3; server 127.0.0.1:9003 backup;",
        server: SERVER,
        ..Conf::default()
    })
}

async fn get(rig: &Rig, path: &str) -> String {
    let answer = rig
        .ask(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
        .await;
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    answer.text()
}

async fn json(rig: &Rig) -> Value {
    serde_json::from_str(&get(rig, "/json").await).expect("JSON")
}

#[test]
fn requests_and_failures_are_counted_by_peer() {
    run(async {
        let rig = rig();
        rig.script(9001, &[Act::Send(ok("a"))]);
        rig.script(9002, &[Act::Refuse]);
        for _ in 0..3 {
            assert_eq!(rig.get().await.text(), "a");
        }
        let state = json(&rig).await;
        let peers = &state["upstreams"][0]["peers"];
        let seen = |index: usize| {
            let peer = &peers[index];
            let number = |name: &str| peer[name].as_u64().expect("a number");
            (
                peer["state"].as_str().expect("a state").to_owned(),
                number("requests"),
                number("failed"),
                peer["answers"]["count"].as_u64().expect("a number"),
            )
        };
        assert_eq!(seen(0), ("up".to_owned(), 3, 0, 3));
        assert_eq!(seen(1), ("unavail".to_owned(), 1, 1, 0));
        assert_eq!(seen(2), ("up".to_owned(), 0, 0, 0));
        assert_eq!(
            (&peers[1]["weight"], &peers[2]["backup"]),
            (&3.into(), &true.into())
        );
        let failures = state["failures"].as_array().expect("a list");
        let refused = failures
            .iter()
            .find(|one| one["reason"] == "connection_refused");
        let refused = refused.expect("the reason");
        assert_eq!(
            (&refused["total"], &refused["last_hour"]),
            (&1.into(), &1.into())
        );
    });
}

#[test]
fn a_reload_is_another_configuration_and_counts_go_on() {
    run(async {
        let mut rig = rig();
        rig.script(9001, &[Act::Send(ok("a"))]);
        rig.get().await;
        let conf = Conf {
            upstream: "server 127.0.0.1:9001; server 127.0.0.1:9004;",
            server: SERVER,
            ..Conf::default()
        };
        rig.reload(&conf);
        let state = json(&rig).await;
        assert_eq!(state["configuration"]["generation"], 2);
        let peer = &state["upstreams"][0]["peers"][0];
        assert_eq!(
            (&peer["requests"], &peer["answers"]["count"]),
            (&1.into(), &1.into())
        );
    });
}

#[test]
fn prometheus_reads_it() {
    run(async {
        let rig = rig();
        rig.script(9001, &[Act::Send(ok("a"))]);
        rig.get().await;
        let text = get(&rig, "/metrics").await;
        for line in [
            "weir_peer_requests_total{upstream=\"u\",peer=\"127.0.0.1:9001\"} 1",
            "weir_peer_response_seconds_count{upstream=\"u\",peer=\"127.0.0.1:9001\"} 1",
            "weir_peer_response_seconds_bucket{le=\"0.005\",upstream=\"u\",peer=\"127.0.0.1:9001\"} 1",
            "weir_peer_response_seconds_bucket{le=\"+Inf\",upstream=\"u\",peer=\"127.0.0.1:9001\"} 1",
            "weir_failures_total{reason=\"connection_refused\"} 0",
            "weir_connections_active 1",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    });
}

#[test]
fn the_page_has_all_of_it_without_a_script() {
    run(async {
        let rig = rig();
        let page = get(&rig, "/page").await;
        for part in [
            "<th scope=\"row\">127.0.0.1:9001</th>",
            "127.0.0.1:9003 (backup)",
            "<noscript>",
            "None so far.",
        ] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
    });
}

#[test]
fn only_this_machine_may_see_it_unless_rules_say_otherwise() {
    let from = |path: &str, address: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: h\r\nX-Real-IP: {address}\r\n\r\n")
    };
    for (path, address, status) in [
        ("/json", "127.0.0.9", 200),
        ("/json", "::1", 200),
        ("/json", "10.1.2.3", 403),
        ("/page", "10.1.2.3", 403),
        ("/open", "10.1.2.3", 200),
        ("/open", "192.168.1.1", 403),
    ] {
        run(async {
            let rig = rig();
            assert_eq!(
                rig.ask(&from(path, address)).await.status,
                status,
                "{path} {address}"
            );
        });
    }
    run(async {
        let answer = rig()
            .ask("POST /json HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            .await;
        assert_eq!(answer.status, 405);
    });
}

#[test]
fn the_dashboard_asks_for_what_is_there() {
    let dashboard = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/grafana/weir.json"
    );
    let dashboard = std::fs::read_to_string(dashboard).expect("the dashboard");
    let _whole: Value = serde_json::from_str(&dashboard).expect("JSON");
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let asked = dashboard.split("weir_").skip(1);
    let asked = asked.map(|rest| {
        rest.split(|letter| !is_name(letter))
            .next()
            .unwrap_or_default()
    });
    run(async {
        let rig = rig();
        rig.script(9001, &[Act::Send(ok("a"))]);
        rig.get().await;
        let text = get(&rig, "/metrics").await;
        for name in asked {
            let there = text.lines().any(|line| {
                let own = line
                    .strip_prefix("weir_")
                    .and_then(|line| line.strip_prefix(name));
                own.is_some_and(|rest| rest.starts_with(['{', ' ']))
            });
            assert!(there, "weir_{name}");
        }
    });
}
