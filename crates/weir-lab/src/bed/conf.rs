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

impl Conf {
    /// Every text that is configuration.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
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
    pub(crate) fn passes_to_default(&self) -> bool {
        self.file.is_none() && self.locations.is_none() && self.pass.is_none()
    }

    /// Whether the address `name` stands anywhere.
    pub(crate) fn names(&self, name: &str) -> bool {
        let written = self.all().any(|text| text.contains(name));
        written || (self.passes_to_default() && name == DEFAULT_BACKEND)
    }
}
