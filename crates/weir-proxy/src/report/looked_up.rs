//! Files of a location, which may say what symbolic links lead to them.

use std::fs::{File, Metadata};

use weir_conf::SymbolicLinks;
use weir_io::links::{self, Failed, Links};

use crate::facts::View;
use crate::report::variables;

/// Opens a file to be read.
pub(crate) fn open(view: View<'_>, path: &[u8]) -> Result<(File, Metadata), Failed> {
    links::open(path, allowed(view, path))
}

/// What a file is.
pub(crate) fn metadata(view: View<'_>, path: &[u8]) -> Result<Metadata, Failed> {
    links::metadata(path, allowed(view, path))
}

/// Opens a log for appending, and makes it if need be.
pub(crate) fn append(view: View<'_>, path: &[u8]) -> Result<File, Failed> {
    links::append(path, allowed(view, path))
}

/// The links that may lead to `path` (`ngx_http_set_disable_symlinks`).
fn allowed(view: View<'_>, path: &[u8]) -> Links {
    let rule = &view.settings().disable_symlinks;
    if rule.refused == SymbolicLinks::None {
        return Links::All;
    }
    let from = match &rule.from {
        Some(from) => match behind(&variables::text(view, from), path) {
            Some(from) => from,
            None => return Links::All,
        },
        None => 0,
    };
    match rule.refused {
        SymbolicLinks::None => Links::All,
        SymbolicLinks::All => Links::None(from),
        SymbolicLinks::OfOthers => Links::OfOwner(from),
    }
}

/// Bytes of `path` whose links are trusted because it begins with `from`; `None`: all of them.
fn behind(from: &[u8], path: &[u8]) -> Option<usize> {
    let Some(rest) = path.strip_prefix(from) else {
        return Some(0);
    };
    match (from.last(), rest.first()) {
        (None, _) => Some(0),
        (_, None) => None,
        (_, Some(b'/')) => Some(from.len()),
        (Some(b'/'), _) => Some(from.len() - 1),
        // Half a name.
        (Some(_), Some(_)) => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_parts_of_a_path_are_trusted() {
        let check = |from: &str, expected| {
            assert_eq!(behind(from.as_bytes(), b"/a/b/c"), expected, "{from}");
        };
        check("", Some(0));
        check("/", Some(0));
        check("/a", Some(2));
        check("/a/", Some(2));
        check("/a/b", Some(4));
        check("/x", Some(0));
        check("/a/b/", Some(4));
        check("/a/b/c", None);
        check("/a/b/c/d", Some(0));
        check("/a/", Some(2));
        check("/a/b/cc", Some(0));
    }
}
