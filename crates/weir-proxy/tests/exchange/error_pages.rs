//! Statuses that become pages: nginx's own, `error_page`, intercepted answers.

use crate::rig::{Act, Conf, Rig, ok, run};

/// The client's view of a failure under `location`, with some pages to lead to.
fn check(location: &str, act: Act, expected: (u16, &str)) {
    run(async {
        let rig = Rig::new(&Conf {
            server: "location = /page { return 200 \"page $status\"; }\
                     location = /proxied { proxy_pass http://127.0.0.1:9002; }\
                     location @named { proxy_pass http://127.0.0.1:9002; }\
                     location @loop { proxy_pass http://127.0.0.1:9003; error_page 502 /page; }",
            location,
            ..Conf::default()
        });
        rig.script(9001, &[act]);
        rig.script(9002, &[Act::Send(ok("fallback"))]);
        rig.script(9003, &[Act::Refuse]);
        let answer = rig
            .ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
            .await;
        let body = answer.text();
        let title = body.split("<title>").nth(1);
        let shown = title.and_then(|rest| rest.split("</title>").next());
        let shown = shown.unwrap_or(&body);
        assert_eq!((answer.status, shown), expected, "{location}");
        if (300..310).contains(&expected.0) {
            assert_eq!(answer.field("location"), Some("http://else/where"));
        }
    });
}

#[test]
fn failures_lead_to_pages() {
    for (location, expected) in [
        ("", (502, "502 Bad Gateway")),
        ("error_page 502 /proxied;", (502, "fallback")),
        ("error_page 502 =200 /proxied;", (200, "fallback")),
        ("error_page 502 =503 /proxied;", (503, "fallback")),
        ("error_page 502 = /proxied;", (200, "fallback")),
        ("error_page 502 @named;", (502, "fallback")),
        ("error_page 502 = @named;", (200, "fallback")),
        ("error_page 502 http://else/where;", (302, "302 Found")),
        (
            "error_page 502 =301 http://else/where;",
            (301, "301 Moved Permanently"),
        ),
        ("error_page 504 /proxied;", (502, "502 Bad Gateway")),
        ("error_page 500 502 503 504 /proxied;", (502, "fallback")),
        // A page of a page is not looked for, unless asked to.
        ("error_page 502 @loop;", (502, "502 Bad Gateway")),
        (
            "recursive_error_pages on; error_page 502 @loop;",
            (502, "page 502"),
        ),
    ] {
        check(location, Act::Refuse, expected);
    }
}

#[test]
fn answers_are_intercepted_only_where_a_page_exists() {
    let missing = || Act::send("HTTP/1.1 404 Gone fishing\r\nContent-Length: 2\r\n\r\nno");
    for (location, expected) in [
        ("", (404, "no")),
        ("error_page 404 /proxied;", (404, "no")),
        ("proxy_intercept_errors on;", (404, "no")),
        (
            "proxy_intercept_errors on; error_page 500 /proxied;",
            (404, "no"),
        ),
        (
            "proxy_intercept_errors on; error_page 404 /proxied;",
            (404, "fallback"),
        ),
        (
            "proxy_intercept_errors on; error_page 404 =200 @named;",
            (200, "fallback"),
        ),
        (
            "proxy_intercept_errors on; error_page 404 http://else/where;",
            (302, "302 Found"),
        ),
    ] {
        check(location, missing(), expected);
    }
}

#[test]
fn a_redirected_error_is_asked_for_with_get_and_without_its_body() {
    for (location, line) in [
        ("error_page 502 /proxied;", "GET /proxied HTTP/1.1\r\n"),
        ("error_page 502 @named;", "POST /some HTTP/1.1\r\n"),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                server: "location = /proxied { proxy_pass http://127.0.0.1:9002; }\
                         location @named { proxy_pass http://127.0.0.1:9002; }",
                location,
                ..Conf::default()
            });
            rig.script(9001, &[Act::Refuse]);
            rig.script(9002, &[Act::Send(ok("f"))]);
            rig.ask("POST /some HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
                .await;
            let (_, seen) = rig.seen().pop().unwrap();
            assert!(seen.starts_with(line), "{seen}");
            assert_eq!(
                rig.access().await,
                ["502 1 127.0.0.1:9001 : 127.0.0.1:9002 502 : 200"]
            );
        });
    }
}

