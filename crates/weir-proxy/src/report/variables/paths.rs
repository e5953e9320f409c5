//! From a URI to a file. Here, because the paths that locations set are templates, and
//! `$request_filename` is one of their variables.

use crate::facts::View;
use crate::report::error_log::{self, Message};
use crate::report::variables;

/// `alias` or `root`, evaluated; `$document_root`.
pub(crate) fn document_root(view: View<'_>) -> Vec<u8> {
    let settings = view.settings();
    let template = settings.alias.as_ref().unwrap_or(&settings.root);
    let root = variables::text(view, template);
    if template.is_literal() {
        root
    } else {
        view.link.plan.full_name(root)
    }
}

/// An `alias` stands for the name of its location, which a rewritten path does not begin with. The log has
/// been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoFile;

/// Whether the path stands for a file at all (`ngx_http_map_uri_to_path`).
pub(crate) fn check(view: View<'_>) -> Result<(), NoFile> {
    if view.req.state.location_replaces || replaced(view) == Replaced::Nothing {
        return Ok(());
    }
    let name = &view.location().name;
    let line = format!("\"alias\" cannot be used in location \"{name}\" where URI was rewritten");
    error_log::alert(view, Message::text(&line));
    Err(NoFile)
}

/// The file that `uri` stands for (`ngx_http_map_uri_to_path`).
pub(crate) fn filename(view: View<'_>, uri: &[u8]) -> Result<Vec<u8>, NoFile> {
    check(view)?;
    let behind = match replaced(view) {
        Replaced::Nothing => uri,
        Replaced::Prefix(length) => uri.get(length..).unwrap_or_default(),
        Replaced::All if view.req.state.alias_takes_uri => uri,
        Replaced::All => &[],
    };
    Ok(below_root(view, behind))
}

/// `name` behind `root` or `alias`, whatever part of a URI that replaces.
pub(crate) fn below_root(view: View<'_>, name: &[u8]) -> Vec<u8> {
    let mut path = document_root(view);
    path.extend_from_slice(name);
    path
}

/// What `alias` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// There is none: `root` stands before the whole URI.
    Nothing,
    /// The location's name, so many bytes.
    Prefix(usize),
    /// The whole URI: in a location of a regular expression.
    All,
}

/// What `alias` replaces here.
pub(crate) fn replaced(view: View<'_>) -> Replaced {
    match view.settings().alias_len {
        None => Replaced::Nothing,
        Some(usize::MAX) => Replaced::All,
        Some(length) => Replaced::Prefix(length),
    }
}
