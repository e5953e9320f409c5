//! Pieces of nginx.conf, and the skeleton that they go into.

use serde::{Deserialize, Serialize};

/// The backend that `location /` passes to when nothing else is said.
pub const DEFAULT_BACKEND: &str = "app:1";

/// Pieces of nginx.conf; `file` is a whole one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conf {
    /// The whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Directives of the main context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
    /// Directives of `http`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// Directives of `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Parameters of `listen`.
    #[serde(alias = "listenopt", skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Directives of `location /`, beside `proxy_pass`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Replaces `location /` altogether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locations: Option<String>,
    /// URL of `location /`.
    #[serde(alias = "proxy_pass", skip_serializing_if = "Option::is_none")]
    pub pass: Option<String>,
    /// `user`; root when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Level of the error log; info when absent.
    #[serde(alias = "loglevel", skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// More `access_log` lines; one to `access.log` doubles its lines.
    #[serde(alias = "logfmt", skip_serializing_if = "Option::is_none")]
    pub logs: Option<String>,
    /// `worker_connections`.
    #[serde(alias = "wconn", skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
}

/// Variables of the access log, in the order of a line's tab-separated columns.
pub const COLUMNS: [&str; 16] = [
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

/// What stands in a configuration because of the binary, not because of the run; no line feeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preamble {
    /// Before everything else.
    pub first: &'static str,
    /// In `http`.
    pub http: &'static str,
}

/// What goes around the pieces.
#[derive(Clone, Copy, Debug)]
pub struct Skeleton<'a> {
    /// What the binary needs.
    pub preamble: Preamble,
    /// The `user` directive, unless the pieces name one.
    pub user: &'a str,
    /// What `listen` takes.
    pub listen: &'a str,
    /// The `server_name` directive, or nothing.
    pub server_name: &'a str,
    /// URL of `location /`, unless the pieces name one.
    pub pass: &'a str,
}

impl Conf {
    /// The whole file. Nothing of the skeleton adds a line, so that line numbers stay.
    pub fn text(&self, skeleton: Skeleton<'_>) -> String {
        let Preamble { first, http } = skeleton.preamble;
        match &self.file {
            Some(file) => {
                let file = file.replacen("http {", &format!("http {{ {http}"), 1);
                format!("{first}{file}")
            }
            None => self.around(skeleton),
        }
    }

    fn around(&self, skeleton: Skeleton<'_>) -> String {
        let Preamble { first, http: more } = skeleton.preamble;
        let user = match &self.user {
            Some(user) => format!("user {user};"),
            None => skeleton.user.to_owned(),
        };
        let level = self.level.as_deref().unwrap_or("info");
        let connections = self.connections.unwrap_or(512);
        let format = COLUMNS.map(|name| format!("${name}")).join("\t");
        let (main, http, server) = (part(&self.main), part(&self.http), part(&self.server));
        let logs = part(&self.logs);
        let listen = match part(&self.listen).trim_start() {
            "" => skeleton.listen.to_owned(),
            parameters => format!("{} {parameters}", skeleton.listen),
        };
        let server_name = skeleton.server_name;
        let locations = self.locations.clone().unwrap_or_else(|| {
            let pass = self.pass.as_deref().unwrap_or(skeleton.pass);
            let location = part(&self.location);
            format!("location / {{ proxy_pass {pass}; {location} }}")
        });
        format!(
            "{first}daemon off;
worker_processes 1;
{user}
pid logs/nginx.pid;
error_log logs/error.log {level};
{main}
events {{ worker_connections {connections}; }}

http {{
  log_format m '{format}';
  access_log logs/access.log m; {logs}
  client_body_temp_path body_temp;
  proxy_temp_path proxy_temp; {more}
  default_type text/plain;
  {http}
  server {{
    listen {listen};
    {server_name}
    {server}
    {locations}
  }}
}}
"
        )
    }

    /// Every text that is configuration.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [
            &self.file,
            &self.main,
            &self.http,
            &self.server,
            &self.listen,
            &self.location,
            &self.locations,
            &self.pass,
            &self.logs,
        ]
        .into_iter()
        .flatten()
        .map(String::as_str)
    }

    /// Whether `location /` passes to [`DEFAULT_BACKEND`].
    pub fn passes_to_default(&self) -> bool {
        self.file.is_none() && self.locations.is_none() && self.pass.is_none()
    }

    /// The `sndbuf` of `listen`, in bytes.
    pub fn sndbuf(&self) -> Option<usize> {
        let size = part(&self.listen).split("sndbuf=").nth(1)?;
        let size = size.split_whitespace().next()?;
        match size.strip_suffix('k') {
            Some(kilobytes) => kilobytes.parse().ok().map(|n: usize| n * 1024),
            None => size.parse().ok(),
        }
    }

    /// Whether the address `name` stands anywhere.
    pub fn names(&self, name: &str) -> bool {
        let written = self.all().any(|text| text.contains(name));
        written || (self.passes_to_default() && name == DEFAULT_BACKEND)
    }
}

fn part(part: &Option<String>) -> &str {
    part.as_deref().unwrap_or_default()
}
