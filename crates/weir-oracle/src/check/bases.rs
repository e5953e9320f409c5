//! The configurations that mistakes are made in.

use std::io;
use std::path::{Path, PathBuf};

use super::tokens::{Token, split, statements};

/// A configuration.
#[derive(Debug)]
pub(super) struct Base {
    /// Its file's name.
    pub(super) name: String,
    pub(super) text: String,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Bases {
    pub(super) all: Vec<Base>,
    /// Their simple directives, each once.
    pub(super) statements: Vec<String>,
    /// What they include, by the name under which they do.
    pub(super) included: Vec<(PathBuf, String)>,
}

impl Bases {
    pub(super) fn load(directory: &Path) -> io::Result<Self> {
        let mut bases = Self {
            all: Vec::new(),
            statements: Vec::new(),
            included: Vec::new(),
        };
        for path in files(directory, "conf")? {
            let text = std::fs::read_to_string(&path)?;
            let name = path.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            bases.statements.extend(simple(&text));
            bases.all.push(Base { name, text });
        }
        bases.statements.sort();
        bases.statements.dedup();
        let snippets = files(&directory.join("snippets"), "conf")?;
        for path in files(directory, "types")?.into_iter().chain(snippets) {
            let text = std::fs::read_to_string(&path)?;
            let name = path.strip_prefix(directory).unwrap_or(&path);
            bases.included.push((name.to_owned(), text));
        }
        Ok(bases)
    }
}

fn files(directory: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|own| own == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The simple directives of a text.
fn simple(text: &str) -> Vec<String> {
    let tokens = split(text);
    let all = statements(&tokens);
    let simple = all.iter().filter(|one| !one.opens && one.words.len() > 1);
    let text = |words: &[Token]| {
        let words: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ") + ";"
    };
    simple.map(|one| text(&tokens[one.words.clone()])).collect()
}
