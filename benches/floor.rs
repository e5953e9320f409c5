//! What the kernel alone costs: a proxy that copies bytes and understands none.
//!
//! ```text
//! cargo bench --bench floor -- LISTEN ORIGIN      # 127.0.0.1:8080 127.0.0.1:9001
//! ```
//!
//! One thread, one epoll, and for each client connection one of its own to the origin. Whatever
//! arrives on one side is written to the other: two receives and two sends for a request whose
//! answer fits the buffer, no parsing, no log. `benches/vs-nginx` sets the proxies against it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::ExitCode;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// Bytes of the buffer that all copies go through.
const BUFFER: usize = 256 * 1024;

/// Events taken from the kernel at a time.
const EVENTS: usize = 512;

/// The listening socket's place; connections come behind it.
const LISTENER: u64 = u64::MAX;

/// One end of a pair, and what could not be written to it yet.
struct End {
    socket: TcpStream,
    unsent: Vec<u8>,
}

/// Pairs of ends: the client's at an even place, the origin's behind it.
struct Floor {
    epoll: Epoll,
    listener: TcpListener,
    origin: SocketAddr,
    ends: Vec<Option<End>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let addresses: Vec<SocketAddr> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let &[listen, origin] = addresses.as_slice() else {
        // `cargo bench` and `cargo test` run every bench without arguments.
        eprintln!("usage: floor LISTEN ORIGIN");
        return ExitCode::SUCCESS;
    };
    match Floor::new(listen, origin).and_then(|mut floor| floor.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Floor {
    fn new(listen: SocketAddr, origin: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        Ok(Self {
            epoll,
            listener,
            origin,
            ends: Vec::new(),
            free: Vec::new(),
            buffer: vec![0; BUFFER],
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => 0,
                count => count?,
            };
            for event in &events[..count] {
                match event.data() {
                    LISTENER => self.accept()?,
                    place => self.turn(place as usize, event.events()),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let (client, _) = match self.listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            accepted => accepted?,
        };
        let origin = TcpStream::connect(self.origin)?;
        let place = self.free.pop().unwrap_or_else(|| {
            self.ends.extend([None, None]);
            self.ends.len() - 2
        });
        for (place, socket) in [(place, client), (place + 1, origin)] {
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let wanted = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
            let event = EpollEvent::new(wanted, place as u64);
            self.epoll.add(&socket, event)?;
            let unsent = Vec::new();
            self.ends[place] = Some(End { socket, unsent });
        }
        Ok(())
    }

    /// Moves what there is at `place`; either end's failure ends the pair.
    ///
    /// What `place` can take again is also what its other end may read again: its edge has passed.
    fn turn(&mut self, place: usize, events: EpollFlags) {
        let alive = (!events.contains(EpollFlags::EPOLLOUT) || self.resume(place))
            && (!events.contains(EpollFlags::EPOLLIN) || self.copy(place));
        if !alive {
            let place = place & !1;
            for end in &mut self.ends[place..place + 2] {
                if let Some(end) = end.take() {
                    // A closed descriptor leaves the epoll by itself.
                    let _ = self.epoll.delete(end.socket.as_fd());
                }
            }
            self.free.push(place);
        }
    }

    /// Writes what was left over for `place`, and reads on where that had to wait for it.
    ///
    /// `false` once the connection has ended.
    fn resume(&mut self, place: usize) -> bool {
        let waited = matches!(&self.ends[place], Some(end) if !end.unsent.is_empty());
        !waited || (self.flush(place) && self.copy(place ^ 1))
    }

    /// Copies what has come at `place` to its other end, for as long as that takes it.
    ///
    /// `false` once the connection has ended.
    fn copy(&mut self, place: usize) -> bool {
        let (Some(from), Some(to)) = pair(&mut self.ends, place) else {
            return true;
        };
        while to.unsent.is_empty() {
            let count = match from.socket.read(&mut self.buffer) {
                Ok(0) => return false,
                Ok(count) => count,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            };
            let bytes = &self.buffer[..count];
            match to.socket.write(bytes) {
                Ok(sent) => to.unsent.extend_from_slice(&bytes[sent..]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    to.unsent.extend_from_slice(bytes);
                }
                Err(_) => return false,
            }
            // A short read has emptied the socket: the edge comes again with more.
            if count < self.buffer.len() {
                break;
            }
        }
        true
    }

    fn flush(&mut self, place: usize) -> bool {
        let Some(end) = &mut self.ends[place] else {
            return true;
        };
        while !end.unsent.is_empty() {
            match end.socket.write(&end.unsent) {
                Ok(sent) => drop(end.unsent.drain(..sent)),
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }
}

/// The end at `place` and its other one.
fn pair(ends: &mut [Option<End>], place: usize) -> (Option<&mut End>, Option<&mut End>) {
    let (client, origin) = ends[place & !1..].split_at_mut(1);
    let (client, origin) = (client[0].as_mut(), origin[0].as_mut());
    if place.is_multiple_of(2) {
        (client, origin)
    } else {
        (origin, client)
    }
}
