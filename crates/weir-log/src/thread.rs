//! The thread that writes buffered access lines, so that workers do not wait for the disk.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use crate::LogFile;

/// Buffers on their way to the thread. When the disk is that far behind, workers wait for it, as
/// nginx's do for each write.
const QUEUE: usize = 1024;

/// How long the thread lets lines gather after it has written some. Workers that hand over
/// meanwhile need no system call to wake it, and their lines share one write(2).
const REST: Duration = Duration::from_millis(2);

/// Lines that share one write(2), in bytes.
const GATHER_LIMIT: usize = 64 * 1024;

/// The log thread. Shut down, or dropped, it first writes all that was handed over.
#[derive(Debug)]
pub struct LogThread {
    handle: LogHandle,
    thread: Option<JoinHandle<()>>,
}

/// Hands lines over to the log thread.
#[derive(Debug, Clone)]
pub struct LogHandle {
    sender: SyncSender<Message>,
    thread: Thread,
}

#[derive(Debug)]
enum Message {
    Write(Batch),
    Sync(Sender<()>),
    Stop,
}

/// Lines for one log. Whatever happens to a batch, dropping it writes it.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) file: Arc<LogFile>,
    pub(crate) lines: Vec<u8>,
    /// Takes the emptied buffer back to the worker.
    pub(crate) reuse: Sender<Vec<u8>>,
}

impl LogThread {
    /// Starts the thread.
    pub fn start() -> io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || run(&receiver))?;
        let handle = LogHandle {
            sender,
            thread: thread.thread().clone(),
        };
        Ok(Self {
            handle,
            thread: Some(thread),
        })
    }

    /// A handle for one worker.
    pub fn handle(&self) -> LogHandle {
        self.handle.clone()
    }

    /// Waits until all lines handed over so far are written.
    pub fn sync(&self) {
        let (sender, receiver) = channel();
        self.handle.send(Message::Sync(sender));
        // An error means that the thread is gone, and then the lines are written.
        let _ = receiver.recv();
    }

    /// Writes all lines handed over and ends the thread. A [`LineBuffer`](crate::LineBuffer) that
    /// outlives it writes its lines itself.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.handle.send(Message::Stop);
            // An error means that the thread has panicked; what it held is written all the same.
            let _ = thread.join();
        }
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        self.stop();
    }
}

impl LogHandle {
    /// Never loses the batch: without a thread to take it, it is dropped and so written here.
    pub(crate) fn hand_over(&self, batch: Batch) {
        if let Err(TrySendError::Full(message)) = self.sender.try_send(Message::Write(batch)) {
            self.send(message);
        }
    }

    /// Sends, and ends the thread's rest.
    fn send(&self, message: Message) {
        self.thread.unpark();
        // Dropping what cannot be sent does what it asks for.
        let _ = self.sender.send(message);
        self.thread.unpark();
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !self.lines.is_empty() {
            self.file.write(&self.lines);
            self.lines.clear();
        }
        // The worker may be gone.
        let _ = self.reuse.send(std::mem::take(&mut self.lines));
    }
}

fn run(receiver: &Receiver<Message>) {
    let mut gathered = Vec::new();
    while let Ok(message) = receiver.recv() {
        for message in std::iter::once(message).chain(receiver.try_iter()) {
            match message {
                Message::Write(batch) => gather(&mut gathered, batch),
                Message::Sync(done) => {
                    gathered.clear();
                    // It fails if nobody waits any more.
                    let _ = done.send(());
                }
                Message::Stop => return,
            }
        }
        gathered.clear();
        std::thread::park_timeout(REST);
    }
}

/// At most one batch per log waits; lines that do not fit into it send it off.
fn gather(gathered: &mut Vec<Batch>, mut batch: Batch) {
    let same_log = gathered
        .iter_mut()
        .find(|b| Arc::ptr_eq(&b.file, &batch.file));
    match same_log {
        None => gathered.push(batch),
        Some(waiting) if waiting.lines.len() + batch.lines.len() <= GATHER_LIMIT => {
            waiting.lines.append(&mut batch.lines);
        }
        // Replacing the waiting batch drops it, and so writes it.
        Some(waiting) => *waiting = batch,
    }
}
