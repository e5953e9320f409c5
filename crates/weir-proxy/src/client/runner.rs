//! Futures that serve one busy connection after the other.
//!
//! What a request needs while it is served is large; an idle connection has no room for it, and a
//! fresh allocation for each request would cost more than the parsing of its head. So workers keep a
//! few of these, and lend one to a connection from the first byte of a request until it idles again.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::connection::serve_requests;
use crate::session::{Connection, Request};

/// A future that serves connections for ever, and the desk over which it gets them.
pub(crate) struct Runner {
    desk: Rc<Desk>,
    work: Pin<Box<dyn Future<Output = Infallible>>>,
}

/// What goes in, and what comes back.
struct Desk {
    busy: Cell<Option<Box<Connection>>>,
    done: Cell<Option<Served>>,
    /// Where the future's [`Request`] lies; to be prefetched, never read.
    request: *const Request,
}

/// How a busy time ended.
enum Served {
    /// The client pauses.
    Idle(Box<Connection>),
    /// The connection has ended.
    Ended,
}

impl Runner {
    pub(crate) fn new() -> Self {
        let req = Box::new(Request::new());
        let desk = Rc::new(Desk {
            busy: Cell::default(),
            done: Cell::default(),
            request: &raw const *req,
        });
        Self {
            work: Box::pin(work(desk.clone(), req)),
            desk,
        }
    }

    /// Serves `conn` from the next poll on.
    pub(crate) fn begin(&self, conn: Box<Connection>) {
        self.desk.busy.set(Some(conn));
    }

    /// Ready when the client pauses, or with `None` when the connection has ended.
    pub(crate) fn poll_served(&mut self, cx: &mut Context<'_>) -> Poll<Option<Box<Connection>>> {
        // Between two polls of one connection the others, and the kernel for them, have driven its
        // state out of the fast caches; asked for at once, its lines come side by side.
        prefetch((&raw const *self.work).cast(), size_of_val(&*self.work));
        prefetch(self.desk.request.cast(), size_of::<Request>());
        match self.work.as_mut().poll(cx) {
            Poll::Ready(never) => match never {},
            Poll::Pending => match self.desk.done.take() {
                Some(Served::Idle(conn)) => Poll::Ready(Some(conn)),
                Some(Served::Ended) => Poll::Ready(None),
                None => Poll::Pending,
            },
        }
    }
}

/// Asks the processor for the cache lines of what is about to be used.
#[cfg(target_arch = "x86_64")]
fn prefetch(start: *const u8, length: usize) {
    const LINE: usize = 64;
    for offset in (0..length).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = start.wrapping_add(offset).cast();
        // SAFETY: a prefetch changes nothing that a program can see, and no address makes it fail.
        #[expect(
            unsafe_code,
            reason = "the standard library has no other way to prefetch"
        )]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line);
        }
    }
}

/// The standard library offers no such request to other processors.
#[cfg(not(target_arch = "x86_64"))]
fn prefetch(_start: *const u8, _length: usize) {}

async fn work(desk: Rc<Desk>, mut req: Box<Request>) -> Infallible {
    loop {
        // Nobody needs to be woken: whoever brings a connection polls next.
        let conn = poll_fn(|_| desk.busy.take().map_or(Poll::Pending, Poll::Ready)).await;
        let served;
        (served, req) = serve_requests(conn, req).await;
        desk.done
            .set(Some(served.map_or(Served::Ended, Served::Idle)));
    }
}
