//! Going through a block, with the checks that come before a directive is read
//! (`ngx_conf_handler`).

use crate::table::{self, Contexts, Entry, Support};
use crate::text::{Block, Directive, Item};
use crate::value::read::{Call, Reading, Reject};
use crate::{Fault, Place};

/// Hands every acceptable directive of `block` to `take`, and notes what is wrong with the others.
pub(super) fn each(
    block: &Block,
    context: Contexts,
    cx: &mut Reading,
    mut take: impl FnMut(&mut Reading, &Directive) -> Result<(), Reject>,
) {
    for item in &block.items {
        let directive = match item {
            Item::Fault(fault) => {
                cx.faults.push(fault.clone());
                continue;
            }
            Item::Directive(directive) => directive,
        };
        let entry = match check(directive, context) {
            Ok(entry) => entry,
            Err(fault) => {
                cx.faults.push(*fault);
                continue;
            }
        };
        if entry.support == Support::Ignored || is_off(entry, directive) {
            cx.ignored
                .push((entry.name.to_owned(), directive.place.clone()));
            continue;
        }
        if entry.support == Support::Absent {
            cx.faults.push(absent(entry, &directive.place));
            continue;
        }
        if let Err(reject) = take(cx, directive) {
            let name = String::from_utf8_lossy(directive.name());
            cx.faults.extend(reject.into_fault(&name, &directive.place));
        }
    }
}

/// The call that reads `directive`.
pub(super) fn call<'a>(directive: &'a Directive, cx: &'a mut Reading) -> Call<'a> {
    Call {
        // Only names of the table get here, and those are ASCII.
        name: std::str::from_utf8(directive.name()).unwrap_or_default(),
        args: directive.args(),
        place: &directive.place,
        cx,
    }
}

/// Known, allowed here, a block or not, number of arguments; in this order.
fn check(directive: &Directive, context: Contexts) -> Result<&'static Entry, Box<Fault>> {
    let name = String::from_utf8_lossy(directive.name());
    let fault = |message: String| Box::new(Fault::emerg(message, Some(directive.place.clone())));
    let rows = table::named(directive.name());
    let Some(entry) = rows.clone().find(|entry| entry.contexts.allow(context)) else {
        let Some(elsewhere) = rows.clone().next() else {
            let unknown = fault(format!("unknown directive \"{name}\""));
            return Err(match similar(&name, context) {
                Some(known) => Box::new(unknown.with_hint(format!("did you mean \"{known}\"?"))),
                None => unknown,
            });
        };
        let hint = format!("it belongs into: {}", elsewhere.contexts.names().join(", "));
        let misplaced = fault(format!("\"{name}\" directive is not allowed here"));
        return Err(Box::new(misplaced.with_hint(hint)));
    };
    match (entry.block, &directive.block) {
        (false, Some(_)) => {
            return Err(fault(format!(
                "directive \"{name}\" is not terminated by \";\""
            )));
        }
        (true, None) => return Err(fault(format!("directive \"{name}\" has no opening \"{{\""))),
        _ => {}
    }
    if !entry.arity.allows(directive.args().len()) {
        return Err(fault(format!(
            "invalid number of arguments in \"{name}\" directive"
        )));
    }
    Ok(entry)
}

/// Whether a directive that weir lacks says only that the thing is not wanted.
fn is_off(entry: &Entry, directive: &Directive) -> bool {
    let [word] = directive.args() else {
        return false;
    };
    entry.support == Support::Absent && *word.text == *b"off"
}

fn absent(entry: &Entry, place: &Place) -> Fault {
    let message = format!(
        "directive \"{}\" is not implemented in weir yet",
        entry.name
    );
    Fault::emerg(message, Some(place.clone())).with_hint(format!("in nginx: {}", entry.doc))
}

/// The most similar name; among equals, one that may stand here.
fn similar(name: &str, context: Contexts) -> Option<&'static str> {
    // One typing mistake for every four letters.
    let tolerated = (name.chars().count() / 4).clamp(1, 3);
    table::entries()
        .iter()
        .map(|entry| {
            let mistakes = strsim::damerau_levenshtein(name, entry.name);
            (mistakes, !entry.contexts.allow(context), entry.name)
        })
        .filter(|(mistakes, ..)| *mistakes <= tolerated)
        .min()
        .map(|(.., known)| known)
}
