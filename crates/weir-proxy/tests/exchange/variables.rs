//! Variables as an access line shows them.

use crate::rig::{Act, Conf, Rig, ok, pass, run};

const REQUEST: &str = "POST /a%20b/./c?x=1&Y=2 HTTP/1.1\r\nHost: Front.example:81\r\n\
                       User-Agent: agent\r\nReferer: http://ref/\r\nX-Own: one\r\nX-Own: two\r\n\
                       Cookie: a=b; c=d\r\nCookie: e=f\r\nX-Forwarded-For: 1.2.3.4\r\n\
                       Authorization: Basic dXNlcjpwYXNz\r\nVia: 1.0 v\r\nEmpty:\r\n\
                       Content-Type: text/x\r\nContent-Length: 4\r\n\r\nbody";

const ANSWER: &str = "HTTP/1.1 201 Made\r\nContent-Length: 5\r\nContent-Type: text/y\r\nX-Up: u\r\n\
                      Set-Cookie: s=t; Path=/\r\nLast-Modified: then\r\nCache-Control: p\r\n\
                      Cache-Control: q\r\nLocation: /l\r\nLink: <a>\r\n\r\nhello";

/// `format` after one exchange of [`REQUEST`] and [`ANSWER`].
async fn line(format: &str, location: &str) -> String {
    let rig = Rig::new(&Conf {
        format,
        location,
        ..Conf::default()
    });
    rig.script(9001, &[Act::send(ANSWER)]);
    rig.ask(REQUEST).await;
    rig.access().await.remove(0)
}

#[test]
fn values_of_an_exchange() {
    for (variable, value) in [
        ("$args", "x=1&Y=2"),
        ("$query_string", "x=1&Y=2"),
        ("$arg_x", "1"),
        ("$arg_y", "2"),
        ("$arg_none", "-"),
        ("$is_args", "?"),
        ("$binary_remote_addr", "\\x7F\\x00\\x00\\x01"),
        ("$body_bytes_sent", "5"),
        ("$connection", "1"),
        ("$connection_requests", "1"),
        ("$connection_time", "0.000"),
        ("$content_length", "4"),
        ("$content_type", "text/x"),
        ("$cookie_c", "d"),
        ("$cookie_e", "f"),
        ("$cookie_none", "-"),
        ("$host", "front.example"),
        ("$http_host", "Front.example:81"),
        ("$http_user_agent", "agent"),
        ("$http_referer", "http://ref/"),
        ("$http_x_own", "one, two"),
        ("$http_cookie", "a=b; c=d; e=f"),
        ("$http_empty", ""),
        ("$http_none", "-"),
        ("$https", ""),
        ("$limit_rate", "0"),
        ("$nginx_version", "1.31.5"),
        ("$pipe", "."),
        ("$proxy_add_x_forwarded_for", "1.2.3.4, 127.0.0.1"),
        ("$proxy_host", "u"),
        ("$proxy_port", "80"),
        ("$remote_addr", "127.0.0.1"),
        ("$remote_port", "40000"),
        ("$remote_user", "user"),
        ("$request", "POST /a%20b/./c?x=1&Y=2 HTTP/1.1"),
        ("$request_body", "body"),
        ("$request_body_file", "-"),
        ("$request_completion", "OK"),
        ("$request_method", "POST"),
        ("$request_time", "0.000"),
        ("$request_uri", "/a%20b/./c?x=1&Y=2"),
        ("$uri", "/a b/c"),
        ("$document_uri", "/a b/c"),
        ("$scheme", "http"),
        ("$sent_http_content_type", "text/y"),
        ("$sent_http_content_length", "5"),
        // As nginx: by now the connection is kept, not to be kept.
        ("$sent_http_connection", "close"),
        ("$sent_http_cache_control", "p, q"),
        ("$sent_http_x_up", "u"),
        ("$sent_http_location", "/l"),
        ("$sent_http_link", "<a>"),
        ("$sent_http_last_modified", "then"),
        ("$sent_http_transfer_encoding", "-"),
        ("$sent_http_none", "-"),
        ("$server_addr", "127.0.0.1"),
        ("$server_name", "localhost"),
        ("$server_port", "8080"),
        ("$server_protocol", "HTTP/1.1"),
        ("$status", "201"),
        ("$upstream_addr", "127.0.0.1:9001"),
        ("$upstream_status", "201"),
        ("$upstream_response_length", "5"),
        ("$upstream_connect_time", "0.000"),
        ("$upstream_header_time", "0.000"),
        ("$upstream_response_time", "0.000"),
        ("$upstream_http_x_up", "u"),
        ("$upstream_http_cache_control", "p, q"),
        ("$upstream_http_none", "-"),
        ("$upstream_cookie_s", "t"),
        ("$upstream_failure", "-"),
        ("$upstream_cache_status", "-"),
        ("x${scheme}y", "xhttpy"),
    ] {
        run(async {
            let line = line(&format!("'[{variable}]'"), "").await;
            assert_eq!(line, format!("[{value}]"), "{variable}");
        });
    }
}

