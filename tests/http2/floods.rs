//! Clients that send without an end, or take nothing: they are left, and cost little until then.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::site::{Running, Site};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// `:method GET`, `:scheme http`, `:path /` and an authority of one letter.
pub(crate) const HEAD: &[u8] = b"\x82\x86\x84\x01\x01a";

/// Memory that a flood may cost.
pub(crate) const ROOM: usize = 24 << 20;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// What weir's last word was.
struct Left {
    /// What the code of its GOAWAY may be, or that there is none.
    codes: &'static [Option<u32>],
    /// What the log says of the client.
    log: &'static str,
}

const NO_ERROR: u32 = 0;
const ENHANCE_YOUR_CALM: u32 = 11;

/// Far more octets than there is payload in (`ngx_http_v2_read_handler`).
const FLOOD: Left = Left {
    codes: &[Some(NO_ERROR)],
    log: "http2 flood detected",
};
/// Frames that are answered: weir says nothing more once too many answers wait for a client that has not read them
/// (`ngx_http_v2_get_frame`), which depends on how fast this one reads.
const FLOOD_OF_QUESTIONS: Left = Left {
    codes: &[Some(NO_ERROR), None],
    log: "http2 flood detected",
};
const TOO_LARGE: Left = Left {
    codes: &[Some(ENHANCE_YOUR_CALM)],
    log: "client sent too large header",
};

/// Sends what `frames` gives, number by number, until weir closes the connection with that word; then others are
/// served as before, and memory is as it was.
fn check(left: &Left, frames: impl Fn(u32) -> Vec<u8> + Send + 'static) {
    let site = Site::new();
    site.serve(
        "error_log logs/error.log info;",
        "http2 on; return 200 $http2;",
    );
    let running = site.start();
    assert_eq!(site.get("/"), "");
    let said = flood(&site, &running, frames);
    let code = last_goaway(&said);
    assert!(left.codes.contains(&code), "{code:?}");
    let log = site.read("logs/error.log");
    assert!(log.contains(left.log), "{log}");
    assert_eq!(site.get("/"), "");
}

/// The code of the last GOAWAY in what weir said.
fn last_goaway(mut said: &[u8]) -> Option<u32> {
    const GOAWAY: u8 = 7;
    let mut last = None;
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = said {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let (payload, rest) = rest.split_at_checked(length)?;
        if *kind == GOAWAY {
            last = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        said = rest;
    }
    last
}

/// What weir said until it closed.
fn flood(
    site: &Site,
    running: &Running<'_>,
    frames: impl Fn(u32) -> Vec<u8> + Send + 'static,
) -> Vec<u8> {
    /// Far more than anybody lets pass: 2^24 turns.
    const TURNS: u32 = 1 << 14;
    const OF_A_TURN: u32 = 1 << 10;
    let before = running.resident();
    let mut socket = site.connect();
    let mut sender = socket.try_clone().unwrap();
    let left = Arc::new(AtomicBool::new(false));
    let was_left = left.clone();
    let sent = std::thread::spawn(move || {
        sender.write_all(PREFACE).unwrap();
        for turn in 0..TURNS {
            let numbers = turn * OF_A_TURN..(turn + 1) * OF_A_TURN;
            let frames: Vec<u8> = numbers.flat_map(&frames).collect();
            // weir reads on for a while behind its last word (lingering_close).
            if sender.write_all(&frames).is_err() || was_left.load(Relaxed) {
                return true;
            }
        }
        // A reader that was left behind is to come to an end, too.
        let _closed = sender.shutdown(Shutdown::Both);
        false
    });
    let mut most = 0;
    let mut room = [0; 1 << 16];
    let mut said = Vec::new();
    // A reset ends it as well as FIN does.
    while let Ok(count @ 1..) = socket.read(&mut room) {
        said.extend_from_slice(&room[..count]);
        most = most.max(running.resident());
    }
    left.store(true, Relaxed);
    assert!(sent.join().unwrap(), "weir reads without an end");
    assert!(most.saturating_sub(before) < ROOM, "{before} -> {most}");
    said
}

#[test]
fn streams_that_are_reset_at_once() {
    check(
        &Left {
            codes: &[Some(NO_ERROR)],
            log: "client canceled stream 1,",
        },
        |n| {
            let stream = 2 * n + 1;
            [
                frame(1, 5, stream, HEAD),
                frame(3, 0, stream, &[0, 0, 0, 8]),
            ]
            .concat()
        },
    );
}

#[test]
fn a_head_that_never_ends() {
    check(&TOO_LARGE, |n| match n {
        0 => frame(1, 1, 1, HEAD),
        _ => frame(9, 0, 1, b"\0\x01a\x01b"),
    });
}

#[test]
fn empty_continuations() {
    check(&FLOOD, |n| match n {
        0 => frame(1, 1, 1, HEAD),
        _ => frame(9, 0, 1, b""),
    });
}

#[test]
fn empty_data() {
    check(&FLOOD, |n| match n {
        0 => frame(1, 4, 1, HEAD),
        _ => frame(0, 0, 1, b""),
    });
}

#[test]
fn pings() {
    check(&FLOOD_OF_QUESTIONS, |_| frame(6, 0, 0, b"12345678"));
}

#[test]
fn settings() {
    check(&FLOOD_OF_QUESTIONS, |_| frame(4, 0, 0, b""));
}

#[test]
fn priorities() {
    check(
        &Left {
            codes: &[Some(ENHANCE_YOUR_CALM)],
            log: "client sent too many PRIORITY frames",
        },
        |_| frame(2, 0, 3, b"\0\0\0\x01\x10"),
    );
}

#[test]
fn a_head_that_swells_when_it_is_decoded() {
    // A field of 3,000 bytes that is kept, then named again and again by one byte.
    let field = [&b"\x40\x01a\x7f\xb9\x16"[..], &[b'b'; 3000]].concat();
    let bomb = [HEAD, &field, &[0xbe; 8000]].concat();
    check(&TOO_LARGE, move |n| frame(1, 5, 2 * n + 1, &bomb));
}
