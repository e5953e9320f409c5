//! `try_files`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use weir_conf::{TryFallback, TryFiles};
use weir_wire::uri::split_args;

use crate::facts::Outcome;
use crate::facts::Session;
use crate::report::variables;
use crate::report::variables::paths;

/// Looks for the files in turn (`ngx_http_core_try_files_phase`). The first that exists becomes the
/// URI and the handler goes on; if none does, the fallback is the outcome.
pub(crate) fn run(session: &mut Session, rule: &TryFiles) -> Option<Outcome> {
    for file in &rule.files {
        let uri = variables::text(session.view(), &file.path);
        let path = paths::filename(session.view(), &uri);
        let found = std::fs::metadata(Path::new(OsStr::from_bytes(&path)));
        if found.is_ok_and(|found| found.is_dir() == file.is_dir) {
            session.req.uri = uri;
            session.req.target_is_raw = false;
            return None;
        }
    }
    Some(match &rule.fallback {
        TryFallback::Code(status) => Outcome::Status(*status),
        TryFallback::Named(name) => Outcome::Named(name.clone().into_bytes()),
        TryFallback::Uri(template) => {
            let uri = variables::text(session.view(), template);
            let (path, args) = split_args(&uri);
            let args = args.map_or_else(|| session.req.args.clone(), <[u8]>::to_vec);
            Outcome::Redirect {
                uri: path.to_vec(),
                args,
            }
        }
    })
}
