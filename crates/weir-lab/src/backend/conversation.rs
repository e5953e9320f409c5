//! One accepted connection and its script.

use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::secured::{Brought, Secured};
use super::{KEPT_BYTES, Played, ProxyEnd, Saw, Shared, lock};
use crate::script::{BackendStep, Sequence};
use crate::socket::Socket;

/// Plays a script over one socket.
pub(super) struct Conversation {
    /// None once the script closed it.
    socket: Option<Socket>,
    shared: Arc<Shared>,
    /// In the order of acceptance, from 0.
    index: usize,
    saw: Arc<Mutex<Saw>>,
    /// The TLS on it, once a step has accepted that.
    tls: Option<Secured>,
    /// Read, but not yet asked for by a step.
    pending: Vec<u8>,
    /// The steps begun so far, in words.
    steps: Vec<String>,
}

/// Whether the script goes on.
type Flow = ControlFlow<()>;

/// Larger than any head or body that a script waits for in one piece.
const READ_SIZE: usize = 64 * 1024;

impl Conversation {
    pub(super) fn new(socket: Socket, shared: Arc<Shared>, index: usize) -> Self {
        Self {
            socket: Some(socket),
            saw: shared.remember(),
            shared,
            index,
            tls: None,
            pending: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Plays `script` to its end, or until the proxy ends the connection.
    pub(super) async fn play(mut self, script: Vec<BackendStep>) {
        // Either way the connection is over for this backend.
        let _over = self.steps(&script).await;
        if let Some(watcher) = &self.shared.watcher {
            let played = Played {
                connection: self.index,
                saw: lock(&self.saw).clone(),
                steps: self.steps,
            };
            // Nobody has to listen.
            let _gone = watcher.send(played);
        }
    }

    /// Boxed, because a loop step plays steps.
    fn steps<'a>(
        &'a mut self,
        steps: &'a [BackendStep],
    ) -> Pin<Box<dyn Future<Output = Flow> + Send + 'a>> {
        Box::pin(async move {
            let mut before = None;
            for step in steps {
                if step.strikes(before) {
                    self.shared.strike();
                }
                self.step(step).await?;
                before = Some(step);
            }
            Flow::Continue(())
        })
    }

    async fn step(&mut self, step: &BackendStep) -> Flow {
        if self.shared.watcher.is_some() && !step.is_group() {
            self.steps.push(step.to_string());
        }
        match step {
            BackendStep::Head => self.head().await.map_continue(drop),
            BackendStep::Request => self.request().await,
            BackendStep::Read(n) => self.exactly(*n).await,
            BackendStep::Send(payload) => self.send(&payload.to_bytes()).await,
            BackendStep::Dribble {
                payload,
                bytes,
                every,
            } => self.dribble(&payload.to_bytes(), *bytes, *every).await,
            BackendStep::Sleep(time) => {
                sleep(*time).await;
                Flow::Continue(())
            }
            BackendStep::Hold(time) => self.hold(*time).await,
            BackendStep::Loop(steps) => loop {
                self.steps(steps).await?;
            },
            BackendStep::Requests(sequence) => self.requests(sequence).await,
            BackendStep::Stall => self.stall().await,
            BackendStep::Fin => self.fin().await,
            BackendStep::Reset => self.reset(),
            BackendStep::Close => {
                self.socket = None;
                Flow::Break(())
            }
            BackendStep::Tls(name) => self.accept_tls(name).await,
            BackendStep::Raw(payload) => self.send_raw(&payload.to_bytes()).await,
        }
    }

    /// Reads through the first empty line and takes it off `pending`.
    async fn head(&mut self) -> ControlFlow<(), Vec<u8>> {
        loop {
            if let Some(end) = find(&self.pending, b"\r\n\r\n") {
                return ControlFlow::Continue(self.pending.drain(..end + 4).collect());
            }
            self.more(READ_SIZE).await?;
        }
    }

    async fn request(&mut self) -> Flow {
        let head = self.head().await?.to_ascii_lowercase();
        if find(&head, b"\r\ntransfer-encoding: chunked\r\n").is_some() {
            return self.chunks().await;
        }
        const LENGTH: &[u8] = b"\r\ncontent-length: ";
        let Some(start) = find(&head, LENGTH) else {
            return Flow::Continue(());
        };
        let digits = head[start + LENGTH.len()..]
            .iter()
            .take_while(|b| b.is_ascii_digit());
        let length = digits.fold(0_usize, |n, b| n.saturating_mul(10) + usize::from(b - b'0'));
        self.skip(length).await
    }

    /// Ends at the last chunk; trailers are not expected from a proxy.
    async fn chunks(&mut self) -> Flow {
        while find(&self.pending, b"0\r\n\r\n").is_none() {
            self.more(READ_SIZE).await?;
        }
        self.pending.clear();
        Flow::Continue(())
    }

