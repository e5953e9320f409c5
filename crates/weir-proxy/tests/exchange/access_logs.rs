//! Which requests are logged where, and when the lines reach the file.

use std::time::Duration;

use crate::rig::{Act, Conf, Rig, ok, pass, run, seconds};

fn logging(server: &str, location: &str) -> Rig {
    let rig = Rig::new(&Conf {
        http: "log_format short '$uri $status';",
        server,
        location,
        ..Conf::default()
    });
    rig.script(9001, &[Act::Send(ok("a"))]);
    rig
}

async fn ask(rig: &Rig, path: &str) {
    rig.ask(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
        .await;
}

fn read(rig: &Rig, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(rig.folder().join(name)).expect("a log");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_line_is_written_where_its_condition_holds() {
    for (condition, expected) in [
        ("$arg_log", vec!["/1 200"]),
        ("$arg_other", vec!["/2 200", "/3 200"]),
    ] {
        run(async {
            let rig = logging("", &format!("access_log access.log short if={condition};"));
            for path in ["/1?log=yes", "/2?log=0&other=1", "/3?log=&other=2", "/4"] {
                ask(&rig, path).await;
            }
            assert_eq!(rig.access().await, expected, "{condition}");
        });
    }
}

#[test]
fn a_location_may_log_elsewhere_twice_or_not_at_all() {
    run(async {
        let rig = logging(
            "location /off { access_log off; proxy_pass http://u; }\
             location /two { access_log access.log t; access_log two.log short; \
             proxy_pass http://u; }",
            "",
        );
        for path in ["/off", "/two", "/else"] {
            ask(&rig, path).await;
        }
        let line = "200 1 127.0.0.1:9001 200";
        assert_eq!(rig.access().await, [line, line]);
        assert_eq!(read(&rig, "two.log"), ["/two 200"]);
    });
}

#[test]
fn buffered_lines_wait_for_a_full_buffer_or_their_time() {
    run(async {
        let rig = logging("", "access_log access.log short buffer=64 flush=10s;");
        ask(&rig, "/1").await;
        seconds(8).await;
        assert_eq!(rig.written_access(), [""; 0]);
        seconds(4).await;
        assert_eq!(rig.written_access(), ["/1 200"], "flush=10s");
        for _ in 0..8 {
            ask(&rig, "/2345678").await;
        }
        rig.settle().await;
        let written = rig.written_access().len();
        assert!((2..9).contains(&written), "a full buffer: {written}");
        assert_eq!(rig.access().await.len(), 9);
    });
}

#[test]
fn the_time_of_buffered_lines_is_kept_exactly() {
    run(async {
        let rig = logging("", "access_log access.log short buffer=64k flush=250ms;");
        ask(&rig, "/1").await;
        pass(Duration::from_millis(245)).await;
        assert_eq!(rig.written_access(), [""; 0]);
        pass(Duration::from_millis(6)).await;
        assert_eq!(rig.written_access(), ["/1 200"]);
    });
}

#[test]
fn lines_are_written_before_the_connection_closes() {
    run(async {
        let rig = logging("", "");
        let mut client = rig.connect();
        client.send("GET /1 HTTP/1.0\r\n\r\n").await;
        client.rest().await;
        assert_eq!(rig.written_access().len(), 1);
    });
}

#[test]
fn each_request_is_logged_once_in_the_order_of_their_ends() {
    run(async {
        let rig = Rig::new(&Conf {
            format: "'$connection $connection_requests $uri'",
            ..Conf::default()
        });
        let mut first = rig.connect();
        first.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let mut slow = rig.accept().await;
        slow.request().await;
        let mut second = rig.connect();
        second.send("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let mut quick = rig.accept().await;
        quick.request().await;
        quick.send(ok("q")).await;
        assert_eq!(second.answer().await.text(), "q");
        slow.send(ok("s")).await;
        assert_eq!(first.answer().await.text(), "s");
        // Upstream connections take numbers, too.
        assert_eq!(rig.access().await, ["3 1 /quick", "1 1 /slow"]);
    });
}

#[test]
fn an_error_line_names_its_context() {
    run(async {
        let rig = logging("", "");
        rig.script(9001, &[Act::Refuse]);
        let request = "GET /a?b HTTP/1.1\r\nHost: Front:81\r\nReferer: http://r/\"x\r\n\r\n";
        rig.ask(request).await;
        assert_eq!(
            rig.error_lines().await[0],
            "[error] connect() to 127.0.0.1:9001 failed (111: Connection refused) while connecting \
             to upstream, client: 127.0.0.1, server: localhost, request: \"GET /a?b HTTP/1.1\", \
             upstream: \"http://127.0.0.1:9001/a?b\", host: \"Front:81\", \
             referrer: \"http://r/\"x\""
        );
    });
}

#[test]
fn levels_below_the_logs_own_are_left_out() {
    for (level, lines) in [("info", 2), ("warn", 1), ("error", 1), ("crit", 0)] {
        run(async {
            let rig = logging("", &format!("error_log place.log {level};"));
            rig.script(9001, &[Act::Refuse, Act::Stall]);
            ask(&rig, "/").await;
            let mut client = rig.connect();
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
            rig.settle().await;
            drop(client);
            rig.settle().await;
            assert_eq!(read(&rig, "place.log").len(), lines, "{level}");
        });
    }
}
