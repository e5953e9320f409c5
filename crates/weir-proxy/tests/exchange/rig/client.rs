//! A client, and the answers it reads.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::wire::{MOMENT, Wire, field, text};

/// A client connection.
pub(crate) struct Client {
    pub(crate) wire: Wire,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Of the status line; 0 if the connection ended without one.
    pub(crate) status: u16,
    /// Status line and fields, the empty line included.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The framing says that all of the body came.
    pub(crate) whole: bool,
}

impl Answer {
    /// Value of the first field called `name`.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    /// Values of all fields called `name`.
    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").skip(1);
        lines
            .filter_map(|line| line.split_once(": "))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    pub(crate) fn text(&self) -> String {
        text(self.body.clone())
    }
}

impl Client {
    pub(super) fn new(stream: DuplexStream) -> Self {
        Self {
            wire: Wire::new(stream),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.wire.stream.write_all(bytes.as_ref()).await;
        sent.expect("the worker holds its end of the pipe");
    }

    /// As [`Self::send`]; `false` if the worker has closed its end.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Sends FIN; answers can still be read.
    pub(crate) async fn finish(&mut self) {
        self.wire.stream.shutdown().await.expect("a pipe's FIN");
    }

    /// Reads an answer; without framing its body lasts until the connection ends.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.wire.head().await;
        let status = status_of(&head);
        let bodyless = head.is_empty() || matches!(status, 100..=199 | 204 | 304);
        if bodyless {
            return Answer::without_body(head);
        }
        let body = self.wire.body(&head, true).await;
        Answer {
            status,
            head,
            body: body.bytes,
            whole: body.whole,
        }
    }

    /// Reads the answer to HEAD.
    pub(crate) async fn head_answer(&mut self) -> Answer {
        Answer::without_body(self.wire.head().await)
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.wire.more().await {}
        std::mem::take(&mut self.wire.ahead)
    }

    /// What can be read without waiting for time to pass.
    pub(crate) async fn arrived(&mut self) -> String {
        self.wire.arrived().await
    }

    /// Whether the worker has closed its end; everything sent before must have been read.
    pub(crate) async fn is_closed(&mut self) -> bool {
        assert!(self.wire.ahead.is_empty(), "unread: {:?}", self.wire.ahead);
        let read = tokio::time::timeout(MOMENT, self.wire.stream.read_u8()).await;
        match read {
            Ok(Ok(byte)) => panic!("unread: {byte:?}"),
            Ok(Err(_)) => true,
            Err(_) => false,
        }
    }
}

impl Answer {
    fn without_body(head: String) -> Self {
        Self {
            status: status_of(&head),
            whole: head.ends_with("\r\n\r\n"),
            head,
            body: Vec::new(),
        }
    }
}

fn status_of(head: &str) -> u16 {
    let code = head.split(' ').nth(1).map(str::parse);
    code.and_then(Result::ok).unwrap_or(0)
}
