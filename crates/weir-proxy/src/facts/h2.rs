//! A stream of a client's HTTP/2 connection, which carries one request, and what it shares with its connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use weir_http2::{Complaint, Fields};
use weir_io::clock::Moment;
use weir_io::deadline::Deadline;
use weir_wire::request::SectionReader;

use super::{Link, Request, View};

/// Bytes of output that wait at most: who has more to send waits for the socket.
const MOST_QUEUED: usize = 64 * 1024;

/// The carrier of a request that came over HTTP/2.
pub(crate) struct Stream {
    pub(crate) link: Link,
    /// Bytes of the body that were taken over from the seat.
    pub(crate) input: Vec<u8>,
    pub(crate) wire: Rc<Wire>,
    pub(crate) seat: Rc<Seat>,
    /// What came of the head, until it is read.
    pub(crate) heard: Option<Heard>,
    /// Bytes of the answer's body still to be sent, if its head says how many: the last of them end the stream.
    pub(crate) left: Option<u64>,
    /// This side of the stream is closed.
    pub(crate) closed: bool,
    /// The client let a deadline pass.
    pub(crate) timed_out: bool,
    /// Bytes of frames around what was sent of the body.
    pub(crate) framing: u64,
    /// Most bytes of a frame of the body (`http2_chunk_size`).
    pub(crate) chunk: usize,
}

/// A head as it came.
pub(crate) struct Heard {
    pub(crate) opened: Moment,
    pub(crate) section: Result<Section, Unheard>,
}

/// Not all of a head came.
#[derive(Clone, Copy)]
pub(crate) struct Unheard {
    /// What is booked.
    pub(crate) status: u16,
    /// Bytes of it in the frames that have begun.
    pub(crate) length: usize,
}

/// All fields of a head.
pub(crate) struct Section {
    pub(crate) fields: Fields,
    /// Bytes that they took.
    pub(crate) length: usize,
    /// No body follows.
    pub(crate) ends: bool,
}

/// What the streams of a connection share with the task that has its socket.
pub(crate) struct Wire {
    pub(crate) codec: RefCell<weir_http2::Connection>,
    /// Streams that have a request, by number.
    seats: RefCell<Vec<Rc<Seat>>>,
    /// Streams that have more to send, and wait for room in the output.
    sending: RefCell<Vec<Rc<Seat>>>,
    /// Streams that wait until all that they have sent is out, in the order in which they ended.
    ending: RefCell<Vec<Rc<Seat>>>,
    /// Bytes that the socket has taken.
    written: Cell<u64>,
    task: RefCell<Option<Waker>>,
    /// The connection's task knows already that something is to be done.
    notified: Cell<bool>,
    /// Rooms that heads are read in.
    pub(crate) section: RefCell<SectionReader>,
    /// Clocks of streams that are over, whose timers the next ones need not make anew.
    clocks: RefCell<Vec<Deadline>>,
}

thread_local! {
    /// Rooms for fields, of all connections of a worker: heads are read later than they come.
    static ROOMS: RefCell<Vec<Fields>> = const { RefCell::new(Vec::new()) };
}

/// Rooms that a worker keeps, and bytes that one of them may have: a megabyte in all.
const KEPT_ROOMS: usize = 256;
const LARGEST_ROOM: usize = 4 * 1024;

/// Clocks that a connection keeps: nginx's streams at a time.
const KEPT_CLOCKS: usize = 128;

/// What the connection tells a stream's request.
pub(crate) struct Seat {
    pub(crate) number: u32,
    /// Bytes that the socket had taken when it last put something into the output.
    served: Cell<u64>,
    /// Bytes of the body that have come and that nobody has taken.
    body: RefCell<Vec<u8>>,
    /// The client has ended its side.
    ended: Cell<bool>,
    /// The client has left: the stream is reset, or its connection is gone.
    gone: Cell<bool>,
    complaint: RefCell<Option<Complaint>>,
    /// Nobody takes what else comes of the body.
    ignored: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl Wire {
    pub(crate) fn new(codec: weir_http2::Connection) -> Rc<Self> {
        Rc::new(Self {
            codec: RefCell::new(codec),
            seats: RefCell::default(),
            sending: RefCell::default(),
            ending: RefCell::default(),
            written: Cell::new(0),
            task: RefCell::new(None),
            notified: Cell::new(false),
            section: RefCell::default(),
            clocks: RefCell::default(),
        })
    }

    /// The running task is the connection's, and looks at all that is to be done.
    pub(crate) fn note_task(&self, cx: &Context<'_>) {
        self.notified.set(false);
        let mut task = self.task.borrow_mut();
        if !task
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *task = Some(cx.waker().clone());
        }
    }

    /// There is something to do for the connection's task.
    pub(crate) fn notify(&self) {
        if !self.notified.replace(true)
            && let Some(task) = &*self.task.borrow()
        {
            task.wake_by_ref();
        }
    }

