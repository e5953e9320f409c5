//! Faults with what nginx does not print.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level as SnippetLevel, Renderer, Snippet};

use crate::model::SourceFile;
use crate::{Fault, Level, Place};

/// Each fault in nginx's words, its source line with the word in question marked, and a hint.
pub(crate) fn explain(faults: &[Fault], files: &[SourceFile]) -> String {
    let mut text = String::new();
    for fault in faults {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", explain_one(fault, files));
    }
    text
}

fn explain_one(fault: &Fault, files: &[SourceFile]) -> String {
    let line = fault
        .place
        .as_ref()
        .and_then(|place| source_line(place, files));
    let Some((place, line)) = fault.place.as_ref().zip(line) else {
        return with_hint(fault.to_string(), fault);
    };
    let level = match fault.level {
        Level::Warn | Level::Notice => SnippetLevel::WARNING,
        _ => SnippetLevel::ERROR,
    };
    let path = place.file.display().to_string();
    let span = span_of(&fault.message, &line);
    let snippet = Snippet::source(line.as_str())
        .line_start(place.line as usize)
        .path(path)
        .annotation(AnnotationKind::Primary.span(span));
    let group = level.primary_title(fault.message.as_str()).element(snippet);
    with_hint(Renderer::plain().render(&[group]), fault)
}

fn with_hint(mut text: String, fault: &Fault) -> String {
    if let Some(hint) = &fault.hint {
        let _ = write!(text, "\n  = hint: {hint}");
    }
    text
}

fn source_line(place: &Place, files: &[SourceFile]) -> Option<String> {
    let file = files.iter().find(|file| *file.path == *place.file)?;
    let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let line = file.text.split(|byte| *byte == b'\n').nth(index)?;
    Some(String::from_utf8_lossy(line).trim_end().to_owned())
}

/// The first word that the message quotes and the line has, else the line without indentation.
fn span_of(message: &str, line: &str) -> Range<usize> {
    let quoted = message
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| !word.is_empty());
    for word in quoted {
        if let Some(start) = line.find(word) {
            return start..start + word.len();
        }
    }
    line.len() - line.trim_start().len()..line.len()
}
