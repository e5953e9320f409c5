//! The head of a request, once its fields are there.

use weir_wire::request::{HeadLimits, SectionFault, Taken};

use crate::client::certificate;
use crate::client::choose_server::{HeadEnd, choose_server};
use crate::client::h1::head::take_line;
use crate::facts::h2::{Heard, Section, Stream, Unheard, Wire};
use crate::facts::{Action, Idling, Request};
use crate::report::error_log::{self, Message};

/// Puts the head into the request and settles what follows from it (ngx_http_v2_run_request).
pub(crate) fn read(stream: &mut Stream, req: &mut Request) -> Result<(), HeadEnd> {
    stream.link.action = Action::ReadingHeaders;
    req.state.begun = true;
    let section = match stream.heard.take() {
        Some(Heard {
            section: Ok(section),
            ..
        }) => section,
        Some(Heard {
            section: Err(cut), ..
        }) => return Err(unheard(stream, req, cut)),
        None => return Err(HeadEnd::Silent),
    };
    req.state.length = section.length as u64;
    req.head.request_length = section.length;
    if req.bytes.capacity() == 0 {
        req.bytes = weir_io::buffers::take_head();
    }
    let read = take_fields(stream, req, &section);
    Wire::give_back_fields(section.fields);
    read?;
    certificate::check(stream.view(req)).map_err(HeadEnd::Refused)?;
    settle(stream, req, section.ends);
    Ok(())
}

/// Not all of the head came.
fn unheard(stream: &Stream, req: &mut Request, Unheard { status, length }: Unheard) -> HeadEnd {
    req.state.length = length as u64;
    let mut reader = stream.wire.section.borrow_mut();
    reader.begin(&mut req.bytes, &mut req.head);
    req.head.request_length = length;
    if status == 408 {
        let message = Message::errno("client timed out", libc::ETIMEDOUT);
        error_log::info(stream.view(req), message);
    }
    HeadEnd::Gone(status)
}

fn take_fields(stream: &Stream, req: &mut Request, section: &Section) -> Result<(), HeadEnd> {
    let mut reader = stream.wire.section.borrow_mut();
    reader.begin(&mut req.bytes, &mut req.head);
    let mut limits = limits_of(stream, req);
    for (name, value) in section.fields.iter() {
        match reader.take(name, value, &mut req.bytes, &mut req.head, &limits) {
            Ok(Taken::Field) => {}
            Ok(Taken::Server) => {
                choose_server(&stream.link, None, req)?;
                limits = limits_of(stream, req);
            }
            Ok(Taken::Dropped) => {
                let text = [b"client sent invalid header: \"", name, b"\""].concat();
                error_log::info(stream.view(req), Message::bytes(&text));
            }
            Err(fault) => return Err(refused(stream, req, &fault)),
        }
    }
    if !speaks_http2(stream, req) {
        take_what_came(req);
        let text = "client attempted to request the server name for which the negotiated protocol is disabled";
        error_log::info(stream.view(req), Message::text(text));
        return Err(HeadEnd::Refused(421));
    }
    let finished = reader.finish(section.ends, &mut req.bytes, &mut req.head, &limits);
    finished.map_err(|fault| refused(stream, req, &fault))
}

fn limits_of(stream: &Stream, req: &Request) -> HeadLimits {
    let server = stream.view(req).server().index;
    *stream.link.plan.head_limits(server)
}

/// Whether the chosen server speaks it, or all that are listened for there do.
fn speaks_http2(stream: &Stream, req: &Request) -> bool {
    let link = &stream.link;
    let by_listen = link.plan.http().listens[link.listen].options.http2;
    by_listen || stream.view(req).server().core.http2
}

fn refused(stream: &Stream, req: &mut Request, fault: &SectionFault) -> HeadEnd {
    if fault.is_of_path() {
        req.state.method = req.head.method;
    } else {
        take_what_came(req);
    }
    let mut text = Vec::new();
    fault.write_message(&mut text);
    error_log::info(stream.view(req), Message::bytes(&text));
    HeadEnd::Refused(fault.status())
}

/// What variables and pages show of a head that is refused.
fn take_what_came(req: &mut Request) {
    req.state.method = req.head.method;
    if !req.head.raw_path.is_empty() {
        take_line(req);
    }
}

/// What the phases of nginx find prepared (`ngx_http_process_request`, `ngx_http_handler`).
fn settle(stream: &mut Stream, req: &mut Request, ends: bool) {
    take_line(req);
    stream.link.action = Action::Processing;
    let head = &req.head;
    if ends {
        req.body.expect(None, false, false);
    } else {
        req.body.expect_frames(head.content_length);
    }
    stream.link.idle = Idling::of(stream.view(req).settings());
}