    /// A request begins on this stream.
    pub(crate) fn seat(&self, number: u32, ended: bool) -> Rc<Seat> {
        let seat = Rc::new(Seat {
            number,
            served: Cell::new(0),
            body: RefCell::default(),
            ended: Cell::new(ended),
            gone: Cell::new(false),
            complaint: RefCell::default(),
            ignored: Cell::new(false),
            task: RefCell::new(None),
        });
        self.seats.borrow_mut().push(seat.clone());
        seat
    }

    /// Its request is over.
    pub(crate) fn vacate(&self, number: u32) {
        let mut seats = self.seats.borrow_mut();
        if let Ok(index) = seats.binary_search_by_key(&number, |seat| seat.number) {
            seats.remove(index);
        }
        drop(seats);
        self.notify();
    }

    /// The request on a stream.
    pub(crate) fn on(&self, number: u32) -> Option<Rc<Seat>> {
        let seats = self.seats.borrow();
        let index = seats.binary_search_by_key(&number, |seat| seat.number);
        index.ok().map(|index| seats[index].clone())
    }

    /// Whether no stream has a request.
    pub(crate) fn is_vacant(&self) -> bool {
        self.seats.borrow().is_empty()
    }

    /// The connection is gone, or about to go: so are all streams.
    pub(crate) fn leave_all(&self) {
        self.seats.borrow().iter().for_each(|seat| seat.leave(None));
    }

    /// All requests are to look at their streams.
    pub(crate) fn wake_all(&self) {
        self.seats.borrow().iter().for_each(|seat| seat.wake());
    }

    /// The socket has taken so many bytes: who waits for that goes on.
    pub(crate) fn note_written(&self, count: usize) {
        self.written.set(self.written.get() + count as u64);
        for seat in self.ending.borrow_mut().drain(..) {
            seat.wake();
        }
        let mut sending = self.sending.borrow_mut();
        // In turns, as nginx queues a stream's frames behind those of the others: whoever went on first would take all.
        sending.sort_by_key(|seat| seat.served.get());
        for seat in sending.drain(..) {
            seat.wake();
        }
    }

    /// Bytes that the socket has taken.
    pub(crate) fn written(&self) -> u64 {
        self.written.get()
    }

    /// How much may be put into the output now, where so many bytes wait.
    pub(crate) fn poll_room(&self, seat: &Rc<Seat>, queued: usize) -> Poll<usize> {
        let room = MOST_QUEUED.saturating_sub(queued);
        if room == 0 {
            wait_in(&self.sending, seat);
            return Poll::Pending;
        }
        Poll::Ready(room)
    }

    /// It has put something there.
    pub(crate) fn note_served(&self, seat: &Seat) {
        seat.served.set(self.written.get());
    }

    /// The end of what waits in the output, counted from the connection's beginning.
    pub(crate) fn output_end(&self) -> u64 {
        self.written.get() + self.codec.borrow_mut().output().len() as u64
    }

    /// Ready once the output is out up to there.
    pub(crate) fn poll_written(&self, seat: &Rc<Seat>, end: u64) -> Poll<()> {
        if self.written.get() >= end {
            return Poll::Ready(());
        }
        wait_in(&self.ending, seat);
        Poll::Pending
    }

    /// Takes the fields of the head that was told of last.
    pub(crate) fn take_fields(&self) -> Fields {
        let mut fields = ROOMS.with_borrow_mut(Vec::pop).unwrap_or_default();
        std::mem::swap(&mut fields, self.codec.borrow_mut().fields());
        fields
    }

    /// They have been read.
    pub(crate) fn give_back_fields(fields: Fields) {
        if fields.allocated() <= LARGEST_ROOM {
            ROOMS.with_borrow_mut(|rooms| keep(rooms, KEPT_ROOMS, fields));
        }
    }

    /// A clock for a stream that begins.
    pub(crate) fn take_clock(&self) -> Deadline {
        self.clocks.borrow_mut().pop().unwrap_or_default()
    }

    /// Gives up what a connection without requests needs not keep.
    pub(crate) fn shrink(&self) {
        self.codec.borrow_mut().shrink();
        self.seats.take();
        self.sending.take();
        self.ending.take();
        self.section.take();
        self.clocks.take();
    }
}

fn keep<T>(kept: &mut Vec<T>, most: usize, one: T) {
    if kept.len() < most {
        kept.push(one);
    }
}

/// Wakes it once output has gone out.
fn wait_in(line: &RefCell<Vec<Rc<Seat>>>, seat: &Rc<Seat>) {
    let mut line = line.borrow_mut();
    if !line.iter().any(|other| Rc::ptr_eq(other, seat)) {
        line.push(seat.clone());
    }
}

