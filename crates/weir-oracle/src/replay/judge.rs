//! What a record says against what was seen.

use serde_json::{Value, json};
use weir_lab::bed::compare::{Difference, Extent};
use weir_lab::bed::logs::long_lines;
use weir_lab::bed::prefix::Prefix;
use weir_lab::bed::run::Moment;
use weir_lab::bed::{Field, Seen};
use weir_lab::version::Version;

use crate::record::{Part, Record};

/// The records keep no more connections than this.
const SAW_KEPT: usize = 6;

/// A record as one version gave it.
pub(crate) struct Judge<'a> {
    pub(crate) record: &'a Record,
    pub(crate) version: Version,
    pub(crate) prefix: &'a Prefix,
}

impl Judge<'_> {
    /// Whether nothing more has to be waited for.
    pub(crate) fn agrees(&self, moment: Moment, seen: &Seen) -> bool {
        let access = |closed| self.access(seen.field(Field::Access), closed).is_empty();
        match moment {
            Moment::Open => {
                let open = self.error_log(seen).is_empty() && self.saw(seen).is_empty();
                open && (self.lingers() || access(false))
            }
            Moment::Closed => access(true),
        }
    }

    /// Every difference. For what a lingering close holds back, the log after the close counts.
    pub(crate) fn all(&self, seen: &Seen) -> Vec<Difference> {
        let mut open = self.error_log(seen);
        open.extend(self.saw(seen));
        if !self.lingers() {
            open.extend(self.access(&seen.access_open, false));
        } else if self.access(&seen.access_open, false).is_empty() {
            open.push(one(
                "access_log_written",
                json!("after the close"),
                "before it".to_owned(),
            ));
        }
        // A line that is there only now was expected earlier, or is an expected late one.
        let late = self.access(seen.field(Field::Access), true);
        open.retain(|difference| late.is_empty() || !late.contains(difference));
        let mut differences = self.responses(seen);
        differences.extend(open);
        differences.extend(late);
        differences.extend(self.extra_logs(seen));
        let ended = seen.field(Field::Ended);
        differences.extend(compare("ended", &json!("exit status: 0"), ended));
        differences
    }

    fn lingers(&self) -> bool {
        self.record.access_log_written.is_some()
    }

    fn responses(&self, seen: &Seen) -> Vec<Difference> {
        if !self.record.is_stable(Part::Responses) {
            return Vec::new();
        }
        let expected = match self.record.expected("responses", self.version) {
            Value::Null => match self.record.expected("client", self.version) {
                Value::Null => json!([]),
                first => json!([first]),
            },
            all => all,
        };
        compare("responses", &expected, seen.field(Field::Responses))
    }

    fn error_log(&self, seen: &Seen) -> Vec<Difference> {
        if let Some(lengths) = self.record.seen.get("error_log_raw_line_len") {
            let log = self.prefix.log("error.log");
            return compare("error_log_raw_line_len", lengths, &long_lines(&log));
        }
        if !self.record.is_stable(Part::ErrorLog) {
            return Vec::new();
        }
        let expected = self.record.expected("error_log", self.version);
        compare("error_log", &expected, seen.field(Field::ErrorLog))
    }

    fn access(&self, got: &Value, closed: bool) -> Vec<Difference> {
        let expected = match self.record.expected("access", self.version) {
            Value::Array(lines) => lines,
            Value::Object(line) if line.is_empty() => Vec::new(),
            line => vec![line],
        };
        let mut got = got.as_array().cloned().unwrap_or_default();
        if closed && got.len() > expected.len() && !self.lingers() {
            // Requests that were cut off by the close are no part of the record.
            got.truncate(expected.len());
        }
        if !self.record.is_stable(Part::AccessLog) {
            return compare("access lines", &json!(expected.len()), &json!(got.len()));
        }
        compare("access", &json!(expected), &json!(got))
    }

    fn saw(&self, seen: &Seen) -> Vec<Difference> {
        let saw = seen.field(Field::BackendSaw);
        let mut got = saw.as_array().cloned().unwrap_or_default();
        let mut expected = match self.record.expected("backend_saw", self.version) {
            Value::Null => json!([]),
            saw => saw,
        };
        for (expected, got) in expected.as_array_mut().into_iter().flatten().zip(&got) {
            forget_handshake(expected, got);
        }
        if expected.as_array().is_some_and(|saw| saw.len() == SAW_KEPT) {
            got.truncate(SAW_KEPT);
        }
        for (expected, got) in expected.as_array().into_iter().flatten().zip(&mut got) {
            forget_rest(expected, got);
        }
        compare("backend_saw", &expected, &Value::from(got))
    }

    fn extra_logs(&self, seen: &Seen) -> Vec<Difference> {
        let Value::Object(logs) = self.record.expected("extra_logs", self.version) else {
            return Vec::new();
        };
        let none = json!([]);
        let one = |(name, expected): (&String, &Value)| {
            let got = seen.field(Field::Logs).get(name).unwrap_or(&none);
            compare(&format!("extra_logs.{name}"), expected, got)
        };
        logs.iter().flat_map(one).collect()
    }
}

fn compare(field: &str, expected: &Value, got: &Value) -> Vec<Difference> {
    weir_lab::bed::compare::compare(field, expected, got, Extent::Recorded)
}

/// Of long data the records kept a beginning whose length hung on packets; only its prefix says
/// something.
fn forget_rest(expected: &Value, got: &mut Value) {
    let kept = &expected["data"]["len"];
    if kept.is_u64() && *kept != expected["bytes"] {
        let prefix = got["data"]["prefix"].take();
        got["data"] = expected["data"].clone();
        got["data"]["prefix"] = prefix;
    }
}

/// Of hellos the lengths differ, and of failed handshakes the records have what the backend's TLS called them.
fn forget_handshake(expected: &mut Value, got: &Value) {
    if got["bytes"].is_null() {
        expected["bytes"] = Value::Null;
    }
    let failed = expected["nginx_end"].as_str();
    if failed.is_some_and(|end| end.starts_with("tls-fail")) {
        expected["nginx_end"] = json!("fin");
    }
}

/// A difference that is no field of the record.
pub(crate) fn one(field: &str, expected: Value, got: String) -> Difference {
    Difference {
        field: field.to_owned(),
        expected,
        got: got.into(),
    }
}