#[test]
fn an_intercepted_401_keeps_its_challenge() {
    run(async {
        let rig = Rig::location("proxy_intercept_errors on; error_page 401 /none;");
        let bytes = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nX: y\r\n\
                     Content-Length: 2\r\n\r\nno";
        rig.script(9001, &[Act::send(bytes), Act::Close]);
        let answer = rig.get().await;
        assert_eq!(answer.field("www-authenticate"), Some("Basic realm=\"r\""));
        assert_eq!(answer.field("x"), None);
    });
}

#[test]
fn our_own_pages_keep_or_close_the_connection() {
    for (status, kept) in [
        (403, true),
        (404, true),
        (500, false),
        (502, true),
        (503, true),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                server: &format!("location /own {{ return {status}; }}"),
                ..Conf::default()
            });
            let mut client = rig.connect();
            client.send("GET /own HTTP/1.1\r\nHost: h\r\n\r\n").await;
            let answer = client.answer().await;
            assert_eq!(answer.status, status);
            assert_eq!(client.is_closed().await, !kept, "{status}");
            let text = answer.text();
            assert!(text.contains("<hr><center>nginx/"), "{text}");
        });
    }
}

#[test]
fn some_statuses_close_without_a_word() {
    for status in [408, 444, 499] {
        run(async {
            let rig = Rig::new(&Conf {
                server: &format!("location /own {{ return {status}; }}"),
                ..Conf::default()
            });
            let mut client = rig.connect();
            client.send("GET /own HTTP/1.1\r\nHost: h\r\n\r\n").await;
            assert_eq!(client.rest().await, b"", "{status}");
            assert_eq!(rig.access().await, [format!("{status} 0 - -")]);
        });
    }
}

/// RFC 9209: only answers that are made in the place of an upstream's say why, and only if that is wanted.
#[test]
fn proxy_status_says_why_there_is_no_answer_of_an_upstream() {
    const SERVER: &str = "location = /page { proxy_status on; return 200 \"page\"; }\
                          location = /proxied { proxy_status on; proxy_pass http://127.0.0.1:9002; }";
    let ok_with_status = Act::status(503);
    for (location, act, expected) in [
        (
            "proxy_status on;",
            Act::Refuse,
            Some("weir; error=connection_refused"),
        ),
        ("", Act::Refuse, None),
        (
            "proxy_status on;",
            Act::Close,
            Some("weir; error=connection_terminated"),
        ),
        (
            "proxy_status on; proxy_read_timeout 1s;",
            Act::Stall,
            Some("weir; error=http_response_timeout"),
        ),
        (
            "proxy_status on;",
            Act::send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            Some("weir; error=http_protocol_error"),
        ),
        (
            "proxy_status on; add_header X-A b always;",
            Act::Refuse,
            Some("weir; error=connection_refused"),
        ),
        (
            "proxy_status on; error_page 502 /page;",
            Act::Refuse,
            Some("weir; error=connection_refused"),
        ),
        // Another upstream has answered.
        (
            "proxy_status on; error_page 502 /proxied;",
            Act::Refuse,
            None,
        ),
        ("proxy_status on;", Act::Send(ok("a")), None),
        ("proxy_status on;", ok_with_status.clone(), None),
        (
            "proxy_status on; proxy_next_upstream http_503;",
            ok_with_status,
            None,
        ),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                server: SERVER,
                location,
                ..Conf::default()
            });
            rig.script(9001, &[act]);
            rig.script(9002, &[Act::Send(ok("fallback"))]);
            let answer = rig.get().await;
            assert_eq!(answer.field("proxy-status"), expected, "{location}");
        });
    }
}
