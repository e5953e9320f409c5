//! The grammar of an error-log line (`ngx_log_error_core`).

use weir_conf::Escape;

use crate::told::Told;
use crate::{Level, LogTime, escape};

/// Bytes of a line, the final newline included; a longer message is cut without a mark.
pub const LINE_LIMIT: usize = 2048;

/// Appends `YYYY/MM/DD HH:MM:SS [level] PID#TID: *CONN MESSAGE` and a newline.
///
/// `conn` is the number of the client connection; lines that belong to none go without. The
/// message goes in as it is, control bytes and all, and the line is cut at [`LINE_LIMIT`].
pub fn write_line(
    out: &mut Vec<u8>,
    time: &LogTime,
    level: Level,
    pid: u32,
    tid: u32,
    conn: Option<u64>,
    message: &[u8],
) {
    let start = out.len();
    let mut number = itoa::Buffer::new();
    out.extend_from_slice(time.error_log());
    out.extend_from_slice(b" [");
    out.extend_from_slice(level.as_str().as_bytes());
    out.extend_from_slice(b"] ");
    out.extend_from_slice(number.format(pid).as_bytes());
    out.push(b'#');
    out.extend_from_slice(number.format(tid).as_bytes());
    out.extend_from_slice(b": ");
    if let Some(conn) = conn {
        out.push(b'*');
        out.extend_from_slice(number.format(conn).as_bytes());
        out.push(b' ');
    }
    end_line(out, start, message);
}

/// What a plain line says: the text, and `, ctx: "VALUE"` behind it if the configuration adds a value, which is
/// escaped as in access lines. Of a line that is too long the text gives way, in `room` bytes.
pub(crate) fn with_ctx(told: &Told<'_>, room: usize) -> Vec<u8> {
    let mut suffix = b", ctx: \"".to_vec();
    let start = suffix.len();
    suffix.extend_from_slice(told.ctx);
    escape::apply(Escape::Default, &mut suffix, start);
    suffix.push(b'"');
    let kept = told.text.len().min(room.saturating_sub(suffix.len()));
    [&told.text[..kept], &suffix].concat()
}

/// Appends `nginx: [level] MESSAGE` and a newline: what goes to stderr before the logs are open.
/// The name is nginx's, so that what greps for it keeps working.
pub fn write_startup_line(out: &mut Vec<u8>, level: Level, message: &[u8]) {
    let start = out.len();
    out.extend_from_slice(b"nginx: [");
    out.extend_from_slice(level.as_str().as_bytes());
    out.extend_from_slice(b"] ");
    end_line(out, start, message);
}

fn end_line(out: &mut Vec<u8>, start: usize, message: &[u8]) {
    let room = (LINE_LIMIT - 1).saturating_sub(out.len() - start);
    out.extend_from_slice(&message[..message.len().min(room)]);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(conn: Option<u64>, message: &[u8]) -> Vec<u8> {
        let mut out = b"before\n".to_vec();
        write_line(
            &mut out,
            &LogTime::new(0),
            Level::Error,
            7,
            8,
            conn,
            message,
        );
        out.split_off(b"before\n".len())
    }

    #[test]
    fn a_line_has_nginx_grammar() {
        let check = |conn, message: &[u8], expected: &[u8]| {
            let line = line(conn, message);
            assert_eq!(line[LogTime::new(0).error_log().len()..], *expected);
        };
        check(
            Some(3),
            b"no live upstreams",
            b" [error] 7#8: *3 no live upstreams\n",
        );
        check(
            None,
            b"signal process started",
            b" [error] 7#8: signal process started\n",
        );
        check(Some(1), b"raw \xff\n\"", b" [error] 7#8: *1 raw \xff\n\"\n");
    }

    #[test]
    fn a_line_is_cut_at_its_limit() {
        let head = line(Some(1), b"").len();
        for length in [
            0,
            LINE_LIMIT - head - 1,
            LINE_LIMIT - head,
            LINE_LIMIT,
            9000,
        ] {
            let line = line(Some(1), &vec![b'x'; length]);
            assert_eq!(line.len(), (head + length).min(LINE_LIMIT), "{length}");
            assert_eq!(line.last(), Some(&b'\n'));
        }
    }

    #[test]
    fn the_startup_form_names_nginx() {
        let mut out = Vec::new();
        write_startup_line(&mut out, Level::Emerg, b"unknown directive \"x\" in a:1");
        assert_eq!(out, b"nginx: [emerg] unknown directive \"x\" in a:1\n");
    }
}
