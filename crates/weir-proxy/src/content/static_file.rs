//! The file of a URI.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};

use weir_filter::{Flush, More};
use weir_wire::KnownField;
use weir_wire::request::Method;

use super::gzip_static::{self, Found};
use super::{is_asked_for, log_failed, looked_up, quoted};
use crate::answer::{additions, body, headers, media_type, redirect, send};
use crate::client::throttle::Throttle;
use crate::facts::{Action, Cut, Ending, Outcome, Parts, Session};
use crate::report::error_log::{self, Message};
use crate::report::variables::paths;
use weir_io::buffers;
use weir_io::links::Failed;

/// Answers with the file of the URI, which ends with no slash (`ngx_http_static_handler`).
pub(super) async fn answer(session: &mut Session) -> Outcome {
    if !is_asked_for(session.req.state.method) {
        return Outcome::Status(405);
    }
    match gzip_static::find(session) {
        Found::Nothing => {}
        Found::Refused(outcome) => return outcome,
        // Boxed, that the future does not hold it twice.
        Found::Compressed(file, metadata) => {
            note_root(session);
            let encoding = Some(&b"gzip"[..]);
            return Box::pin(answer_with(session, &file, &metadata, encoding)).await;
        }
    }
    let Ok(path) = paths::filename(session.view(), &session.req.uri) else {
        return Outcome::Status(500);
    };
    let opened = looked_up::open(session.view(), &path);
    if opened.is_ok() {
        note_root(session);
    }
    match opened {
        Ok((_, metadata)) if metadata.is_dir() => redirect::add_slash(session),
        Ok((_, metadata)) if metadata.is_file() && session.req.state.method == Method::Post => {
            Outcome::Status(405)
        }
        Ok((file, metadata)) if metadata.is_file() => {
            answer_with(session, &file, &metadata, None).await
        }
        Ok(_) => {
            error_log::crit(
                session.view(),
                Message::bytes(&quoted(b"", &path, b" is not a regular file")),
            );
            Outcome::Status(404)
        }
        Err(failed) => open_failed(session, &path, &failed),
    }
}

/// What lies below `root` or `alias` could be opened, so that is there: named logs need not look.
pub(super) fn note_root(session: &mut Session) {
    session.req.state.root_tested = !session.req.state.in_error_page;
}

pub(super) fn open_failed(session: &Session, path: &[u8], failed: &Failed) -> Outcome {
    let status = status_without(&failed.error);
    if status != 404 || session.settings().log_not_found {
        log_failed(session.view(), status == 500, failed, path);
    }
    Outcome::Status(status)
}

/// The status for a file that cannot be opened.
pub(super) fn status_without(error: &io::Error) -> u16 {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG) => 404,
        Some(libc::EACCES | libc::EMLINK | libc::ELOOP) => 403,
        _ => 500,
    }
}

/// What of a file goes to the client.
pub(super) struct Body {
    /// Comes first.
    pub(super) head: Vec<u8>,
    /// Then these bytes of the file.
    pub(super) file: Range<u64>,
}

impl Body {
    /// All of a file of `length` bytes.
    pub(super) fn whole(length: u64) -> Self {
        Self {
            head: Vec::new(),
            file: 0..length,
        }
    }

    fn length(&self) -> u64 {
        self.head.len() as u64 + (self.file.end - self.file.start)
    }
}

/// Answers with what a client's wish leaves of a file.
pub(super) async fn send(
    session: &mut Session,
    file: &File,
    metadata: &Metadata,
    body: Body,
) -> Outcome {
    describe(session, metadata, body.length());
    if let Err(outcome) = send::begin(session) {
        return outcome;
    }
    Box::pin(send_body(session, file, body)).await
}

/// Sends the body behind a head that waits.
async fn send_body(session: &mut Session, file: &File, body: Body) -> Outcome {
    if session.req.response.additions.is_some()
        && let Err(outcome) = additions::before(session).await
    {
        return outcome;
    }
    if FileBody::new(session, file, body).send().await {
        session.req.state.ending = Ending::Complete;
    }
    Outcome::Answered
}

async fn answer_with(
    session: &mut Session,
    file: &File,
    metadata: &Metadata,
    encoding: Option<&[u8]>,
) -> Outcome {
    if let Err(outcome) = session.settle_unwanted_body().await {
        return outcome;
    }
    session.client.link_mut().action = Action::SendingFile;
    describe(session, metadata, metadata.len());
    if let Some(encoding) = encoding {
        let ranges = session.client.link().plan.differences().gzip_static_ranges;
        session.req.response.allows_ranges = ranges;
        let known = KnownField::ContentEncoding;
        let fields = &mut session.req.response.fields;
        fields.push(known, b"Content-Encoding", encoding);
    }
    if let Err(outcome) = send::begin(session) {
        return outcome;
    }
    // Boxed: through its buffer and throttle it would add 40 bytes to the future of every request.
    let body = Body::whole(metadata.len());
    Box::pin(send_body(session, file, body)).await
}

/// What the answer's head says of the file.
fn describe(session: &mut Session, metadata: &Metadata, length: u64) {
    let modified = metadata.mtime();
    let with_tag = session.settings().etag;
    let response = &mut session.req.response;
    response.status = 200;
    response.content_length = Some(length);
    // nginx takes the second before 1970 for no time at all.
    response.modified = Some(modified).filter(|&modified| modified != -1);
    response.allows_ranges = true;
    if with_tag {
        let sign = if modified < 0 { "-" } else { "" };
        let tag = format!("\"{sign}{:x}-{length:x}\"", modified.unsigned_abs());
        response
            .fields
            .push(KnownField::Etag, b"ETag", tag.as_bytes());
    }
    media_type::set(session);
}

