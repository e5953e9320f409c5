//! The body of a request, as far as it has been read.

use weir_io::buffers;
use weir_io::temp_file::TempFile;
use weir_wire::chunked::{ChunkRules, ChunkedDecoder};

/// How the client says where its body ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    /// No body.
    #[default]
    None,
    /// `Content-Length`.
    Length,
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of an HTTP/2 stream.
    Frames {
        /// There is a `Content-Length`, too.
        sized: bool,
    },
}

impl BodyFraming {
    /// Whether nobody knows how long the body will be.
    pub(crate) fn is_open_ended(self) -> bool {
        match self {
            Self::Chunked | Self::Frames { sized: false } => true,
            Self::None | Self::Length | Self::Frames { sized: true } => false,
        }
    }
}

/// The body of the request, as far as it has been read.
#[derive(Debug, Default)]
pub(crate) struct RequestBody {
    pub(crate) framing: BodyFraming,
    /// Bytes of a body with a length that were not taken from the client yet.
    pub(crate) remaining: u64,
    pub(crate) decoder: ChunkedDecoder,
    /// All of the body has been taken from the client.
    pub(crate) complete: bool,
    /// Somebody has begun to read the body, so that it cannot be discarded any more.
    pub(crate) begun: bool,
    /// Nobody wants the body: it is read and dropped.
    pub(crate) discarded: bool,
    /// The body is passed on while it arrives.
    pub(crate) streaming: bool,
    /// The whole body, or the part not passed on yet while streaming.
    pub(crate) memory: Vec<u8>,
    /// The whole body if it did not fit in memory.
    pub(crate) file: Option<TempFile>,
    /// Decoded bytes taken so far.
    pub(crate) taken: u64,
    /// `100 Continue` was sent or need not be.
    pub(crate) expect_answered: bool,
    /// More of it was read than what came with the head.
    pub(crate) read_on: bool,
    /// Its framing is broken.
    pub(crate) broken: bool,
    /// The head announces a body that is not there: a subrequest has the head of its main request, but not
    /// always the body.
    pub(crate) withheld: bool,
    /// It was passed on while it arrived, to an upstream that gave no answer: some of it is gone.
    pub(crate) spent: bool,
}

impl RequestBody {
    /// Gives its memory back, and its file up.
    pub(crate) fn release(&mut self) {
        buffers::give_back(std::mem::take(&mut self.memory));
        self.file = None;
    }

    /// Prepares for the next request.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Prepares for the body that the head announces.
    pub(crate) fn expect(
        &mut self,
        content_length: Option<u64>,
        chunked: bool,
        strict_lines: bool,
    ) {
        let rules = ChunkRules {
            strict_line_ends: strict_lines,
            trailers: None,
        };
        if chunked {
            self.framing = BodyFraming::Chunked;
            self.decoder = ChunkedDecoder::new(rules);
        } else if let Some(length @ 1..) = content_length {
            self.framing = BodyFraming::Length;
            self.remaining = length;
        } else {
            self.complete = true;
        }
    }

    /// Prepares for the body of a stream that has not ended, also where the head says that it is empty.
    pub(crate) fn expect_frames(&mut self, content_length: Option<u64>) {
        let sized = content_length.is_some();
        self.framing = BodyFraming::Frames { sized };
        self.remaining = content_length.unwrap_or(0);
    }

    /// Nothing is there of the body that the head may announce, and nothing will come
    /// (`ngx_http_auth_request_handler`).
    pub(crate) fn withhold(&mut self) {
        *self = Self {
            complete: true,
            begun: true,
            expect_answered: true,
            withheld: true,
            ..Self::default()
        };
    }

    /// The body of a subrequest that has that of its main request, which was read whole or not at all.
    pub(crate) fn share(&self) -> Self {
        let mut body = Self::default();
        body.withhold();
        if self.discarded && self.complete {
            // What was read and dropped is a body of no length from then on.
            body.withheld = false;
            body.discarded = true;
            body.framing = self.framing;
        }
        let is_here = self.begun && self.complete && !self.discarded && !self.withheld;
        if is_here && !self.is_gone() {
            body.withheld = false;
            body.framing = self.framing;
            body.memory.extend_from_slice(&self.memory);
            body.file = self.file.as_ref().map(TempFile::share);
            body.taken = self.taken;
        }
        body
    }

    /// Whether some of it was passed on while it arrived, and is not here any more.
    pub(crate) fn is_gone(&self) -> bool {
        !self.discarded && self.taken > self.length()
    }

    /// Bytes of the whole body, once complete.
    pub(crate) fn length(&self) -> u64 {
        match &self.file {
            Some(file) => file.written(),
            None => self.memory.len() as u64,
        }
    }
}