#[test]
fn lengths_count_every_byte() {
    run(async {
        let rig = Rig::new(&Conf {
            format: "'$request_length $bytes_sent $body_bytes_sent $upstream_bytes_sent \
                     $upstream_bytes_received'",
            ..Conf::default()
        });
        rig.script(9001, &[Act::send(ANSWER)]);
        let answer = rig.ask(REQUEST).await;
        let seen = rig.seen().pop().unwrap().1;
        let expected = format!(
            "{} {} 5 {} {}",
            REQUEST.len(),
            answer.head.len() + 5,
            seen.len(),
            ANSWER.len()
        );
        assert_eq!(rig.access().await, [expected]);
    });
}

#[test]
fn times_are_of_the_paused_clock() {
    run(async {
        let rig = Rig::new(&Conf {
            format: "'$request_time $upstream_connect_time $upstream_header_time \
                     $upstream_response_time'",
            ..Conf::default()
        });
        let mut client = rig.connect();
        client.send("GET / HT").await;
        let wait = async |millis| pass(std::time::Duration::from_millis(millis)).await;
        wait(500).await;
        client.send("TP/1.1\r\nHost: h\r\n\r\n").await;
        let mut peer = rig.accept().await;
        peer.request().await;
        wait(1250).await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
            .await;
        wait(2000).await;
        peer.send("x").await;
        assert_eq!(client.answer().await.text(), "x");
        assert_eq!(rig.access().await, ["3.750 0.000 1.250 3.250"]);
    });
}

#[test]
fn a_request_without_an_exchange_has_no_upstream() {
    run(async {
        let rig = Rig::new(&Conf {
            server: "location /own { return 200 text; }",
            format: "'$status|$upstream_addr|$upstream_status|$upstream_response_time|\
                     $upstream_http_x|$proxy_host|$upstream_failure'",
            ..Conf::default()
        });
        rig.ask("GET /own HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(rig.access().await, ["200|-|-|-|-|-|-"]);
    });
}

#[test]
fn request_id_is_the_same_all_through_a_request_and_no_longer() {
    run(async {
        let rig = Rig::new(&Conf {
            location: "proxy_set_header X-Id $request_id; add_header X-Id $request_id;",
            format: "'$request_id'",
            ..Conf::default()
        });
        rig.script(9001, &[Act::Send(ok("a"))]);
        for index in 0..2 {
            let answer = rig.get().await;
            let id = answer.field("x-id").unwrap();
            assert!(
                id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()),
                "{id}"
            );
            assert!(rig.seen()[index].1.contains(&format!("\r\nX-Id: {id}\r\n")));
            assert_eq!(rig.access().await[index], id);
        }
        let ids = rig.access().await;
        assert_ne!(ids[0], ids[1]);
    });
}

#[test]
fn captures_of_the_location_and_the_server_name() {
    run(async {
        let rig = Rig::new(&Conf {
            server: "server_name ~^(?<sub>[a-z]+)\\.site$; \
                     location ~ ^/(?<first>[^/]+)/(.*)$ { \
                         proxy_set_header Groups '$1 $2'; proxy_pass http://u; }",
            format: "'$sub $first'",
            ..Conf::default()
        });
        rig.script(9001, &[Act::Send(ok("a"))]);
        rig.ask("GET /one/two HTTP/1.1\r\nHost: www.site\r\n\r\n")
            .await;
        assert_eq!(rig.access().await, ["www one"]);
        let (_, seen) = rig.seen().pop().unwrap();
        assert!(seen.contains("\r\nGroups: one two\r\n"), "{seen}");
    });
}

