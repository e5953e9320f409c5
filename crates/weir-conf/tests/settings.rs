//! What a location obeys: defaults, inheritance, and values that depend on others.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use weir_conf::{
    AccessLog, Config, Found, Handler, HostHeader, HttpVersion, Level, LocationKind, NextUpstream,
    Part, ProxyTarget, RedirectFrom, Settings, Template, UpstreamAddress, Variable, load_str,
};

fn load(text: &str) -> Config {
    match load_str(text, Path::new("/weir")) {
        Ok(config) => config,
        Err(faults) => panic!("{}", faults.explain()),
    }
}

/// Hands over the settings of `uri` in the only server of `http`.
fn settings(http: &str, uri: &str, check: impl FnOnce(&Settings)) {
    let config = load(&format!("events {{}} http {{ {http} }}"));
    let server = Arc::clone(&config.http.as_ref().expect("http").servers[0]);
    match server.locations.find(uri.as_bytes()) {
        Found::Location { location, .. } => check(&location.settings),
        Found::AutoRedirect(_) | Found::None | Found::Failed(..) => check(&server.default.settings),
    }
}

fn literal(template: &Template) -> String {
    String::from_utf8_lossy(template.as_literal().expect("no variables")).into_owned()
}

#[test]
fn error_lines_may_be_objects_and_say_more() {
    let config = load(
        "error_log a json; error_log b json info; error_log c warn json; events {}
        http { error_log_ctx $host; server { error_log_ctx off; location / { error_log d; } } }",
    );
    let logs = config.main.error_log.iter();
    let found: Vec<_> = logs.map(|log| (log.level, log.json)).collect();
    assert_eq!(
        found,
        [
            (Level::Error, true),
            (Level::Info, true),
            (Level::Warn, true)
        ]
    );
    let conf = "error_log_ctx $host; server { location / { error_log d; }
        location /off { error_log_ctx off; location /off/on { error_log_ctx a$uri; } } }";
    settings(conf, "/", |s| {
        assert!(!s.error_log[0].json);
        assert!(matches!(&s.error_log_ctx, Some(Some(_))));
    });
    settings(conf, "/off", |s| assert_eq!(s.error_log_ctx, Some(None)));
    settings(conf, "/off/on", |s| {
        assert!(matches!(&s.error_log_ctx, Some(Some(_))));
    });
    for (line, fault) in [
        ("error_log a json json;", "duplicate parameter \"json\""),
        ("error_log a JSON;", "invalid log level \"JSON\""),
        (
            "error_log_ctx a; error_log_ctx b;",
            "\"error_log_ctx\" directive is duplicate",
        ),
    ] {
        let text = format!("events {{}} http {{ {line} }}");
        let faults = load_str(&text, Path::new("/weir")).expect_err(line);
        assert!(faults.explain().contains(fault), "{}", faults.explain());
    }
}

#[test]
fn defaults() {
    settings("server {}", "/", |s| {
        assert_eq!(literal(&s.root), "/weir/html");
        assert_eq!(s.upstream.read_timeout, Duration::from_secs(60));
        assert_eq!(s.upstream.buffers.size, 4096);
        assert_eq!(
            s.upstream.next_upstream,
            NextUpstream::ERROR | NextUpstream::TIMEOUT
        );
        assert_eq!(s.upstream.http_version, HttpVersion::Http11);
        assert_eq!(s.upstream.temp_path.path, Path::new("/weir/proxy_temp"));
        assert_eq!(s.types.find(b"html"), Some("text/html"));
        assert!(
            s.upstream.hidden.contains(b"X-Accel-Redirect") && !s.upstream.hidden.contains(b"etag")
        );
        assert!(matches!(&*s.access_log, [AccessLog::To { .. }]));
        assert!(s.error_log.is_empty() && s.upstream.redirect.is_empty() && s.access.is_empty());
    });
}

