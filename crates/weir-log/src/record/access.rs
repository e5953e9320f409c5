//! Access lines of one format that says everything about a request.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// One request, as the proxy logged it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccessLine {
    /// The request line as received.
    pub request: String,
    /// The status that the client got, or would have got: 499 if it left early.
    pub status: u16,
    /// Whether the whole answer was sent.
    pub completed: bool,
    /// Tries in order, over internal redirects too.
    pub attempts: Vec<Attempt>,
    /// Bytes sent to the client in all.
    pub bytes_sent: u64,
    /// Bytes of the body among them.
    pub body_bytes_sent: u64,
    /// Bytes of the request, body included.
    pub request_length: u64,
    /// From the first byte to the line.
    #[serde(serialize_with = "seconds")]
    pub request_time: Duration,
    /// Number of the client connection.
    pub connection: u64,
    /// Number of the request on it.
    pub connection_requests: u64,
    /// The server block's first name.
    pub server_name: String,
}

/// One try at a backend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    /// The name in the configuration; the upstream's own when no peer was left.
    pub backend: String,
    /// The backend's status, or the one that its failure stands for; none if the client left.
    pub status: Option<u16>,
    /// weir's reason for a failure, a token of `docs/failures.md`; none for an answer.
    pub failure: Option<String>,
    /// Time to connect.
    #[serde(serialize_with = "maybe_seconds")]
    pub connect_time: Option<Duration>,
    /// Time to the response head.
    #[serde(serialize_with = "maybe_seconds")]
    pub header_time: Option<Duration>,
    /// Time to the end.
    #[serde(serialize_with = "maybe_seconds")]
    pub response_time: Option<Duration>,
    /// Bytes sent to the backend.
    pub bytes_sent: u64,
    /// Bytes got from it.
    pub bytes_received: u64,
}

/// A line that is none of the lab's.
#[derive(Debug, thiserror::Error)]
#[error("an access line cannot be read: {line}")]
pub struct UnreadableLine {
    line: String,
    source: serde_json::Error,
}

/// The value of `log_format` that [`AccessLine::parse`] reads.
pub const FORMAT: &str = "escape=json '{\
    \"request\":\"$request\",\"status\":$status,\"completion\":\"$request_completion\",\
    \"bytes_sent\":$bytes_sent,\"body_bytes_sent\":$body_bytes_sent,\
    \"request_length\":$request_length,\"request_time\":$request_time,\
    \"connection\":$connection,\"connection_requests\":$connection_requests,\
    \"server_name\":\"$server_name\",\"addr\":\"$upstream_addr\",\
    \"upstream_status\":\"$upstream_status\",\"failure\":\"$upstream_failure\",\
    \"connect_time\":\"$upstream_connect_time\",\"header_time\":\"$upstream_header_time\",\
    \"response_time\":\"$upstream_response_time\",\"sent\":\"$upstream_bytes_sent\",\
    \"received\":\"$upstream_bytes_received\"}'";

/// A line as [`FORMAT`] writes it.
#[derive(Deserialize)]
struct Written {
    request: String,
    status: u16,
    completion: String,
    bytes_sent: u64,
    body_bytes_sent: u64,
    request_length: u64,
    request_time: f64,
    connection: u64,
    connection_requests: u64,
    server_name: String,
    addr: String,
    upstream_status: String,
    failure: String,
    connect_time: String,
    header_time: String,
    response_time: String,
    sent: String,
    received: String,
}

impl AccessLine {
    /// Reads one line without its line feed.
    ///
    /// # Errors
    /// The line was not written with [`FORMAT`].
    pub fn parse(line: &str) -> Result<Self, UnreadableLine> {
        let written: Written = serde_json::from_str(line).map_err(|source| UnreadableLine {
            line: line.to_owned(),
            source,
        })?;
        Ok(written.into())
    }
}

impl From<Written> for AccessLine {
    fn from(written: Written) -> Self {
        Self {
            attempts: written.attempts(),
            request: written.request,
            status: written.status,
            completed: written.completion == "OK",
            bytes_sent: written.bytes_sent,
            body_bytes_sent: written.body_bytes_sent,
            request_length: written.request_length,
            request_time: duration(written.request_time),
            connection: written.connection,
            connection_requests: written.connection_requests,
            server_name: written.server_name,
        }
    }
}

impl Written {
    fn attempts(&self) -> Vec<Attempt> {
        let mut statuses = list(&self.upstream_status);
        let mut failures = list(&self.failure);
        let mut connects = list(&self.connect_time);
        let mut headers = list(&self.header_time);
        let mut responses = list(&self.response_time);
        let (mut sent, mut received) = (list(&self.sent), list(&self.received));
        let time = |seconds: Option<&str>| seconds?.parse().ok().map(duration);
        let count = |bytes: Option<&str>| bytes.and_then(|bytes| bytes.parse().ok());
        list(&self.addr)
            .map(|backend| Attempt {
                backend: backend.to_owned(),
                status: statuses.next().and_then(|status| status.parse().ok()),
                failure: failures
                    .next()
                    .filter(|&token| token != "-")
                    .map(str::to_owned),
                connect_time: time(connects.next()),
                header_time: time(headers.next()),
                response_time: time(responses.next()),
                bytes_sent: count(sent.next()).unwrap_or(0),
                bytes_received: count(received.next()).unwrap_or(0),
            })
            .collect()
    }
}

/// Elements joined by `, ` between tries and ` : ` between internal redirects.
fn list(joined: &str) -> impl Iterator<Item = &str> {
    joined
        .split(" : ")
        .flat_map(|group| group.split(", "))
        .filter(|element| !element.is_empty())
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn maybe_seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The attempts of a line with these lists, as `backend status failure header_time`.
    fn check(lists: [&str; 4], expected: &[&str]) {
        let [addr, status, failure, header] = lists;
        let line = json!({
            "request": "GET / HTTP/1.1", "status": 502, "completion": "OK", "bytes_sent": 10,
            "body_bytes_sent": 1, "request_length": 20, "request_time": 0.25, "connection": 3,
            "connection_requests": 1, "server_name": "", "addr": addr, "upstream_status": status,
            "failure": failure, "connect_time": "", "header_time": header, "response_time": "",
            "sent": "", "received": "",
        });
        let line = AccessLine::parse(&line.to_string()).unwrap();
        assert_eq!((line.status, line.completed), (502, true));
        assert_eq!(line.request_time, Duration::from_millis(250));
        let of = |attempt: &Attempt| {
            format!(
                "{} {:?} {:?} {:?}",
                attempt.backend, attempt.status, attempt.failure, attempt.header_time
            )
        };
        assert_eq!(line.attempts.iter().map(of).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn lists_become_attempts() {
        check(["", "", "", ""], &[]);
        check(
            [
                "a:1, b:1 : u",
                "502, 200 : 502",
                "refused, - : x",
                "-, 0.001 : -",
            ],
            &[
                "a:1 Some(502) Some(\"refused\") None",
                "b:1 Some(200) None Some(1ms)",
                "u Some(502) Some(\"x\") None",
            ],
        );
        check(
            ["unix:a.sock", "-", "-", "-"],
            &["unix:a.sock None None None"],
        );
    }

    #[test]
    fn a_line_of_another_format_is_named() {
        let fault = AccessLine::parse("127.0.0.1 -").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "an access line cannot be read: 127.0.0.1 -"
        );
    }
}
