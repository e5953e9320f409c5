//! One request and the answer to it.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use smallvec::SmallVec;
use weir_conf::{Captures, Location, Server, StatusForm};
use weir_wire::request::{Method, RequestHead, RequestParser};
use weir_wire::{KnownField, Version};

use super::values::give_up_large;
use super::{
    Attempt, Beside, ClientAddress, Limits, RequestBody, Response, Slices, UpstreamState, Values,
    View, VisitorSeat,
};
use crate::plan::Own;
use weir_io::buffers;
use weir_io::clock::{self, Moment};
use weir_io::prefetch;

/// The answer's fate, as far as the access line and the connection care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The whole answer went out.
    Complete,
    /// The answer was cut, but in a way nginx books as complete (`$request_completion` OK).
    Cut,
    /// The answer was cut or never begun.
    Broken,
}

/// One request and the answer to it: what is known of it, and the rooms that its texts, its body and
/// its answer lie in, which the next request of the connection uses again.
pub(crate) struct Request {
    pub(crate) state: State,
    pub(crate) started: Moment,
    pub(crate) parser: RequestParser,
    pub(crate) head: RequestHead,
    /// The bytes that `head` points into.
    pub(crate) bytes: Vec<u8>,
    /// Host in lower case without port; `$host`.
    pub(crate) host: Vec<u8>,
    /// Decoded and normalised path; `$uri`.
    pub(crate) uri: Vec<u8>,
    pub(crate) args: Vec<u8>,
    /// Texts that the statements of the rewrite module look at.
    pub(crate) script_room: Vec<u8>,
    /// Who looks at a variable for the first time writes its value here.
    pub(crate) values: RefCell<Values>,
    pub(crate) body: RequestBody,
    pub(crate) response: Response,
    /// Nearly always one, which lies with the rest.
    pub(crate) attempts: SmallVec<[Attempt; 1]>,
    pub(crate) upstream: UpstreamState,
    /// Subrequests that are served beside.
    pub(crate) beside: Beside,
}

/// Which of the worker's counters count the request now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) reading: bool,
    pub(crate) writing: bool,
    pub(crate) waiting: bool,
}

/// Who makes the answer, as far as a location on the way here has said; an `if` that came later takes nothing
/// back (`content_handler`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nobody: files are looked for.
    #[default]
    File,
    Upstream,
    StubStatus,
    Status(StatusForm),
    EmptyGif,
    Flv,
    Mp4,
}

