//! Chunked bodies: the decoder for clients and upstreams, and the size lines that weir writes.

mod trailers;

use std::ops::Range;
use trailers::Trailers;

/// How a decoder treats what may be treated in more than one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRules {
    /// Only CRLF ends a line; nginx up to 1.28 takes a bare LF, too.
    pub strict_line_ends: bool,
    /// Trailers are kept, in at most so many bytes (proxy_buffer_size); `None` skips them.
    pub trailers: Option<usize>,
}

impl ChunkRules {
    /// nginx 1.31, trailers skipped.
    pub const STRICT: Self = Self {
        strict_line_ends: true,
        trailers: None,
    };
    /// nginx 1.22 and 1.28, trailers skipped.
    pub const LENIENT: Self = Self {
        strict_line_ends: false,
        trailers: None,
    };
}

/// What a call found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// A range of the buffer holds body data; the position is behind it.
    Data(Range<usize>),
    /// All bytes are used up and the body goes on.
    NeedMore,
    /// The last chunk and the trailers are read. `end` is the first byte behind them.
    Done {
        /// Equals the position.
        end: usize,
    },
}

/// The body is malformed. nginx logs "client sent invalid chunked body" (400) or "upstream sent
/// invalid chunked response" for the first, always at error level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkedFault {
    /// A size, an extension or a line end is wrong.
    #[error("invalid chunked body")]
    Invalid,
    /// The trailers do not fit their buffer.
    #[error("upstream sent too big trailers")]
    TooBigTrailers,
    /// A trailer has a byte that may not stand where it stands.
    #[error("upstream sent invalid trailer: \"{}\\x{byte:02x}...\"", String::from_utf8_lossy(.line))]
    InvalidTrailer {
        /// The line up to that byte.
        line: Vec<u8>,
        /// That byte.
        byte: u8,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    ChunkStart,
    Size,
    Extension,
    ExtensionAlmostDone,
    Data,
    AfterData,
    AfterDataAlmostDone,
    LastExtension,
    LastExtensionAlmostDone,
    TrailerStart,
    TrailerAlmostDone,
    TrailerLine,
    TrailerLineAlmostDone,
    /// Trailers are kept, and parsed like header lines.
    KeptTrailers,
    Done,
}

/// Incremental decoder of one chunked body (ngx_http_parse_chunked).
#[derive(Clone, Debug)]
pub struct ChunkedDecoder {
    rules: ChunkRules,
    stage: Stage,
    /// Of the current chunk, what is still to come; while its size is being read, the size.
    size: u64,
    trailers: Option<Box<Trailers>>,
}

const MAX_SIZE: u64 = i64::MAX as u64;

impl Default for ChunkedDecoder {
    /// A strict decoder before the first chunk.
    fn default() -> Self {
        Self::new(ChunkRules::STRICT)
    }
}

impl ChunkedDecoder {
    /// A decoder before the first chunk.
    #[must_use]
    pub fn new(rules: ChunkRules) -> Self {
        Self {
            rules,
            stage: Stage::ChunkStart,
            size: 0,
            trailers: None,
        }
    }

    /// Reads on from `pos`, which moves past what was read. Call again until it says
    /// [`Chunk::NeedMore`] or [`Chunk::Done`]; what lies before `pos` is not needed any more.
    ///
    /// # Errors
    ///
    /// The body is malformed; what was decoded before is still good.
    pub fn decode(&mut self, buf: &[u8], pos: &mut usize) -> Result<Chunk, ChunkedFault> {
        while *pos < buf.len() {
            match self.stage {
                Stage::Data => return Ok(self.data(buf, pos)),
                Stage::KeptTrailers => self.kept_trailers(buf, pos)?,
                Stage::Done => break,
                _ => {
                    self.stage = self.framing(buf[*pos])?;
                    *pos += 1;
                }
            }
        }
        if self.stage == Stage::Done {
            return Ok(Chunk::Done { end: *pos });
        }
        if self.size > MAX_SIZE - 5 {
            return Err(ChunkedFault::Invalid);
        }
        Ok(Chunk::NeedMore)
    }

    /// Whether the whole body has been read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Bytes that the body needs at least until its end, framing included: how much a read may ask
    /// for without reaching into what follows. 0 once done.
    #[must_use]
    pub fn at_least(&self) -> u64 {
        // Line ends: how long one is, and how long it still is behind its CR.
        let (end, rest) = if self.rules.strict_line_ends {
            (2, 1)
        } else {
            (1, 1)
        };
        let last_chunk = end + 1 + end + end;
        match self.stage {
            Stage::ChunkStart => 1 + end + end,
            Stage::Size if self.size == 0 => end + end,
            Stage::Size | Stage::Extension => end + self.size + last_chunk,
            Stage::ExtensionAlmostDone => rest + self.size + last_chunk,
            Stage::Data => self.size + last_chunk,
            Stage::AfterData => last_chunk,
            Stage::AfterDataAlmostDone => rest + last_chunk - end,
            Stage::LastExtension => end + end,
            Stage::LastExtensionAlmostDone => rest + end,
            Stage::TrailerStart | Stage::KeptTrailers => end,
            Stage::TrailerAlmostDone => 1,
            Stage::TrailerLine => end + end,
            Stage::TrailerLineAlmostDone => rest + end,
            Stage::Done => 0,
        }
    }

