//! Access lines between the end of their request and their file.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use weir_io::clock;
use weir_log::{Awaits, ErrorText, Level, LineBuffer, WriteFault, emit};

use super::Plan;

/// A worker's lines for one log.
pub(crate) type SharedLines = Rc<RefCell<Lines>>;

/// A worker's buffer for one log, and who tells if it cannot be written.
pub(crate) struct Lines {
    buffer: LineBuffer,
    plan: Arc<Plan>,
    first: Teller,
}

/// The request that wrote the first of the lines which are written together: its context is that of an
/// error line about them.
#[derive(Default)]
pub(crate) struct Teller {
    /// `Location::index`, which decides on the error logs.
    pub(crate) location: usize,
    /// Of the connection.
    pub(crate) number: u64,
    /// What an error line says behind its message.
    pub(crate) context: ErrorText,
}

impl Lines {
    pub(super) fn new(buffer: LineBuffer, plan: Arc<Plan>) -> Self {
        Self {
            buffer,
            plan,
            first: Teller::default(),
        }
    }

    /// Writes all lines, buffered ones too.
    pub(crate) fn flush(&mut self) {
        self.write_prompt();
        self.buffer.flush();
    }

    /// Bytes of the lines that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.waiting()
    }

    /// Writes what has no `buffer=`.
    fn write_prompt(&mut self) {
        self.buffer.turn_idle();
        if let Some(fault) = self.buffer.take_fault() {
            let sinks = &self.plan.location_logs[self.first.location].sinks;
            let mut line = ErrorText::default();
            line.message()
                .extend_from_slice(fault.to_string().as_bytes());
            line.append(&self.first.context);
            emit(sinks, Level::Alert, Some(self.first.number), &line);
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The buffers of a worker that hold lines which go out without another line's help.
///
/// A line without `buffer=` is in its file before anybody can act on more than the end of its answer:
/// before the connection closes, and before the worker looks for what clients send next. nginx writes
/// each line when its request ends (`ngx_http_log_handler`); here all requests that end in one turn
/// share a write(2).
#[derive(Default)]
pub(crate) struct WaitingLines {
    prompt: RefCell<Vec<SharedLines>>,
    prompt_came: Notify,
    /// Those with a running `flush=`.
    timed: RefCell<Vec<SharedLines>>,
    timed_came: Notify,
}

impl WaitingLines {
    /// Lets `write` append a line to `lines`; `introduce` tells whose it is, should it be the first of
    /// those that are written together. What is returned is the request's to tell, at level `alert`.
    pub(crate) fn push(
        &self,
        lines: &SharedLines,
        now: Duration,
        write: impl FnOnce(&mut Vec<u8>),
        introduce: impl FnOnce(&mut Teller),
    ) -> Option<WriteFault> {
        let mut its = lines.borrow_mut();
        match its.buffer.push(now, write) {
            Awaits::Nothing => {}
            Awaits::Pause => {
                introduce(&mut its.first);
                let mut prompt = self.prompt.borrow_mut();
                if prompt.is_empty() {
                    self.prompt_came.notify_one();
                }
                prompt.push(lines.clone());
            }
            Awaits::Time => {
                let mut timed = self.timed.borrow_mut();
                // One that was written meanwhile is still among them.
                if !timed.iter().any(|known| Rc::ptr_eq(known, lines)) {
                    timed.push(lines.clone());
                }
                self.timed_came.notify_one();
            }
        }
        its.buffer.take_fault()
    }

    /// Writes what has no `buffer=`.
    pub(crate) fn write_prompt(&self) {
        for lines in self.prompt.borrow_mut().drain(..) {
            lines.borrow_mut().write_prompt();
        }
    }

    /// Writes lines when it is time.
    pub(crate) async fn run(&self) {
        tokio::join!(self.run_prompt(), self.run_timed());
    }

    /// The task that a line wakes runs after those that are ready already, whose lines are written
    /// with it, and before the reactor is asked for more.
    async fn run_prompt(&self) {
        loop {
            self.prompt_came.notified().await;
            self.write_prompt();
        }
    }

    async fn run_timed(&self) {
        loop {
            tokio::select! {
                () = self.timed_came.notified() => {}
                () = until(self.next_due()) => {}
            }
            let now = clock::monotonic(clock::now());
            self.timed.borrow_mut().retain(|lines| {
                let mut lines = lines.borrow_mut();
                lines.buffer.tick(now);
                lines.buffer.due().is_some()
            });
        }
    }

    fn next_due(&self) -> Option<Duration> {
        let timed = self.timed.borrow();
        timed
            .iter()
            .filter_map(|lines| lines.borrow().buffer.due())
            .min()
    }
}

/// Waits until `due` on the worker's clock; for ever without one.
async fn until(due: Option<Duration>) {
    let Some(due) = due else {
        return std::future::pending().await;
    };
    let left = due.saturating_sub(clock::monotonic(clock::now()));
    tokio::time::sleep(left).await;
}