/// What is known of a request beside its texts. It is replaced whole, so that the next request of the
/// connection begins with nothing of this one.
pub(crate) struct State {
    /// Bytes of the request read so far: `$request_length`.
    pub(crate) length: u64,
    /// Whether anything of the request exists that an access line can tell of.
    pub(crate) begun: bool,
    pub(crate) server: Option<Own<Server>>,
    pub(crate) location: Option<Own<Location>>,
    /// There are arguments, be they empty: `$args` has a value.
    pub(crate) args_known: bool,
    /// `GET` after an internal redirect, whatever the client asked with.
    pub(crate) method: Method,
    /// The method of the main request, which variables show for a subrequest, too.
    pub(crate) main_method: Method,
    /// The raw target still says what `uri` and `args` say, so that it may be passed on as it came.
    pub(crate) target_is_raw: bool,
    /// What the location's name means for the path holds: it was not changed since the location was chosen
    /// (`valid_location`).
    pub(crate) location_replaces: bool,
    pub(crate) content: Content,
    pub(crate) counted: Counted,
    /// `try_files` has found the file that `uri` names below an `alias` that would replace it whole.
    pub(crate) alias_takes_uri: bool,
    /// It is a subrequest.
    pub(crate) is_sub: bool,
    /// It goes on behind its answer: nothing is sent to the client any more.
    pub(crate) post_action: bool,
    /// A subrequest of whose answer only the head is looked at (`header_only`).
    pub(crate) only_head_counts: bool,
    /// A subrequest that has its location, and only asks that one for its content.
    pub(crate) begins_at_content: bool,
    /// The slices that the answer is put together from, once `$slice_range` was asked for.
    pub(crate) slices: OnceCell<Box<Slices>>,
    /// The request came here by an internal redirect, or is one of our own.
    pub(crate) internal: bool,
    /// `$secure_link` was asked for, and the link says when it ends.
    pub(crate) link_expires: Cell<bool>,
    /// Who sent it, by the cookies of `userid`.
    pub(crate) visitor: VisitorSeat,
    /// Where the request came from, if it was a balancer whose word on the client's address was taken.
    pub(crate) balancer: Option<ClientAddress>,
    /// What became of it by `limit_req` and `limit_conn`.
    pub(crate) limits: Limits,
    /// Internal redirects left before nginx calls it a cycle.
    pub(crate) redirects_left: u8,
    /// A file was opened below `root` or `alias`, which is there, then.
    pub(crate) root_tested: bool,
    /// An `error_page` is being served (and `recursive_error_pages` is off).
    pub(crate) in_error_page: bool,
    /// Status that replaces the one of whatever is served now (`error_page … =CODE`).
    pub(crate) status_override: Option<u16>,
    /// An exchange has come to no try: the lists of the next one begin with an element for it.
    pub(crate) sought_in_vain: bool,
    /// The client sent it before the answer to the one before.
    pub(crate) pipelined: bool,
    /// The client takes compressed answers and may have this one; `None`: nobody has asked.
    pub(crate) takes_gzip: Option<bool>,
    /// Another client, which takes what this one does not, would get another answer (`gzip_vary`).
    pub(crate) varies_by_encoding: bool,
    /// `$request_id`, drawn on first use.
    pub(crate) id: Cell<Option<u128>>,
    pub(crate) keepalive: bool,
    /// Close gently: the client may still be sending.
    pub(crate) lingers: bool,
    /// 444, 499 and the like: close without a word.
    pub(crate) closes_at_once: bool,
    /// Bytes sent to the client, head included.
    pub(crate) sent: u64,
    pub(crate) ending: Ending,
    /// A subrequest has said that it is no request that can be completed, and nginx keeps that for the whole
    /// request.
    pub(crate) never_complete: Cell<bool>,
    /// What lines say of it that is a health check, in place of a client.
    pub(crate) check: Option<Rc<[u8]>>,
    /// The access line was written, or none is due.
    pub(crate) logged: bool,
    /// What `error_log_ctx` says is being found out.
    pub(crate) evaluates_ctx: Cell<bool>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            length: 0,
            begun: false,
            server: None,
            location: None,
            args_known: false,
            method: Method::Get,
            main_method: Method::Get,
            target_is_raw: true,
            location_replaces: true,
            content: Content::File,
            counted: Counted::default(),
            alias_takes_uri: false,
            is_sub: false,
            post_action: false,
            only_head_counts: false,
            begins_at_content: false,
            slices: OnceCell::new(),
            internal: false,
            limits: Limits::default(),
            redirects_left: MAX_REDIRECTS,
            root_tested: false,
            in_error_page: false,
            status_override: None,
            sought_in_vain: false,
            pipelined: false,
            takes_gzip: None,
            varies_by_encoding: false,
            balancer: None,
            link_expires: Cell::new(false),
            visitor: VisitorSeat::default(),
            id: Cell::new(None),
            keepalive: false,
            lingers: false,
            closes_at_once: false,
            sent: 0,
            ending: Ending::Broken,
            never_complete: Cell::new(false),
            check: None,
            logged: false,
            evaluates_ctx: Cell::new(false),
        }
    }
}

impl State {
    /// It goes on behind a client that is gone.
    pub(crate) fn is_behind_gone(&self) -> bool {
        self.post_action && self.closes_at_once
    }
}

/// Fields whose room is asked for ahead: the processor finds the further ones by itself.
const FEW_FIELDS: usize = 8;

impl Request {
    pub(crate) fn new() -> Self {
        Self {
            state: State::default(),
            started: clock::now(),
            parser: RequestParser::new(),
            head: RequestHead::default(),
            bytes: Vec::new(),
            host: Vec::new(),
            uri: Vec::new(),
            args: Vec::new(),
            script_room: Vec::new(),
            values: RefCell::default(),
            body: RequestBody::default(),
            response: Response::default(),
            attempts: SmallVec::new(),
            upstream: UpstreamState::default(),
            beside: Beside::default(),
        }
    }

    /// Gives back what others could use: buffers, files, and its part in the configuration. Small rooms stay for
    /// the next request.
    pub(crate) fn release(&mut self) {
        // They read the body's file.
        self.beside.end();
        buffers::give_back(std::mem::take(&mut self.bytes));
        give_up_large(&mut self.script_room);
        self.values.get_mut().release();
        self.state.server = None;
        self.state.location = None;
        self.body.release();
        buffers::give_back(std::mem::take(&mut self.response.pending));
        self.attempts.clear();
        self.upstream.release_bytes();
    }