impl Seat {
    /// The request is to look at its stream.
    pub(crate) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// The running task serves the request.
    pub(crate) fn note_task(&self, cx: &Context<'_>) {
        *self.task.borrow_mut() = Some(cx.waker().clone());
    }

    /// Bytes of the body have come, `ended`: the last.
    pub(crate) fn put(&self, bytes: &[u8], ended: bool) {
        if !self.ignored.get() && !self.gone.get() {
            self.body.borrow_mut().extend_from_slice(bytes);
        }
        self.ended.set(ended);
        self.wake();
    }

    /// Drops the body, and what else comes of it.
    pub(crate) fn ignore_body(&self) {
        self.ignored.set(true);
        self.body.take();
    }

    /// Moves what has come behind `input`; how much that was.
    pub(crate) fn take_body(&self, input: &mut Vec<u8>) -> usize {
        let mut body = self.body.borrow_mut();
        let count = body.len();
        if input.is_empty() {
            std::mem::swap(input, &mut body);
        } else {
            input.append(&mut body);
        }
        count
    }

    /// Whether the client has ended its side.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Whether the client has ended its side, and all that came was taken.
    pub(crate) fn is_drained(&self) -> bool {
        self.ended.get() && self.body.borrow().is_empty()
    }

    /// The client has left, of which the log is to be told this.
    pub(crate) fn leave(&self, complaint: Option<Complaint>) {
        if !self.gone.replace(true) {
            *self.complaint.borrow_mut() = complaint;
        }
        self.wake();
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// What the log is to be told of the client's leaving, once.
    pub(crate) fn take_complaint(&self) -> Option<Complaint> {
        self.complaint.borrow_mut().take()
    }
}

impl Stream {
    /// The stream together with the request on it.
    pub(crate) fn view<'a>(&'a self, req: &'a Request) -> View<'a> {
        View {
            req,
            link: &self.link,
            stream: None,
        }
    }
}

impl Drop for Stream {
    /// However the request ended, its seat is free.
    fn drop(&mut self) {
        let ending = match self.timed_out {
            true => weir_http2::Ending::TimedOut,
            false => weir_http2::Ending::Done,
        };
        // A panic may have found it in use.
        if let Ok(mut codec) = self.wire.codec.try_borrow_mut() {
            codec.close(self.seat.number, ending);
        }
        let mut clock = std::mem::take(&mut self.link.deadline);
        clock.clear();
        keep(&mut self.wire.clocks.borrow_mut(), KEPT_CLOCKS, clock);
        self.wire.vacate(self.seat.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::task::Wake;

    use super::*;

    /// Says whom it has woken.
    struct Woken {
        number: usize,
        line: Sender<usize>,
    }

    impl Wake for Woken {
        fn wake(self: std::sync::Arc<Self>) {
            // Nobody waits behind the test's end.
            let _ = self.line.send(self.number);
        }
    }

    /// Three streams, which queue up where they are woken.
    fn streams(wire: &Wire) -> ([Rc<Seat>; 3], Receiver<usize>) {
        let (line, woken) = channel();
        let seats = [0, 1, 2].map(|number| {
            let seat = wire.seat(2 * number as u32 + 1, true);
            let line = line.clone();
            let waker = Waker::from(std::sync::Arc::new(Woken { number, line }));
            seat.note_task(&Context::from_waker(&waker));
            seat
        });
        (seats, woken)
    }

    #[test]
    fn streams_share_an_output_that_is_taken_slowly() {
        const TAKEN: usize = 8 * 1024;
        let limits = weir_http2::Limits::default();
        let wire = Wire::new(weir_http2::Connection::server(limits));
        let (seats, woken) = streams(&wire);
        let mut shares = [0; 3];
        let mut queued = 0;
        wire.wake_all();
        for _ in 0..300 {
            for number in woken.try_iter() {
                // It puts in as much as it may.
                while let Poll::Ready(room) = wire.poll_room(&seats[number], queued) {
                    queued += room;
                    shares[number] += room;
                    wire.note_served(&seats[number]);
                }
            }
            assert!(queued <= MOST_QUEUED);
            queued -= TAKEN;
            wire.note_written(TAKEN);
        }
        let least = 300 * TAKEN / 3 * 9 / 10;
        assert!(shares.iter().all(|share| *share > least), "{shares:?}");
    }

    #[test]
    fn a_stream_by_itself_has_all_of_the_output() {
        let limits = weir_http2::Limits::default();
        let wire = Wire::new(weir_http2::Connection::server(limits));
        let seat = wire.seat(1, true);
        assert_eq!(wire.poll_room(&seat, 0), Poll::Ready(MOST_QUEUED));
        wire.note_served(&seat);
        assert_eq!(wire.poll_room(&seat, MOST_QUEUED), Poll::Pending);
        wire.note_written(1000);
        assert_eq!(wire.poll_room(&seat, MOST_QUEUED - 1000), Poll::Ready(1000));
    }
}
