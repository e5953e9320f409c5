//! The request that reaches the upstream: its line, fields and body.

use crate::rig::{Act, Conf, Rig, ok, run};

/// What the upstream reads when `request` comes in under `conf`.
async fn sent(conf: &Conf<'_>, request: &str) -> String {
    let rig = Rig::new(conf);
    rig.script(9001, &[Act::Send(ok("a"))]);
    let answer = rig.ask(request).await;
    assert_eq!(answer.status, 200, "{request}");
    rig.seen().pop().expect("a request").1
}

#[test]
fn the_whole_request() {
    let post = "POST /a%20b?c HTTP/1.1\r\nHost: Front:81\r\nConnection: close, x\r\n\
                Keep-Alive: 5\r\nTE: trailers\r\nUpgrade: x\r\nX-A: b\r\nContent-Length: 2\r\n\r\nxy";
    for (location, expected) in [
        (
            "",
            "POST /a%20b?c HTTP/1.1\r\nHost: u\r\nContent-Length: 2\r\nX-A: b\r\n\r\nxy",
        ),
        (
            "proxy_http_version 1.0;",
            "POST /a%20b?c HTTP/1.0\r\nHost: u\r\nContent-Length: 2\r\nX-A: b\r\n\r\nxy",
        ),
        (
            "proxy_set_header Host $host; proxy_set_header X-A \"\"; proxy_set_header X-B $arg_c-$remote_addr;",
            "POST /a%20b?c HTTP/1.1\r\nHost: front\r\nX-B: -127.0.0.1\r\nContent-Length: 2\r\n\r\nxy",
        ),
        (
            "proxy_method PUT; proxy_set_body new-$request_method;",
            "PUT /a%20b?c HTTP/1.1\r\nHost: u\r\nContent-Length: 8\r\nX-A: b\r\n\r\nnew-POST",
        ),
        (
            "proxy_pass_request_body off; proxy_set_header Content-Length \"\";",
            "POST /a%20b?c HTTP/1.1\r\nHost: u\r\nX-A: b\r\n\r\n",
        ),
        (
            "proxy_pass_request_headers off;",
            "POST /a%20b?c HTTP/1.1\r\nHost: u\r\nContent-Length: 2\r\n\r\nxy",
        ),
    ] {
        run(async {
            let conf = Conf {
                location,
                ..Conf::default()
            };
            assert_eq!(sent(&conf, post).await, expected, "{location}");
        });
    }
}

/// However the client wrote them, fields reach the upstream in one form and in order, and what is
/// dropped between two that stay is gone.
#[test]
fn fields_in_any_shape_pass_in_one() {
    let request = "GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC:3\r\nD:   4 \r\nE: 5\nF: 6\r\n\
                   dropped_one: x\r\nG: 7\r\nKeep-Alive: 5\r\nH: 8\r\nI:\r\nJ: \r\nK: 9\r\nHost: h\r\n\
                   L: a: b\r\n\r\n";
    run(async {
        assert_eq!(
            sent(&Conf::default(), request).await,
            "GET / HTTP/1.1\r\nHost: u\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\n\
             H: 8\r\nI: \r\nJ: \r\nK: 9\r\nL: a: b\r\n\r\n"
        );
    });
}

#[test]
fn older_versions_speak_http_1_0_and_close() {
    run(async {
        let conf = Conf {
            main: "compat 1.28;",
            ..Conf::default()
        };
        let seen = sent(&conf, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(
            seen,
            "GET /x HTTP/1.0\r\nHost: u\r\nConnection: close\r\n\r\n"
        );
    });
}

/// Nothing of a request may reach a port that expects TLS before there is some.
#[test]
fn a_variable_https_url_begins_with_a_greeting() {
    run(async {
        let rig = Rig::new(&Conf {
            server: "location /v { proxy_pass $http_x_url; }",
            ..Conf::default()
        });
        for url in ["https://u", "HTTPS://127.0.0.1:9001/x"] {
            let mut client = rig.connect();
            let request = format!("GET /v HTTP/1.1\r\nHost: h\r\nX-Url: {url}\r\n\r\n");
            client.send(&request).await;
            let mut peer = rig.accept().await;
            assert!(peer.wire.more().await, "{url}");
            assert_eq!(peer.wire.ahead[..2], [22, 3], "{url}");
            drop(peer);
            assert_eq!(client.answer().await.status, 502, "{url}");
        }
    });
}

#[test]
fn the_uri_that_is_asked_for() {
    for (place, target, asked) in [
        (
            "location /a/ { proxy_pass http://u; }",
            "/a/%41/../b?c=d",
            "/a/%41/../b?c=d",
        ),
        (
            "location /a/ { proxy_pass http://u/; }",
            "/a/b?c=d",
            "/b?c=d",
        ),
        (
            "location /a/ { proxy_pass http://u/x/; }",
            "/a/b%20c",
            "/x/b%20c",
        ),
        (
            "location /a/ { proxy_pass http://u/x/; }",
            "/a/./b//c/../d",
            "/x/b/d",
        ),
        ("location /a { proxy_pass http://u/x; }", "/abc", "/xbc"),
        ("location = /a { proxy_pass http://u/x; }", "/a?q", "/x?q"),
        (
            "location ~ ^/a/(.*)$ { proxy_pass http://u/y/$1$is_args$args; }",
            "/a/b?c",
            "/y/b?c",
        ),
        (
            "location /a/ { proxy_pass http://u$request_uri; }",
            "/a/%2e?b",
            "/a/%2e?b",
        ),
        ("", "http://h/abs?x", "/abs?x"),
    ] {
        run(async {
            let conf = Conf {
                server: place,
                ..Conf::default()
            };
            let seen = sent(&conf, &format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
            let line = seen.split("\r\n").next().unwrap();
            assert_eq!(line, format!("GET {asked} HTTP/1.1"), "{place}");
        });
    }
}

#[test]
fn repeated_fields_pass_in_order() {
    run(async {
        let request = "GET / HTTP/1.1\r\nHost: h\r\nB: 1\r\nA: 2\r\nB: 3\r\nEmpty:\r\n\r\n";
        let seen = sent(&Conf::default(), request).await;
        assert!(
            seen.contains("\r\nB: 1\r\nA: 2\r\nB: 3\r\nEmpty: \r\n"),
            "{seen}"
        );
    });
}