    /// A regular expression matched `text`: its groups have the numbers now, and names besides those
    /// of earlier ones (`ngx_http_regex_exec`).
    pub(crate) fn note_match(&self, groups: &Captures, text: &[u8]) {
        self.values.borrow_mut().note_match(groups, text);
    }

    /// Prepares for the next request of the connection: nothing of this one is left but the rooms, and
    /// `started`, which is set when that one begins. Every field is named, so that none is forgotten.
    pub(crate) fn reset(&mut self) {
        let Self {
            state,
            started: _,
            parser,
            head,
            bytes,
            host,
            uri,
            args,
            script_room: _,
            values,
            body,
            response,
            attempts,
            upstream,
            beside,
        } = self;
        beside.end();
        *state = State::default();
        parser.reset();
        head.reset();
        for text in [bytes, host, uri, args] {
            text.clear();
        }
        values.get_mut().reset();
        body.reset();
        response.reset();
        attempts.clear();
        upstream.reset();
    }

    /// Becomes a request of our own in this location, of which lines say what `told` says.
    pub(crate) fn begin_as_check(
        &mut self,
        server: Own<Server>,
        location: Own<Location>,
        told: Rc<[u8]>,
    ) {
        self.state = State {
            server: Some(server),
            location: Some(location),
            internal: true,
            target_is_raw: false,
            check: Some(told),
            logged: true,
            ..State::default()
        };
        self.started = clock::now();
        self.values.get_mut().reset();
        self.body.complete = true;
    }

    /// Becomes a subrequest of `main` for the path `uri`, without arguments and without a body: a GET with
    /// the same head, of whose answer only the head counts (`ngx_http_subrequest`).
    pub(crate) fn begin_as_sub(&mut self, main: View<'_>, uri: &[u8]) {
        let rules = main.settings().userid.clone();
        let main = main.req;
        self.state = State {
            begun: true,
            is_sub: true,
            only_head_counts: true,
            server: main.state.server.clone(),
            main_method: main.state.method,
            internal: true,
            target_is_raw: false,
            pipelined: main.state.pipelined,
            id: main.state.id.clone(),
            balancer: main.state.balancer.clone(),
            visitor: main.state.visitor.for_sub(rules),
            limits: main.state.limits.for_sub(),
            sent: main.state.sent,
            ..State::default()
        };
        self.started = clock::now();
        self.head.copy_from(&main.head);
        for (own, text) in [
            (&mut self.bytes, main.bytes.as_slice()),
            (&mut self.host, &main.host),
            (&mut self.uri, uri),
        ] {
            own.clear();
            own.extend_from_slice(text);
        }
        self.values.get_mut().begin_as(&main.values.borrow());
        self.body.withhold();
    }

    /// The same with the arguments, the method and the body of `main` (`ngx_http_mirror_handler_internal`).
    pub(crate) fn begin_as_mirror(&mut self, main: View<'_>, uri: &[u8]) {
        self.begin_as_sub(main, uri);
        let main = main.req;
        self.state.method = main.state.method;
        self.state.args_known = main.state.args_known;
        self.args.clear();
        self.args.extend_from_slice(&main.args);
        self.body = main.body.share();
    }

    /// As [`Self::begin_as_sub`], with the body of `main`, and an answer whose body becomes a part of that of `main`.
    pub(crate) fn begin_as_part(&mut self, main: View<'_>, uri: &[u8]) {
        self.begin_as_sub(main, uri);
        self.state.only_head_counts = false;
        self.body = main.req.body.share();
    }

    /// Asks once more for what `main` asks for, where the content comes from: in its location
    /// (`NGX_HTTP_SUBREQUEST_CLONE`); for the next of these slices.
    pub(crate) fn begin_as_clone(&mut self, main: View<'_>, slices: OnceCell<Box<Slices>>) {
        self.begin_as_part(main, &main.req.uri);
        self.args.clear();
        self.args.extend_from_slice(&main.req.args);
        let of = &main.req.state;
        let state = &mut self.state;
        state.method = of.method;
        state.args_known = of.args_known;
        state.begins_at_content = true;
        state.location = of.location.clone();
        state.location_replaces = of.location_replaces;
        state.alias_takes_uri = of.alias_takes_uri;
        state.target_is_raw = of.target_is_raw;
        state.content = of.content;
        state.slices = slices;
    }

    /// The subrequest is over: the main request learns what it found out.
    pub(crate) fn learn_from(&mut self, sub: &mut Self) {
        self.values.get_mut().learn_from(sub.values.get_mut());
        self.state.id.set(sub.state.id.get());
        self.state.balancer = sub.state.balancer.take();
        self.state.limits.learn_from(&mut sub.state.limits);
        if let Some(slices) = sub.state.slices.take() {
            self.state.slices = slices.into();
        }
        let never_complete = &self.state.never_complete;
        never_complete.set(never_complete.get() || sub.state.never_complete.get());
    }

