//! Kernel pipes through which long bodies pass from socket to socket without being copied.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice};
use nix::unistd::{pipe2, read};

use crate::buffers;
use crate::spare::Spare;

/// Bytes that a pipe is asked to hold: as much as a buffer for long bodies, so that a client that
/// takes nothing holds up no more here than there.
const CAPACITY: usize = buffers::RELAY_BUFFER;

/// Pipes kept for reuse; beyond that the one that was used longest ago is closed.
const KEPT: usize = 16;

thread_local! {
    static PIPES: RefCell<Spare<Pipe>> = const { RefCell::new(Spare::new(KEPT)) };
}

/// A pipe, and how many bytes are in it.
///
/// Invariant: a pipe that is kept for reuse is empty, so that no body meets another's bytes.
#[derive(Debug)]
pub struct Pipe {
    read_end: OwnedFd,
    write_end: OwnedFd,
    held: usize,
}

impl Pipe {
    /// An empty pipe; an error if the process has no descriptors left, or the system no room.
    pub fn take() -> io::Result<Self> {
        if let Some(pipe) = kept(|pipes| pipes.take(|_| true)) {
            return Ok(pipe);
        }
        let (read_end, write_end) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        // A system that has lent enough to pipes already gives a page or two, which would not pay.
        fcntl(&write_end, FcntlArg::F_SETPIPE_SZ(CAPACITY as i32))?;
        Ok(Self {
            read_end,
            write_end,
            held: 0,
        })
    }

    /// Keeps the pipe for reuse, unless something is in it.
    pub fn give_back(self) {
        if self.held > 0 {
            return;
        }
        // A thread that ends may drop connections after its list.
        let _ = PIPES.try_with(|pipes| pipes.borrow_mut().put(self));
    }

    /// Bytes that are in the pipe.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Moves at most `limit` bytes from `socket` into the empty pipe; 0 is FIN.
    pub fn fill(&mut self, socket: impl AsFd, limit: usize) -> io::Result<usize> {
        debug_assert_eq!(self.held, 0, "a full pipe would look like an empty socket");
        let count = moved(socket, &self.write_end, limit.min(CAPACITY))?;
        self.held += count;
        Ok(count)
    }

    /// Moves what is in the pipe into `socket`, as far as that takes it.
    pub fn drain(&mut self, socket: impl AsFd) -> io::Result<usize> {
        let count = moved(&self.read_end, socket, self.held)?;
        self.held -= count;
        Ok(count)
    }

    /// Moves what is in the pipe behind `buf`.
    pub fn drain_into(&mut self, buf: &mut Vec<u8>) -> io::Result<()> {
        while self.held > 0 {
            let start = buf.len();
            buf.resize(start + self.held, 0);
            let count = read(&self.read_end, &mut buf[start..]);
            buf.truncate(start + count.unwrap_or(0));
            match count? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.held -= count,
            }
        }
        Ok(())
    }
}

/// Looks after the pipes that this thread keeps.
pub(crate) fn kept<T>(look: impl FnOnce(&mut Spare<Pipe>) -> T) -> T {
    PIPES.with_borrow_mut(look)
}

fn moved(from: impl AsFd, to: impl AsFd, limit: usize) -> io::Result<usize> {
    let flags = SpliceFFlags::SPLICE_F_MOVE | SpliceFFlags::SPLICE_F_NONBLOCK;
    Ok(splice(from, None, to, None, limit, flags)?)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn bytes_pass_in_order_and_a_pipe_that_is_not_empty_is_not_reused() {
        let (mut source, near) = UnixStream::pair().unwrap();
        let (far, mut sink) = UnixStream::pair().unwrap();
        let mut pipe = Pipe::take().unwrap();
        source.write_all(b"abcdef").unwrap();
        assert_eq!(pipe.fill(&near, 4).unwrap(), 4);
        assert_eq!((pipe.drain(&far).unwrap(), pipe.held()), (4, 0));
        let mut got = [0; 4];
        sink.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"abcd");
        assert_eq!(pipe.fill(&near, 100).unwrap(), 2);
        let mut rest = b"<".to_vec();
        pipe.drain_into(&mut rest).unwrap();
        assert_eq!((rest.as_slice(), pipe.held()), (&b"<ef"[..], 0));
        source.write_all(b"secret").unwrap();
        pipe.fill(&near, 100).unwrap();
        pipe.give_back();
        assert_eq!(kept(Spare::clear), 0);
    }
}
