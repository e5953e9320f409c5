//! A configuration as it is written, in the shape that crossplane prints
//! (<https://github.com/nginxinc/crossplane>), for programs that read that already.
//!
//! Each file has its own tree: an `include` says which files it stands for. Words lose their quotes, not their
//! backslashes, but for those before a quote of their own kind.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::model::SourceFile;
use crate::text::{Lexer, Sources, Statement};
use crate::{Fault, Level, LoadOptions};

/// All files, and what is wrong.
#[derive(Debug, PartialEq, Serialize)]
pub struct Payload {
    /// `ok` or `failed`.
    pub status: &'static str,
    /// What makes the configuration unusable.
    pub errors: Vec<PayloadError>,
    /// The main file, then those that files before them include.
    pub config: Vec<WrittenFile>,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PayloadError {
    /// The file that it is in.
    pub file: String,
    /// nginx's words, with the place.
    pub error: String,
    /// `None`: it has no place.
    pub line: Option<u32>,
}

/// A file.
#[derive(Debug, PartialEq, Serialize)]
pub struct WrittenFile {
    /// Its path.
    pub file: String,
    /// `ok` or `failed`.
    pub status: &'static str,
    /// Those of the payload that are in this file.
    pub errors: Vec<WrittenError>,
    /// Its directives.
    pub parsed: Vec<Written>,
}

/// A fault of a file.
#[derive(Debug, PartialEq, Serialize)]
pub struct WrittenError {
    /// nginx's words, with the place.
    pub error: String,
    /// Its line.
    pub line: Option<u32>,
}

/// A directive.
#[derive(Debug, PartialEq, Serialize)]
pub struct Written {
    /// Its name.
    pub directive: String,
    /// The line that its name begins in.
    pub line: u32,
    /// Its arguments; those of `if` without the parentheses.
    pub args: Vec<String>,
    /// Of an `include`: places of its files in [`Payload::config`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub includes: Option<Vec<usize>>,
    /// What stands between the braces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<Vec<Self>>,
}

/// The trees of `files`, which were read as `options` say, and `faults` that were found in them.
pub fn as_written(options: &LoadOptions, files: &[SourceFile], faults: &[Fault]) -> Payload {
    let mut walk = Walk {
        sources: Sources::new(options.conf_dir()),
        files,
        paths: vec![options.conf_path.clone()],
    };
    let errors: Vec<_> = faults
        .iter()
        .filter(|fault| fault.level < Level::Warn)
        .map(|fault| error_of(fault, &options.conf_path))
        .collect();
    let mut config = Vec::new();
    while let Some(path) = walk.paths.get(config.len()).cloned() {
        let parsed = walk.file(&path);
        let file = path.display().to_string();
        let own = errors.iter().filter(|error| error.file == file);
        let own: Vec<_> = own
            .map(|error| WrittenError {
                error: error.error.clone(),
                line: error.line,
            })
            .collect();
        config.push(WrittenFile {
            file,
            status: status(own.is_empty()),
            errors: own,
            parsed,
        });
    }
    Payload {
        status: status(errors.is_empty()),
        errors,
        config,
    }
}

fn status(fine: bool) -> &'static str {
    if fine { "ok" } else { "failed" }
}

fn error_of(fault: &Fault, conf_path: &Path) -> PayloadError {
    let place = fault.place.as_ref().or(fault.about.as_ref());
    let file = place.map_or(conf_path, |place| &place.file);
    let error = match place {
        Some(place) => format!("{} in {place}", fault.message),
        None => fault.message.clone(),
    };
    PayloadError {
        file: file.display().to_string(),
        error,
        line: place.map(|place| place.line),
    }
}

struct Walk<'a> {
    /// Only for the names that an `include` means.
    sources: Sources,
    files: &'a [SourceFile],
    /// In the order of [`Payload::config`].
    paths: Vec<PathBuf>,
}

impl Walk<'_> {
    fn file(&mut self, path: &Path) -> Vec<Written> {
        let text = self.files.iter().find(|file| file.path == path);
        match text.map(|file| file.text.clone()) {
            Some(text) => self.block(&mut Lexer::new(&text)),
            None => Vec::new(),
        }
    }

    /// Up to the end of the block or file, or to what cannot be read.
    fn block(&mut self, lexer: &mut Lexer<'_>) -> Vec<Written> {
        let mut all = Vec::new();
        loop {
            let opens = match lexer.next_statement() {
                Ok(Statement::Simple(_)) => false,
                Ok(Statement::Open(_)) => true,
                Ok(Statement::Close | Statement::End) | Err(_) => return all,
            };
            let Some(mut written) = written(lexer) else {
                return all;
            };
            if written.directive == "include" {
                written.includes = written.args.first().map(|name| self.included(name));
            }
            if opens {
                written.block = Some(self.block(lexer));
            }
            all.push(written);
        }
    }

    fn included(&mut self, name: &str) -> Vec<usize> {
        let mut indices = Vec::new();
        for path in self.sources.included(name.as_bytes()) {
            let known = self.paths.iter().position(|known| *known == path);
            let readable = || self.files.iter().any(|file| file.path == path);
            match known {
                Some(index) => indices.push(index),
                None if readable() => {
                    indices.push(self.paths.len());
                    self.paths.push(path);
                }
                None => {}
            }
        }
        indices
    }
}

/// The statement that was read last.
fn written(lexer: &Lexer<'_>) -> Option<Written> {
    let mut words = lexer.words_as_written();
    let (line, directive) = words.next()?;
    let mut args: Vec<String> = words.map(|(_, word)| word).collect();
    if directive == "if" {
        take_parentheses_off(&mut args);
    }
    Some(Written {
        directive,
        line,
        args,
        includes: None,
        block: None,
    })
}

fn take_parentheses_off(args: &mut Vec<String>) {
    let both = args.first().is_some_and(|first| first.starts_with('('))
        && args.last().is_some_and(|last| last.ends_with(')'));
    if !both {
        return;
    }
    if let Some(first) = args.first_mut() {
        *first = first[1..].trim_start().to_owned();
    }
    if let Some(last) = args.last_mut() {
        last.pop();
        last.truncate(last.trim_end().len());
    }
    if args.last().is_some_and(String::is_empty) {
        args.pop();
    }
    if args.first().is_some_and(String::is_empty) {
        args.remove(0);
    }
}
