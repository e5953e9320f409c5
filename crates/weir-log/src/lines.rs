//! A worker's buffer of access lines for one log.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::trouble::{Shortfall, Trouble, WriteFault};
use crate::{ErrorSinks, Level, LogFile, emit};

/// Prompt buffers are written at this size even in the middle of a busy turn.
const PROMPT_LIMIT: usize = 64 * 1024;

/// When lines become visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffering {
    /// No `buffer=`: as soon as the worker has nothing else to do.
    Prompt,
    /// `buffer=size flush=time`: when the next line does not fit, or `flush` after the first.
    Full {
        /// Bytes of the buffer.
        size: usize,
        /// Longest wait of a line in the buffer.
        flush: Option<Duration>,
        /// `gzip=`: how hard each buffer full is compressed.
        gzip: Option<u8>,
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
    /// Hears of writes that fail outside of any request.
    main: Arc<ErrorSinks>,
    buffering: Buffering,
    lines: Vec<u8>,
    /// When the lines must be out, by the caller's clock.
    due: Option<Duration>,
    /// When the last line came, by the caller's clock.
    newest: Duration,
    trouble: Trouble,
}

impl LineBuffer {
    /// An empty buffer for `file`; `main` hears of writes that fail outside of any request.
    pub fn new(file: Arc<LogFile>, buffering: Buffering, main: Arc<ErrorSinks>) -> Self {
        Self {
            file,
            main,
            buffering,
            lines: Vec::new(),
            due: None,
            newest: Duration::ZERO,
            trouble: Trouble::default(),
        }
    }

