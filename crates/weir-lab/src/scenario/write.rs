//! What was seen, as the expectations of a file.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::{Expect, Fields};
use crate::bed::Seen;

/// The fields that a file keeps of `seen`: no nulls, which TOML lacks, and times rounded.
pub fn fields(seen: &Seen) -> Fields {
    let fields = seen.rounded().fields.into_iter();
    fields
        .filter(|(_, value)| !value.is_null())
        .map(|(field, value)| (field, without_nulls(value)))
        .collect()
}

/// The file's text with `expect` in place of its expectations.
pub fn rewrite(text: &str, expect: &Expect) -> String {
    let begins = |line: &str| line.starts_with("[expect") || line.starts_with("[[expect");
    let kept: Vec<&str> = text.lines().take_while(|line| !begins(line)).collect();
    let mut text = kept.join("\n").trim_end().to_owned() + "\n";
    table(&mut text, "expect", &expect.fields);
    for (version, fields) in &expect.at {
        table(
            &mut text,
            &format!("expect.at.\"{}\"", version.branch()),
            fields,
        );
    }
    text
}

/// Simple values first, because a sub-table ends its table.
fn table(out: &mut String, name: &str, fields: &Fields) {
    let (blocks, plain): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| is_block(value));
    if !plain.is_empty() {
        line(out, format_args!("\n[{name}]"));
    }
    for (field, value) in plain {
        entry(out, field.as_str(), value);
    }
    for (field, value) in blocks {
        block(out, &format!("{name}.{}", field.as_str()), value);
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(Value::is_object),
        _ => false,
    }
}

fn block(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) => {
            for item in items.iter().filter_map(Value::as_object) {
                line(out, format_args!("\n[[{name}]]"));
                object(out, item);
            }
        }
        value => {
            line(out, format_args!("\n[{name}]"));
            value
                .as_object()
                .into_iter()
                .for_each(|item| object(out, item));
        }
    }
}

/// Fields in the order in which people read them.
fn object(out: &mut String, object: &Map<String, Value>) {
    const FIRST: [&str; 11] = [
        "backend", "conn", "stream", "request", "status", "interim", "head", "body", "data",
        "framing", "complete",
    ];
    let place = |name: &str| {
        FIRST
            .iter()
            .position(|&first| first == name)
            .unwrap_or(FIRST.len())
    };
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(name, _)| place(name));
    for (name, value) in entries {
        entry(out, &key(name), value);
    }
}

fn entry(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            line(out, format_args!("{name} = ["));
            for item in items {
                line(out, format_args!("  {},", inline(item)));
            }
            line(out, format_args!("]"));
        }
        value => line(out, format_args!("{name} = {}", inline(value))),
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{} = {}", key(name), inline(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::String(text) => string(text),
        other => other.to_string(),
    }
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.chars().all(bare) {
        name.to_owned()
    } else {
        string(name)
    }
}

/// A literal string where nothing needs an escape.
fn string(text: &str) -> String {
    let plain = |c: char| !c.is_control() && c != '\'';
    if text.contains(['"', '\\']) && text.chars().all(plain) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name, without_nulls(value)))
                .collect()
        }
        value => value,
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ok = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bed::Field;
    use crate::scenario::BASE;
    use crate::version::Version;

    #[test]
    fn what_is_written_reads_back() {
        let base = [
            (
                Field::Responses,
                json!([{"status": 502, "head": ["a: \"b\"", "c: '\u{1}é"], "body": "x\r\n"}]),
            ),
            (
                Field::BackendSaw,
                json!([{"backend": "app:1", "data": {"len": 1, "prefix": "a"}}]),
            ),
            (Field::ErrorLog, json!([])),
            (Field::Logs, json!({"a.log": ["one", "two"]})),
            (Field::Access, json!([{"request": "GET / HTTP/1.1"}])),
        ];
        let mut expect = Expect::default();
        expect.record(BASE, base.clone().into());
        let mut older = base;
        older[2].1 = json!(["e"]);
        expect.record(Version::V1_22, older.into());
        let text = rewrite("summary = 's'\n[expect]\nold = 1\n", &expect);
        #[derive(serde::Deserialize)]
        struct File {
            expect: Expect,
        }
        let again: File = toml::from_str(&text).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        assert_eq!(again.expect, expect);
        assert_eq!(again.expect.at[&Version::V1_22].len(), 1);
        assert!(
            text.starts_with("summary = 's'\n\n[expect]\nerror_log = []\n"),
            "{text}"
        );
    }
}
