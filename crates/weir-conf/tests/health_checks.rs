//! `health_check` and `match`, as nginx Plus has them: what they mean, and what is wrong with them.

use std::path::Path;
use std::time::Duration;

use weir_conf::{Config, HealthCheck, ResponseMatch, StatusTest, load_str};

const UPSTREAM: &str = "upstream u { zone u 64k; server 127.0.0.1:1; }";

fn load(http: &str) -> Result<Config, String> {
    let text = format!("events {{}} http {{ {http} }}");
    load_str(&text, Path::new("/weir")).map_err(|faults| faults.explain())
}

/// The only check of a configuration that has this line.
fn checked(line: &str, look: impl FnOnce(&HealthCheck)) {
    let http = format!(
        "{UPSTREAM} match m {{ status 200; }}
         server {{ location /a {{ location /a/b {{ {line} proxy_pass http://u; }} }} }}"
    );
    let config = load(&http).unwrap_or_else(|faults| panic!("{line}: {faults}"));
    let http = config.http.as_ref().expect("http");
    let checking = http.checking_locations();
    let [(server, location)] = checking.as_slice() else {
        panic!("{line}: {} checks", checking.len());
    };
    assert_eq!((server.index, location.name.as_str()), (0, "/a/b"));
    look(location.health_check.as_ref().expect("a check"));
}

#[test]
fn without_parameters_the_defaults_hold() {
    checked("health_check;", |check| {
        assert_eq!(check.interval, Duration::from_secs(5));
        assert_eq!(check.jitter, Duration::ZERO);
        assert_eq!((check.fails, check.passes), (1, 1));
        assert_eq!(&*check.uri, b"/");
        assert!(!check.mandatory && !check.persistent);
        assert_eq!((check.tests, check.port), (None, None));
        assert_eq!(check.keepalive_time, None);
    });
}

#[test]
fn each_parameter_counts() {
    let line =
        "health_check interval=10 jitter=300ms fails=3 passes=2 uri=/up?a=b mandatory persistent
        match=m port=8080 keepalive_time=60s;";
    checked(line, |check| {
        assert_eq!(check.interval, Duration::from_secs(10));
        assert_eq!(check.jitter, Duration::from_millis(300));
        assert_eq!((check.fails, check.passes), (3, 2));
        assert_eq!(&*check.uri, b"/up?a=b");
        assert!(check.mandatory && check.persistent);
        assert_eq!((check.tests, check.port), (Some(0), Some(8080)));
        assert_eq!(check.keepalive_time, Some(Duration::from_secs(60)));
    });
}

#[test]
fn what_cannot_be_is_refused_with_its_cure() {
    let upstream = "zone u 64k; server 127.0.0.1:1;";
    for (parameters, rest, text) in [
        ("interval=0", "", "invalid parameter \"interval=0\""),
        ("interval=x", "", "invalid parameter \"interval=x\""),
        ("fails=0", "", "invalid parameter \"fails=0\""),
        ("passes=-1", "", "invalid parameter \"passes=-1\""),
        ("uri=up", "", "invalid parameter \"uri=up\""),
        (
            "\"uri=/a b\r\nX: 1\"",
            "",
            "parameter \"uri\" of \"health_check\" has a space or a control character",
        ),
        ("\"uri=/a\tb\"", "", "has a space or a control character"),
        ("\"uri=/a b\"", "", "has a space or a control character"),
        ("uri", "", "invalid parameter \"uri\""),
        ("port=0", "", "invalid parameter \"port=0\""),
        ("port=65536", "", "invalid parameter \"port=65536\""),
        ("match=", "", "invalid parameter \"match=\""),
        ("mandatory=1", "", "invalid parameter \"mandatory=1\""),
        (
            "persistent",
            "",
            "parameter \"persistent\" requires \"mandatory\"",
        ),
        (
            "type=grpc",
            "",
            "parameter \"type=grpc\" of \"health_check\" is not implemented in weir yet",
        ),
        ("type=http", "", "invalid parameter \"type=http\""),
        ("match=n", "", "match \"n\" is not defined"),
        (
            "",
            "health_check;",
            "\"health_check\" directive is duplicate",
        ),
    ] {
        let http = format!(
            "upstream u {{ {upstream} }}
             server {{ location / {{ proxy_pass http://u; health_check {parameters}; {rest} }} }}"
        );
        let faults = load(&http).expect_err(parameters);
        assert!(faults.contains(text), "{parameters}: {faults}");
    }
}

#[test]
fn only_a_shared_group_that_is_named_can_be_checked() {
    for (upstream, location, text, cure) in [
        (
            "server 127.0.0.1:1;",
            "proxy_pass http://u;",
            "\"health_check\" requires upstream \"u\" to be in shared memory",
            "zone NAME 64k",
        ),
        (
            "zone u 64k; server 127.0.0.1:1;",
            "proxy_pass http://127.0.0.1:2;",
            "\"health_check\" requires \"proxy_pass\" to name an upstream",
            "upstream",
        ),
        (
            "zone u 64k; server 127.0.0.1:1;",
            "",
            "\"health_check\" requires \"proxy_pass\" to an upstream in the same location",
            "add `proxy_pass http://NAME;`",
        ),
        (
            "zone u 64k; server 127.0.0.1:1;",
            "proxy_pass http://$host;",
            "\"health_check\" cannot be used with variables in \"proxy_pass\"",
            "internal location",
        ),
    ] {
        let http = format!(
            "server {{ location / {{ health_check; {location} }} }} upstream u {{ {upstream} }}"
        );
        let faults = load(&http).expect_err(location);
        assert!(faults.contains(text), "{location}: {faults}");
        assert!(faults.contains(cure), "{location}: {faults}");
    }
}

#[test]
fn a_group_has_at_most_as_many_checks_as_there_are_bits() {
    let checks = |count| {
        let location =
            |number| format!("location /{number}/ {{ proxy_pass http://u; health_check; }}");
        let locations: String = (0..count).map(location).collect();
        load(&format!("{UPSTREAM} server {{ {locations} }}"))
    };
    assert!(checks(32).is_ok());
    let faults = checks(33).expect_err("33");
    assert!(
        faults.contains("too many health checks of upstream \"u\""),
        "{faults}"
    );
}

/// The tests of a `match` block with these lines.
fn tests(lines: &str) -> Result<ResponseMatch, String> {
    let config = load(&format!("match m {{ {lines} }} server {{}}"))?;
    let http = config.http.expect("http");
    Ok(ResponseMatch::clone(&http.matches[0]))
}

#[test]
fn statuses() {
    for (line, passes, fails) in [
        ("status 200;", "200", "199 201 500"),
        ("status ! 500;", "200 404 501", "500"),
        ("status 200 204;", "200 204", "201 404"),
        ("status ! 301 302;", "200 303", "301 302"),
        ("status 200-399;", "200 299 399", "199 400"),
        ("status ! 400-599;", "200 399 600", "400 599"),
        ("status 301-303 307;", "301 302 303 307", "300 304 308 200"),
        ("status 100-599;", "100 599", "600"),
    ] {
        let tests = tests(line).unwrap();
        let test = tests.status.expect("a test");
        let of = |status: u16| test.passes(status);
        for status in passes.split(' ') {
            assert!(of(status.parse().unwrap()), "{line} {status}");
        }
        for status in fails.split(' ') {
            assert!(!of(status.parse().unwrap()), "{line} {status}");
        }
    }
    assert!(StatusTest::usual(200) && StatusTest::usual(399));
    assert!(!StatusTest::usual(199) && !StatusTest::usual(400));
}

#[test]
fn header_fields() {
    for (line, values, passes) in [
        ("header X = a;", &["a"][..], true),
        ("header X = a;", &["b", "a"], true),
        ("header X = a;", &["A"], false),
        ("header X = a;", &[], false),
        ("header X != a;", &["b"], true),
        ("header X != a;", &["b", "a"], false),
        ("header X != a;", &[], false),
        ("header X ! = a;", &["b"], true),
        ("header X ! = a;", &["a"], false),
        ("header X ~ ^a;", &["ab"], true),
        ("header X ~ ^a;", &["ba"], false),
        ("header X ~ ^a;", &[], false),
        ("header X !~ ^a;", &["ba"], true),
        ("header X !~ ^a;", &["ba", "ab"], false),
        ("header X !~ ^a;", &[], false),
        ("header X ! ~ ^a;", &["ba"], true),
        ("header X;", &["", "a"], true),
        ("header X;", &[], false),
        ("header ! X;", &[], true),
        ("header ! X;", &["a"], false),
    ] {
        let tests = tests(line).unwrap();
        let [test] = tests.headers.as_slice() else {
            panic!("{line}: one test");
        };
        assert_eq!(&*test.name, b"X", "{line}");
        let of = values.iter().map(|value| value.as_bytes());
        assert_eq!(test.passes(of).unwrap(), passes, "{line} {values:?}");
    }
}

#[test]
fn bodies_and_variables() {
    for (line, body, passes) in [
        (
            "body ~ \"Welcome to nginx!\";",
            "<h1>Welcome to nginx!",
            true,
        ),
        ("body ~ \"Welcome to nginx!\";", "welcome to nginx!", false),
        ("body !~ maintenance;", "fine", true),
        ("body !~ maintenance;", "maintenance mode", false),
        ("body ~ ^$;", "", true),
    ] {
        let tests = tests(line).unwrap();
        assert_eq!(
            tests.bodies[0].passes(body.as_bytes()).unwrap(),
            passes,
            "{line}"
        );
    }
    let tests = tests("require $upstream_status $host; require $upstream_http_x;").unwrap();
    assert_eq!(tests.required.len(), 3);
}

#[test]
fn tests_that_cannot_be_read_are_refused() {
    for (line, text) in [
        ("status;", "invalid number of arguments in \"status\""),
        ("status !;", "invalid number of arguments in \"status\""),
        ("status 99;", "invalid status \"99\""),
        ("status 2xx;", "invalid status \"2xx\""),
        ("status 600;", "invalid status \"600\""),
        ("status 200-999;", "invalid status \"200-999\""),
        (
            "status 200; status 204;",
            "\"status\" directive is duplicate",
        ),
        ("status 300-200;", "invalid status \"300-200\""),
        ("header;", "invalid number of arguments in \"header\""),
        ("header X a;", "invalid test \"header X a\""),
        ("header X = a b;", "invalid test \"header X = a b\""),
        ("header X ~ (;", "pcre2_compile() failed"),
        ("body fine;", "invalid test \"body fine\""),
        ("body ~ (;", "pcre2_compile() failed"),
        ("require;", "invalid number of arguments in \"require\""),
        ("require host;", "invalid variable name \"host\""),
        ("require $nobody;", "unknown \"nobody\" variable"),
        ("expect 200;", "unknown test \"expect\""),
        (
            "status 200; } match m { status 200;",
            "duplicate match \"m\"",
        ),
    ] {
        let faults = tests(line).expect_err(line);
        assert!(faults.contains(text), "{line}: {faults}");
    }
}

/// What a configuration is warned of.
fn warnings(http: &str) -> Vec<String> {
    let config = load(http).expect(http);
    config.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_match_without_tests_is_told() {
    let warnings = warnings("match m {} server {}");
    assert!(
        warnings[0].contains("match \"m\" tests nothing"),
        "{warnings:?}"
    );
}

#[test]
fn a_port_is_told_to_be_in_vain_where_there_is_none() {
    let of = |server: &str, check: &str| {
        let told = warnings(&format!(
            "upstream u {{ zone u 64k; server 127.0.0.1:1; {server} }}
             server {{ location / {{ proxy_pass http://u; {check} }} }}"
        ));
        told.into_iter()
            .filter(|line| line.contains("port"))
            .collect::<Vec<_>>()
    };
    let told = of("server unix:/s;", "health_check port=8080;");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains(
            "\"port=8080\" of \"health_check\" has no effect on server \"unix:/s\" of upstream \"u\""
        ),
        "{told:?}"
    );
    assert!(of("server unix:/s;", "health_check;").is_empty());
    assert!(of("", "health_check port=8080;").is_empty());
}
