//! A worker's buffer of access lines for one log.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::thread::Batch;
use crate::{LogFile, LogHandle};

/// Prompt buffers are written at this size even in the middle of a busy turn.
const PROMPT_LIMIT: usize = 64 * 1024;

/// When lines become visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffering {
    /// No `buffer=`: as soon as the worker has nothing else to do, written by the worker itself, as
    /// nginx's do.
    Prompt,
    /// `buffer=size flush=time`: when the next line does not fit, or `flush` after the first.
    Full {
        /// Bytes of the buffer.
        size: usize,
        /// Longest wait of a line in the buffer.
        flush: Option<Duration>,
    },
}

/// What a buffer has begun to wait for with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// Nothing, or nothing else than before.
    Nothing,
    /// [`LineBuffer::turn_idle`].
    Pause,
    /// [`LineBuffer::tick`] at [`LineBuffer::due`].
    Time,
}

/// Lines of one worker for one log, not yet written. Dropping it writes them.
#[derive(Debug)]
pub struct LineBuffer {
    file: Arc<LogFile>,
    log: LogHandle,
    buffering: Buffering,
    lines: Vec<u8>,
    /// When the lines must be out, by the caller's clock.
    due: Option<Duration>,
    reuse: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
}

impl LineBuffer {
    /// An empty buffer for `file`; what is buffered is written by the thread behind `log`.
    pub fn new(file: Arc<LogFile>, log: LogHandle, buffering: Buffering) -> Self {
        Self {
            file,
            log,
            buffering,
            lines: Vec::new(),
            due: None,
            reuse: channel(),
        }
    }

    /// Adds a line, which `write` appends without its newline. `now` is on the clock of
    /// [`LineBuffer::tick`].
    pub fn push(&mut self, now: Duration, write: impl FnOnce(&mut Vec<u8>)) -> Awaits {
        let start = self.lines.len();
        write(&mut self.lines);
        self.lines.push(b'\n');
        match self.buffering {
            Buffering::Prompt => {
                if self.lines.len() >= PROMPT_LIMIT {
                    self.flush();
                } else if start == 0 {
                    return Awaits::Pause;
                }
            }
            Buffering::Full { size, flush } => {
                if self.lines.len() > size {
                    self.overflow(start, size);
                }
                if let (None, Some(flush), false) = (self.due, flush, self.lines.is_empty()) {
                    self.due = Some(now.saturating_add(flush));
                    return Awaits::Time;
                }
            }
        }
        Awaits::Nothing
    }

    /// The worker is about to wait for events: prompt lines go out.
    pub fn turn_idle(&mut self) {
        if self.buffering == Buffering::Prompt {
            self.flush();
        }
    }

    /// Lines whose `flush=` time has come go out.
    pub fn tick(&mut self, now: Duration) {
        if self.due.is_some_and(|due| due <= now) {
            self.flush();
        }
    }

    /// When [`LineBuffer::tick`] has something to do.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Bytes of the lines that wait.
    pub fn waiting(&self) -> usize {
        self.lines.len()
    }

    /// All lines go out: before a reopen, and at exit.
    pub fn flush(&mut self) {
        self.due = None;
        if self.lines.is_empty() {
            return;
        }
        match self.buffering {
            Buffering::Prompt => {
                self.file.write(&self.lines);
                self.lines.clear();
            }
            Buffering::Full { .. } => {
                let spare = self.spare();
                self.hand_over(spare);
            }
        }
    }

    /// The last line, from `start`, does not fit: the lines before it go out, and it goes with
    /// them only if it is longer than the whole buffer (`ngx_http_log_handler`).
    fn overflow(&mut self, start: usize, size: usize) {
        self.due = None;
        if start == 0 || self.lines.len() - start > size {
            return self.flush();
        }
        let mut spare = self.spare();
        spare.extend_from_slice(&self.lines[start..]);
        self.lines.truncate(start);
        self.hand_over(spare);
    }

    fn hand_over(&mut self, next: Vec<u8>) {
        let lines = std::mem::replace(&mut self.lines, next);
        let (file, reuse) = (self.file.clone(), self.reuse.0.clone());
        self.log.hand_over(Batch { file, lines, reuse });
    }

    /// A buffer that has come back from the log thread, or a new one.
    fn spare(&self) -> Vec<u8> {
        self.reuse.1.try_recv().unwrap_or_default()
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::LogThread;

    const BUFFERED: Buffering = Buffering::Full {
        size: 2000,
        flush: None,
    };

    struct Case {
        thread: LogThread,
        buffer: LineBuffer,
        dir: tempfile::TempDir,
    }

    impl Case {
        fn new(buffering: Buffering) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let file = Arc::new(LogFile::open(dir.path().join("log")).unwrap());
            let thread = LogThread::start().unwrap();
            let buffer = LineBuffer::new(file, thread.handle(), buffering);
            Self {
                thread,
                buffer,
                dir,
            }
        }

        fn push(&mut self, second: u64, line: &str) -> Awaits {
            let now = Duration::from_secs(second);
            self.buffer.tick(now);
            self.buffer
                .push(now, |out| out.extend_from_slice(line.as_bytes()))
        }

        fn check(&self, written: &str) {
            self.thread.sync();
            assert_eq!(
                fs::read_to_string(self.dir.path().join("log")).unwrap(),
                written
            );
        }
    }

