//! Going through a block, with the checks that come before a directive is read
//! (`ngx_conf_handler`).

use crate::model::WithoutEffect;
use crate::table::{self, Contexts, Entry, Support, arguments};
use crate::text::{Block, Directive, Item};
use crate::value::read::{Call, Reading, Reject};
use crate::{Compat, Fault, Place};

/// Hands every acceptable directive of `block` to `take`, and notes what is wrong with the others.
pub(super) fn each(
    block: &Block,
    context: Contexts,
    cx: &mut Reading,
    mut take: impl FnMut(&mut Reading, &Directive) -> Result<(), Reject>,
) {
    let mut seen = Vec::new();
    let outer = std::mem::take(&mut cx.words);
    for item in &block.items {
        let directive = match item {
            Item::Fault(fault) => {
                cx.faults.push(fault.clone());
                continue;
            }
            Item::Directive(directive) => directive,
        };
        let entry = match check(directive, context, cx.compat) {
            Ok(entry) => entry,
            Err(fault) => {
                cx.faults.push(*fault);
                continue;
            }
        };
        match entry.support {
            Support::Absent if !is_off(directive) => {
                cx.faults.push(absent(entry, &directive.place));
            }
            Support::Absent => note(cx, entry, directive, "it is off anyway"),
            Support::Ignored(because) => {
                note(cx, entry, directive, because);
                read(cx, directive, &mut |cx, directive| {
                    check_arguments(entry, &mut call(directive, cx), &mut seen)
                });
            }
            Support::Checked(because) => {
                note(cx, entry, directive, because);
                read(cx, directive, &mut take);
            }
            Support::Obeyed => read(cx, directive, &mut take),
        }
    }
    cx.words = outer;
}

/// Hands every line of a block to `take` whose lines are no directives but a language of their own; a block
/// inside is none of it.
pub(super) fn each_line(
    block: &Block,
    cx: &mut Reading,
    mut take: impl FnMut(&mut Reading, &Directive) -> Result<(), Reject>,
) {
    for item in &block.items {
        match item {
            Item::Fault(fault) => cx.faults.push(fault.clone()),
            Item::Directive(line) => read(cx, line, &mut |cx, line| match &line.block {
                Some(_) => Err(Reject::message("unexpected \"{\"")),
                None => take(cx, line),
            }),
        }
    }
}

fn read(
    cx: &mut Reading,
    directive: &Directive,
    take: &mut impl FnMut(&mut Reading, &Directive) -> Result<(), Reject>,
) {
    if let Err(reject) = take(cx, directive) {
        let name = String::from_utf8_lossy(directive.name());
        cx.faults.extend(reject.into_fault(&name, &directive.place));
    }
}

/// Finds fault with a directive that changes nothing; `seen` are those that the block had before.
fn check_arguments(
    entry: &Entry,
    call: &mut Call<'_>,
    seen: &mut Vec<&'static str>,
) -> Result<(), Reject> {
    let Some(shape) = arguments::shape(entry.name) else {
        return Ok(());
    };
    if shape.is_single() && seen.contains(&entry.name) {
        return Err(Reject::directive("is duplicate"));
    }
    shape.check(call)?;
    if !shape.is_unset_by(call.bytes(0)) {
        seen.push(entry.name);
    }
    Ok(())
}

fn note(cx: &mut Reading, entry: &Entry, directive: &Directive, because: &'static str) {
    cx.without_effect.push(WithoutEffect {
        name: entry.name,
        place: directive.place.clone(),
        because,
    });
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
fn check(
    directive: &Directive,
    context: Contexts,
    compat: Compat,
) -> Result<&'static Entry, Box<Fault>> {
    let name = String::from_utf8_lossy(directive.name());
    let fault = |message: String| Box::new(Fault::emerg(message, Some(directive.place.clone())));
    let rows = table::named(directive.name());
    if rows.clone().next().is_none() || compat.lacks_directive(&name) {
        let unknown = fault(format!("unknown directive \"{name}\""));
        return Err(match unknown_hint(&name, context, compat) {
            Some(hint) => Box::new(unknown.with_hint(hint)),
            None => unknown,
        });
    }
    let Some(entry) = rows.clone().find(|entry| entry.contexts.allow(context)) else {
        let places: Vec<_> = rows.flat_map(|entry| entry.contexts.names()).collect();
        let hint = format!("it belongs in {}", any_of(&places));
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

fn unknown_hint(name: &str, context: Contexts, compat: Compat) -> Option<String> {
    if compat.lacks_directive(name) {
        let version = compat.version();
        return Some(format!(
            "nginx {version} has no such directive, others have"
        ));
    }
    similar(name, context).map(|known| format!("did you mean \"{known}\"?"))
}

/// The blocks as `a, b or c`.
fn any_of(places: &[&str]) -> String {
    let word = |place: &&str| match *place {
        "main" => "the outermost level".to_owned(),
        block => format!("\"{block}\""),
    };
    let words: Vec<_> = places.iter().map(word).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Whether a directive that weir lacks says only that the thing is not wanted.
fn is_off(directive: &Directive) -> bool {
    matches!(directive.args(), [word] if *word.text == *b"off")
}

fn absent(entry: &Entry, place: &Place) -> Fault {
    let hint = format!(
        "no {} in weir yet; {}",
        entry.doc,
        table::instead(entry.name)
    );
    Fault::lacking("directive", entry.name, Some(place.clone())).with_hint(hint)
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
