//! `proxy_cookie_domain`, `proxy_cookie_path` and `proxy_cookie_flags` on cookies of every shape.

use weir_lab::scenario::Scenario;
use weir_lab::script::ClientStep;

/// The directives of a location.
const SETTINGS: [&str; 30] = [
    "proxy_cookie_domain b.test c.test;",
    "proxy_cookie_domain .b.test .c.test;",
    "proxy_cookie_domain b.test $host;",
    "proxy_cookie_domain $arg_d longer.x.test;",
    "proxy_cookie_domain ~b\\.(.*) x.$1;",
    "proxy_cookie_domain '' z;",
    "proxy_cookie_domain b.test '';",
    "proxy_cookie_domain B.TEST one; proxy_cookie_domain ~. two;",
    "proxy_cookie_path / /new/;",
    "proxy_cookie_path /a '/; Secure';",
    "proxy_cookie_path ~^/(a)(.*)$ /$2/$1;",
    "proxy_cookie_path ~*^/A /lower;",
    "proxy_cookie_path $arg_p /v;",
    "proxy_cookie_path '' /pre;",
    "proxy_cookie_path / '';",
    "proxy_cookie_path /a/b /c; proxy_cookie_path /a /d; proxy_cookie_path ~. /e;",
    "proxy_cookie_flags ~ secure;",
    "proxy_cookie_flags ~ secure httponly;",
    "proxy_cookie_flags A nosecure nohttponly nosamesite;",
    "proxy_cookie_flags a samesite=strict;",
    "proxy_cookie_flags ~^a samesite=lax secure;",
    "proxy_cookie_flags ~ samesite=none samesite=strict;",
    "proxy_cookie_flags ~ secure nosecure;",
    "proxy_cookie_flags ~ unknown;",
    "proxy_cookie_flags ~ unknown SECURE HttpOnly;",
    "proxy_cookie_flags $arg_n secure;",
    "proxy_cookie_flags ~ $arg_f $arg_g nohttponly;",
    "proxy_cookie_flags b secure; proxy_cookie_flags a httponly; proxy_cookie_flags ~ nosecure;",
    "proxy_cookie_flags '' secure;",
    "proxy_cookie_domain b.test c; proxy_cookie_path / /q; proxy_cookie_flags ~ secure samesite=lax;",
];

/// What comes first in a cookie.
const NAMES: [&str; 6] = ["a=1", "a", "a=", " A = \"x;y\" ", "=x", "secure=b=c"];

/// What follows; each stands first and second.
const ATTRIBUTES: [&str; 19] = [
    "",
    " ",
    "Path=/",
    " path = /a/b ",
    "PATH",
    "Path=",
    "  Path=\"/a\"",
    "Domain=b.test",
    " domain = .B.test ",
    "Domain=..b.test",
    "Domain",
    " Secure",
    "secure=1",
    " HttpOnly ",
    " SameSite=Lax",
    "samesite = STRICT",
    "SameSite",
    "\tPath=/a",
    " Max-Age=1 = 2",
];

/// Lines in one answer.
const AT_ONCE: usize = 40;

/// One scenario for every few settings; in the last one the answers are redirected by `X-Accel-Redirect`.
pub(super) fn scenarios() -> Vec<Scenario> {
    let plain = answers("");
    let mut all: Vec<Scenario> = SETTINGS
        .chunks(6)
        .enumerate()
        .map(|(number, settings)| scenario(&format!("cookies-{number}"), settings, &plain))
        .collect();
    let redirected = answers("X-Accel-Redirect: /ok\r\nCache-Control: c\r\n");
    all.push(scenario("cookies-redirected", &SETTINGS, &redirected[..1]));
    all
}

fn scenario(name: &str, settings: &[&str], answers: &[String]) -> Scenario {
    let mut locations = "location /ok { return 200 ok; }\n".to_owned();
    let mut client = Vec::new();
    let mut sent = Vec::new();
    for (number, directives) in settings.iter().enumerate() {
        locations += &format!("location /{number}/ {{ {directives} proxy_pass http://app:1; }}\n");
        for answer in answers {
            client.push(ClientStep::Send(request(number).as_str().into()));
            client.push(super::RECEIVE);
            sent.push(answer.clone());
        }
    }
    let summary = "cookies of every shape, rewritten";
    super::scenario(format!("grid/{name}"), summary, locations, client, sent)
}

fn request(number: usize) -> String {
    format!("GET /{number}/?d=b.test&p=/a&n=a&f=secure&g= HTTP/1.1\r\nHost: weir.test\r\n\r\n")
}

/// Every cookie, in answers of [`AT_ONCE`] lines.
fn answers(fields: &str) -> Vec<String> {
    let mut cookies = Vec::new();
    for name in NAMES {
        cookies.push(name.to_owned());
        for first in ATTRIBUTES {
            cookies.push(format!("{name};{first}"));
            let seconds = ATTRIBUTES.iter().skip(usize::from(first.is_empty()));
            cookies.extend(seconds.map(|second| format!("{name};{first};{second}")));
        }
    }
    let lines = |cookies: &[String]| -> String {
        let lines = cookies.iter();
        lines
            .map(|cookie| format!("Set-Cookie: {cookie}\r\n"))
            .collect()
    };
    let answer = |cookies: &[String]| {
        let lines = lines(cookies);
        format!("HTTP/1.1 200 OK\r\n{fields}{lines}Content-Length: 2\r\n\r\nok")
    };
    cookies.chunks(AT_ONCE).map(answer).collect()
}
