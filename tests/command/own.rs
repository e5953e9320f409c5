//! Commands that nginx does not have: `weir demo` and `weir lab`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::site::weir;

/// A command whose output is read while it runs.
struct Talking {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Talking {
    fn start(args: &[&str]) -> Self {
        let mut command = weir();
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// Reads up to a line that contains `words`, and returns it.
    fn line(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ended before it said {words:?}");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Ctrl-C; the exit status.
    fn interrupt(mut self) -> Option<i32> {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), Signal::SIGINT).unwrap();
        self.child.wait().unwrap().code()
    }
}

/// What a client gets for a GET.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    // A fault may reset the connection; what came before counts.
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn the_demo_explains_what_curl_meets() {
    let mut demo = Talking::start(&["demo", "--listen", "127.0.0.1:0"]);
    let first = demo.line("broken backends behind");
    let address = first.trim_end().rsplit("http://").next().unwrap();
    demo.line("Ctrl-C ends it");
    assert!(get(address, "/refused").starts_with("HTTP/1.1 502 "));
    demo.line("GET /refused HTTP/1.0 -> 502");
    demo.line("connect() failed (111: Connection refused) while connecting to upstream");
    demo.line("why: connection_refused");
    assert_eq!(demo.interrupt(), Some(0));
}

#[test]
fn a_fault_is_served_for_any_proxy() {
    let mut lab = Talking::start(&["lab", "serve", "dribbled-head", "--listen", "127.0.0.1:0"]);
    let line = lab.line("127.0.0.1:");
    let (_, rest) = line.split_once("127.0.0.1:").unwrap();
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    write!(stream, "GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut start = [0; 5];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/");
    drop(stream);
    assert_eq!(lab.interrupt(), Some(0));
}

#[test]
fn the_catalogue_is_listed_and_shown() {
    let list = weir().args(["lab", "list", "--json"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let fault = |line: &str| serde_json::from_str(line).unwrap();
    let faults: Vec<serde_json::Value> = list.lines().map(fault).collect();
    assert!(faults.len() > 100);
    assert!(faults.iter().all(|fault| fault["verdict"].is_object()));
    let show = weir().args(["lab", "show", "refused"]).output().unwrap();
    let text = String::from_utf8(show.stdout).unwrap();
    assert!(text.contains("connect = \"refuse\""), "{text}");
    let unknown = weir().args(["lab", "show", "refusd"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    let text = String::from_utf8(unknown.stderr).unwrap();
    assert!(text.contains("did you mean \"refused\"?"), "{text}");
}