    async fn skip(&mut self, mut n: usize) -> Flow {
        loop {
            let taken = n.min(self.pending.len());
            self.pending.drain(..taken);
            n -= taken;
            if n == 0 {
                return Flow::Continue(());
            }
            self.more(READ_SIZE).await?;
        }
    }

    /// Unlike the other readers it leaves the rest in the socket, so that a close resets.
    async fn exactly(&mut self, n: usize) -> Flow {
        while self.pending.len() < n {
            self.more(n - self.pending.len()).await?;
        }
        self.pending.drain(..n);
        Flow::Continue(())
    }

    async fn send(&mut self, bytes: &[u8]) -> Flow {
        let (Some(socket), Some(tls)) = (&self.socket, &mut self.tls) else {
            return self.send_raw(bytes).await;
        };
        match tls.write_all(socket, bytes).await {
            Ok(()) => Flow::Continue(()),
            Err(_) => self.ended(ProxyEnd::Rst),
        }
    }

    async fn send_raw(&self, bytes: &[u8]) -> Flow {
        let Some(socket) = &self.socket else {
            return Flow::Break(());
        };
        match socket.write_all(bytes).await {
            Ok(()) => Flow::Continue(()),
            Err(_) => self.ended(ProxyEnd::Rst),
        }
    }

    /// Of a handshake that fails only the end of the connection is kept.
    async fn accept_tls(&mut self, name: &str) -> Flow {
        let Some(socket) = &self.socket else {
            return Flow::Break(());
        };
        let received = std::mem::take(&mut self.pending);
        match Secured::accept(socket, name, &received).await {
            Ok(tls) => {
                self.tls = Some(tls);
                Flow::Continue(())
            }
            Err(_) => self.ended(ProxyEnd::Fin),
        }
    }

    async fn dribble(&mut self, bytes: &[u8], size: usize, every: Duration) -> Flow {
        for (n, piece) in bytes.chunks(size.max(1)).enumerate() {
            if n > 0 {
                sleep(every).await;
            }
            self.send(piece).await?;
        }
        Flow::Continue(())
    }

    async fn requests(&mut self, sequence: &Sequence<Vec<BackendStep>>) -> Flow {
        for turn in 0.. {
            while self.pending.is_empty() {
                self.more(READ_SIZE).await?;
            }
            match sequence.at(turn) {
                Some(steps) => self.steps(steps).await?,
                None => break,
            }
        }
        Flow::Continue(())
    }

    /// Watches without reading.
    async fn stall(&self) -> Flow {
        let Some(socket) = &self.socket else {
            return Flow::Break(());
        };
        let end = match socket.closed().await {
            Ok(()) => ProxyEnd::Fin,
            Err(_) => ProxyEnd::Rst,
        };
        self.ended(end)
    }

    async fn hold(&mut self, time: Duration) -> Flow {
        let over = timeout(time, async {
            while self.more(READ_SIZE).await.is_continue() {
                self.pending.clear();
            }
        });
        match over.await {
            Ok(()) => Flow::Break(()),
            Err(_elapsed) => Flow::Continue(()),
        }
    }

    async fn fin(&mut self) -> Flow {
        // A connection that is gone shows in the reads below.
        if let (Some(socket), Some(tls)) = (&self.socket, &mut self.tls) {
            let _gone = tls.say_end(socket).await;
        }
        let _gone = self.socket.as_ref().map(Socket::finish);
        while self.more(READ_SIZE).await.is_continue() {
            self.pending.clear();
        }
        Flow::Break(())
    }

    fn reset(&mut self) -> Flow {
        // A socket that cannot be reset any more is closed already.
        let _gone: Option<io::Result<()>> = self.socket.take().map(Socket::reset);
        Flow::Break(())
    }

    /// Reads once, at most `limit` bytes, and records it.
    async fn more(&mut self, limit: usize) -> Flow {
        let Some(socket) = &self.socket else {
            return Flow::Break(());
        };
        let mut buffer = vec![0; limit.min(READ_SIZE)];
        let read = match &mut self.tls {
            Some(tls) => match tls.read(socket, &mut buffer).await {
                Ok(Brought::Text(count)) => Ok(count),
                Ok(Brought::End) => Ok(0),
                Err(fault) => Err(fault),
            },
            None => socket.read(&mut buffer).await,
        };
        match read {
            Ok(0) => self.ended(ProxyEnd::Fin),
            Ok(n) => {
                self.record(&buffer[..n]);
                self.pending.extend_from_slice(&buffer[..n]);
                Flow::Continue(())
            }
            Err(_) => self.ended(ProxyEnd::Rst),
        }
    }

    fn record(&self, bytes: &[u8]) {
        let mut saw = lock(&self.saw);
        saw.bytes += bytes.len() as u64;
        let room = KEPT_BYTES.saturating_sub(saw.data.len());
        saw.data.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn ended(&self, end: ProxyEnd) -> Flow {
        lock(&self.saw).end = Some(end);
        Flow::Break(())
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
