//! Which server and which location a request gets.

use std::path::Path;

use weir_conf::{Config, Found, Http, load_str};

fn load(text: &str) -> Config {
    match load_str(text, Path::new("/weir")) {
        Ok(config) => config,
        Err(faults) => panic!("{}", faults.explain()),
    }
}

fn http(config: &Config) -> &Http {
    config.http.as_ref().expect("an http block")
}

const LOCATIONS: &str = "
    location = / {}
    location / {}
    location /docs/ { location /docs/deep {} location ~ \\.txt$ {} }
    location ^~ /images/ { location ~ \\.gif$ {} }
    location ~ \\.(?<ext>gif|jpg)$ {}
    location ~* \\.PNG$ { location ~ q {} }
    location = /exact {}
    location /proxied/ { proxy_pass http://127.0.0.1:1; }
    location ~ ^/pro.*zz {}
    location @named {}
    location ~ ^/(a+)/(b+)$ {}
    location ~ (?!x)^/look/ {}
";

#[test]
fn locations_are_found_in_nginx_s_order() {
    let with_look_ahead = LOCATIONS.to_owned();
    // Without it all patterns are easy and run as one set.
    let easy = LOCATIONS.replace("location ~ (?!x)^/look/ {}", "location ~ ^/look/ {}");
    for locations in [with_look_ahead, easy] {
        let config = load(&format!("events {{}} http {{ server {{ {locations} }} }}"));
        let server = &http(&config).servers[0];
        let check = |uri: &str, expected: &str| {
            let found = match server.locations.find(uri.as_bytes()) {
                Found::Location { location, captures } => {
                    let groups = captures.map_or(String::new(), |captures| {
                        let group = |i| captures.number(i).map_or("-", |span| &uri[span]);
                        (1..captures.spans.len())
                            .map(|i| format!(" {}", group(i)))
                            .collect()
                    });
                    format!("{}{groups}", location.name)
                }
                Found::AutoRedirect(location) => format!("301 {}", location.name),
                Found::None => "none".to_owned(),
                Found::Failed(_, fault) => fault.to_string(),
            };
            assert_eq!(found, expected, "{uri}");
        };
        check("/", "/");
        check("/other", "/");
        check("/docs/x", "/docs/");
        check("/docs/deeper", "/docs/deep");
        check("/docs/deep/a.txt", "\\.txt$");
        check("/docs/a.gif", "\\.(?<ext>gif|jpg)$ gif");
        check("/images/a.jpg", "/images/");
        check("/images/a.gif", "\\.gif$");
        check("/a.jpg", "\\.(?<ext>gif|jpg)$ jpg");
        check("/a.jpg\n", "\\.(?<ext>gif|jpg)$ jpg");
        check("/a.png", "\\.PNG$");
        check("/exact", "/exact");
        check("/exact/", "/");
        check("/proxied", "301 /proxied/");
        check("/proxied/", "/proxied/");
        check("/proxied/zz", "^/pro.*zz");
        check("/proxie", "/");
        check("/aa/b", "^/(a+)/(b+)$ aa b");
        check(
            "/look/",
            if locations.contains("(?!x)") {
                "(?!x)^/look/"
            } else {
                "^/look/"
            },
        );
        check("", "none");
        assert!(server.locations.named("@named").is_some());
        assert!(server.locations.named("@other").is_none());
    }
}

#[test]
fn a_regex_without_an_answer_fails_the_search() {
    const HARD: &str = "^/(a+)+$";
    let locations = "location / {} location /in/ { location ~ ^/in/(a+)+$ {} }
        location ~ ^/(a+)+$ {} location ~ x {} location ~ y$ {} location ~ z {} location ~ w {}";
    let config = load(&format!("events {{}} http {{ server {{ {locations} }} }}"));
    let server = &http(&config).servers[0];
    let hard = format!("/{}!", "a".repeat(28));
    let check = |uri: &str, within: &str, pattern: &str| {
        let Found::Failed(location, fault) = server.locations.find(uri.as_bytes()) else {
            panic!("{uri} has an answer");
        };
        assert_eq!(
            location.map(|location| location.name.as_str()),
            Some(within)
        );
        let line = format!("pcre2_match() failed: -47 on \"{uri}\" using \"{pattern}\"");
        assert_eq!(fault.to_string(), line);
    };
    check(&hard, "/", HARD);
    check(&format!("/in{hard}"), "/in/", "^/in/(a+)+$");
}

#[test]
fn many_prefixes_are_found() {
    let blocks: String = (0..300)
        .map(|i| format!("location /p{i}/ {{}} location /p{i} {{}}"))
        .collect();
    let config = load(&format!("events {{}} http {{ server {{ {blocks} }} }}"));
    let server = &http(&config).servers[0];
    let name_of = |uri: &str| match server.locations.find(uri.as_bytes()) {
        Found::Location { location, .. } => location.name.clone(),
        Found::AutoRedirect(_) | Found::None | Found::Failed(..) => String::new(),
    };
    for i in 0..300 {
        assert_eq!(name_of(&format!("/p{i}/x")), format!("/p{i}/"));
        assert_eq!(name_of(&format!("/p{i}x")), format!("/p{i}"));
    }
    assert_eq!(name_of("/q"), "");
}

#[test]
fn servers_are_found_by_name() {
    let names = [
        "a.example",
        "*.example",
        "*.b.example",
        ".dot.test",
        "www.*",
        "www.deep.*",
        "~^(?<who>[a-z]+)\\.re\\.test$",
        "~UPPER",
        "\"\"",
    ];
    let blocks: String = names
        .iter()
        .map(|name| format!("server {{ server_name {name}; }}"))
        .collect();
    let config = load(&format!(
        "events {{}} http {{ server {{ server_name first; }} {blocks} }}"
    ));
    let listen = &http(&config).listens[0];
    let check = |host: &str, expected: &str| {
        let found = listen.names.find(host.as_bytes()).expect("an answer");
        let server = found
            .as_ref()
            .map_or(listen.default_server, |found| found.server);
        assert_eq!(http(&config).servers[server].names[0], expected, "{host}");
    };
    check("a.example", "a.example");
    check("x.example", "*.example");
    check("x.b.example", "*.b.example");
    check("example", "first");
    check("dot.test", ".dot.test");
    check("x.y.dot.test", ".dot.test");
    check("www.org", "www.*");
    check("www.deep.org", "www.deep.*");
    check("joe.re.test", "~^(?<who>[a-z]+)\\.re\\.test$");
    check("an-upper-case", "~UPPER");
    check("", "");
    check("nobody", "first");
    let found = listen
        .names
        .find(b"joe.re.test")
        .expect("an answer")
        .and_then(|found| found.captures);
    assert_eq!(
        found.and_then(|groups| groups.variables().next()),
        Some((0, 0..3))
    );
}

#[test]
fn quic_is_warned_of_once_a_socket_and_listened_on_by_nobody() {
    let text = "events {} http {
            server { listen 127.0.0.1:80 quic reuseport; listen 127.0.0.1:80; http3 on; }
            server { listen 127.0.0.1:80 quic; listen 127.0.0.1:81 quic; server_name b; }
        }";
    let config = load(text);
    let addresses: Vec<_> = http(&config)
        .listens
        .iter()
        .map(|l| l.address.to_string())
        .collect();
    assert_eq!(addresses, ["127.0.0.1:80"]);
    let warnings: Vec<_> = config.warnings.iter().map(|w| w.message.as_str()).collect();
    let ignored = |address: &str| {
        format!(
            "QUIC is not supported yet, \"quic\" of {address} ignored: clients are served over TCP"
        )
    };
    assert_eq!(warnings, [ignored("127.0.0.1:80"), ignored("127.0.0.1:81")]);
}

#[test]
fn addresses_are_shared() {
    let config = load(
        "events {} http {
            server { listen 127.0.0.1:80; listen 81; }
            server { listen 127.0.0.1:80 default_server backlog=7 proxy_protocol; server_name b; }
            server { listen 127.0.0.1:80; server_name c; }
        }",
    );
    let listens = &http(&config).listens;
    assert_eq!(listens.len(), 2);
    assert_eq!(listens[0].address.to_string(), "127.0.0.1:80");
    assert_eq!(listens[0].default_server, 1);
    assert_eq!(listens[0].options.backlog, Some(7));
    assert!(listens[0].options.proxy_protocol);
    let found = listens[0].names.find(b"c").expect("an answer");
    assert_eq!(found.map(|found| found.server), Some(2));
    assert_eq!(listens[1].default_server, 0);
}
