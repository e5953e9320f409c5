//! Conditions and ranges, under everything that changes what they are compared with: of files, of texts
//! of our own, of pages, and of what an upstream sends.

use weir_lab::scenario::Scenario;
use weir_lab::script::ClientStep;

use crate::dice::Dice;

/// What a location says besides.
const SETTINGS: [&str; 13] = [
    "",
    "add_header X-First $status; add_header X-Always $status always;",
    "add_header ETag '\"mine\"';",
    "add_header etag '\"mine\"' always; add_header ETag '';",
    "add_header Last-Modified 'Tue, 31 Dec 2019 23:59:59 GMT';",
    "add_header Last-Modified ''; add_header ETag '';",
    "add_header Last-Modified yesterday always;",
    "add_header Cache-Control a; add_header Content-Range b; add_header Accept-Ranges none;",
    "add_trailer X-Sum 1; add_trailer X-Empty ''; add_trailer X-Status $status always;",
    "max_ranges 0;",
    "max_ranges 2; etag off;",
    "if_modified_since before; chunked_transfer_encoding off; add_trailer X-Sum 1;",
    "if_modified_since off;",
];

/// A kind of answer: its name, and what a location answers it by. `@` is the number of the settings.
const KINDS: [(&str, &str); 5] = [
    ("file", "alias @PREFIX@/html/50x.html;"),
    ("text", "return 200 'fifteen letters';"),
    ("forced", "proxy_force_ranges on; proxy_pass http://app:1;"),
    ("passed", "proxy_pass http://app:1;"),
    (
        "page",
        "error_page 404 =200 /page@/50x.html; error_page 416 =200 /text@; return 404;",
    ),
];

const RANGES: [&str; 24] = [
    "bytes=0-5",
    "bytes=-3",
    "bytes=7-",
    "bytes=7-100",
    "bytes=14-14",
    "bytes=15-",
    "bytes=-0",
    "bytes=-",
    "bytes=",
    "bytes=3-2",
    "bytes=0-5,",
    "bytes=,0-5",
    "bytes=0-5,100-200",
    "bytes=0-5,7-8",
    "bytes=7-8, 0-5 ",
    "bytes=0-0,2-2,4-4",
    "bytes=0-14,0-14",
    "bytes= 1 - 2 ",
    "bytes=1-2x",
    "BYTES=1-2",
    "items=1-2",
    "bytes=0-9223372036854775807",
    "bytes=9223372036854775808-",
    "bytes=-9223372036854775808",
];

/// Dates and tags: of the file, of the upstream's answer, of what is added, and of nothing.
const STATES: [&str; 12] = [
    "Wed, 01 Jan 2020 00:00:00 GMT",
    "Wednesday, 01-Jan-20 00:00:00 GMT",
    "Wed Jan  1 00:00:00 2020",
    "Wed, 01 Jan 2020 00:00:00 GMT; length=15",
    "Tue, 31 Dec 2019 23:59:59 GMT",
    "Thu, 02 Jan 2020 00:00:00 GMT",
    "yesterday",
    "\"5e0be100-f\"",
    "W/\"5e0be100-f\", \"x\"",
    "\"back\"",
    "\"mine\"",
    "*",
];

const CONDITIONS: [&str; 4] = [
    "If-None-Match",
    "If-Modified-Since",
    "If-Match",
    "If-Unmodified-Since",
];

/// Requests that combine several fields, for each location.
const COMBINED: usize = 24;

/// The upstream's answer.
const ANSWER: &str = "HTTP/1.1 200 OK\r\nETag: \"back\"\r\nX-Between: 1\r\n\
    Last-Modified: Wed, 01 Jan 2020 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n\
    Content-Length: 15\r\n\r\nfifteen letters";

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut dice = Dice::new(0x5eed);
    let scenario = |(name, answer)| scenario(name, answer, &mut dice);
    KINDS.into_iter().map(scenario).collect()
}

fn scenario(name: &str, answer: &str, dice: &mut Dice) -> Scenario {
    let mut locations = String::new();
    let mut client = Vec::new();
    for (number, settings) in SETTINGS.iter().enumerate() {
        let answer = answer.replace("page@", &format!("page{number}"));
        let answer = answer.replace("text@", &format!("text{number}"));
        locations += &format!(
            "location = /{number} {{ {settings} {answer} }}\n\
             location /page{number}/ {{ {settings} alias @PREFIX@/html/; }}\n\
             location /text{number} {{ {settings} return 200 'a text of thirty letters or so'; }}\n"
        );
        for request in requests(&format!("/{number}"), dice) {
            client.push(ClientStep::Send(request.as_str().into()));
            client.push(super::RECEIVE);
            client.push(ClientStep::New);
        }
    }
    super::scenario(
        format!("grid/answers-{name}"),
        "what conditions and ranges make of an answer",
        locations,
        client,
        vec![ANSWER.to_owned()],
    )
}

/// Requests for a path: with each range, each condition, and some of all together.
fn requests(path: &str, dice: &mut Dice) -> Vec<String> {
    let mut all: Vec<_> = RANGES.iter().map(|range| field("Range", range)).collect();
    for name in CONDITIONS {
        all.extend(STATES.iter().map(|state| field(name, state)));
    }
    for state in STATES {
        all.push(field("Range", RANGES[0]) + &field("If-Range", state));
    }
    all.extend((0..COMBINED).map(|_| combined(dice)));
    let whole = |(number, fields): (usize, String)| {
        let method = if number % 5 == 4 { "HEAD" } else { "GET" };
        let minor = u8::from(number % 11 != 10);
        format!("{method} {path} HTTP/1.{minor}\r\nHost: t\r\n{fields}Connection: close\r\n\r\n")
    };
    all.into_iter().enumerate().map(whole).collect()
}

fn field(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}

/// A range, perhaps with its condition, and one or two conditions of the answer.
fn combined(dice: &mut Dice) -> String {
    let mut fields = field("Range", dice.pick::<&str>(&RANGES));
    if dice.roll(3) == 0 {
        fields += &field("If-Range", dice.pick::<&str>(&STATES));
    }
    let first = dice.roll(CONDITIONS.len());
    fields += &field(CONDITIONS[first], dice.pick::<&str>(&STATES));
    if dice.roll(2) == 0 {
        let second = (first + 1) % CONDITIONS.len();
        fields += &field(CONDITIONS[second], dice.pick::<&str>(&STATES));
    }
    fields
}
