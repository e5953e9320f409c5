//! Requests of our own that are made for one of a client's.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use super::run;
use crate::facts::{Client, Departure, Session, Sub};
use crate::report::access_log;
use crate::report::variables::request;

/// A subrequest that has had its answer.
pub(super) struct Served {
    pub(super) session: Session,
    /// The main request ends at once, with this status.
    pub(super) closed: Option<u16>,
}

/// Asks for the path `uri` on behalf of the request of `main`, which waits for the answer. The client's
/// leaving ends the subrequest, where its location heeds that.
pub(super) async fn ask(main: &mut Session, uri: &[u8]) -> Served {
    let departure = Rc::<Departure>::default();
    let mut serving = serve(begin(main, uri, departure.clone()));
    poll_fn(|cx| {
        if let Poll::Ready(served) = serving.as_mut().poll(cx) {
            return Poll::Ready(served);
        }
        match main.client.poll_gone(cx) {
            Poll::Ready(error) if !departure.is_noted() => {
                departure.note(error);
                serving.as_mut().poll(cx)
            }
            Poll::Ready(_) | Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Sends the request of `main` to the path `uri`, too, beside whatever becomes of it. The connection is held
/// until that is over, as nginx holds it.
pub(super) fn beside(main: &mut Session, uri: &[u8]) {
    // What only the socket knows, and what all that is made of this request is called by.
    let _known_from_now_on = main.view().local_address();
    request::draw_id(main.view());
    let shop = main.client.link().shop.clone();
    let mut req = shop.take_request();
    req.begin_as_mirror(main.view(), uri);
    let sub = Sub {
        link: main.client.link().beside(),
        input: Vec::new(),
        departure: None,
        behind: None,
    };
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
pub(super) fn end(main: &mut Session, served: Served) {
    let Session { client, mut req } = served.session;
    main.req.learn_from(&mut req);
    if let Client::Sub(sub) = client {
        main.client.link_mut().take_back(sub.link);
    }
    main.client.link().shop.give_back_request(req);
}

fn begin(main: &mut Session, uri: &[u8], departure: Rc<Departure>) -> Session {
    // Only the socket knows it, and the subrequest has none.
    let _known_from_now_on = main.view().local_address();
    let mut req = main.client.link().shop.take_request();
    req.begin_as_sub(main.view(), uri);
    let sub = Sub {
        link: main.client.link_mut().for_sub(),
        input: Vec::new(),
        departure: Some(departure),
        behind: None,
    };
    Session {
        client: Client::Sub(Box::new(sub)),
        req,
    }
}

/// Serves a subrequest. Its future is large, and part of that of its main request.
fn serve(mut session: Session) -> Pin<Box<dyn Future<Output = Served>>> {
    Box::pin(async move {
        let closed = run::respond_to_sub(&mut session).await;
        if closed.is_none() && session.settings().log_subrequest {
            access_log::write(session.view());
        }
        Served { session, closed }
    })
}
