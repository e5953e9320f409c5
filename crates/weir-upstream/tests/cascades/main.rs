//! What the budget and the threshold do for a group that is in trouble, in numbers: a simulation of clients,
//! servers and a worker's choices, whose tables docs/cascades.md shows.
//!
//! `cargo test -p weir-upstream --test cascades -- --nocapture` prints the tables; with `UPDATE_DOCS=1` the page
//! gets them.

mod simulation;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use weir_conf::RetryShare;

use simulation::{Fault, Outcome, Plan, simulate};

/// Held by the test that reads the page, or writes it.
static AT_PAGE: Mutex<()> = Mutex::new(());

/// The page that shows the tables.
const PAGE: &str = "../../docs/cascades.md";

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Three servers, one of which refuses connections for a minute. Together they can do 300 requests a second, and
/// get 210: the two that are left can do 200.
fn one_dies(percent: Option<u32>) -> Plan {
    let retry_share = percent.map(|percent| RetryShare {
        percent,
        min_per_second: 3,
    });
    Plan {
        servers: 3,
        max_fails: 0,
        requests_per_second: 210,
        retry_share,
        fault: Fault {
            from: seconds(20),
            until: seconds(80),
            servers: 1,
        },
        ends: seconds(120),
        ..Plan::default()
    }
}

/// Ten servers, seven of which cannot be reached for half a second, which takes them out for ten.
fn most_are_out(panic_threshold: Option<u32>) -> Plan {
    Plan {
        servers: 10,
        max_fails: 1,
        requests_per_second: 700,
        panic_threshold,
        fault: Fault {
            from: seconds(20),
            until: Duration::from_millis(20_500),
            servers: 7,
        },
        ends: seconds(40),
        ..Plan::default()
    }
}

/// Two servers that take eight requests at once, and clients that come sixty at a time: 120 a second, of the 200 that
/// the servers can do.
fn in_bursts(queue: usize) -> Plan {
    Plan {
        servers: 2,
        max_conns: 8,
        requests_per_second: 120,
        burst: 60,
        queue,
        ends: seconds(60),
        ..Plan::default()
    }
}

/// Requests and tries of a second, and how many of a hundred requests failed.
fn row(name: &str, cells: &[(Outcome, Duration)]) -> String {
    let mut row = format!("| {name} |");
    for (outcome, time) in cells {
        let tries = outcome.tries as f64 / time.as_secs_f64();
        let failed = outcome.failed_percent();
        row.push_str(&format!(" {tries:.0} | {failed:.1} % |"));
    }
    row
}

/// Compares the page's block of this name with the table, or puts it there.
fn check_page(name: &str, table: &str) {
    let _alone = AT_PAGE.lock();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).expect("the page");
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let (before, rest) = page.split_once(&begin).expect("the table's place");
    let (shown, after) = rest.split_once(&end).expect("the table's end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}"))
            .expect("a writable page");
    } else {
        assert_eq!(shown, table, "UPDATE_DOCS=1 writes docs/cascades.md anew");
    }
}

#[test]
fn a_budget_keeps_a_group_up_whose_server_dies_and_lets_it_recover() {
    let seen = |percent| {
        let records = simulate(&one_dies(percent));
        let phase = |from, until| {
            (
                records.between(seconds(from), seconds(until)),
                seconds(until - from),
            )
        };
        [phase(0, 20), phase(20, 80), phase(100, 120)]
    };
    let (without, with, less) = (seen(None), seen(Some(20)), seen(Some(10)));
    let table = [
        "| | tries/s before | failed | tries/s while one is down | failed | tries/s, 20 s after it is back | failed |",
        "|---|---|---|---|---|---|---|",
        &row("without", &without),
        &row("`retry_budget 20%`", &with),
        &row("`retry_budget 10%`", &less),
        "",
    ]
    .join("\n");
    println!("{table}");
    let [before, down, back] = without.map(|(outcome, _)| outcome.failed_percent());
    assert_eq!(before, 0.0);
    assert!(
        down > 60.0,
        "{down} % fail: retries take the other servers down"
    );
    assert!(
        back > 99.0,
        "{back} % fail: nor do they come back by themselves"
    );
    for with in [with, less] {
        let [before, down, back] = with.map(|(outcome, _)| outcome.failed_percent());
        assert_eq!((before, back), (0.0, 0.0));
        assert!(
            down < 33.3,
            "{down} % fail: at most what only the dead server was asked for"
        );
    }
    check_page("one dies", &table);
}

#[test]
fn a_threshold_keeps_servers_in_use_that_were_taken_out_wrongly() {
    let seen = |threshold| {
        let records = simulate(&most_are_out(threshold));
        let phase = |from: u64, until: u64| {
            let (from, until) = (Duration::from_millis(from), Duration::from_millis(until));
            (records.between(from, until), until - from)
        };
        [
            phase(20_000, 20_500),
            phase(20_500, 32_000),
            phase(32_000, 40_000),
        ]
    };
    let (without, with) = (seen(None), seen(Some(50)));
    let table = [
        "| | tries/s in that half second | failed | tries/s, the next ten seconds | failed | tries/s after that | failed |",
        "|---|---|---|---|---|---|---|",
        &row("without", &without),
        &row("`panic_threshold 50%`", &with),
        "",
    ]
    .join("\n");
    println!("{table}");
    let [_, out, after] = without.map(|(outcome, _)| outcome.failed_percent());
    assert!(
        out > 50.0,
        "{out} % fail: three servers cannot do the work of ten"
    );
    assert_eq!(after, 0.0);
    let [_, out, after] = with.map(|(outcome, _)| outcome.failed_percent());
    assert!(out < 1.0, "{out} % fail");
    assert_eq!(after, 0.0);
    check_page("most are out", &table);
}

#[test]
fn a_queue_lets_bursts_wait_that_max_conns_would_refuse() {
    let mut table = "| | failed | slowest answer |\n|---|---|---|\n".to_owned();
    for (name, queue, failed) in [
        ("without", 0, 73.3),
        ("`queue 20`", 20, 40.0),
        ("`queue 100`", 100, 0.0),
    ] {
        let outcome = simulate(&in_bursts(queue)).between(seconds(0), seconds(60));
        let slowest = outcome.slowest.as_millis();
        let found = format!("{:.1}", outcome.failed_percent());
        assert_eq!(found, format!("{failed:.1}"), "{name}");
        table.push_str(&format!("| {name} | {found} % | {slowest} ms |\n"));
    }
    println!("{table}");
    check_page("in bursts", &table);
}