#[test]
fn escape_modes() {
    let odd = "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: a\"b\\c\td\u{7f}\u{e9}\r\nEmpty:\r\n\r\n";
    for (escape, expected) in [
        ("", "[a\\x22b\\x5Cc\\x09d\\x7F\\xC3\\xA9][][-]"),
        (
            "escape=default",
            "[a\\x22b\\x5Cc\\x09d\\x7F\\xC3\\xA9][][-]",
        ),
        ("escape=json", "[a\\\"b\\\\c\\td\u{7f}\u{e9}][][]"),
        ("escape=none", "[a\"b\\c\td\u{7f}\u{e9}][][]"),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                format: &format!("{escape} '[$http_user_agent][$http_empty][$http_none]'"),
                ..Conf::default()
            });
            rig.script(9001, &[Act::Send(ok("a"))]);
            rig.ask(odd).await;
            assert_eq!(rig.access().await, [expected], "{escape}");
        });
    }
}

#[test]
fn values_of_bodies_and_of_requests_that_were_refused() {
    const FORMAT: &str = "'$request_method [$args] [$content_length] [$request_body] [$uri] \
                          [$request_uri]'";
    for (request, line) in [
        (
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET [-] [-] [-] [/] [/]",
        ),
        (
            "POST /p? HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
            "POST [-] [0] [] [/p] [/p?]",
        ),
        (
            "POST /p?a=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "POST [a=1] [3] [abc] [/p] [/p?a=1]",
        ),
        (
            "POST /a/../b?z=1 HTTP/1.1\r\n\r\n",
            "POST [z=1] [-] [-] [/b] [/a/../b?z=1]",
        ),
        (
            "HEAD /%zz?q HTTP/1.1\r\nHost: h\r\n\r\n",
            "HEAD [-] [-] [-] [] [-]",
        ),
        ("GeT /x HTTP/1.1\r\n\r\n", "- [-] [-] [-] [-] [-]"),
    ] {
        run(async {
            let rig = Rig::new(&Conf {
                format: FORMAT,
                ..Conf::default()
            });
            rig.script(9001, &[Act::Send(ok("a"))]);
            rig.ask(request).await;
            assert_eq!(rig.access().await, [line], "{request}");
        });
    }
}

#[test]
fn values_are_not_there_for_the_next_request_of_a_connection() {
    run(async {
        let rig = Rig::new(&Conf {
            http: "map $uri $kind { ~^/(?<word>s)et$ mapped; }",
            server: "uninitialized_variable_warn off;",
            location: "if ($uri = /set) { set $own $kind; }
                return 200 \"[$own] [$word] [$1] [$kind]\";",
            ..Conf::default()
        });
        let mut client = rig.connect();
        for (path, values) in [
            ("/set", "[mapped] [s] [s] [mapped]"),
            ("/get", "[] [] [] []"),
        ] {
            client
                .send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
                .await;
            assert_eq!(client.answer().await.text(), values, "{path}");
        }
    });
}

#[test]
fn maps_that_are_made_of_each_other_have_no_value() {
    run(async {
        let rig = Rig::new(&Conf {
            http: "map $uri $a { default \"a$b\"; } map $uri $b { default \"b$a\"; }",
            location: "return 200 \"[$a]\";",
            ..Conf::default()
        });
        let answer = rig.get().await.text();
        assert_eq!(answer, format!("[{}]", "ab".repeat(50)));
        let errors = rig.errors().await;
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains("cycle while evaluating variable \"a\""));
    });
}

#[test]
fn a_map_that_gives_up_is_not_asked_again() {
    run(async {
        let rig = Rig::new(&Conf {
            http: "map $arg_b $kind { default other; ~(*LIMIT_MATCH=999)^(a+)+$ letters; }",
            location: "return 200 \"$kind $kind\";",
            ..Conf::default()
        });
        let target = format!("/?b={}!", "a".repeat(28));
        let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(rig.ask(&request).await.text(), "other other");
        let errors = rig.errors().await;
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains("pcre2_match() failed: -47"));
    });
}
