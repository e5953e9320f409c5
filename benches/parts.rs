//! What the parts of a request's way cost in user space, each alone: heads, routing, templates, the
//! choice of a peer, log lines.
//!
//! ```text
//! cargo bench --bench parts                 # all of them
//! cargo bench --bench parts -- "head"       # some
//! ```
//!
//! Everything is in the nearest cache here, so these figures are lower than what a busy proxy pays.
//! They tell whether a change helped its part; `benches/vs-nginx` tells whether that matters.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use weir_io::dial::Dialer;
use weir_log::{Level, LogTime, write_line};
use weir_proxy::plan::Generation;
use weir_proxy::serve::parts::Part;
use weir_proxy::serve::service::prepare;
use weir_proxy::serve::worker::Worker;
use weir_upstream::{
    IdleCache, IdleMeta, Key, Method, PeerAddress, PeerOutcome, PeerSpec, Pool, PoolSpec, Took,
    View,
};
use weir_wire::response::{ResponseHead, ResponseParser, ResponseProgress, ResponseRules};

const CURL: &[u8] = b"GET /1k HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n";

const BROWSER: &[u8] = b"GET /catalogue/lamps?page=3&sort=price HTTP/1.1\r\n\
    Host: shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: de,en-US;q=0.7,en;q=0.3\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://shop.example/catalogue?page=3\r\n\
    Cookie: session=6f1c2a9be0d74a35; theme=dark; consent=2026-11-02; cart=17.4.9\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Priority: u=0, i\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.28.3\r\n\
    Date: Sat, 21 Nov 2026 15:09:46 GMT\r\nContent-Type: application/octet-stream\r\n\
    Content-Length: 1024\r\nConnection: keep-alive\r\n\
    Last-Modified: Sat, 21 Nov 2026 12:42:00 GMT\r\nETag: \"69200f58-400\"\r\n\
    Accept-Ranges: bytes\r\n\r\n";

const PLAIN: &str = "location / { proxy_pass http://origin; }";

/// What people write in front of an application.
const FORWARDED: &str = "location / { proxy_pass http://origin; \
    proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; \
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
    proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host; \
    proxy_set_header X-Forwarded-Port $server_port; proxy_set_header X-Original-URI $request_uri; }";

/// A time that does not matter.
const NOW: Duration = Duration::from_secs(1_000_000);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let bench = Bench {
        folder: folder.path(),
    };
    let mut criterion = Criterion::default().configure_from_args();
    bench.request_heads(&mut criterion)?;
    response_head(&mut criterion)?;
    bench.routing(&mut criterion)?;
    bench.templates(&mut criterion)?;
    peers(&mut criterion);
    bench.access_lines(&mut criterion)?;
    error_line(&mut criterion);
    criterion.final_summary();
    Ok(())
}

/// Where workers keep their files.
struct Bench<'a> {
    folder: &'a Path,
}

impl Bench<'_> {
    /// A worker whose only server holds `locations`.
    fn worker(&self, http: &str, locations: &str) -> Result<Rc<Worker>, Box<dyn Error>> {
        let text = format!(
            "error_log stderr; events {{}} http {{ {http} upstream origin {{ server 127.0.0.1:9; }} \
             server {{ listen 127.0.0.1:1; server_name shop.example; {locations} }} }}"
        );
        let generation = Generation::new(prepare(&text, self.folder)?);
        Ok(Worker::new(
            generation,
            Dialer::System,
            Arc::new(1.into()),
            &Arc::default(),
        ))
    }

    fn request_heads(&self, criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
        let mut group = criterion.benchmark_group("request head");
        let mut part = Part::new(&self.worker("access_log off;", PLAIN)?);
        for (name, head) in [("3 fields", CURL), ("a browser's 12 fields", BROWSER)] {
            part.read_head(head)?;
            group.bench_function(name, |bencher| {
                bencher.iter(|| part.read_head(black_box(head)).is_ok());
            });
        }
        Ok(())
    }

    fn routing(&self, criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
        let prefixes = (0..300).map(|index| format!("location /section{index}/ {{}} "));
        let regexes =
            (0..200).map(|index| format!(r"location ~ ^/item{index}/[a-z]+-\d+\.html$ {{}} "));
        let many = prefixes.chain(regexes).collect::<String>();
        let mut group = criterion.benchmark_group("routing");
        for (name, locations, path, found) in [
            ("one location", "location / {}", "/1k", "/"),
            (
                "500 locations, a prefix",
                &many,
                "/section123/page",
                "/section123/",
            ),
            (
                "500 locations, a regex",
                &many,
                "/item150/lamp-7.html",
                r"^/item150/[a-z]+-\d+\.html$",
            ),
        ] {
            let mut part = Part::new(&self.worker("access_log off;", locations)?);
            part.read_head(
                format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n").as_bytes(),
            )?;
            assert_eq!(part.find_location(), found);
            group.bench_function(name, |bencher| {
                bencher.iter(|| part.find_location().len());
            });
        }
        Ok(())
    }

    fn templates(&self, criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
        let mut group = criterion.benchmark_group("upstream head");
        for (name, locations, head) in [
            ("3 fields, the default two set", PLAIN, CURL),
            (
                "a browser's 12 fields, 7 set from variables",
                FORWARDED,
                BROWSER,
            ),
        ] {
            let mut part = Part::new(&self.worker("access_log off;", locations)?);
            part.read_head(head)?;
            part.find_location();
            part.write_upstream_head()?;
            group.bench_function(name, |bencher| {
                bencher.iter(|| part.write_upstream_head().ok());
            });
        }
        Ok(())
    }

    fn access_lines(&self, criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
        let mut group = criterion.benchmark_group("access line");
        let timed = "log_format timed '$remote_addr $request_time $upstream_addr \
            $upstream_status $upstream_response_time \"$request\" $status $body_bytes_sent'; \
            access_log /dev/null timed;";
        for (name, log, head) in [
            ("combined, 3 fields", "access_log /dev/null;", CURL),
            ("combined, a browser", "access_log /dev/null;", BROWSER),
            ("with the upstream's times", timed, CURL),
        ] {
            let mut part = Part::new(&self.worker(log, PLAIN)?);
            part.read_head(head)?;
            part.find_location();
            let line = part.write_access_line();
            assert!(line > 0, "a line is written");
            group.bench_function(name, |bencher| bencher.iter(|| part.write_access_line()));
        }
        Ok(())
    }
}

