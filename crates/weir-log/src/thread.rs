//! The thread that writes access lines, so that workers do not wait for the disk.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use crate::LogFile;

/// Buffers on their way to the thread. When the disk is that far behind, workers wait for it, as
/// nginx's do for each write.
const QUEUE: usize = 256;

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
        Ok(Self {
            handle: LogHandle { sender },
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
        if self.handle.sender.send(Message::Sync(sender)).is_ok() {
            // An error means that the thread is gone, and with it the lines are written.
            let _ = receiver.recv();
        }
    }

    /// Writes all lines handed over and ends the thread. A [`LineBuffer`](crate::LineBuffer) that
    /// outlives it writes its lines itself.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // Both fail only if the thread has ended before, by a panic.
            let _ = self.handle.sender.send(Message::Stop);
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
    /// Without a thread to take it, the batch is dropped and so written here.
    pub(crate) fn hand_over(&self, batch: Batch) {
        let _ = self.sender.send(Message::Write(batch));
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.file.write(&self.lines);
        self.lines.clear();
        // The worker may be gone.
        let _ = self.reuse.send(std::mem::take(&mut self.lines));
    }
}

fn run(receiver: &Receiver<Message>) {
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Write(batch) => drop(batch),
            // Nobody waits any more if this fails.
            Message::Sync(done) => done.send(()).unwrap_or_default(),
            Message::Stop => return,
        }
    }
}
