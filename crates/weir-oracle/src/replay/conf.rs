//! The nginx.conf of a record.

use std::path::Path;

use weir_lab::bed::conf::{Preamble, Skeleton};

use crate::record::Record;

/// What the records leave out: `server_name` where it is not `localhost`.
const SERVER_NAMES: [(&str, &str); 3] = [
    ("log-empty-server-name", ""),
    ("log-two-names", "server_name a.test b.test;"),
    ("log-regex-name", "server_name ~^c;"),
];

/// The configuration of `record` for a proxy in `prefix`.
pub(crate) fn text(record: &Record, prefix: &Path, preamble: Preamble) -> String {
    let server_name = SERVER_NAMES.iter().find(|(id, _)| *id == record.id);
    let skeleton = Skeleton {
        preamble,
        user: "user root;",
        listen: "127.0.0.1:8080",
        server_name: server_name.map_or("server_name localhost;", |&(_, name)| name),
        pass: "http://127.0.0.1:9001",
    };
    let text = record.conf.text(skeleton);
    let text = text.replace("@CERTS@", "@PREFIX@/conf/certs");
    text.replace("@PREFIX@", &prefix.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recorded warning names line 19 for a directive of the server block.
    #[test]
    fn the_server_s_directives_stand_on_line_19() {
        let record = serde_json::json!({
            "id": "x", "phase": "x", "note": "", "nginx": [], "backend": {}, "request": [],
            "conf": {"server": "gzip on;"},
        });
        let record = serde_json::from_value(record).unwrap();
        let preamble = Preamble {
            first: "compat 1.22; ",
            http: "x;",
        };
        let text = text(&record, Path::new("/p"), preamble);
        assert_eq!(text.lines().nth(18).map(str::trim), Some("gzip on;"));
    }
}
