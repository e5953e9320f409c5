//! Statements into a tree, included files in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Block, Directive, Item, LexFault, Lexer, Sources, Statement, Word};
use crate::{Fault, Level, Place};

/// Blocks and included files may not nest deeper. nginx has no limit but its stack.
const DEEPEST: usize = 50;

/// Reads the main file.
pub(crate) fn read_file(path: &Path, sources: &mut Sources) -> Block {
    let file: Arc<Path> = path.into();
    let mut reader = Reader {
        sources,
        including: Vec::new(),
        depth: 0,
    };
    let mut items = Vec::new();
    reader.read_included(path.to_owned(), None, &mut items);
    Block {
        items,
        end: Place::start_of(&file),
    }
}

/// Reads a text that is no file, called `name` in messages.
pub(crate) fn read_text(name: &Path, text: &[u8], sources: &mut Sources) -> Block {
    let mut reader = Reader {
        sources,
        including: Vec::new(),
        depth: 0,
    };
    reader.read_whole(&name.into(), text)
}

/// Reads the text of `-g`: simple directives only.
pub(crate) fn read_globals(text: &str) -> Block {
    let place = Place {
        file: Path::new("command line").into(),
        line: 0,
    };
    let mut lexer = Lexer::new(text.as_bytes());
    let mut items = Vec::new();
    loop {
        let message = match lexer.next_statement() {
            Ok(Statement::Simple(words)) => {
                let place = place.clone();
                items.push(Item::Directive(Directive {
                    words,
                    place,
                    block: None,
                }));
                continue;
            }
            Ok(Statement::End) => break,
            Ok(Statement::Close) => "unexpected \"}\"".to_owned(),
            Ok(Statement::Open(_)) => "block directives are not supported in -g option".to_owned(),
            Err(LexFault::EndOfFile) => "unexpected end of parameter, expecting \";\"".to_owned(),
            Err(fault) => fault.to_string(),
        };
        items.push(Item::Fault(Fault::emerg(message, Some(place.clone()))));
        break;
    }
    Block { items, end: place }
}

struct Reader<'a> {
    sources: &'a mut Sources,
    /// The files being read, outermost first.
    including: Vec<PathBuf>,
    depth: usize,
}

/// A fault was noted and the rest of the file makes no sense.
struct Broken;

impl Reader<'_> {
    /// Reads `path`, which is included at `at`, into `items`.
    fn read_included(&mut self, path: PathBuf, at: Option<&Place>, items: &mut Vec<Item>) {
        let fault = |message: String| Item::Fault(Fault::emerg(message, at.cloned()));
        if self.including.contains(&path) {
            items.push(fault(format!(
                "file \"{}\" includes itself",
                path.display()
            )));
            return;
        }
        if self.depth >= DEEPEST {
            items.push(fault("too deep nesting of blocks and files".to_owned()));
            return;
        }
        let text = match self.sources.read(&path) {
            Ok(text) => text,
            Err(error) => {
                let (level, message) = (error.level(), error.to_string());
                // The system's own words, to which nginx adds a place only for `open()`.
                let place = at.filter(|_| level == Level::Emerg).cloned();
                items.push(Item::Fault(Fault {
                    level,
                    message,
                    place,
                    about: None,
                    hint: None,
                    lacking: None,
                }));
                return;
            }
        };
        let file: Arc<Path> = path.as_path().into();
        self.including.push(path);
        self.depth += 1;
        items.extend(self.read_whole(&file, &text).items);
        self.depth -= 1;
        self.including.pop();
    }

    fn read_whole(&mut self, file: &Arc<Path>, text: &[u8]) -> Block {
        let mut lexer = Lexer::new(text);
        let mut items = Vec::new();
        // The fault is among the items.
        let _ = self.read_items(file, &mut lexer, false, &mut items);
        Block {
            items,
            end: Place {
                file: Arc::clone(file),
                line: lexer.line(),
            },
        }
    }

    fn read_items(
        &mut self,
        file: &Arc<Path>,
        lexer: &mut Lexer<'_>,
        in_block: bool,
        items: &mut Vec<Item>,
    ) -> Result<(), Broken> {
        loop {
            let statement = lexer.next_statement();
            let place = Place {
                file: Arc::clone(file),
                line: lexer.line(),
            };
            let message = match statement {
                Ok(Statement::Simple(words)) => {
                    self.take(words, place, items);
                    continue;
                }
                Ok(Statement::Open(words)) if self.depth < DEEPEST => {
                    self.read_block(
                        file,
                        lexer,
                        Directive {
                            words,
                            place,
                            block: None,
                        },
                        items,
                    )?;
                    continue;
                }
                Ok(Statement::Open(_)) => "too deep nesting of blocks and files".to_owned(),
                Ok(Statement::Close) if in_block => return Ok(()),
                Ok(Statement::Close) => "unexpected \"}\"".to_owned(),
                Ok(Statement::End) if !in_block => return Ok(()),
                Ok(Statement::End) => "unexpected end of file, expecting \"}\"".to_owned(),
                Err(fault) => fault.to_string(),
            };
            items.push(Item::Fault(Fault::emerg(message, Some(place))));
            return Err(Broken);
        }
    }

    fn read_block(
        &mut self,
        file: &Arc<Path>,
        lexer: &mut Lexer<'_>,
        mut directive: Directive,
        items: &mut Vec<Item>,
    ) -> Result<(), Broken> {
        let mut inner = Vec::new();
        self.depth += 1;
        let read = self.read_items(file, lexer, true, &mut inner);
        self.depth -= 1;
        let end = Place {
            file: Arc::clone(file),
            line: lexer.line(),
        };
        directive.block = Some(Block { items: inner, end });
        items.push(Item::Directive(directive));
        read
    }

    fn take(&mut self, words: Vec<Word>, place: Place, items: &mut Vec<Item>) {
        match words.as_slice() {
            [name, path] if *name.text == *b"include" => {
                for path in self.sources.included(&path.text) {
                    self.read_included(path, Some(&place), items);
                }
            }
            _ => items.push(Item::Directive(Directive {
                words,
                place,
                block: None,
            })),
        }
    }
}
