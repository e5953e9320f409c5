//! Reading HTTP/1 messages from a pipe, strictly.

use std::time::Duration;

use tokio::io::{AsyncReadExt, DuplexStream};

/// Long enough for every task to come to rest, on the paused clock.
pub(crate) const MOMENT: Duration = Duration::from_millis(1);

/// Bytes asked for at once.
const READ: usize = 16 * 1024;

/// One end of a pipe and what was read from it but not yet taken.
pub(crate) struct Wire {
    pub(crate) stream: DuplexStream,
    pub(crate) ahead: Vec<u8>,
}

/// A body and whether its framing says that it is whole.
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) whole: bool,
}

impl Wire {
    pub(crate) fn new(stream: DuplexStream) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
        }
    }

    /// Reads more; `false` at the end.
    pub(crate) async fn more(&mut self) -> bool {
        self.ahead.reserve(READ);
        let count = self.stream.read_buf(&mut self.ahead).await;
        count.expect("a pipe's read cannot fail") > 0
    }

    /// What can be read without waiting for time to pass.
    pub(crate) async fn arrived(&mut self) -> String {
        while let Ok(true) = tokio::time::timeout(MOMENT, self.more()).await {}
        text(std::mem::take(&mut self.ahead))
    }

    /// Everything up to the empty line, or up to the end if none comes.
    pub(crate) async fn head(&mut self) -> String {
        loop {
            let end = self.ahead.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                return text(self.ahead.drain(..end + 4).collect());
            }
            if !self.more().await {
                return text(std::mem::take(&mut self.ahead));
            }
        }
    }

    /// The body that `head` announces; `until_close` says what no framing means.
    pub(crate) async fn body(&mut self, head: &str, until_close: bool) -> Body {
        if field(head, "transfer-encoding").is_some_and(|value| value == "chunked") {
            return self.chunked().await;
        }
        if let Some(length) = field(head, "content-length") {
            let length = length.parse().expect("a length");
            return self.sized(length).await;
        }
        if !until_close {
            return Body {
                bytes: Vec::new(),
                whole: true,
            };
        }
        while self.more().await {}
        Body {
            bytes: std::mem::take(&mut self.ahead),
            whole: true,
        }
    }

    async fn sized(&mut self, length: usize) -> Body {
        while self.ahead.len() < length {
            if !self.more().await {
                return Body {
                    bytes: std::mem::take(&mut self.ahead),
                    whole: false,
                };
            }
        }
        Body {
            bytes: self.ahead.drain(..length).collect(),
            whole: true,
        }
    }

    async fn chunked(&mut self) -> Body {
        let mut bytes = Vec::new();
        loop {
            let Some(line) = self.line().await else {
                return Body {
                    bytes,
                    whole: false,
                };
            };
            let size = usize::from_str_radix(&line, 16).expect("a chunk size");
            let chunk = self.sized(size).await;
            bytes.extend_from_slice(&chunk.bytes);
            let end = self.line().await;
            if !chunk.whole || end.is_none() {
                return Body {
                    bytes,
                    whole: false,
                };
            }
            assert_eq!(end.as_deref(), Some(""), "what follows a chunk");
            if size == 0 {
                return Body { bytes, whole: true };
            }
        }
    }

    /// A line without its CRLF.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|two| two == b"\r\n") {
                let mut line: Vec<u8> = self.ahead.drain(..end + 2).collect();
                line.truncate(end);
                return Some(text(line));
            }
            if !self.more().await {
                return None;
            }
        }
    }
}

/// Value of the first field called `name` in `head`.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().escape_ascii().to_string())
}