    /// Adds a line, which `write` appends without its newline. `now` is on the clock of
    /// [`LineBuffer::tick`]. If lines had to be written for it, [`LineBuffer::take_fault`] tells how
    /// that went.
    pub fn push(&mut self, now: Duration, write: impl FnOnce(&mut Vec<u8>)) -> Awaits {
        if self.trouble.is_full(now.as_secs()) {
            return Awaits::Nothing;
        }
        self.newest = now;
        let start = self.lines.len();
        write(&mut self.lines);
        self.lines.push(b'\n');
        match self.buffering {
            Buffering::Prompt => {
                if self.lines.len() >= PROMPT_LIMIT {
                    self.write_for_request(self.lines.len());
                } else if start == 0 {
                    return Awaits::Pause;
                }
            }
            Buffering::Full { size, flush, .. } => {
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

    /// The worker is about to wait for events: prompt lines go out. [`LineBuffer::take_fault`] tells
    /// how that went.
    pub fn turn_idle(&mut self) {
        if self.buffering == Buffering::Prompt {
            self.write_for_request(self.lines.len());
        }
    }

    /// What a request must tell of the writes since the last call, at level `alert`.
    pub fn take_fault(&mut self) -> Option<WriteFault> {
        self.trouble.take()
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

    /// All lines go out: before a reopen, and at exit (`ngx_http_log_flush`).
    pub fn flush(&mut self) {
        self.due = None;
        if let Some(fault) = self.write_out(self.lines.len()) {
            let text = fault.to_string();
            emit(&self.main, Level::Alert, None, text.as_bytes());
        }
    }

    /// The last line, from `start`, does not fit: the lines before it go out, and it goes after
    /// them only if it is longer than the whole buffer (`ngx_http_log_handler`).
    fn overflow(&mut self, start: usize, size: usize) {
        self.due = None;
        self.write_for_request(start);
        if self.lines.len() > size {
            self.write_for_request(self.lines.len());
        }
    }

    /// Writes the first `count` bytes, and keeps what is to be told of it.
    fn write_for_request(&mut self, count: usize) {
        if let Some(fault) = self.write_out(count) {
            self.trouble.note(fault, self.newest.as_secs());
        }
    }

    /// Writes the first `count` bytes, whole lines, which are gone then, whatever became of them.
    fn write_out(&mut self, count: usize) -> Option<WriteFault> {
        if count == 0 {
            return None;
        }
        let lines = &self.lines[..count];
        let shortfall = match self.buffering {
            Buffering::Prompt => write_lines(lines, true, |part| self.file.append(part)),
            Buffering::Full { gzip: None, .. } => {
                write_lines(lines, false, |part| self.file.append(part))
            }
            Buffering::Full {
                gzip: Some(level), ..
            } => write_lines(&compressed(lines, level), false, |part| {
                self.file.append(part)
            }),
        };
        self.lines.drain(..count);
        shortfall.map(|shortfall| WriteFault {
            path: self.file.name(),
            shortfall,
        })
    }
}

/// Lines as a whole that `zcat` reads behind others (`ngx_http_log_gzip`).
fn compressed(lines: &[u8], level: u8) -> Vec<u8> {
    let level = Compression::new(level.into());
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 2), level);
    // Neither fails: there is only memory behind it.
    let _written = encoder.write_all(lines);
    encoder.finish().unwrap_or_default()
}

/// Writes lines, which nginx would write one by one if they are `apart`, in one write(2): only if that
/// is cut short, the rest of the cut line is left out, and the lines after it are tried. The first
/// shortfall.
fn write_lines(
    lines: &[u8],
    apart: bool,
    mut append: impl FnMut(&[u8]) -> io::Result<usize>,
) -> Option<Shortfall> {
    let mut first = None;
    let mut rest = lines;
    while !rest.is_empty() {
        let written = match append(rest) {
            Ok(written) if written == rest.len() => break,
            Ok(written) => written,
            Err(error) => {
                first.get_or_insert(Shortfall::Refused(error));
                break;
            }
        };
        let cut = if apart {
            line_at(rest, written)
        } else {
            0..rest.len()
        };
        if cut.start < written || written == 0 {
            first.get_or_insert_with(|| Shortfall::Cut {
                written: written - cut.start,
                wanted: cut.len(),
            });
            rest = &rest[cut.end..];
        } else {
            rest = &rest[written..];
        }
    }
    first
}

/// The line that holds the byte at `position`.
fn line_at(lines: &[u8], position: usize) -> Range<usize> {
    let is_end = |byte: &u8| *byte == b'\n';
    let start = lines[..position].iter().rposition(is_end);
    let length = lines[position..].iter().position(is_end);
    let end = length.map_or(lines.len(), |length| position + length + 1);
    start.map_or(0, |before| before + 1)..end
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
    use crate::{ErrorSink, MemoryLog, Output, Shape};

    const BUFFERED: Buffering = Buffering::Full {
        size: 2000,
        flush: None,
        gzip: None,
    };

    struct Case {
        buffer: LineBuffer,
        main: Arc<MemoryLog>,
        dir: tempfile::TempDir,
    }

    fn sinks() -> (Arc<MemoryLog>, Arc<ErrorSinks>) {
        let memory = Arc::new(MemoryLog::default());
        let sink = ErrorSink {
            level: Level::Error,
            output: Output::Memory(memory.clone()),
            shape: Shape::Plain,
        };
        (memory, ErrorSinks::new(vec![sink], || 0))
    }

    impl Case {
        fn new(buffering: Buffering) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let file = Arc::new(LogFile::open(dir.path().join("log")).unwrap());
            Self::of(dir, file, buffering)
        }

        /// A disk that is full.
        fn full(buffering: Buffering) -> Self {
            let file = Arc::new(LogFile::open("/dev/full").unwrap());
            Self::of(tempfile::tempdir().unwrap(), file, buffering)
        }

        fn of(dir: tempfile::TempDir, file: Arc<LogFile>, buffering: Buffering) -> Self {
            let (main, sinks) = sinks();
            let buffer = LineBuffer::new(file, buffering, sinks);
            Self { buffer, main, dir }
        }

        fn push(&mut self, second: u64, line: &str) -> Awaits {
            let now = Duration::from_secs(second);
            self.buffer.tick(now);
            self.buffer
                .push(now, |out| out.extend_from_slice(line.as_bytes()))
        }

        fn check(&self, written: &str) {
            assert_eq!(
                fs::read_to_string(self.dir.path().join("log")).unwrap(),
                written
            );
        }

        /// What a request and what the main log are told.
        fn told(&mut self) -> (String, String) {
            let fault = self.buffer.take_fault();
            let main = self.main.drain();
            let main = main
                .iter()
                .map(|line| String::from_utf8_lossy(&line.message).into_owned());
            (
                fault.map_or(String::new(), |fault| fault.to_string()),
                main.collect(),
            )
        }
    }

    const FULL: &str = "write() to \"/dev/full\" failed (28: No space left on device)";

    #[test]
    fn a_full_disk_is_told_once_a_minute_and_not_asked_for_a_second() {
        let mut case = Case::full(Buffering::Prompt);
        let mut told_at = |second| {
            let awaits = case.push(second, "a");
            case.buffer.turn_idle();
            (awaits == Awaits::Pause, case.told().0)
        };
        assert_eq!(told_at(100), (true, FULL.to_owned()));
        assert_eq!(told_at(100), (false, String::new()));
        assert_eq!(told_at(101), (true, String::new()));
        assert_eq!(told_at(159), (true, String::new()));
        assert_eq!(told_at(160), (true, FULL.to_owned()));
    }

    #[test]
    fn a_request_tells_of_the_lines_it_drives_out_and_nobody_of_a_flush() {
        let mut case = Case::full(Buffering::Full {
            size: 8,
            flush: Some(Duration::from_secs(5)),
            gzip: None,
        });
        case.push(0, "abc");
        case.push(0, "def");
        assert_eq!(case.told(), (String::new(), String::new()));
        case.push(0, "ghi");
        assert_eq!(case.told(), (FULL.to_owned(), String::new()));
        case.push(5, "");
        for _ in 0..2 {
            assert_eq!(case.told(), (String::new(), FULL.to_owned()));
            case.push(6, "x");
            case.buffer.flush();
        }
    }

    /// Writes to a log that takes so many bytes and then none: what it holds, and what is told.
    fn check_cut(lines: &str, apart: bool, room: usize, held: &str, told: &str) {
        let mut taken = Vec::new();
        let shortfall = write_lines(lines.as_bytes(), apart, |part| {
            let count = part.len().min(room - taken.len());
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            taken.extend_from_slice(&part[..count]);
            Ok(count)
        });
        let told_now = match shortfall {
            None => String::new(),
            Some(Shortfall::Refused(_)) => "refused".to_owned(),
            Some(Shortfall::Cut { written, wanted }) => format!("{written} of {wanted}"),
        };
        assert_eq!(
            (
                String::from_utf8(taken).unwrap().as_str(),
                told_now.as_str()
            ),
            (held, told),
            "{lines:?} {room}"
        );
    }

    #[test]
    fn of_a_write_that_is_cut_short_the_cut_line_is_told_as_if_it_were_alone() {
        let lines = "first\nsecond\nthird\n";
        check_cut(lines, true, 19, lines, "");
        check_cut(lines, true, 15, "first\nsecond\nth", "2 of 6");
        check_cut(lines, true, 13, "first\nsecond\n", "refused");
        check_cut(lines, true, 7, "first\ns", "1 of 7");
        check_cut(lines, true, 0, "", "refused");
        check_cut(lines, false, 15, "first\nsecond\nth", "15 of 19");
        check_cut(lines, false, 13, "first\nsecond\n", "13 of 19");
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
            gzip: None,
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
        let mut case = Case::new(Buffering::Full {
            size: 100,
            flush,
            gzip: None,
        });
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
    fn a_dropped_buffer_is_written() {
        let mut case = Case::new(BUFFERED);
        case.push(0, "a");
        case.check("");
        let Case { buffer, dir, .. } = case;
        drop(buffer);
        assert_eq!(fs::read(dir.path().join("log")).unwrap(), b"a\n");
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
        let files = [open("0"), open("1")];
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let buffers = files
                    .each_ref()
                    .map(|file| LineBuffer::new(file.clone(), buffering, sinks().1));
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
    fn each_buffer_full_is_a_whole_that_can_be_unpacked() {
        let mut case = Case::new(Buffering::Full {
            size: 8,
            flush: None,
            gzip: Some(1),
        });
        for line in ["abc", "def", "ghi", "longer than the buffer"] {
            case.push(0, line);
        }
        case.buffer.flush();
        let packed = fs::read(case.dir.path().join("log")).unwrap();
        let mut text = String::new();
        let mut reader = flate2::read::MultiGzDecoder::new(&*packed);
        io::Read::read_to_string(&mut reader, &mut text).unwrap();
        assert_eq!(text, "abc\ndef\nghi\nlonger than the buffer\n");
    }
}
