//! Clients that speak HTTP/2: the binary over sockets, with hyper's client, and with floods of frames.

#![allow(
    clippy::unwrap_used,
    reason = "all of it is test code; clippy sees the helpers as none"
)]

mod alpn;
mod client;
mod floods;
#[path = "../command/site.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod site;
#[path = "../tls/client.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod tls;

use std::fs;
use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use nix::sys::signal::Signal;
use tokio::time::timeout;

use client::{Client, body};
use site::{PATIENCE, Site};

/// Bytes of a body that no buffer holds.
const LARGE: usize = 4 << 20;

fn large() -> Vec<u8> {
    (0..LARGE).map(|n| (n / 1000 % 251) as u8).collect()
}

/// A site whose pages are files, and which passes on what comes to `/up` to itself.
fn serve(site: &Site, version: &str) {
    site.conf(&format!(
        "daemon off;
        error_log stderr notice;
        events {{ worker_connections 1024; }}
        http {{
            access_log logs/access.log;
            client_max_body_size 0;
            send_timeout 1s;
            server {{
                listen 127.0.0.1:PORT;
                http2 on;
                root PREFIX/html;
                location = /version {{ return 200 {version}; }}
                location = /sink {{ proxy_pass http://127.0.0.1:PORT/length; }}
                location = /length {{ return 200 $content_length; }}
                location /up/ {{ proxy_pass http://127.0.0.1:PORT/; }}
            }}
        }}"
    ));
    fs::create_dir_all(site.path("html")).unwrap();
}

#[tokio::test]
async fn a_page_of_a_hundred_resources_comes_over_one_connection() {
    let site = Site::new();
    serve(&site, "one");
    for n in 0..100 {
        fs::write(
            site.path(&format!("html/{n}.txt")),
            format!("{n} ").repeat(n * 10),
        )
        .unwrap();
    }
    let _running = site.start();
    let client = Client::connect(&site, 65_535).await;
    let paths: Vec<String> = (0..100)
        .map(|n| format!("{}/{n}.txt", if n % 2 == 0 { "" } else { "/up" }))
        .collect();
    let answers = paths.iter().map(|path| client.get(path));
    let bodies = futures_all(answers).await;
    for (n, body) in bodies.iter().enumerate() {
        assert_eq!(body, format!("{n} ").repeat(n * 10).as_bytes());
    }
    // A request has its line once its last frame is out, which the client may see first.
    site::eventually(|| {
        site.read("logs/access.log")
            .matches("HTTP/2.0\" 200")
            .count()
            == 100
    });
}

/// All of them at once, on this task.
async fn futures_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|cx| {
        let mut all = true;
        for (future, done) in &mut waiting {
            if done.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(value) => *done = Some(value),
                    Poll::Pending => all = false,
                }
            }
        }
        match all {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test]
async fn large_bodies_go_both_ways_through_small_windows() {
    let site = Site::new();
    serve(&site, "one");
    let large = large();
    fs::write(site.path("html/large"), &large).unwrap();
    let _running = site.start();
    let client = Client::connect(&site, 10_000).await;
    assert!(client.get("/large").await == large);
    assert!(client.get("/up/large").await == large);
    let answer = client.ask("POST", "/sink", Bytes::from(large)).await;
    assert_eq!(body(answer).await, LARGE.to_string());
}

#[tokio::test]
async fn a_reload_says_goaway_and_lets_streams_end() {
    let site = Site::new();
    serve(&site, "one");
    fs::write(site.path("html/large"), large()).unwrap();
    let mut running = site.start();
    let client = Client::connect(&site, 10_000).await;
    assert_eq!(client.get("/version").await, "one");
    let mut under_way = client.ask("GET", "/large", Bytes::new()).await.into_body();
    let first = timeout(PATIENCE, under_way.frame()).await.unwrap();
    let first = first.unwrap().unwrap().into_data().unwrap();
    serve(&site, "two");
    running.reload();
    let other = Client::connect(&site, 65_535).await;
    assert_eq!(other.get("/version").await, "two");
    let rest = timeout(PATIENCE, under_way.collect()).await.unwrap();
    assert_eq!(first.len() + rest.unwrap().to_bytes().len(), LARGE);
    // GOAWAY lets the client leave once its stream has ended.
    let end = timeout(PATIENCE, client.connection).await;
    end.expect("the connection ends").unwrap().unwrap();
}

#[tokio::test]
async fn a_worker_that_drains_lets_streams_end() {
    let site = Site::new();
    serve(&site, "one");
    fs::write(site.path("html/large"), large()).unwrap();
    let running = site.start();
    let client = Client::connect(&site, 10_000).await;
    let under_way = client.ask("GET", "/large", Bytes::new()).await;
    running.signal(Signal::SIGQUIT);
    assert_eq!(body(under_way).await.len(), LARGE);
    timeout(PATIENCE, client.connection)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let (status, _) = running.ended();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn clients_that_take_nothing_are_left_and_cost_little() {
    let site = Site::new();
    serve(&site, "one");
    fs::write(site.path("html/large"), large()).unwrap();
    let running = site.start();
    let client = Client::connect(&site, 1_000).await;
    let before = running.resident();
    let mut waiting = Vec::new();
    for n in 0..50 {
        let path = if n % 2 == 0 { "/large" } else { "/up/large" };
        waiting.push(client.ask("GET", path, Bytes::new()).await);
    }
    let mut reset = 0;
    for answer in waiting {
        // Nothing is taken until all have been given up.
        site::eventually(|| {
            site.read("logs/access.log")
                .matches("HTTP/2.0\" 200")
                .count()
                == 50
        });
        reset += usize::from(answer.into_body().collect().await.is_err());
    }
    assert_eq!(reset, 50);
    let cost = running.resident().saturating_sub(before);
    assert!(cost < floods::ROOM, "{cost}");
    let other = Client::connect(&site, 65_535).await;
    assert_eq!(other.get("/version").await, "one");
}
