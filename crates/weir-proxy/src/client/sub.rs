//! Requests of our own that are made for one of a client's.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use crate::facts::{Action, Client, Departure, Ending, Outlet, Request, Session, Sub, View};
use crate::report::access_log;
use crate::report::variables::request;

/// A subrequest that has had its answer.
pub(crate) struct Served {
    pub(crate) session: Session,
    /// The main request ends at once, with this status.
    pub(crate) closed: Option<u16>,
}

type Serving = Pin<Box<dyn Future<Output = Served>>>;

/// Asks for the path `uri` on behalf of the request of `main`, which waits for the head of the answer. The
/// client's leaving ends the subrequest, where its location heeds that.
pub(crate) async fn ask(main: &mut Session, uri: &[u8]) -> Served {
    let mut asked = Asked::begin(main, |req, main| req.begin_as_sub(main, uri), None);
    poll_fn(|cx| {
        ready!(asked.poll_news(main, cx));
        // Nothing of its body is put anywhere, so that the news is its end.
        asked.served.take().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

/// Sends the request of `main` to the path `uri`, too, beside whatever becomes of it. The connection is held
/// until that is over, as nginx holds it.
pub(crate) fn beside(main: &mut Session, uri: &[u8]) {
    // What only the socket knows, and what all that is made of this request is called by.
    let _known_from_now_on = main.view().local_address();
    request::draw_id(main.view());
    let shop = main.client.link().shop.clone();
    let mut req = shop.take_request();
    req.begin_as_mirror(main.view(), uri);
    let sub = Sub::new(main.client.link().beside());
    let serving = serve(Session {
        client: Client::Sub(Box::new(sub)),
        req,
    });
    let task = async move {
        let served = serving.await;
        shop.give_back_request(served.session.req);
    };
    let task = task.in_current_span().with_current_subscriber();
    main.req.beside.push(tokio::task::spawn_local(task));
}

/// The subrequest is over: its main request goes on, and learns what it found out.
pub(crate) fn end(main: &mut Session, served: Served) {
    let Session { client, mut req } = served.session;
    main.req.learn_from(&mut req);
    if let Client::Sub(sub) = client {
        main.client.link_mut().take_back(sub.link);
    }
    main.client.link().shop.give_back_request(req);
}

/// A subrequest that its main request waits for.
pub(crate) struct Asked {
    serving: Serving,
    served: Option<Served>,
    departure: Rc<Departure>,
    /// Where its body comes, if that becomes part of the main request's.
    outlet: Option<Rc<Outlet>>,
}

/// What became of a part.
pub(crate) enum PartEnd {
    /// All of it has come.
    Complete,
    /// It was cut.
    Cut,
    /// The main request ends at once, with this status.
    Closed(u16),
}

impl Asked {
    /// The body of the path `uri`.
    pub(crate) fn of_path(main: &mut Session, uri: &[u8]) -> Self {
        // It begins where requests begin (`ngx_http_handler`).
        main.client.link_mut().action = Action::Processing;
        let outlet = Outlet::into(main);
        Self::begin(main, |req, main| req.begin_as_part(main, uri), Some(outlet))
    }

    /// The body of the next slice of what the request of `main` asks for.
    pub(crate) fn of_slice(main: &mut Session) -> Self {
        let slices = std::mem::take(&mut main.req.state.slices);
        let outlet = Outlet::into(main);
        let begin = |req: &mut Request, main: View<'_>| req.begin_as_clone(main, slices);
        Self::begin(main, begin, Some(outlet))
    }

    fn begin(
        main: &mut Session,
        become_sub: impl FnOnce(&mut Request, View<'_>),
        outlet: Option<Rc<Outlet>>,
    ) -> Self {
        // Only the socket knows it, and the subrequest has none.
        let _known_from_now_on = main.view().local_address();
        let mut req = main.client.link().shop.take_request();
        become_sub(&mut req, main.view());
        let departure = Rc::<Departure>::default();
        let sub = Sub {
            departure: Some(departure.clone()),
            outlet: outlet.clone(),
            ..Sub::new(main.client.link_mut().for_sub())
        };
        let serving = serve(Session {
            client: Client::Sub(Box::new(sub)),
            req,
        });
        Self {
            serving,
            served: None,
            departure,
            outlet,
        }
    }

    /// Waits for the next bytes of the body, which are put into `piece`; `false`: there are no more. The client's
    /// leaving ends the subrequest, where its location heeds that.
    pub(crate) async fn next(&mut self, main: &mut Session, piece: &mut Vec<u8>) -> bool {
        poll_fn(|cx| self.poll_news(main, cx)).await;
        let outlet = self.outlet.as_ref().filter(|outlet| !outlet.is_empty());
        if let Some(outlet) = outlet {
            outlet.take(piece);
        }
        outlet.is_some()
    }

    /// Ready when it is over, or bytes of its body wait.
    fn poll_news(&mut self, main: &mut Session, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.poll_serving(cx);
            let bytes_wait = self
                .outlet
                .as_ref()
                .is_some_and(|outlet| !outlet.is_empty());
            if bytes_wait || self.served.is_some() {
                return Poll::Ready(());
            }
            match main.client.poll_gone(cx) {
                Poll::Ready(error) if !self.departure.is_noted() => {
                    self.departure.note(error, main.tell_departure());
                }
                Poll::Ready(_) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Goes on until `other` is done.
    pub(crate) async fn beside<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = std::pin::pin!(other);
        poll_fn(|cx| {
            let done = other.as_mut().poll(cx);
            if done.is_pending() {
                self.poll_serving(cx);
            }
            done
        })
        .await
    }

    /// Whether its bytes are not to wait for more.
    pub(crate) fn sends_at_once(&self) -> bool {
        self.outlet
            .as_ref()
            .is_some_and(|outlet| outlet.sends_at_once())
    }

    /// It is over.
    pub(crate) fn end(self, main: &mut Session) -> PartEnd {
        let Some(served) = self.served else {
            return PartEnd::Cut;
        };
        let end_of_part = match (served.closed, served.session.req.state.ending) {
            (Some(status), _) => PartEnd::Closed(status),
            (None, Ending::Complete) => PartEnd::Complete,
            (None, Ending::Cut | Ending::Broken) => PartEnd::Cut,
        };
        end(main, served);
        end_of_part
    }

    fn poll_serving(&mut self, cx: &mut Context<'_>) {
        if self.served.is_none()
            && let Poll::Ready(served) = self.serving.as_mut().poll(cx)
        {
            self.served = Some(served);
        }
    }
}

/// Serves a subrequest. Its future is large, and part of that of its main request.
fn serve(mut session: Session) -> Serving {
    let serve = session.client.link().shop.serve_sub;
    Box::pin(async move {
        let closed = serve(&mut session).await;
        if closed.is_none() && session.settings().log_subrequest {
            access_log::write(session.view());
        }
        Served { session, closed }
    })
}
