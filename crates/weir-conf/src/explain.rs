//! Faults with what nginx does not print.

use std::fmt::Write as _;

use crate::Fault;
use crate::model::SourceFile;

/// Source excerpts, all faults, hints.
pub(crate) fn explain(faults: &[Fault], _files: &[SourceFile]) -> String {
    let mut text = String::new();
    for fault in faults {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{fault}");
        if let Some(hint) = &fault.hint {
            let _ = writeln!(text, "  {hint}");
        }
    }
    text
}
