//! What a client does over HTTP/2: frames, and what to wait for between them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Payload, time};
use crate::text::Text;

/// One step of a client that speaks HTTP/2. Streams are numbered by the client: 1, 3, 5 and so on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Http2Step {
    /// A GET for this target on the next stream, which it ends.
    Get(String),
    /// A request on the next stream: what is not said is as in [`Http2Step::Get`].
    Request(Request),
    /// HEADERS with these fields and no others, `name: value` each.
    Head {
        /// The stream; the next one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stream: Option<u32>,
        /// The fields as they are, unlike HTTP/1's in lower case by custom only.
        fields: Vec<Text>,
        /// Without END_STREAM: a body follows.
        #[serde(default, skip_serializing_if = "is_false")]
        open: bool,
        /// Without END_HEADERS: CONTINUATION follows.
        #[serde(default, skip_serializing_if = "is_false")]
        unfinished: bool,
    },
    /// CONTINUATION with more fields of the head before.
    Continuation {
        /// The stream.
        stream: u32,
        /// The fields.
        fields: Vec<Text>,
        /// Without END_HEADERS.
        #[serde(default, skip_serializing_if = "is_false")]
        unfinished: bool,
    },
    /// DATA, in frames of at most 16384 bytes; the last one ends the stream.
    Data {
        /// The stream.
        stream: u32,
        /// The bytes.
        payload: Payload,
        /// Without END_STREAM.
        #[serde(default, skip_serializing_if = "is_false")]
        open: bool,
    },
    /// RST_STREAM.
    Reset {
        /// The stream.
        stream: u32,
        /// The error code.
        code: u32,
    },
    /// SETTINGS.
    Settings(BTreeMap<Setting, u32>),
    /// An acknowledgement of the proxy's SETTINGS.
    AcknowledgeSettings,
    /// WINDOW_UPDATE; of the connection when `stream` is 0.
    Window {
        /// The stream.
        stream: u32,
        /// The increment.
        by: u32,
    },
    /// PING.
    Ping,
    /// GOAWAY with this code.
    GoAway(u32),
    /// Any frame, right or wrong.
    Frame {
        /// Its type.
        kind: u8,
        /// Its flags.
        #[serde(default)]
        flags: u8,
        /// Its stream.
        #[serde(default)]
        stream: u32,
        /// What it carries.
        #[serde(default)]
        payload: Payload,
        /// How often it is sent, at once.
        #[serde(default = "once")]
        times: usize,
    },
    /// These bytes. A connection that begins with them gets no preface besides.
    Raw(Payload),
    /// Read until the head of this stream is there.
    UntilHead(u32),
    /// Read until this stream has so many bytes of body.
    UntilData {
        /// The stream.
        stream: u32,
        /// How many.
        bytes: usize,
    },
    /// Read until this stream has ended or was reset.
    UntilEnd(u32),
    /// Read until each stream that was begun has ended or was reset.
    UntilAllEnd,
    /// Read until GOAWAY.
    UntilGoAway,
    /// Read until the proxy closes the connection.
    UntilClosed,
    /// Read whatever comes for so long.
    #[serde(with = "time")]
    Watch(Duration),
}

/// What SETTINGS set, with their numbers on the wire; any other number is a [`Http2Step::Frame`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is a setting's name")]
pub enum Setting {
    HeaderTableSize = 1,
    EnablePush = 2,
    MaxConcurrentStreams = 3,
    InitialWindowSize = 4,
    MaxFrameSize = 5,
    MaxHeaderListSize = 6,
}

/// A request in few words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Request {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The target.
    #[serde(default = "slash")]
    pub path: String,
    /// Fields behind `:method`, `:scheme http`, `:path` and `:authority weir.test`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Text>,
    /// What is sent in DATA, whose last frame ends the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Payload>,
    /// The stream does not end: DATA follows in steps of its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
}

impl Request {
    /// A GET without fields of its own.
    pub fn get(path: &str) -> Self {
        Self {
            method: get(),
            path: path.to_owned(),
            fields: Vec::new(),
            body: None,
            open: false,
        }
    }
}

fn get() -> String {
    "GET".to_owned()
}

fn slash() -> String {
    "/".to_owned()
}

fn once() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Steps {
        h2: Vec<Http2Step>,
    }

    fn check(toml: &str, expected: Http2Step) {
        let steps: Steps = toml::from_str(&format!("h2 = [{toml}]")).unwrap();
        let again = toml::to_string(&steps).unwrap();
        assert_eq!(steps.h2, [expected]);
        assert_eq!(toml::from_str::<Steps>(&again).unwrap(), steps);
    }

    #[test]
    fn steps_are_toml() {
        check("{ get = '/a' }", Http2Step::Get("/a".into()));
        check("'until-all-end'", Http2Step::UntilAllEnd);
        check("{ request = {} }", Http2Step::Request(Request::get("/")));
        check(
            "{ settings = { initial-window-size = 0 } }",
            Http2Step::Settings([(Setting::InitialWindowSize, 0)].into()),
        );
        check(
            "{ frame = { kind = 6, payload = { rep = 'a', n = 8 } } }",
            Http2Step::Frame {
                kind: 6,
                flags: 0,
                stream: 0,
                payload: Payload::repeated(b"a"[..].into(), 8),
                times: 1,
            },
        );
    }
}
