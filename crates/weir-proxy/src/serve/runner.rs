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

use tracing::Instrument;
use tracing::instrument::WithSubscriber;
use weir_io::{clock, prefetch};

use super::connection::{serve_on_stream, serve_requests, session_of};
use super::worker::Worker;
use crate::facts::Request;
use crate::facts::h1::Connection;
use crate::facts::h2::Stream;

/// A future that serves connections for ever, and the desk over which it gets them.
pub(crate) struct Runner {
    desk: Rc<Desk>,
    /// Where the future's [`Request`] and connection lie; to be prefetched, never read.
    request: *const Request,
    conn: Option<*const Connection>,
    work: Pin<Box<dyn Future<Output = Infallible>>>,
}

/// What goes in, and what comes back.
struct Desk {
    busy: Cell<Option<Box<Connection>>>,
    stream: Cell<Option<Box<Stream>>>,
    done: Cell<Option<Served>>,
}

/// What lies on the desk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Connection,
    Stream,
}

impl Desk {
    fn poll_next(&self) -> Poll<Next> {
        let (conn, stream) = (self.busy.take(), self.stream.take());
        let next = match (&conn, &stream) {
            (Some(_), _) => Poll::Ready(Next::Connection),
            (None, Some(_)) => Poll::Ready(Next::Stream),
            (None, None) => Poll::Pending,
        };
        self.busy.set(conn);
        self.stream.set(stream);
        next
    }
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
        let request = &raw const *req;
        let desk = Rc::new(Desk {
            busy: Cell::default(),
            stream: Cell::default(),
            done: Cell::default(),
        });
        Self {
            work: Box::pin(work(desk.clone(), req)),
            desk,
            request,
            conn: None,
        }
    }

    /// Asks for the memory that a request is served in.
    pub(crate) fn prefetch(&self) {
        prefetch::lines((&raw const *self.work).cast(), size_of_val(&*self.work));
        prefetch::value(self.request);
    }

    /// Serves `conn` from the next poll on.
    pub(crate) fn begin(&mut self, conn: Box<Connection>) {
        self.conn = Some(&raw const *conn);
        self.desk.busy.set(Some(conn));
    }

    /// Serves the request on `stream` from the next poll on.
    fn begin_stream(&mut self, stream: Box<Stream>) {
        self.conn = None;
        self.desk.stream.set(Some(stream));
    }

    /// Ready when the client pauses, or with `None` when the connection has ended.
    pub(crate) fn poll_served(&mut self, cx: &mut Context<'_>) -> Poll<Option<Box<Connection>>> {
        self.prefetch();
        if let Some(conn) = self.conn {
            prefetch::value(conn);
        }
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

/// Serves the request on a stream in a task of its own.
pub(super) fn serve_stream(worker: &Rc<Worker>, stream: Box<Stream>) {
    let worker = worker.clone();
    let seat = stream.seat.clone();
    let plan = stream.link.plan.clone();
    let task = async move {
        let mut runner = worker.take_runner();
        runner.begin_stream(stream);
        let mut known = false;
        let served = poll_fn(|cx| {
            if !std::mem::replace(&mut known, true) {
                seat.note_task(cx);
            }
            clock::count_poll();
            if runner.poll_served(cx).is_ready() {
                return Poll::Ready(true);
            }
            // Not before it has begun: it is to have its access line.
            match worker.shop.is_aborting() || plan.is_expired() {
                true => Poll::Ready(false),
                false => Poll::Pending,
            }
        })
        .await;
        if served {
            worker.give_back_runner(runner);
        }
    };
    tokio::task::spawn_local(task.in_current_span().with_current_subscriber());
}

async fn work(desk: Rc<Desk>, mut req: Box<Request>) -> Infallible {
    loop {
        // Nobody needs to be woken: whoever brings a connection polls next.
        // Not what waits itself: the future would keep room for both kinds of it.
        let served;
        if poll_fn(|_| desk.poll_next()).await == Next::Stream {
            let Some(stream) = desk.stream.take() else {
                continue;
            };
            req = serve_on_stream(session_of(stream, req)).await;
            served = None;
        } else {
            let Some(conn) = desk.busy.take() else {
                continue;
            };
            (served, req) = serve_requests(conn, req).await;
        }
        desk.done
            .set(Some(served.map_or(Served::Ended, Served::Idle)));
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// Bytes of the future that serves a request. Workers ask for all of it before each poll, so that
    /// every local of every phase costs every request: what is rare and awaits is boxed.
    const FUTURE: usize = 1192;

    /// Bytes of a connection that idles, without the task around it.
    const CONNECTION: usize = 280;

    /// Bytes of the future around it: with what tokio adds, a task stays below 256 bytes, or takes 384.
    const TASK: usize = 152;

    #[expect(clippy::type_complexity, reason = "only the future's type is wanted")]
    fn idle_task<S, A, F: Future>(
        _: fn(Rc<Worker>, S, usize, A, Option<SocketAddr>, Rc<()>) -> F,
    ) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_request_and_an_idle_connection_weigh_no_more_than_before() {
        let runner = Runner::new();
        let future = size_of_val(&*runner.work);
        assert!(future <= FUTURE, "a request's future has {future} bytes");
        let connection = size_of::<Connection>();
        let task = idle_task(Worker::serve);
        assert!(task <= TASK, "the task of a connection has {task} bytes");
        assert!(
            connection <= CONNECTION,
            "a connection has {connection} bytes"
        );
    }
}