fn response_head(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let (mut parser, mut head) = (ResponseParser::new(), ResponseHead::new());
    let rules = ResponseRules::V1_28;
    let mut parse = |bytes: &[u8]| {
        parser.reset();
        head.reset();
        parser.parse(bytes, &mut head, &rules)
    };
    assert_eq!(
        parse(ANSWER).map_err(|fault| format!("{fault:?}"))?,
        ResponseProgress::Done
    );
    criterion.bench_function("response head/8 fields", |bencher| {
        bencher.iter(|| parse(black_box(ANSWER)).is_ok());
    });
    Ok(())
}

fn peers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peer");
    let methods = [
        ("round robin", Method::RoundRobin),
        ("least_conn", Method::LeastConn),
        ("hash", Method::Hash),
        ("consistent hash", Method::HashConsistent),
        ("random", Method::Random),
    ];
    for count in [1, 3, 100, 10_000] {
        let addresses: Vec<_> = (0..count)
            .map(|index| PeerAddress::Inet(([127, 0, 0, 1], 1000 + index).into()))
            .collect();
        for (name, method) in methods {
            // Each on a line of its own: the addresses of one line share their place in a ring.
            let peers = addresses.iter().cloned().enumerate();
            let peers =
                peers.map(|(index, address)| PeerSpec::new(address, format!("b{index}:80")));
            let spec = PoolSpec {
                method,
                peers: peers.collect(),
                ..PoolSpec::implied("origin", [])
            };
            let view = View::new(&Pool::new(spec, None));
            let mut key = 0_u32;
            group.bench_function(format!("{name} over {count}"), |bencher| {
                bencher.iter(|| {
                    key = key.wrapping_add(1);
                    let mut attempts = view.begin(Key::Hash(&key.to_be_bytes()));
                    let peer = view.pick(&mut attempts, NOW)?;
                    let (outcome, took) = (PeerOutcome::Success, Took::default());
                    Some(view.release(&mut attempts, peer, outcome, took, NOW))
                });
            });
        }
    }
    for count in [1, 3, 100] {
        let addresses =
            (0..count).map(|index| PeerAddress::Inet(([127, 0, 0, 1], 1000 + index).into()));
        let view = View::new(&Pool::new(PoolSpec::implied("origin", addresses), None));
        let mut idle = IdleCache::new(weir_conf::Keepalive::new(usize::from(count)));
        let meta = IdleMeta {
            requests: 1,
            opened_at: NOW,
        };
        let peers = view.list().peers();
        for peer in peers {
            let evicted = idle.put(peer, 0, peer.name(), meta, NOW);
            assert_eq!(evicted, None);
        }
        assert_eq!(idle.len(), usize::from(count));
        group.bench_function(format!("idle connection among {count}"), |bencher| {
            let peer = &peers[0];
            bencher.iter(|| {
                let taken = idle.take(peer, 0, NOW)?;
                idle.put(peer, 0, taken.conn, taken.meta, NOW)
            });
        });
    }
}

fn error_line(criterion: &mut Criterion) {
    let time = LogTime::new(1_795_273_786);
    let message =
        b"connect() failed (111: Connection refused) while connecting to upstream, client: \
        127.0.0.1, server: shop.example, request: \"GET /1k HTTP/1.1\", upstream: \
        \"http://127.0.0.1:9/1k\", host: \"shop.example\"";
    let mut line = Vec::new();
    criterion.bench_function("error line", |bencher| {
        bencher.iter(|| {
            line.clear();
            write_line(
                &mut line,
                &time,
                Level::Error,
                black_box(4711),
                black_box(4712),
                Some(1),
                black_box(message),
            );
            black_box(&line).len()
        });
    });
}
