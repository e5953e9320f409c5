//! `proxy_set_header`, `Host` above all, under every kind of request: the head that a backend gets.

use weir_lab::scenario::Scenario;
use weir_lab::script::ClientStep;

/// What a location says of headers.
const HEADERS: [&str; 20] = [
    "",
    "proxy_set_header Host '';",
    "proxy_set_header Host $http_host;",
    "proxy_set_header Host $host;",
    "proxy_set_header Host $arg_h;",
    "proxy_set_header Host '$arg_h$arg_g';",
    "proxy_set_header Host ' x ';",
    "proxy_set_header host $http_host;",
    "proxy_set_header hOST fixed;",
    "proxy_set_header Host first; proxy_set_header X-One 1; proxy_set_header Host second;",
    "proxy_set_header X-One 1; proxy_set_header Connection upgrade; proxy_set_header Host $host;",
    "proxy_set_header Host a; proxy_set_header hOST $arg_h;",
    "proxy_set_header host b; proxy_set_header Host '';",
    "proxy_set_header X-A $arg_h; proxy_set_header X-A b; proxy_set_header x-a '';",
    "proxy_set_header Hos x; proxy_set_header Hosts y;",
    "proxy_set_header Content-Length '';",
    "proxy_set_header content-length $content_length;",
    "proxy_set_header Connection $http_connection; proxy_set_header Upgrade $http_upgrade;",
    "proxy_set_header User-Agent w; proxy_set_header accept '';",
    "proxy_set_header Proxy-Connection x; proxy_set_header Keep-Alive 1; proxy_set_header TE x;",
];

/// What else it says.
const REST: [&str; 4] = [
    "",
    "proxy_http_version 1.1;",
    "proxy_pass_request_headers off;",
    "proxy_set_body made-$request_method;",
];

/// Requests for a path, each on a connection of its own.
const REQUESTS: [&str; 7] = [
    "GET @x?h=q HTTP/1.1\r\nHost: t:81\r\n",
    "GET @ HTTP/1.1\r\nHost: t\r\n",
    "GET @ HTTP/1.0\r\n",
    "GET @ HTTP/1.0\r\nHost: old\r\n",
    "GET http://Other:81@ HTTP/1.1\r\nHost: t\r\n",
    "POST @ HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nAccept: a\r\nUSER-AGENT: me\r\n\
     proxy-connection: q\r\nTE: trailers\r\nUpgrade: u\r\nKeep-Alive: 3\r\nX-A: c\r\nx-a: d\r\n",
    "POST @ HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nhosts: z\r\n",
];

pub(super) fn scenarios() -> Vec<Scenario> {
    let scenario = |(number, rest)| scenario(&format!("hosts-{number}"), rest);
    REST.into_iter().enumerate().map(scenario).collect()
}

fn scenario(name: &str, rest: &str) -> Scenario {
    let mut locations = String::new();
    let mut client = Vec::new();
    for (number, headers) in HEADERS.iter().enumerate() {
        let path = format!("/{number}/");
        locations += &format!("location {path} {{ {headers} {rest} proxy_pass http://app:1; }}\n");
        for request in REQUESTS {
            client.push(ClientStep::Send(whole(request, &path).as_str().into()));
            client.push(super::RECEIVE);
            client.push(ClientStep::New);
        }
    }
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned();
    let summary = "the head of an upstream request, by what sets its fields";
    super::scenario(
        format!("grid/{name}"),
        summary,
        locations,
        client,
        vec![answer],
    )
}

/// The request with its path, its last field and its body.
fn whole(request: &str, path: &str) -> String {
    let body = if request.contains("chunked") {
        "3\r\nabc\r\n0\r\n\r\n"
    } else if request.contains("Content-Length") {
        "abc"
    } else {
        ""
    };
    let head = request.replace('@', path);
    format!("{head}Connection: close\r\n\r\n{body}")
}
