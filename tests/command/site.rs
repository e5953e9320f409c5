//! A folder with a configuration, and the process that runs from it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Longest wait for a byte; reached only if weir fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A prefix for `-p`.
pub(crate) struct Site {
    folder: TempDir,
    /// A port that was free a moment ago.
    pub(crate) port: u16,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("conf")).unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        let port = free_port();
        Self { folder, port }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes the configuration as it is, with `PREFIX` and `PORT` filled in.
    pub(crate) fn conf(&self, text: &str) {
        fs::write(self.path("conf/nginx.conf"), self.fill(text)).unwrap();
    }

    /// Writes a configuration with one server, whose error log is stderr.
    pub(crate) fn serve(&self, main: &str, server: &str) {
        self.conf(&format!(
            "daemon off;
            error_log stderr notice;
            {main}
            events {{ worker_connections 64; }}
            http {{
                access_log logs/access.log;
                server {{ listen 127.0.0.1:PORT; {server} }}
            }}"
        ));
    }

    /// `text` with this site's `PREFIX` and `PORT`.
    pub(crate) fn fill(&self, text: &str) -> String {
        let prefix = self.folder.path().display().to_string();
        text.replace("PREFIX", &prefix)
            .replace("PORT", &self.port.to_string())
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = weir();
        command.arg("-p").arg(self.folder.path()).args(args);
        command
    }

    /// Runs to the end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Starts, and returns once the pid file is written and every socket listens.
    pub(crate) fn start(&self) -> Running<'_> {
        let mut child = self
            .command(&["-e", "stderr"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut running = Running {
            site: self,
            child,
            log,
        };
        running.expect("start worker processes");
        running
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The answer's body on a new connection.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = self.connect();
        ask(&mut stream, path, "close");
        body(&read_to_end(&mut stream)).to_owned()
    }
}

/// The command without a prefix.
pub(crate) fn weir() -> Command {
    Command::new(env!("CARGO_BIN_EXE_weir"))
}

/// Sends a request.
pub(crate) fn ask(stream: &mut TcpStream, path: &str, connection: &str) {
    let head = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

/// Everything up to FIN.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// One answer that says its length.
pub(crate) fn read_answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    let mut text = String::from_utf8(text).unwrap();
    let (_, rest) = text.split_once("\r\nContent-Length: ").unwrap();
    let length: u64 = rest.lines().next().unwrap().parse().unwrap();
    stream.take(length).read_to_string(&mut text).unwrap();
    text
}

fn body(answer: &str) -> &str {
    answer
        .split_once("\r\n\r\n")
        .map_or(answer, |(_, body)| body)
}

/// A running weir; ends with this value.
pub(crate) struct Running<'a> {
    site: &'a Site,
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Running<'_> {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Descriptors that are open now.
    pub(crate) fn open_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap();
        files.count()
    }

    /// Bytes of resident memory.
    pub(crate) fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes * 1024
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Reads the error log up to a line with `words`.
    pub(crate) fn expect(&mut self, words: &str) {
        let mut seen = String::new();
        while !seen.lines().last().is_some_and(|line| line.contains(words)) {
            let read = self.log.read_line(&mut seen).unwrap();
            assert!(read > 0, "no line with {words:?} in:\n{seen}");
        }
    }

    /// HUP; returns once every worker serves the configuration that the file holds now.
    pub(crate) fn reload(&mut self) {
        self.signal(Signal::SIGHUP);
        self.expect("reconfigured");
    }

    /// Waits for the end; what the log held by then comes with it.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }

    /// Asks until the answer is `body`: a reload shows in answers only.
    pub(crate) fn answers(&self, path: &str, body: &str) {
        eventually(|| self.site.get(path) == body);
    }
}

/// Asks again and again, each time a system call or a whole request, until it is so: for longer than a worker
/// takes between two turns of its housekeeping.
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) {
    const TIMES: usize = 2_000_000;
    assert!((0..TIMES).any(|_| condition()), "it never came to that");
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // It may have ended, as most tests want it to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines of a log file.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// A port that nobody listens on and that no outgoing connection is given meanwhile: below the range
/// that the system takes those from.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
