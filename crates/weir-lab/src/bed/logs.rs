//! What the proxy wrote, with everything that differs from run to run taken out.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::conf::COLUMNS;
use super::names::Names;
use crate::text::latin1;

/// Takes addresses, the prefix and the version out of texts.
#[derive(Clone, Debug)]
pub struct Normal {
    names: Names,
    prefix: String,
    version: String,
}

/// Lines longer than this show their raw length.
const LONG_LINE: usize = 2000;

impl Normal {
    /// For a proxy of this `version` that runs in `prefix`, with backends of these `names`.
    pub fn new(names: Names, prefix: &Path, version: &str) -> Self {
        Self {
            names,
            prefix: prefix.to_string_lossy().into_owned(),
            version: version.to_owned(),
        }
    }

    /// `text` with names for addresses, `@PREFIX@` and `nginx/@VERS@`.
    pub fn text(&self, text: &str) -> String {
        self.names
            .restore(text)
            .replace(&self.prefix, "@PREFIX@")
            .replace(&format!("nginx/{}", self.version), "nginx/@VERS@")
    }

    /// Every string of `value`, `Date: <date>` for what nginx dates, and `<boundary>` and `<visitor>` for
    /// what nginx numbers.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = undated(unnumbered(&self.text(text))),
            Value::Array(values) => values.iter_mut().for_each(|value| self.json(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.json(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Lines of an error log as `[level] *1 message`; those of level notice and debug are about
    /// the process, not about requests. Connections are numbered by their first appearance.
    pub fn error_lines(&self, log: &[u8]) -> Vec<String> {
        let (mut numbers, mut files) = (BTreeMap::new(), BTreeMap::new());
        let log = latin1(log);
        let mut lines = Vec::new();
        for line in log.lines() {
            match message(line) {
                Some(("notice" | "debug", _)) => {}
                // Said by nginx in a user namespace, and nowhere else.
                Some(("emerg", rest)) if rest.starts_with("initgroups(") => {}
                Some((level, rest)) => {
                    let rest = renumber_file(&renumber(rest, &mut numbers), &mut files);
                    lines.push(format!("[{level}] {}", self.text(&unmeasured(&rest))));
                }
                // Nothing is escaped, so a message may contain a line feed.
                None => lines.push(self.text(line)),
            }
        }
        lines
    }

    /// Lines of stderr without the program's name.
    pub fn stderr_lines(&self, stderr: &[u8]) -> Vec<String> {
        let without_name = |line: &str| match line.split_once(": ") {
            Some((name, rest)) if name.chars().all(char::is_alphanumeric) => rest.to_owned(),
            _ => line.to_owned(),
        };
        latin1(stderr)
            .lines()
            .map(|line| self.text(&without_name(line)))
            .collect()
    }

    /// Lines of the access log as variables and values.
    pub fn access_lines(&self, log: &[u8]) -> Vec<Value> {
        let line = |line: &str| {
            let values = line.split('\t').map(|value| Value::from(self.text(value)));
            let columns = COLUMNS.iter().map(|&name| name.to_owned());
            Value::Object(columns.zip(values).collect::<Map<_, _>>())
        };
        latin1(log).lines().map(line).collect()
    }

    /// Lines of other logs, without the time.
    pub fn plain_lines(&self, log: &[u8]) -> Value {
        let line = |line: &str| match (line.find('['), line.find(']')) {
            (Some(start), Some(end)) if is_local_time(&line[start + 1..end.max(start + 1)]) => {
                format!("{}<time_local>{}", &line[..=start], &line[end..])
            }
            _ => line.to_owned(),
        };
        latin1(log)
            .lines()
            .map(|text| self.text(&line(text)))
            .collect::<Vec<_>>()
            .into()
    }
}

/// Bytes of each line that nginx had to cut, without the line feed.
pub fn long_lines(log: &[u8]) -> Value {
    let lengths = log.split(|&b| b == b'\n').map(<[u8]>::len);
    json!(
        lengths
            .filter(|&length| length > LONG_LINE)
            .collect::<Vec<_>>()
    )
}

/// Level and message of `YYYY/MM/DD HH:MM:SS [level] PID#TID: message`.
fn message(line: &str) -> Option<(&str, &str)> {
    let rest = line.get(20..).filter(|_| is_time(&line.as_bytes()[..20]))?;
    let (level, rest) = rest.strip_prefix('[')?.split_once("] ")?;
    let (ids, message) = rest.split_once(": ")?;
    ids.bytes()
        .all(|b| b.is_ascii_digit() || b == b'#')
        .then_some((level, message))
}

fn is_time(stamp: &[u8]) -> bool {
    stamp
        .iter()
        .zip(b"0000/00/00 00:00:00 ")
        .all(|(&got, &shape)| match shape {
            b'0' => got.is_ascii_digit(),
            exact => got == exact,
        })
}

fn is_local_time(text: &str) -> bool {
    text.len() == 26 && text.as_bytes()[2] == b'/' && text.as_bytes()[11] == b':'
}

/// Without what is random or measured: identifiers of questions for names, the excess of limited requests.
fn unmeasured(message: &str) -> String {
    let replace = |text: String, after: &str, by: &str| match text.split_once(after) {
        Some((before, rest)) => {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            format!("{before}{after}{by}{rest}")
        }
        None => text,
    };
    let text = replace(message.to_owned(), "excess: ", "N.NNN");
    let text = replace(text, "query id:", "<id>");
    if !text.contains(" DNS response") {
        return text;
    }
    let text = replace(text, "wrong ident ", "<id>");
    let text = replace(text, ", expect ", "<id>");
    let text = replace(text, "invalid UDP DNS response ", "<id>");
    replace(text, "invalid TCP DNS response ", "<id>")
}

/// `*7 message` as `*1 message`, when 7 is the first number seen.
fn renumber(message: &str, numbers: &mut BTreeMap<String, usize>) -> String {
    match message
        .strip_prefix('*')
        .and_then(|rest| rest.split_once(' '))
    {
        Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => {
            let next = numbers.len() + 1;
            let number = numbers.entry(number.to_owned()).or_insert(next);
            format!("*{number} {rest}")
        }
        _ => message.to_owned(),
    }
}

/// `temp/0000000007` as `temp/0000000001`, when that is the first file seen: the processes of one
/// binary share the numbers.
fn renumber_file(message: &str, numbers: &mut BTreeMap<String, usize>) -> String {
    const DIGITS: usize = 10;
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    for (at, _) in message.match_indices("_temp/") {
        let start = at + "_temp/".len();
        let Some(number) = message.get(start..start + DIGITS) else {
            continue;
        };
        if is_number(number) {
            let next = numbers.len() + 1;
            let seen = numbers.entry(number.to_owned()).or_insert(next);
            let (before, after) = (&message[..start], &message[start + DIGITS..]);
            return format!("{before}{seen:010}{after}");
        }
    }
    message.to_owned()
}

/// `Date: <date>` instead of a date in HTTP's format; HTTP/2 has names in lower case.
fn undated(line: String) -> String {
    let name = ["Date: ", "date: "].into_iter().find_map(|name| {
        let date = line.strip_prefix(name)?;
        (date.len() == 29 && date.ends_with(" GMT")).then_some(name)
    });
    name.map_or_else(|| uncounted(line), |name| format!("{name}<date>"))
}

/// `Set-Cookie: NAME=<visitor>…` in place of a number that `userid on` has just given out, one of the first
/// of its worker.
fn uncounted(line: String) -> String {
    const DIGITS: usize = 22;
    let cookie = line.strip_prefix("Set-Cookie: ");
    let Some((name, value)) = cookie.and_then(|cookie| cookie.split_once('=')) else {
        return line;
    };
    match (value.get(..DIGITS), value.get(DIGITS..)) {
        (Some(digits), Some(rest))
            if digits.get(16..19) == Some("AwM") && digits.ends_with("Ag") =>
        {
            format!("Set-Cookie: {name}=<visitor>{rest}")
        }
        _ => line,
    }
}

/// Digits of a boundary between the parts of an answer; they count answers since the start.
const BOUNDARY: usize = 20;

/// `<boundary>` in place of the numbers of boundaries.
fn unnumbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(digits) = rest.find("0000000000") {
        let (before, from) = rest.split_at(digits);
        let length = from.bytes().take_while(u8::is_ascii_digit).count();
        let bounds = before.ends_with("boundary=") || before.ends_with("\r\n--");
        out.push_str(before);
        out.push_str(match length {
            BOUNDARY if bounds => "<boundary>",
            _ => &from[..length],
        });
        rest = &from[length..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, expected: &[&str]) {
        let normal = Normal::new(Names::default(), Path::new("/p"), "1.22.1");
        assert_eq!(normal.error_lines(log.as_bytes()), expected);
    }

    #[test]
    fn error_lines() {
        check(
            "2026/11/21 08:41:49 [error] 12#12: *7 a: b /p/x\n\
             2026/11/21 08:41:49 [notice] 12#12: started\n\
             2026/11/21 08:41:49 [info] 12#12: *9 c\nd\n\
             2026/11/21 08:41:49 [emerg] 12#12: e: f\n\
             2026/11/21 08:41:49 [warn] 12#12: to /p/body_temp/0000000007, client\n",
            &[
                "[error] *1 a: b @PREFIX@/x",
                "[info] *2 c",
                "d",
                "[emerg] e: f",
                "[warn] to @PREFIX@/body_temp/0000000001, client",
            ],
        );
    }

    #[test]
    fn boundaries_are_taken_out() {
        let seen = "Content-Type: multipart/byteranges; boundary=00000000000000000007";
        let shown = "Content-Type: multipart/byteranges; boundary=<boundary>";
        assert_eq!(unnumbered(seen), shown);
        let seen = "\r\n--00000000000000000007\r\n0000000000\r\n--00000000000000000007--\r\n";
        let shown = "\r\n--<boundary>\r\n0000000000\r\n--<boundary>--\r\n";
        assert_eq!(unnumbered(seen), shown);
    }

    #[test]
    fn numbers_of_visitors_are_taken_out() {
        let check = |seen: &str, shown: &str| assert_eq!(undated(seen.to_owned()), shown);
        let given = "Set-Cookie: uid=fwAAAWsMfBq4YWeFAwMDAg==; path=/";
        check(given, "Set-Cookie: uid=<visitor>==; path=/");
        let sent = "Set-Cookie: uid=ZGVmZ2hpamtsbW5vcHFycwQ=; path=/";
        check(sent, sent);
        check("Set-Cookie: uid=1", "Set-Cookie: uid=1");
    }

    #[test]
    fn times_of_the_combined_format_are_taken_out() {
        let normal = Normal::new(Names::default(), Path::new("/p"), "1.22.1");
        let got = normal.plain_lines(b"1 - - [21/Nov/2026:08:41:49 +0000] \"GET\"\n");
        assert_eq!(got, json!(["1 - - [<time_local>] \"GET\""]));
    }
}
