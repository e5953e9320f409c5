//! What the answer's head commands, and what of it reaches the client.

use crate::rig::{Act, Answer, Conf, GET, Rig, ok, run};

/// The answer to GET under `location` where the upstream's head has `fields`.
async fn answered(location: &str, fields: &str) -> Answer {
    let rig = Rig::location(location);
    let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\nContent-Length: 1\r\n\r\nb");
    rig.script(9001, &[Act::Send(bytes)]);
    let answer = rig
        .ask("GET /p/q?r=s HTTP/1.1\r\nHost: front:81\r\n\r\n")
        .await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "b"));
    answer
}

#[test]
fn locations_and_refreshes_are_rewritten() {
    // nginx makes a Location absolute that it has rewritten to a path.
    let off = "proxy_redirect off;";
    for (location, sent, received) in [
        ("", "Location: http://u/x", "http://front/x"),
        ("", "Location: http://other/x", "http://other/x"),
        ("", "Location: /x", "/x"),
        (off, "Location: http://u/x", "http://u/x"),
        (
            "proxy_redirect http://a/ /b/;",
            "Location: http://a/c",
            "http://front:8080/b/c",
        ),
        (
            "proxy_redirect http://a/ /b/; absolute_redirect off;",
            "Location: http://a/c",
            "/b/c",
        ),
        (
            "proxy_redirect http://a/ http://$host:8/;",
            "Location: http://a/c",
            "http://front:8/c",
        ),
        (
            "proxy_redirect ~^http://([a-z]+)\\.in/(.*)$ /$1/$2;",
            "Location: http://www.in/c",
            "http://front:8080/www/c",
        ),
        (
            "proxy_redirect ~*^HTTP://A/ /b/; proxy_redirect http://a/ /never/;",
            "Location: http://a/c",
            "http://front:8080/b/",
        ),
        (
            "proxy_redirect http://a/ /b/;",
            "Refresh: 5; url=http://a/c",
            "5; url=/b/c",
        ),
        ("proxy_redirect http://a/ /b/;", "Refresh: 5", "5"),
    ] {
        run(async {
            let default = location.is_empty();
            let location = if default {
                "proxy_redirect http://u/ http://$host/;"
            } else {
                location
            };
            let answer = answered(location, sent).await;
            let name = sent.split(':').next().unwrap();
            assert_eq!(answer.field(name), Some(received), "{location} {sent}");
        });
    }
}

/// The implied rule replaces the URL of `proxy_pass` by the location's own path.
#[test]
fn the_default_rewrite_maps_the_upstream_to_the_location() {
    run(async {
        let rig = Rig::new(&Conf {
            server: "location /one/ { proxy_pass http://u/two/; }",
            ..Conf::default()
        });
        let bytes =
            "HTTP/1.1 302 Found\r\nLocation: http://u/two/some/uri\r\nContent-Length: 0\r\n\r\n";
        rig.script(9001, &[Act::send(bytes)]);
        let answer = rig.ask("GET /one/x HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(answer.field("location"), Some("http://h:8080/one/some/uri"));
        let (_, seen) = rig.seen().pop().unwrap();
        assert!(seen.starts_with("GET /two/x HTTP/1.1\r\n"), "{seen}");
    });
}

#[test]
fn cookies_are_rewritten() {
    for (location, sent, received) in [
        ("", "a=b; Domain=x.y; Path=/z", "a=b; Domain=x.y; Path=/z"),
        (
            "proxy_cookie_domain x.y w.v;",
            "a=b; domain=.X.y; path=/z",
            "a=b; domain=.w.v; path=/z",
        ),
        (
            "proxy_cookie_domain x.y w.v;",
            "a=b; domain=o.x.y",
            "a=b; domain=o.x.y",
        ),
        (
            "proxy_cookie_domain ~\\.([a-z]+)$ $1.org;",
            "a=b; domain=www.site",
            "a=b; domain=site.org",
        ),
        (
            "proxy_cookie_path /z/ /;",
            "a=b; path=/z/one",
            "a=b; path=/one",
        ),
        ("proxy_cookie_path /z/ /;", "a=b; path=/y", "a=b; path=/y"),
        (
            "proxy_cookie_flags a secure httponly;",
            "a=b",
            "a=b; Secure; HttpOnly",
        ),
        (
            "proxy_cookie_flags a nosecure;",
            "a=b; Secure; Path=/",
            "a=b; Path=/",
        ),
        (
            "proxy_cookie_flags ~ samesite=strict;",
            "a=b; SameSite=Lax",
            "a=b; SameSite=Strict",
        ),
        ("proxy_cookie_flags other secure;", "a=b", "a=b"),
    ] {
        run(async {
            let answer =
                answered(location, &format!("Set-Cookie: {sent}\r\nSet-Cookie: c=d")).await;
            let cookies = answer.fields("set-cookie");
            assert_eq!(cookies[0], received, "{location}");
            assert_eq!(cookies.len(), 2);
        });
    }
}

#[test]
fn some_fields_do_not_pass() {
    let sent = "Server: backend\r\nDate: then\r\nX-Pad: p\r\nX-Accel-Expires: 1\r\nX-Own: o\r\n\
                Connection: x\r\nKeep-Alive: 5\r\nETag: \"e\"";
    for (location, hidden) in [
        ("", "x-pad x-accel-expires keep-alive"),
        (
            "proxy_hide_header X-Own;",
            "x-pad x-accel-expires keep-alive x-own",
        ),
        ("proxy_pass_header X-Pad;", "x-accel-expires keep-alive"),
    ] {
        run(async {
            let answer = answered(location, sent).await;
            for name in ["x-pad", "x-accel-expires", "x-own", "keep-alive"] {
                let is_hidden = hidden.split(' ').any(|hidden| hidden == name);
                assert_eq!(answer.field(name).is_none(), is_hidden, "{location} {name}");
            }
            let server = answer.field("server").unwrap();
            assert!(server.starts_with("nginx"), "{server}");
            assert_ne!(answer.field("date"), Some("then"));
            assert_eq!(answer.fields("connection"), ["keep-alive"]);
            assert_eq!(answer.field("etag"), Some("\"e\""));
        });
    }
}

#[test]
fn passed_headers_replace_our_own() {
    run(async {
        let location = "proxy_pass_header Server; proxy_pass_header Date;";
        let answer = answered(location, "Server: backend\r\nDate: then").await;
        assert_eq!(answer.fields("server"), ["backend"]);
        assert_eq!(answer.fields("date"), ["then"]);
    });
}

#[test]
fn x_accel_redirect_goes_elsewhere() {
    let server = "location /in/ { internal; proxy_pass http://127.0.0.1:9002; }\
                  location @named { return 200 \"named $uri\"; }";
    let second = "GET /in/x?y=z HTTP/1.1";
    for (location, target, status, body, reached) in [
        ("", "/in/x?y=z", 200, "second", Some(second)),
        ("", "@named", 200, "named /", None),
        ("", "/in/../in/x?y=z", 404, "", None),
        (
            "proxy_ignore_headers X-Accel-Redirect;",
            "/in/x",
            200,
            "first",
            None,
        ),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                server,
                location,
                format: "'$status $upstream_addr $upstream_status'",
                ..Conf::default()
            });
            let first = format!(
                "HTTP/1.1 200 OK\r\nX-Accel-Redirect: {target}\r\nSet-Cookie: a=b\r\n\
                 X-Lost: x\r\nContent-Length: 5\r\n\r\nfirst"
            );
            rig.script(9001, &[Act::Send(first)]);
            rig.script(9002, &[Act::Send(ok("second"))]);
            let mut client = rig.connect();
            client.send(GET).await;
            let answer = client.answer().await;
            assert_eq!(answer.status, status, "{target}");
            if !body.is_empty() {
                assert_eq!(answer.text(), body, "{target}");
            }
            let seen = rig.seen();
            if let Some(reached) = reached {
                assert!(seen[1].1.starts_with(reached), "{seen:?}");
                assert_eq!(
                    rig.access().await,
                    ["200 127.0.0.1:9001 : 127.0.0.1:9002 200 : 200"]
                );
            } else {
                assert_eq!(seen.len(), 1, "{seen:?}");
            }
            assert_eq!(answer.field("x-lost").is_some(), body == "first");
        });
    }
}