    /// Asks for the memory that a head is taken apart into.
    pub(crate) fn prefetch_for_head(&self) {
        let Self { head, upstream, .. } = self;
        let texts = [&self.host, &self.uri, &self.args];
        for text in texts
            .into_iter()
            .chain([&upstream.uri, &upstream.host, &upstream.port])
        {
            prefetch::room(text, 1);
        }
        prefetch::room(head.fields.room(), FEW_FIELDS);
    }

    /// Asks for the memory that an answer is made of, and its access line.
    pub(crate) fn prefetch_for_answer(&self) {
        let Self {
            head,
            upstream,
            response,
            ..
        } = self;
        let texts = [
            &self.bytes,
            &self.uri,
            &response.status_line,
            response.content_type.room(),
        ];
        for text in texts.into_iter().chain([response.fields.room()]) {
            prefetch::room(text, 1);
        }
        prefetch::room(head.fields.room(), FEW_FIELDS);
        prefetch::room(upstream.head.fields.room(), FEW_FIELDS);
    }

    /// Bytes of `span` in the request head.
    pub(crate) fn text(&self, span: weir_wire::Span) -> &[u8] {
        span.of(&self.bytes)
    }

    /// Value of the known field, if the client sent it.
    pub(crate) fn field(&self, field: KnownField) -> Option<&[u8]> {
        self.head.value(field, &self.bytes)
    }

    /// The head was read whole, so nothing of it is left unread.
    pub(crate) fn parser_done(&self) -> bool {
        self.head.len > 0
    }

    /// The whole request line is there, though its target may be refused.
    pub(crate) fn line_is_complete(&self) -> bool {
        self.head.request_length > 0
    }

    /// The method's name, which an internal redirect may have changed.
    pub(crate) fn method_text(&self) -> &[u8] {
        self.name_of(self.state.method)
    }

    /// The same of the main request (`ngx_http_variable_request_method`).
    pub(crate) fn main_method_text(&self) -> &[u8] {
        self.name_of(match self.state.is_sub {
            true => self.state.main_method,
            false => self.state.method,
        })
    }

    /// The name of a method that is the head's, or GET.
    fn name_of(&self, method: Method) -> &[u8] {
        if method == Method::Get && self.head.method != Method::Get {
            return b"GET";
        }
        self.text(self.head.method_span)
    }

    /// Whether the client waits for `100 Continue`.
    pub(crate) fn expects_continue(&self) -> bool {
        (Version::HTTP_11..Version::HTTP_20).contains(&self.head.version)
            && self
                .field(KnownField::Expect)
                .is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }

    /// Whether a request of this method may be sent twice (`ngx_http_upstream_next`).
    pub(crate) fn is_idempotent(&self) -> bool {
        !matches!(
            self.state.method,
            Method::Post | Method::Lock | Method::Patch
        )
    }

    /// The client has left before it got all: its connection is closed, and 499 is booked if nothing was
    /// sent (`ngx_http_terminate_request`).
    pub(crate) fn book_client_gone(&mut self) {
        self.state.closes_at_once = true;
        if self.state.sent == 0 {
            self.response.status = CLIENT_GONE;
        }
    }

    /// The status of the access line: that of an error whose page is being made, and `009` for an HTTP/0.9
    /// answer that an upstream sent (`ngx_http_variable_status`).
    pub(crate) fn shown_status(&self) -> u16 {
        let sent = match self.response.no_head {
            true => NO_HEAD_STATUS,
            false => self.response.status,
        };
        self.state.status_override.unwrap_or(sent)
    }

    pub(crate) fn is_head(&self) -> bool {
        self.state.method == Method::Head
    }

    /// Whether nobody wants the body of the answer (`header_only`): of some subrequests only the head is looked
    /// at.
    pub(crate) fn wants_head_only(&self) -> bool {
        self.is_head() || self.state.only_head_counts
    }
}

/// `NGX_HTTP_MAX_URI_CHANGES`, and the one that is refused.
pub(crate) const MAX_REDIRECTS: u8 = 11;

/// `NGX_HTTP_CLIENT_CLOSED_REQUEST`.
pub(crate) const CLIENT_GONE: u16 = 499;

/// nginx prints the version 9 in place of a status when a body without a head was passed on.
pub(crate) const NO_HEAD_STATUS: u16 = 9;
