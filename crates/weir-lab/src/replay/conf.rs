//! The nginx.conf of a record.

use std::path::Path;

use super::proxy::Preamble;
use crate::record::Record;

/// Variables of the access log, in the order of a line's tab-separated columns.
pub(crate) const COLUMNS: [&str; 16] = [
    "request",
    "status",
    "body_bytes_sent",
    "bytes_sent",
    "request_length",
    "request_time",
    "request_completion",
    "connection_requests",
    "upstream_addr",
    "upstream_status",
    "upstream_connect_time",
    "upstream_header_time",
    "upstream_response_time",
    "upstream_response_length",
    "upstream_bytes_sent",
    "upstream_bytes_received",
];

/// What the records leave out: `server_name` where it is not `localhost`.
const SERVER_NAMES: [(&str, &str); 3] = [
    ("log-empty-server-name", ""),
    ("log-two-names", "server_name a.test b.test;"),
    ("log-regex-name", "server_name ~^c;"),
];

/// The configuration of `record` for a proxy in `prefix`. The preamble adds no line, so that line
/// numbers stay.
pub(crate) fn text(record: &Record, prefix: &Path, preamble: Preamble) -> String {
    let text = match &record.conf.file {
        Some(file) => format!("{}{file}", preamble.first),
        None => around(record, preamble),
    };
    text.replace("@PREFIX@", &prefix.to_string_lossy())
}

fn around(record: &Record, preamble: Preamble) -> String {
    let Preamble {
        first,
        http: more_http,
    } = preamble;
    let conf = &record.conf;
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let user = conf.user.as_deref().unwrap_or("root");
    let level = conf.level.as_deref().unwrap_or("info");
    let connections = conf.connections.unwrap_or(512);
    let columns: Vec<String> = COLUMNS.iter().map(|name| format!("${name}")).collect();
    let format = columns.join("\t");
    let more_logs = part(&conf.logs);
    let server_name = SERVER_NAMES.iter().find(|(id, _)| *id == record.id);
    let server_name = server_name.map_or("server_name localhost;", |&(_, name)| name);
    let (main, http, server) = (part(&conf.main), part(&conf.http), part(&conf.server));
    let (listenopt, location) = (part(&conf.listen), part(&conf.location));
    let pass = conf.pass.as_deref().unwrap_or("http://127.0.0.1:9001");
    let locations = conf
        .locations
        .clone()
        .unwrap_or_else(|| format!("location / {{ proxy_pass {pass}; {location} }}"));
    format!(
        "{first}daemon off;
worker_processes 1;
user {user};
pid logs/nginx.pid;
error_log logs/error.log {level};
{main}
events {{ worker_connections {connections}; }}

http {{
  log_format m '{format}';
  access_log logs/access.log m; {more_logs}
  client_body_temp_path body_temp;
  proxy_temp_path proxy_temp; {more_http}
  default_type text/plain;
  {http}
  server {{
    listen 127.0.0.1:8080{listenopt};
    {server_name}
    {server}
    {locations}
  }}
}}
"
    )
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