/// The size of a buffer that nginx reads a file into (`output_buffers`): one chunk.
const CHUNK: usize = 32 * 1024;

/// A file on its way to the client, through a buffer.
struct FileBody<'a> {
    session: &'a mut Session,
    file: &'a File,
    body: Body,
    block: Vec<u8>,
    throttle: Throttle,
}

impl<'a> FileBody<'a> {
    fn new(session: &'a mut Session, file: &'a File, body: Body) -> Self {
        Self {
            throttle: Throttle::client(session, true),
            session,
            file,
            body,
            block: buffers::take_relay(),
        }
    }

    /// Sends what the answer's head promises; `false` if it was cut short.
    async fn send(mut self) -> bool {
        let sent = self.send_body().await;
        buffers::give_back(std::mem::take(&mut self.block));
        sent
    }

    async fn send_body(&mut self) -> bool {
        if self.session.req.response.header_only {
            return self.session.write_all(&[]).await.is_ok();
        }
        headers::add_trailers(self.session);
        let sent = match std::mem::take(&mut self.session.req.response.cut) {
            Cut::Whole => self.send_part(0..self.body.length()).await,
            Cut::Part(part) => self.send_part(part).await,
            Cut::Parts(parts) => Box::pin(self.send_parts(*parts)).await,
        };
        sent && self.send_block(true).await
    }

    async fn send_parts(&mut self, parts: Parts) -> bool {
        for (lines, part) in parts.parts {
            self.block.extend_from_slice(&lines);
            // nginx sends what it has before it reads on: a chunk ends in front of each part.
            let chunked = self.session.req.response.chunked;
            if chunked && !self.send_block(false).await {
                return false;
            }
            if !self.send_part(part).await {
                return false;
            }
        }
        self.block.extend_from_slice(&parts.end);
        true
    }

    /// Reads a part of the file behind what waits in the block, which is sent whenever it is full.
    async fn send_part(&mut self, part: Range<u64>) -> bool {
        let limit = match self.session.req.response.chunked {
            true => CHUNK,
            false => buffers::RELAY_BUFFER,
        };
        let mut offset = part.start;
        while offset < part.end {
            if self.block.len() >= limit {
                if !self.send_block(false).await {
                    return false;
                }
                continue;
            }
            let left = usize::try_from(part.end - offset).unwrap_or(usize::MAX);
            let count = self.read(offset, left.min(limit - self.block.len()));
            if count == 0 {
                // The file shrank or cannot be read: the client must see a cut answer.
                self.session.req.state.keepalive = false;
                let _cut = self.send_block(false).await;
                return false;
            }
            offset += count;
        }
        true
    }

    /// Reads up to `wanted` bytes behind what is in the block; bytes that were read.
    fn read(&mut self, offset: u64, wanted: usize) -> u64 {
        let head = self.body.head.len() as u64;
        if let Some(rest) = usize::try_from(offset)
            .ok()
            .and_then(|at| self.body.head.get(at..))
            && !rest.is_empty()
        {
            let taken = rest.len().min(wanted);
            self.block.extend_from_slice(&rest[..taken]);
            return taken as u64;
        }
        let before = self.block.len();
        self.block.resize(before + wanted, 0);
        let at = self.body.file.start + (offset - head);
        let read = self.file.read_at(&mut self.block[before..], at);
        let read = read.unwrap_or(0);
        self.block.truncate(before + read);
        read as u64
    }

    /// Sends the block, as a chunk where the answer goes in chunks, and behind the `last` one what
    /// ends the body.
    async fn send_block(&mut self, last: bool) -> bool {
        if self.session.req.response.filters.is_none() {
            return self.send_framed(last).await;
        }
        let flush = if last { Flush::End } else { Flush::No };
        let mut made = body::filter(self.session, &mut self.block, flush);
        while let Ok(More::Yes) = made {
            if !self.send_framed(false).await {
                return false;
            }
            made = body::filter_on(self.session, &mut self.block);
        }
        if made.is_err() {
            self.session.break_off();
            return false;
        }
        (self.block.is_empty() && !last) || self.send_framed(last).await
    }

    /// Whether the end of the file is too little to go out by itself.
    fn waits_for_more(&self) -> bool {
        additions::waits_for_more(self.session, self.block.len())
    }

    async fn send_framed(&mut self, last: bool) -> bool {
        if self.session.req.response.chunked {
            let mut framed = std::mem::take(&mut self.session.req.response.pending);
            body::write_chunk(&self.block, &mut framed);
            if last && !self.session.req.response.goes_on() {
                body::write_last_chunk(self.session, &mut framed);
            }
            self.session.req.response.pending = framed;
            self.block.clear();
        }
        let response = &self.session.req.response;
        if last && response.ends_with_body() {
            let length = response.pending.len() + self.block.len();
            self.session.client.expect_end(length);
        }
        let sent = if last && self.waits_for_more() {
            self.session.req.response.pending.append(&mut self.block);
            true
        } else if self.throttle.is_on() {
            Box::pin(self.throttle.write(self.session, &self.block)).await
        } else {
            self.session.write_all(&self.block).await.is_ok()
        };
        self.block.clear();
        sent
    }
}
