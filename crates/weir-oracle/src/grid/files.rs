//! Files by every kind of location, `index`, `try_files` and `autoindex` among them: what is asked for, by which method.

use std::collections::BTreeMap;

use weir_lab::bed::{Conf, LaidOut};
use weir_lab::scenario::Scenario;

/// What is there; of paths below the root.
const FILES: [(&str, &str); 9] = [
    ("a.txt", "0123456789"),
    ("empty.txt", ""),
    ("no-extension", "n"),
    ("blank name.html", "b"),
    ("d/index.html", "index"),
    ("d/x.txt", "x"),
    ("d/e/deep.bin", "deep"),
    ("none/", ""),
    (".hidden", "h"),
];

/// Links, and what they lead to.
const LINKS: [(&str, &str); 4] = [
    ("link.txt", "a.txt"),
    ("folder", "d"),
    ("broken", "nothing"),
    ("loop", "loop"),
];

/// What a location below `/N/` says; `@` is the root.
const LOCATIONS: [&str; 18] = [
    "alias @/;",
    "alias @/; index x.txt index.html;",
    "alias @/; index none $arg_i /0/a.txt;",
    "alias @/; autoindex on; autoindex_format json;",
    "alias @/; autoindex on; autoindex_format xml; index none;",
    "alias @/; log_not_found off;",
    "alias @/; etag off; types { a/b txt; } default_type c/d;",
    "alias @/; absolute_redirect off; error_page 403 404 = /0/a.txt;",
    "alias @/; try_files $uri $uri/ =404;",
    "alias @/; try_files $uri $uri/ /0/a.txt?$args;",
    "alias @/; try_files /no @named;",
    "alias @/; try_files $arg_i $uri/index.html =410;",
    "alias @/; disable_symlinks on from=@;",
    "alias @/; disable_symlinks if_not_owner;",
    "root @/$arg_i; rewrite ^/\\d+(/.*) $1 break;",
    "root $arg_i/html; rewrite ^/\\d+(/.*) $1 break;",
    "alias @/; max_ranges 1; if_modified_since before;",
    "alias @/; add_header X-A $request_filename always;",
];

/// What is asked for in each.
const PATHS: [&str; 24] = [
    "a.txt",
    "empty.txt",
    "no-extension",
    "blank%20name.html",
    "d",
    "d/",
    "d?i=x.txt",
    "d/?i=x.txt",
    "d/x.txt",
    "d/x.txt/",
    "d/e",
    "d/e/",
    "none/",
    ".hidden",
    "link.txt",
    "folder/",
    "folder/x.txt",
    "broken",
    "loop",
    "loop/",
    "missing",
    "missing/",
    "a.txt?i=html",
    "",
];

/// Request lines and fields in which `@` is the path.
const REQUESTS: [&str; 4] = [
    "GET @ HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
    "HEAD @ HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
    "POST @ HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
    "GET @ HTTP/1.1\r\nHost: t\r\nConnection: close\r\nRange: bytes=2-5\r\n\
     If-Modified-Since: Wed, 01 Jan 2020 00:00:01 GMT\r\n\r\n",
];

pub(super) fn scenarios() -> Vec<Scenario> {
    let all = REQUESTS.iter().enumerate();
    all.map(|(number, request)| scenario(number, request))
        .collect()
}

fn scenario(number: usize, request: &str) -> Scenario {
    const ROOT: &str = "@PREFIX@/html";
    let mut locations = "location @named { return 200 'named $uri'; }\n".to_owned();
    let mut requests = Vec::new();
    for (place, rule) in LOCATIONS.iter().enumerate() {
        let rule = rule
            .replace('@', ROOT)
            .replace(&format!("{ROOT}named"), "@named");
        locations += &format!("location /{place}/ {{ {rule} }}\n");
        let paths = PATHS.iter().map(|path| format!("/{place}/{path}"));
        requests.extend(paths.map(|path| request.replace('@', &path)));
    }
    let config = Conf {
        locations: Some(locations),
        ..Conf::default()
    };
    let client = super::each_alone(requests.into_iter());
    let summary = "files, by what their location says";
    Scenario {
        files: files(),
        ..super::without_backends(format!("grid/files-{number}"), summary, client, config)
    }
}

fn files() -> BTreeMap<String, LaidOut> {
    let name = |name: &str| format!("html/{name}");
    let texts = FILES.map(|(path, text)| (name(path), LaidOut::Text(text.to_owned())));
    let links = LINKS.map(|(path, link)| (name(path), LaidOut::Link { link: link.into() }));
    texts.into_iter().chain(links).collect()
}