#[test]
fn the_innermost_value_holds() {
    let conf = "proxy_read_timeout 1s; add_header a 1; error_page 404 /a;
        server { proxy_read_timeout 2s;
            location /x/ { proxy_read_timeout 3s; add_header b 2;
                location /x/y { proxy_next_upstream off error; } }
            location /z {} }";
    settings(conf, "/z", |s| {
        assert_eq!(s.upstream.read_timeout, Duration::from_secs(2));
        assert_eq!(s.add_header[0].name, "a");
        assert_eq!(*s.error_page[0].statuses, [404]);
    });
    settings(conf, "/x/y", |s| {
        assert_eq!(s.upstream.read_timeout, Duration::from_secs(3));
        assert_eq!(
            (s.add_header.len(), s.add_header[0].name.as_str()),
            (1, "b")
        );
        assert_eq!(s.upstream.next_upstream, NextUpstream::OFF);
    });
}

/// Which of `servers` have one and the same settings for `/`, as groups of their positions.
fn sharing(servers: &[String]) -> Vec<Vec<usize>> {
    let config = load(&format!("events {{}} http {{ {} }}", servers.concat()));
    let servers = &config.http.as_ref().expect("http").servers;
    let mut groups: Vec<(&Arc<Settings>, Vec<usize>)> = Vec::new();
    for (place, server) in servers.iter().enumerate() {
        let Found::Location { location, .. } = server.locations.find(b"/") else {
            panic!("no location");
        };
        let settings = &location.settings;
        match groups
            .iter_mut()
            .find(|(known, _)| Arc::ptr_eq(known, settings))
        {
            Some((_, group)) => group.push(place),
            None => groups.push((settings, vec![place])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[test]
fn locations_that_obey_the_same_share_it() {
    let server = |directive: &str| {
        format!("server {{ location / {{ proxy_pass http://127.0.0.1:1; {directive} }} }}")
    };
    let same = ["", "proxy_read_timeout 60s;", "proxy_redirect default;"].map(server);
    assert_eq!(sharing(&same), [[0, 1, 2]]);
    for directive in [
        "proxy_read_timeout 61s;",
        "proxy_set_header X $host;",
        "root /a;",
        "proxy_hide_header X;",
        "deny all;",
        "proxy_cookie_path ~a b;",
        "proxy_cookie_path ~*a b;",
        "types { a/b c; }",
        "access_log /a combined;",
    ] {
        let others = ["", directive, "proxy_redirect off;", directive].map(server);
        assert_eq!(
            sharing(&others),
            [vec![0], vec![1, 3], vec![2]],
            "{directive}"
        );
    }
    let kinds = ["~a", "~*a"].map(|from| server(&format!("proxy_cookie_path {from} b;")));
    assert_eq!(sharing(&kinds), [[0], [1]]);
}

#[test]
fn some_values_stay_in_their_block() {
    let conf = "server { location /a { try_files /b =404; internal;
        alias /data; location /a/b {} location /a/c { root /r; } } }";
    settings(conf, "/a", |s| {
        assert_eq!((s.internal, s.alias_len), (true, Some(2)));
    });
    settings(conf, "/a/b", |s| {
        assert!(s.try_files.is_none() && s.internal);
        assert_eq!(
            (s.alias.as_ref().map(literal), s.alias_len),
            (Some("/data".into()), Some(2))
        );
    });
    settings(conf, "/a/c", |s| {
        assert!(s.alias.is_none() && literal(&s.root) == "/r")
    });
}

#[test]
fn off_ends_inheritance() {
    let conf = "access_log logs/a; proxy_redirect a b; proxy_cookie_path a b; proxy_bind 127.0.0.1;
        server { location / { access_log off; proxy_redirect off; proxy_cookie_path off;
            proxy_bind off; } }";
    settings(conf, "/", |s| {
        assert!(matches!(&*s.access_log, [AccessLog::Off]));
        assert!(s.upstream.redirect.is_empty() && s.upstream.cookie_path.is_empty());
        assert!(matches!(s.upstream.bind, Some(None)));
    });
}

/// What upstream requests get: `Host` first or in order, then the lines; and a header of the client's
/// that they replace.
#[test]
fn request_headers_have_nginx_s_defaults() {
    let check = |compat: &str, directives: &str, expected: &str| {
        let text = format!(
            "compat {compat}; events {{}} http {{ server {{ location / {{ {directives} }} }} }}"
        );
        let config = load(&text);
        let server = &config.http.as_ref().expect("http").servers[0];
        let Found::Location { location, .. } = server.locations.find(b"/") else {
            panic!("none")
        };
        let headers = &location.settings.upstream.set_header;
        let value = |value: &Template| value.parts().iter().map(shown).collect::<String>();
        let mut text = match &headers.host {
            HostHeader::Proxy => "first".to_owned(),
            HostHeader::Written(host) => format!("first({})", value(host)),
            HostHeader::InOrder => "in order".to_owned(),
        };
        for line in headers.lines.iter() {
            let name = String::from_utf8_lossy(&line.name);
            text = format!("{text} {name}={}", value(&line.value));
        }
        let defaults = " Content-Length=ProxyInternalBodyLength \
                        Transfer-Encoding=ProxyInternalChunked";
        assert_eq!(
            text.replace(defaults, ""),
            expected,
            "{compat} {directives}"
        );
        for name in [
            "host",
            "connection",
            "te",
            "upgrade",
            "keep-alive",
            "expect",
        ] {
            assert!(headers.replaced.contains(name.as_bytes()), "{name}");
        }
        assert_eq!(
            headers.replaced.contains(b"Proxy-Connection"),
            compat == "1.31"
        );
    };
    let twice = "proxy_set_header hOST $host; proxy_set_header X-A 1; proxy_set_header Host b;";
    check("1.31", "", "first");
    check("1.31", "proxy_http_version 1.0;", "first");
    check("1.31", twice, "first(b) X-A=1");
    check("1.31", "proxy_set_header Host '';", "first()");
    check(
        "1.28",
        "proxy_http_version 1.1;",
        "in order Host=ProxyHost Connection=close",
    );
    check(
        "1.28",
        twice,
        "in order hOST=Host X-A=1 Host=b Connection=close",
    );
    check(
        "1.22",
        "proxy_set_header connection ''; proxy_set_header host '';",
        "in order",
    );
    check(
        "1.22",
        "proxy_set_header connection x;",
        "in order connection=x Host=ProxyHost",
    );
}

fn shown(part: &Part) -> String {
    match part {
        Part::Literal(text) => String::from_utf8_lossy(text).into_owned(),
        Part::Variable(variable) => format!("{variable:?}"),
    }
}

#[test]
fn hidden_headers_add_up() {
    let conf = "proxy_hide_header X-A; server { location / { proxy_pass_header Server; } }";
    settings(conf, "/", |s| {
        assert!(s.upstream.hidden.contains(b"x-a") && s.upstream.hidden.contains(b"DATE"));
        assert!(!s.upstream.hidden.contains(b"server"));
    });
}

#[test]
fn proxy_pass_settles() {
    let config = load(
        "events {} http {
            upstream u { server 127.0.0.1:1 weight=2; server name.test:2 backup; keepalive 3; }
            server {
                location /a/ { proxy_pass http://u/b/; }
                location /c { proxy_pass http://U; }
                location /d { proxy_pass http://10.0.0.1:81/?x; }
                location /e { proxy_pass http://unix:/s:/x; }
                location /f { proxy_pass http://$host; }
                location ~ ^/g { proxy_pass http://h.test; }
                location /h/ {
                    proxy_pass http://u/x/;
                    location /h/i { proxy_pass http://u; }
                    location /h/j {
                        proxy_redirect off;
                        proxy_pass http://u;
                        location /h/j/k { proxy_pass http://u/y; }
                    }
                }
            }
        }",
    );
    let http = config.http.as_ref().expect("http");
    let pass = |uri: &str| match http.servers[0].locations.find(uri.as_bytes()) {
        Found::Location { location, .. } => Arc::clone(location),
        Found::AutoRedirect(_) | Found::None | Found::Failed(..) => panic!("no location for {uri}"),
    };
    let check = |uri: &str, expected: &str| {
        let location = pass(uri);
        let Handler::Proxy(proxy) = &location.handler else {
            panic!("not proxied")
        };
        let redirects: Vec<String> = location
            .settings
            .upstream
            .redirect
            .iter()
            .map(|redirect| match &redirect.from {
                RedirectFrom::Prefix(from) => {
                    format!("{}>{}", literal(from), literal(&redirect.to))
                }
                RedirectFrom::Regex(pattern) => {
                    String::from_utf8_lossy(pattern.source()).into_owned()
                }
            })
            .collect();
        let shown = match &proxy.target {
            ProxyTarget::Variable(_) => "variable".to_owned(),
            ProxyTarget::Fixed {
                upstream,
                uri,
                host_header,
                port,
                ..
            } => {
                let group = &http.upstreams[*upstream];
                let text = String::from_utf8_lossy;
                format!(
                    "{} {:?} {} {}",
                    group.name,
                    text(uri.as_deref().unwrap_or(b"-")),
                    text(host_header),
                    text(port)
                )
            }
        };
        let len = proxy.location_len;
        assert_eq!(
            format!("{shown} {len} {}", redirects.join(" ")).trim(),
            expected,
            "{uri}"
        );
    };
    check("/a/", "u \"/b/\" u 80 3 http://u/b/>/a/");
    check("/c", "u \"-\" U 80 2 http://U/>/");
    check(
        "/d",
        "10.0.0.1 \"/?x\" 10.0.0.1:81 81 2 http://10.0.0.1:81/?x>/d",
    );
    check("/e", "/s \"/x\" localhost  2 http://unix:/s:/x>/e");
    check("/f", "variable 2");
    check("/g", "h.test \"-\" h.test 80 0 http://h.test/>/");
    // What `default` means comes from the outermost block that is proxied.
    check("/h/i", "u \"-\" u 80 4 http://u/x/>/h/");
    check("/h/j", "u \"-\" u 80 4");
    check("/h/j/k", "u \"/y\" u 80 6");
    let [group, ..] = http.upstreams.as_slice() else {
        panic!("no groups")
    };
    assert_eq!(group.keepalive.map(|k| k.connections), Some(3));
    assert_eq!(group.servers[0].parameters.weight, 2);
    let name = UpstreamAddress::Name {
        host: "name.test".to_owned(),
        port: 2,
    };
    assert_eq!(
        (
            &group.servers[1].address,
            group.servers[1].parameters.backup
        ),
        (&name, true)
    );
}

#[test]
fn keepalive_follows_compat() {
    let check = |compat: &str, directive: &str, expected: Option<usize>| {
        let config = load(&format!(
            "compat {compat}; events {{}} http {{ upstream u {{ server 127.0.0.1; {directive} }} }}"
        ));
        let group = &config.http.as_ref().expect("http").upstreams[0];
        assert_eq!(
            group.keepalive.map(|keepalive| keepalive.connections),
            expected
        );
    };
    check("1.22", "", None);
    check("1.28", "", None);
    check("1.31", "", Some(32));
    check("1.31", "keepalive 0;", None);
    check("1.22", "keepalive 5;", Some(5));
}

#[test]
fn named_groups_are_variables() {
    let conf = "server { server_name ~^(?<who>.+)$;
        location ~ ^/(?<what>.+)$ { add_header a $who-$what; } }";
    settings(conf, "/x", |s| {
        let who = Variable::Defined(0);
        assert_eq!(s.add_header[0].value.variables().next(), Some(&who));
    });
}

#[test]
fn included_files_and_globals_count() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect(name);
    write(
        "main.conf",
        "events {} http { include types.conf; include d-*.conf; }",
    );
    write("types.conf", "types { text/css css; image/png png PNG2; }");
    write("d-2.conf", "server { location /two {} }");
    write("d-1.conf", "server { location /one {} }");
    let config = weir_conf::load(&weir_conf::LoadOptions {
        prefix: dir.path().to_owned(),
        conf_path: dir.path().join("main.conf"),
        globals: Some("worker_processes 3; daemon off;".to_owned()),
    })
    .expect("a configuration");
    assert_eq!(
        (config.main.worker_processes, config.main.daemon),
        (3, false)
    );
    let names: Vec<_> = config
        .files
        .iter()
        .filter_map(|file| file.path.file_name())
        .collect();
    assert_eq!(names, ["main.conf", "types.conf", "d-1.conf", "d-2.conf"]);
    let http = config.http.as_ref().expect("http");
    assert!(matches!(
        http.servers[0].locations.find(b"/one"),
        Found::Location { .. }
    ));
    let types = &http.servers[1].default.settings.types;
    assert_eq!(
        (types.find(b"css"), types.find(b"png2")),
        (Some("text/css"), Some("image/png"))
    );
    assert_eq!(types.find(b"html"), None);
    assert_eq!(http.servers[0].default.kind, LocationKind::Prefix);
}