    #[test]
    fn prompt_lines_go_out_when_the_worker_turns_idle() {
        let mut case = Case::new(Buffering::Prompt);
        assert_eq!(case.push(0, "a"), Awaits::Pause);
        assert_eq!(case.push(0, "b"), Awaits::Nothing);
        case.check("");
        case.buffer.turn_idle();
        case.check("a\nb\n");
        case.buffer.turn_idle();
        case.check("a\nb\n");
        assert_eq!(case.push(0, "c"), Awaits::Pause);
    }

    #[test]
    fn a_busy_worker_writes_at_64_kib() {
        let mut case = Case::new(Buffering::Prompt);
        let line = "x".repeat(PROMPT_LIMIT / 2);
        case.push(0, &line);
        case.check("");
        case.push(0, &line);
        case.check(&format!("{line}\n{line}\n"));
    }

    #[test]
    fn a_full_buffer_goes_out_before_the_line_that_does_not_fit() {
        let mut case = Case::new(Buffering::Full {
            size: 8,
            flush: None,
        });
        case.push(0, "abc");
        case.push(0, "def");
        case.buffer.turn_idle();
        case.check("");
        case.push(0, "g");
        case.check("abc\ndef\n");
        case.push(0, "longer than all");
        case.check("abc\ndef\ng\nlonger than all\n");
        case.push(0, "alone, also too long");
        case.check("abc\ndef\ng\nlonger than all\nalone, also too long\n");
    }

    #[test]
    fn flush_runs_from_the_first_line() {
        let flush = Some(Duration::from_secs(5));
        let mut case = Case::new(Buffering::Full { size: 100, flush });
        assert_eq!(case.push(10, "a"), Awaits::Time);
        assert_eq!(case.push(14, "b"), Awaits::Nothing);
        assert_eq!(case.buffer.due(), Some(Duration::from_secs(15)));
        assert_eq!(case.push(15, "c"), Awaits::Time);
        case.check("a\nb\n");
        assert_eq!(case.buffer.due(), Some(Duration::from_secs(20)));
        case.buffer.tick(Duration::from_secs(20));
        case.check("a\nb\nc\n");
        assert_eq!(case.buffer.due(), None);
    }

    #[test]
    fn nothing_is_lost_when_the_thread_ends_first() {
        let Case {
            thread,
            mut buffer,
            dir,
        } = Case::new(BUFFERED);
        buffer.push(Duration::ZERO, |out| out.push(b'a'));
        buffer.flush();
        buffer.push(Duration::ZERO, |out| out.push(b'b'));
        thread.shutdown();
        assert_eq!(fs::read(dir.path().join("log")).unwrap(), b"a\n");
        drop(buffer);
        assert_eq!(fs::read(dir.path().join("log")).unwrap(), b"a\nb\n");
    }

    #[test]
    fn lines_of_several_workers_and_logs_all_arrive_in_each_workers_order() {
        for buffering in [Buffering::Prompt, BUFFERED] {
            check_order(buffering);
        }
    }

    fn check_order(buffering: Buffering) {
        let dir = tempfile::tempdir().unwrap();
        let open = |name| Arc::new(LogFile::open(dir.path().join(name)).unwrap());
        let (files, thread) = ([open("0"), open("1")], LogThread::start().unwrap());
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let buffers = files
                    .each_ref()
                    .map(|file| LineBuffer::new(file.clone(), thread.handle(), buffering));
                scope.spawn(move || {
                    let mut buffers = buffers;
                    for line in 0..3000 {
                        let buffer = &mut buffers[line % 2];
                        buffer.push(Duration::ZERO, |out| {
                            out.extend(format!("{worker} {line}").bytes())
                        });
                        buffer.turn_idle();
                    }
                });
            }
        });
        thread.shutdown();
        for (parity, name) in ["0", "1"].into_iter().enumerate() {
            let text = fs::read_to_string(dir.path().join(name)).unwrap();
            for worker in 0..4 {
                let prefix = format!("{worker} ");
                let lines: Vec<usize> = text
                    .lines()
                    .filter_map(|l| l.strip_prefix(&prefix))
                    .map(|l| l.parse().unwrap())
                    .collect();
                assert_eq!(lines, (parity..3000).step_by(2).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn buffers_come_back() {
        let mut case = Case::new(BUFFERED);
        case.push(0, &"x".repeat(1000));
        case.buffer.flush();
        case.thread.sync();
        case.push(0, "y");
        case.buffer.flush();
        assert!(case.buffer.lines.capacity() >= 1000);
    }
}
