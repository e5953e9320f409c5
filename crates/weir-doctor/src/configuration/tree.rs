//! Directives in one tree, included files in their places.

use std::fmt;

use serde::Serialize;
use weir_conf::{Payload, Written};

/// A directive.
#[derive(Clone, Debug)]
pub struct Directive {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where it stands.
    pub place: Place,
    /// What stands between its braces.
    pub block: Option<Vec<Self>>,
}

/// A file and a line in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Directive {
    /// What stands between its braces; nothing, if it has none.
    pub fn block(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// So deep files may include each other.
const DEEPEST: usize = 16;

/// The main file with all that it includes.
pub(super) fn merged(payload: &Payload) -> Vec<Directive> {
    file(payload, 0, 0)
}

fn file(payload: &Payload, index: usize, depth: usize) -> Vec<Directive> {
    let Some(file) = payload.config.get(index).filter(|_| depth < DEEPEST) else {
        return Vec::new();
    };
    block(payload, &file.parsed, &file.file, depth)
}

fn block(payload: &Payload, written: &[Written], name: &str, depth: usize) -> Vec<Directive> {
    let mut out = Vec::new();
    for one in written {
        if let Some(includes) = &one.includes {
            out.extend(
                includes
                    .iter()
                    .flat_map(|&index| file(payload, index, depth + 1)),
            );
            continue;
        }
        let inner = one.block.as_ref();
        out.push(Directive {
            name: one.directive.clone(),
            args: one.args.clone(),
            place: Place {
                file: name.to_owned(),
                line: one.line,
            },
            block: inner.map(|inner| block(payload, inner, name, depth)),
        });
    }
    out
}

/// Blocks whose entries are no directives.
const TABLES: [&str; 6] = [
    "map",
    "geo",
    "types",
    "split_clients",
    "charset_map",
    "match",
];

/// Shows every directive, outer ones first.
pub(super) fn each<'a>(directives: &'a [Directive], see: &mut impl FnMut(&'a Directive)) {
    for directive in directives {
        see(directive);
        if TABLES.contains(&&*directive.name) {
            continue;
        }
        each(directive.block(), see);
    }
}