#[test]
fn x_accel_buffering_decides_over_the_directive() {
    for (location, field, buffered) in [
        ("", "X-Accel-Buffering: no", false),
        ("proxy_buffering off;", "X-Accel-Buffering: yes", true),
        (
            "proxy_ignore_headers X-Accel-Buffering;",
            "X-Accel-Buffering: no",
            true,
        ),
    ] {
        run(async {
            let rig = Rig::location(location);
            let mut client = rig.connect();
            client.send(GET).await;
            let mut peer = rig.accept().await;
            peer.request().await;
            peer.send(format!(
                "HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 4\r\n\r\nab"
            ))
            .await;
            let early = client.arrived().await;
            assert_eq!(early.is_empty(), buffered, "{location} {field}");
            peer.send("cd").await;
            assert!(client.arrived().await.ends_with("cd"));
        });
    }
}

#[test]
fn add_header_adds_to_what_passes() {
    run(async {
        let location = "add_header X-Up $upstream_status; add_header X-Empty \"\"; \
                        add_header X-Own new;";
        let answer = answered(location, "X-Own: old").await;
        assert_eq!(answer.field("x-up"), Some("200"));
        assert_eq!(answer.field("x-empty"), None);
        assert_eq!(answer.fields("x-own"), ["old", "new"]);
    });
}

#[test]
fn a_rewritten_domain_keeps_the_dot_of_the_cookie() {
    for (sent, shown) in [
        ("a=b; domain=.old.com", "a=b; domain=.new.com"),
        ("a=b; domain=OLD.com; path=/", "a=b; domain=new.com; path=/"),
        ("a=b; domain=other.com", "a=b; domain=other.com"),
    ] {
        run(async {
            let rig = Rig::location("proxy_cookie_domain old.com new.com;");
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: {sent}\r\n\r\n");
            rig.script(9001, &[Act::send(&answer)]);
            assert_eq!(rig.get().await.field("set-cookie"), Some(shown));
        });
    }
}

#[test]
fn server_tokens_says_what_server_shows() {
    for (directive, server) in [
        ("", "nginx/1.31.5"),
        ("server_tokens off;", "nginx"),
        ("server_tokens build;", "nginx/1.31.5"),
        ("server_tokens \"mine, for $host\";", "mine, for h"),
    ] {
        run(async {
            let rig = Rig::serving(directive);
            assert_eq!(rig.get().await.field("Server"), Some(server), "{directive}");
        });
    }
}