    /// Bytes of the current chunk's data that are still to come; 0 between chunks.
    #[must_use]
    pub fn chunk_rest(&self) -> u64 {
        if self.stage == Stage::Data {
            self.size
        } else {
            0
        }
    }

    /// Names and values of the kept trailers, complete once done.
    pub fn trailers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.trailers.iter().flat_map(|trailers| trailers.fields())
    }

    fn data(&mut self, buf: &[u8], pos: &mut usize) -> Chunk {
        let start = *pos;
        let rest = (buf.len() - start) as u64;
        let taken = self.size.min(rest) as usize;
        self.size -= taken as u64;
        if self.size == 0 {
            self.stage = Stage::AfterData;
        }
        *pos = start + taken;
        Chunk::Data(start..*pos)
    }

    /// One byte that is neither data nor part of a kept trailer.
    fn framing(&mut self, byte: u8) -> Result<Stage, ChunkedFault> {
        let lf = !self.rules.strict_line_ends;
        Ok(match (self.stage, byte) {
            (Stage::ChunkStart, _) => {
                self.size = u64::from(hex(byte).ok_or(ChunkedFault::Invalid)?);
                Stage::Size
            }
            (Stage::Size, _) => return self.size(byte),
            (Stage::Extension, b'\r') => Stage::ExtensionAlmostDone,
            (Stage::Extension, b'\n') if lf => Stage::Data,
            (Stage::ExtensionAlmostDone, b'\n') => Stage::Data,
            (Stage::AfterData, b'\r') => Stage::AfterDataAlmostDone,
            (Stage::AfterData, b'\n') if lf => Stage::ChunkStart,
            (Stage::AfterDataAlmostDone, b'\n') => Stage::ChunkStart,
            (Stage::LastExtension, b'\r') => Stage::LastExtensionAlmostDone,
            (Stage::LastExtension, b'\n') if lf => self.last_chunk(),
            (Stage::LastExtensionAlmostDone, b'\n') => self.last_chunk(),
            (Stage::TrailerStart, b'\r') => Stage::TrailerAlmostDone,
            (Stage::TrailerStart, b'\n') if lf => Stage::Done,
            (Stage::TrailerAlmostDone, b'\n') => Stage::Done,
            (Stage::TrailerLine, b'\r') => Stage::TrailerLineAlmostDone,
            (Stage::TrailerLine, b'\n') if lf => Stage::TrailerStart,
            (Stage::TrailerLineAlmostDone, b'\n') => Stage::TrailerStart,
            (Stage::Extension | Stage::LastExtension | Stage::TrailerLine, b) if b != b'\n' => {
                self.stage
            }
            (Stage::TrailerStart, b) if b != b'\n' => Stage::TrailerLine,
            _ => return Err(ChunkedFault::Invalid),
        })
    }

    /// A byte behind the first digit of a size.
    fn size(&mut self, byte: u8) -> Result<Stage, ChunkedFault> {
        if self.size > MAX_SIZE / 16 {
            return Err(ChunkedFault::Invalid);
        }
        if let Some(digit) = hex(byte) {
            self.size = self.size * 16 + u64::from(digit);
            return Ok(Stage::Size);
        }
        let last = self.size == 0;
        match byte {
            b'\r' if last => Ok(Stage::LastExtensionAlmostDone),
            b'\r' => Ok(Stage::ExtensionAlmostDone),
            b';' | b' ' | b'\t' if last => Ok(Stage::LastExtension),
            b';' | b' ' | b'\t' => Ok(Stage::Extension),
            b'\n' if self.rules.strict_line_ends => Err(ChunkedFault::Invalid),
            b'\n' if last => Ok(self.last_chunk()),
            b'\n' => Ok(Stage::Data),
            _ => Err(ChunkedFault::Invalid),
        }
    }

    fn last_chunk(&mut self) -> Stage {
        match self.rules.trailers {
            None => Stage::TrailerStart,
            Some(limit) => {
                self.trailers = Some(Box::new(Trailers::new(limit)));
                Stage::KeptTrailers
            }
        }
    }

    fn kept_trailers(&mut self, buf: &[u8], pos: &mut usize) -> Result<(), ChunkedFault> {
        let Some(trailers) = &mut self.trailers else {
            return Err(ChunkedFault::Invalid);
        };
        let (used, done) = trailers.read(&buf[*pos..])?;
        *pos += used;
        if done {
            self.stage = Stage::Done;
        }
        Ok(())
    }
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Appends the size line of a chunk: lower-case hexadecimal, CRLF. The data and another CRLF are to
/// follow; [`LAST_CHUNK`] ends the body.
pub fn write_chunk_size(len: u64, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digits = (u64::BITS - len.leading_zeros()).div_ceil(4).max(1);
    out.extend(
        (0..digits)
            .rev()
            .map(|digit| HEX[(len >> (digit * 4) & 15) as usize]),
    );
    out.extend_from_slice(b"\r\n");
}

/// The last chunk, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests;
