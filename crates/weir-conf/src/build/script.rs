//! Statements of the rewrite module: `set`, `rewrite`, `return`, `break`, and what `if` holds.

use std::sync::Arc;

use super::level::Level;
use super::location::{self, Finishing, LocationDraft, Outer};
use super::upstream::Upstreams;
use super::walk::{call, each};
use crate::model::{If, Script, Step, Test};
use crate::table::{LOCATION_IF, SERVER_IF};
use crate::text::{Block, Directive};
use crate::value::read::{Reading, Reject, condition, return_, rewrite, set};

/// A statement as written.
#[derive(Debug)]
pub(super) enum StepDraft {
    /// One that is ready.
    Ready(Step),
    /// An `if`.
    If {
        test: Test,
        /// The location that it is; `None` in a server.
        inner: Option<Box<LocationDraft>>,
        steps: Vec<Self>,
    },
}

/// Reads a statement without a block into `steps`; `None` when it is none.
pub(super) fn take(
    steps: &mut Vec<StepDraft>,
    cx: &mut Reading,
    directive: &Directive,
) -> Option<Result<(), Reject>> {
    let mut call = call(directive, cx);
    let step = match directive.name() {
        b"set" => set(&mut call).map(|(variable, value)| Step::Set { variable, value }),
        b"rewrite" => rewrite(&mut call).map(|rewrite| Step::Rewrite(Box::new(rewrite))),
        b"return" => return_(&mut call).map(|rule| Step::Return(Arc::new(rule))),
        b"break" => Ok(Step::Break),
        _ => return None,
    };
    Some(step.map(|step| steps.push(StepDraft::Ready(step))))
}

/// An `if` in a server, whose settings nobody looks at (`ngx_http_rewrite_if`).
pub(super) fn read_if_of_server(
    cx: &mut Reading,
    directive: &Directive,
    block: &Block,
) -> Result<StepDraft, Reject> {
    let test = condition(&mut call(directive, cx))?;
    let mut steps = Vec::new();
    let mut unused = Level::default();
    each(block, SERVER_IF, cx, |cx, directive| {
        take(&mut steps, cx, directive)
            .or_else(|| unused.put(cx, directive))
            .unwrap_or(Ok(()))
    });
    Ok(StepDraft::If {
        test,
        inner: None,
        steps,
    })
}

/// An `if` inside the location `outer`: a location of its own (`ngx_http_rewrite_if`).
pub(super) fn read_if(
    cx: &mut Reading,
    upstreams: &mut Upstreams,
    directive: &Directive,
    block: &Block,
    outer: &LocationDraft,
) -> Result<StepDraft, Reject> {
    let test = condition(&mut call(directive, cx))?;
    let mut inner = outer.nameless(directive);
    inner.read_block(cx, upstreams, block, LOCATION_IF);
    let steps = std::mem::take(&mut inner.script);
    Ok(StepDraft::If {
        test,
        inner: Some(Box::new(inner)),
        steps,
    })
}

/// Settles what the statements hold, in the location `outer` or in a server. `None` if there are none.
pub(super) fn finish(
    drafts: Vec<StepDraft>,
    outer: Option<Outer<'_>>,
    finishing: &mut Finishing<'_>,
) -> Option<Box<Script>> {
    let steps: Box<[_]> = drafts
        .into_iter()
        .map(|draft| match draft {
            StepDraft::Ready(step) => step,
            StepDraft::If { test, inner, steps } => {
                let location = inner.zip(outer).and_then(|(inner, outer)| {
                    // After a fault there is none, and no configuration either.
                    location::finish_one(*inner, outer, finishing).map(Arc::new)
                });
                let script = finish(steps, outer, finishing);
                Step::If(Box::new(If {
                    test,
                    location,
                    script: script.map(|script| *script).unwrap_or_default(),
                }))
            }
        })
        .collect();
    (!steps.is_empty()).then(|| Box::new(Script { steps }))
}
