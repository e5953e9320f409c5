//! Faults with what nginx does not print.
//!
//! `lacking` lists what weir does not have, `statement` finds the source of what was read, `missing` what seems to be left out of it, `hint`
//! the cures that a message alone suggests.

mod hint;
mod lacking;
mod missing;
mod statement;

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as SnippetLevel, Renderer, Snippet};

use crate::model::SourceFile;
use crate::{Fault, Level, Place};

use missing::Missing;

/// Each fault in nginx's words, its source with the word in question marked, and a hint; a blank line
/// between two.
pub(crate) fn explain(faults: &[Fault], files: &[SourceFile]) -> String {
    let text = |fault| {
        let source = source(fault, files);
        let hint = hint_of(fault, source.as_ref());
        let report = report(fault, source.as_ref(), hint.as_deref());
        Renderer::plain().render(&[report]) + "\n"
    };
    let texts: Vec<String> = faults.iter().map(text).collect();
    texts.join("\n")
}

/// What there is to say of `faults`, which were found in `files`, once nginx's lines have told the
/// warnings and the first of the others: as [`Faults::explain`](crate::Faults::explain), but no fault
/// that was told and has no source is told again, and what weir lacks is one list. `coloured` is for
/// terminals.
pub fn explain_further(faults: &[Fault], files: &[SourceFile], coloured: bool) -> String {
    let renderer = if coloured {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let stopped_at = faults.iter().position(|fault| fault.level < Level::Warn);
    let mut texts = Vec::new();
    for (at, fault) in faults.iter().enumerate() {
        let source = source(fault, files);
        let hint = hint_of(fault, source.as_ref());
        let told = stopped_at.is_none_or(|stopped_at| at <= stopped_at);
        if fault.lacking.is_some() && !told {
            // In the list.
            continue;
        }
        let report = match (&source, &hint) {
            (None, None) if told => continue,
            (None, Some(hint)) if told => {
                Group::with_title(HINT.with_name("hint").primary_title(hint))
            }
            _ => report(fault, source.as_ref(), hint.as_deref()),
        };
        texts.push(renderer.render(&[report]) + "\n");
    }
    texts.extend(Some(lacking::list(faults)).filter(|list| !list.is_empty()));
    texts.join("\n")
}

const HINT: SnippetLevel<'_> = SnippetLevel::HELP;

/// The part of a file that a fault is about.
struct Source {
    path: String,
    first_line: u32,
    /// Whole lines.
    text: String,
    /// What is marked in it.
    span: Range<usize>,
    /// What nginx took for a part of the same statement.
    before: Option<Range<usize>>,
    missing: Option<Missing>,
}

fn source(fault: &Fault, files: &[SourceFile]) -> Option<Source> {
    let place = fault.about.as_ref().or(fault.place.as_ref())?;
    let file = files.iter().find(|file| *file.path == *place.file)?;
    let text = String::from_utf8_lossy(&file.text);
    excerpt(&text, place, &fault.message)
}

fn excerpt(text: &str, place: &Place, message: &str) -> Option<Source> {
    let statement = statement::find(text, place.line, message)?;
    let missing = missing::find(text, &statement, message);
    let span = match &missing {
        Some(missing) => missing.at..missing.at,
        None => statement::marked(text, &statement, message),
    };
    let before = missing.as_ref().and_then(|missing| missing.before.clone());
    let lines = statement::whole_lines(text, span.start..before.as_ref().unwrap_or(&span).end);
    Some(Source {
        path: place.file.display().to_string(),
        first_line: statement::line_of(text, lines.start),
        span: within(&span, &lines),
        before: before.map(|before| within(&before, &lines)),
        text: text[lines].to_owned(),
        missing,
    })
}

/// `range` as counted from the start of `lines`.
fn within(range: &Range<usize>, lines: &Range<usize>) -> Range<usize> {
    range.start - lines.start..range.end - lines.start
}

fn hint_of(fault: &Fault, source: Option<&Source>) -> Option<String> {
    let missing = source.and_then(|source| source.missing.as_ref());
    let missing = missing.map(|missing| missing.hint.clone());
    missing
        .or_else(|| fault.hint.clone())
        .or_else(|| hint::by_message(&fault.message).map(str::to_owned))
}

fn report<'a>(fault: &'a Fault, source: Option<&'a Source>, hint: Option<&'a str>) -> Group<'a> {
    let level = match fault.level {
        Level::Warn | Level::Notice => SnippetLevel::WARNING,
        _ => SnippetLevel::ERROR,
    };
    let mut group = Group::with_title(level.primary_title(fault.message.as_str()));
    if let Some(source) = source {
        let label = source.missing.as_ref().and_then(|missing| missing.label);
        let mark = AnnotationKind::Primary
            .span(source.span.clone())
            .label(label);
        let before = source.before.clone().map(|span| {
            let label = "nginx reads on to here";
            AnnotationKind::Context.span(span).label(label)
        });
        let snippet = Snippet::source(source.text.as_str())
            .line_start(source.first_line as usize)
            .path(source.path.as_str())
            .annotation(mark)
            .annotations(before);
        group = group.element(snippet);
    }
    match hint {
        Some(hint) => group.element(HINT.with_name("hint").message(hint)),
        None => group,
    }
}
