//! From a URI to a file. Here, because the paths that locations set are templates, and
//! `$request_filename` is one of their variables.

use crate::facts::View;
use crate::report::variables;

/// `alias` or `root`, evaluated; `$document_root`.
pub(crate) fn document_root(view: View<'_>) -> Vec<u8> {
    let settings = view.settings();
    let template = settings.alias.as_ref().unwrap_or(&settings.root);
    variables::text(view, template)
}

/// The file that `uri` stands for (`ngx_http_map_uri_to_path`).
pub(crate) fn filename(view: View<'_>, uri: &[u8]) -> Vec<u8> {
    let mut path = document_root(view);
    let Some(replaced) = view.settings().alias_len else {
        while path.last() == Some(&b'/') {
            path.pop();
        }
        path.extend_from_slice(uri);
        return path;
    };
    path.extend_from_slice(uri.get(replaced..).unwrap_or_default());
    path
}
