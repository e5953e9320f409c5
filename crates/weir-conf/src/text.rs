//! Configuration text: words, directives, blocks, included files.

mod lexer;
mod source;
mod tree;

use crate::{Fault, Place};

pub(crate) use lexer::{LexFault, Lexer, Statement};
pub(crate) use source::Sources;
pub(crate) use tree::{read_file, read_globals, read_text};

/// A word of a directive, quotes and escapes taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: Box<[u8]>,
}

impl Word {
    /// A word as it stands.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            text: text.as_bytes().into(),
        }
    }
}

/// A directive with its arguments.
#[derive(Debug)]
pub(crate) struct Directive {
    /// The name and the arguments; never empty.
    pub(crate) words: Vec<Word>,
    /// The line of the `;` or `{`, which is what nginx reports.
    pub(crate) place: Place,
    pub(crate) block: Option<Block>,
}

impl Directive {
    pub(crate) fn name(&self) -> &[u8] {
        self.words.first().map_or(&[], |word| &word.text)
    }

    pub(crate) fn args(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// What stands between braces, or in a file.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) items: Vec<Item>,
    /// The line of the `}`; of the fault, when a fault cut the block short.
    pub(crate) end: Place,
}

/// A part of a block. Included files stand in place of their `include`.
#[derive(Debug)]
pub(crate) enum Item {
    Directive(Directive),
    /// Text that is no directive, or a file that cannot be read.
    Fault(Fault),
}
