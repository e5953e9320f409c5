//! Clients that read nothing for a while, or leave without having read anything.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::backend::KeptAlive;
use crate::site::{Site, ask, eventually, read_to_end};

const CLIENTS: usize = 20;

const MB: usize = 1 << 20;

/// Memory that waits for one client, the kernel's buffers apart; nginx takes as much.
const FEW: usize = 112 * 1024;

/// Bytes that tell places apart.
fn body(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n ^ (n >> 11)) as u8).collect()
}

/// Clients ask and read nothing: still the backend gets rid of all its answers, and what waits for
/// each takes at most `memory` bytes. Then every second one reads, and the others leave.
fn check(backend: &KeptAlive, body: &[u8], memory: usize) {
    let site = Site::new();
    let proxy = format!("location / {{ proxy_pass http://{}; }}", backend.address);
    site.serve("", &proxy);
    let running = site.start();
    let fetch = || {
        let mut client = site.connect();
        ask(&mut client, "/", "close");
        client
    };
    read_whole(fetch(), body);
    backend.answered();
    let (files, before) = (running.open_files(), running.resident());
    let clients: Vec<_> = (0..CLIENTS).map(|_| fetch()).collect();
    (0..CLIENTS).for_each(|_| backend.answered());
    let each = running.resident().saturating_sub(before) / CLIENTS;
    assert!(each < memory, "{each} bytes for each client");
    for (number, client) in clients.into_iter().enumerate() {
        if number % 2 == 0 {
            read_whole(client, body);
        }
    }
    eventually(|| running.open_files() <= files);
}

#[test]
fn what_nobody_reads_waits_in_files_and_arrives_whole_and_leaves_nothing() {
    for length in [8 * MB, MB - 1] {
        let body = body(length);
        check(&KeptAlive::answering(&body), &body, FEW);
    }
}

#[test]
fn so_does_what_comes_in_chunks_but_for_the_one_under_way() {
    let body = body(8 * MB);
    check(
        &KeptAlive::answering_in_chunks(&body),
        &body,
        FEW + 256 * 1024,
    );
}

/// Who sends a head byte by byte costs a few pages: what nobody has written to is not touched.
#[test]
fn a_head_that_comes_byte_by_byte_costs_a_few_pages() {
    const SLOW: usize = 400;
    let site = Site::new();
    site.conf(
        "daemon off; error_log stderr notice; events { worker_connections 1024; }
        http { access_log off; server { listen 127.0.0.1:PORT; return 200 x; } }",
    );
    let running = site.start();
    site.get("/");
    let before = running.resident();
    let mut clients: Vec<_> = (0..SLOW).map(|_| site.connect()).collect();
    for byte in [b"G", b"E", b"T"] {
        clients
            .iter_mut()
            .for_each(|client| client.write_all(byte).unwrap());
        // The worker has met all of them once it has answered somebody who came later.
        site.get("/");
    }
    let each = running.resident().saturating_sub(before) / SLOW;
    assert!(each < 16 * 1024, "{each} bytes for each client");
}

fn read_whole(mut client: TcpStream, body: &[u8]) {
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    let split = answer
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap()
        + 4;
    let (head, rest) = answer.split_at(split);
    let head = String::from_utf8_lossy(head);
    let whole = match head.contains("Transfer-Encoding: chunked") {
        true => without_chunks(rest),
        false => rest.to_vec(),
    };
    assert!(whole == body, "{head}{} bytes", whole.len());
}

fn without_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = rest.iter().position(|byte| *byte == b'\r').unwrap();
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return whole;
        }
        let start = line + 2;
        whole.extend_from_slice(&rest[start..start + size]);
        rest = &rest[start + size + 2..];
    }
}

/// nginx reads empty lines in front of a request and keeps none of them (`ngx_http_parse_request_line`).
#[test]
fn empty_lines_before_a_request_cost_nothing_however_many_there_are() {
    const LINES: usize = 16 * MB;
    let site = Site::new();
    site.serve("", "return 200 x;");
    let running = site.start();
    site.get("/");
    let before = running.resident();
    let mut client = site.connect();
    let block = b"\r\n".repeat(32 * 1024);
    for _ in 0..LINES / block.len() {
        client.write_all(&block).unwrap();
    }
    let grown = running.resident().saturating_sub(before);
    assert!(grown < MB, "{grown} bytes");
    ask(&mut client, "/", "close");
    assert!(read_to_end(&mut client).ends_with('x'));
}
