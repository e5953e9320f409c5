//! The directives of an `upstream` block against cascades of failures.

use std::path::Path;
use std::time::Duration;

use weir_conf::{Cascades, QueueRules, RetryShare};

/// What a group with these directives has, or the first fault.
fn read(directives: &str) -> Result<Cascades, String> {
    let text = format!("events {{}} http {{ upstream u {{ server a:1; {directives} }} }}");
    let config = weir_conf::load_str(&text, Path::new("/")).map_err(|faults| faults.to_string())?;
    let http = config.http.as_ref().expect("an http block");
    Ok(http.upstreams[0].cascades)
}

fn budget(percent: u32, min_per_second: u32) -> Cascades {
    Cascades {
        retry_share: Some(RetryShare {
            percent,
            min_per_second,
        }),
        ..Cascades::default()
    }
}

fn queue(length: usize, seconds: u64) -> Cascades {
    Cascades {
        queue: Some(QueueRules {
            length,
            timeout: Duration::from_secs(seconds),
        }),
        ..Cascades::default()
    }
}

#[test]
fn what_is_written_is_read() {
    for (directives, expected) in [
        ("", Cascades::default()),
        ("retry_budget 20%;", budget(20, 3)),
        ("retry_budget 0% min=0;", budget(0, 0)),
        ("retry_budget 100% min=10;", budget(100, 10)),
        (
            "panic_threshold 50%;",
            Cascades {
                panic_threshold: Some(50),
                ..Cascades::default()
            },
        ),
        ("queue 100;", queue(100, 60)),
        ("least_conn; queue 1 timeout=1m;", queue(1, 60)),
        ("queue 5 timeout=7;", queue(5, 7)),
    ] {
        assert_eq!(read(directives), Ok(expected), "{directives}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (directives, words) in [
        ("retry_budget 20;", "invalid percent value \"20\""),
        ("retry_budget 101%;", "invalid percent value \"101%\""),
        ("retry_budget x%;", "invalid percent value \"x%\""),
        ("retry_budget 1% min=;", "invalid parameter \"min=\""),
        ("retry_budget 1% max=3;", "invalid parameter \"max=3\""),
        (
            "retry_budget 1%; retry_budget 2%;",
            "\"retry_budget\" directive is duplicate",
        ),
        ("panic_threshold 0%;", "invalid percent value \"0%\""),
        ("panic_threshold 50;", "invalid percent value \"50\""),
        ("queue 0;", "\"queue\" directive invalid value"),
        ("queue all;", "\"queue\" directive invalid value"),
        ("queue 1 timeout=x;", "invalid parameter \"timeout=x\""),
        ("queue 1 60s;", "invalid parameter \"60s\""),
        (
            "queue 1; least_conn;",
            "\"least_conn\" directive must stand before \"queue\"",
        ),
    ] {
        let said = read(directives).expect_err(directives);
        assert!(said.contains(words), "{directives}: {said}");
    }
}

#[test]
fn only_methods_that_can_wait_for_a_server_warm_it_up() {
    let server = "server 127.0.0.1:9 slow_start=10s;";
    for method in [
        "ip_hash;",
        "hash $uri;",
        "hash $uri consistent;",
        "random;",
        "random two;",
        "random two least_conn;",
        "random two least_time=header;",
    ] {
        for directives in [format!("{method} {server}"), format!("{server} {method}")] {
            let said = read(&directives).expect_err(&directives);
            let words = "balancing method does not support parameter \"slow_start";
            assert!(said.contains(words), "{directives}: {said}");
        }
    }
    for method in ["", "least_conn;", "least_time header;"] {
        assert!(read(&format!("{server} {method}")).is_ok(), "{method}");
    }
}
