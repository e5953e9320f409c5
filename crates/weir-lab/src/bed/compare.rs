//! Expected against seen, field by field.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::response::summed_up;
use crate::text::Text;

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Path of the field, as in `access[0].upstream_status`.
    pub field: String,
    /// What the record has; null when it has no such field.
    pub expected: Value,
    /// What was seen; null when there was none.
    pub got: Value,
}

/// How much of what was seen an expectation speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// All of it, but for the fields that records leave out where they say nothing new.
    Recorded,
    /// Of objects, the named fields; of a text that ends in `...`, the beginning.
    Partial,
}

/// Compares values; the path of every difference starts with `field`.
pub fn compare(field: &str, expected: &Value, got: &Value, extent: Extent) -> Vec<Difference> {
    let mut differences = Vec::new();
    walk(field, expected, got, extent, &mut differences);
    differences
}

fn walk(path: &str, expected: &Value, got: &Value, extent: Extent, out: &mut Vec<Difference>) {
    match (expected, got) {
        (Value::Array(a), Value::Array(b)) => walk_list(path, a, b, extent, out),
        (Value::Object(a), Value::Object(b)) => {
            let only_got = b.keys().filter(|&key| {
                let counts = match extent {
                    Extent::Whole => true,
                    Extent::Recorded => !may_be_left_out(key),
                    Extent::Partial => false,
                };
                counts && !a.contains_key(key)
            });
            for key in a.keys().chain(only_got) {
                let path = format!("{path}.{key}");
                walk(&path, &expected[key], &got[key], extent, out);
            }
        }
        (Value::String(a), Value::String(b)) if extent == Extent::Partial && begins(a, b) => {}
        _ if agrees(leaf(path), expected, got) => {}
        _ => out.push(Difference {
            field: path.to_owned(),
            expected: expected.clone(),
            got: got.clone(),
        }),
    }
}

/// Item by item, after what agrees at both ends; so a missing line is one difference. Indices are
/// those of the expected list.
fn walk_list(
    path: &str,
    expected: &[Value],
    got: &[Value],
    extent: Extent,
    out: &mut Vec<Difference>,
) {
    let same = |&(a, b): &(&Value, &Value)| {
        let mut differences = Vec::new();
        walk(path, a, b, extent, &mut differences);
        differences.is_empty()
    };
    let start = expected.iter().zip(got).take_while(same).count();
    let (expected, got) = (&expected[start..], &got[start..]);
    let end = match expected.len() == got.len() {
        true => 0,
        false => expected
            .iter()
            .rev()
            .zip(got.iter().rev())
            .take_while(same)
            .count(),
    };
    let (expected, got) = (&expected[..expected.len() - end], &got[..got.len() - end]);
    for index in 0..expected.len().max(got.len()) {
        let (a, b) = (item(expected, index), item(got, index));
        walk(&format!("{path}[{}]", start + index), a, b, extent, out);
    }
}

fn item(values: &[Value], index: usize) -> &Value {
    values.get(index).unwrap_or(&Value::Null)
}

/// `GET /...` against a text that begins so.
fn begins(expected: &str, got: &str) -> bool {
    expected
        .strip_suffix("...")
        .is_some_and(|beginning| got.starts_with(beginning))
}

/// Fields that the records leave out where they say nothing new.
fn may_be_left_out(key: &str) -> bool {
    matches!(key, "head" | "data" | "conn") || super::conf::COLUMNS.contains(&key)
}

/// The last name in a path.
fn leaf(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn agrees(name: &str, expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::String(a), Value::String(b)) if name.ends_with("_time") => times_agree(a, b),
        (Value::String(a), Value::String(b)) => a == b || is_cut_of(a, b),
        (Value::Object(summary), Value::String(text)) => is_summary_of(summary, text),
        _ => expected == got,
    }
}

/// Lists of times, joined by `, ` and ` : `; `~` is a rounded one, 0.000 anything short.
fn times_agree(expected: &str, got: &str) -> bool {
    /// The records are rounded to tenths; nothing but a wrong clock is earlier than that.
    const EARLY: f64 = 0.08;
    /// What a loaded machine may add.
    const LATE: f64 = 0.2;
    let split = |list: &str| -> Vec<String> {
        list.replace(" : ", ", ")
            .split(", ")
            .map(str::to_owned)
            .collect()
    };
    let (expected_times, got_times) = (split(expected), split(got));
    let separators = |list: &str| list.matches(" : ").count();
    let one = |(expected, got): (&String, &String)| {
        let Ok(seen) = got.parse::<f64>() else {
            return expected == got;
        };
        match expected.trim_start_matches('~').parse::<f64>() {
            // The machine's speed decides how long such a transfer takes.
            Ok(long) if long > 10.0 => seen > 1.0,
            Ok(time) => (time - EARLY..=time + LATE + time * 0.1).contains(&seen),
            Err(_) => false,
        }
    };
    separators(expected) == separators(got)
        && expected_times.len() == got_times.len()
        && expected_times.iter().zip(&got_times).all(one)
}

/// `GET /aaa...<len 1514>`: the beginning and the length of a long value.
fn is_cut_of(expected: &str, got: &str) -> bool {
    let Some((start, length)) = expected.split_once("...<len ") else {
        return false;
    };
    let length = length
        .strip_suffix('>')
        .and_then(|length| length.parse().ok());
    got.starts_with(start) && Some(got.chars().count()) == length
}

/// `{len, sha256, prefix}` of a long text; a digest counts only where lengths allow.
fn is_summary_of(summary: &serde_json::Map<String, Value>, text: &str) -> bool {
    let Ok(Text(bytes)) = Text::parse(text) else {
        return false;
    };
    let whole = summed_up(&bytes, 0);
    whole["len"] == summary["len"] && whole["sha256"] == summary["sha256"]
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.field)?;
        writeln!(f, "  - {}", self.expected)?;
        write!(f, "  + {}", self.got)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(expected: Value, got: Value, fields: &[&str]) {
        check_extent(Extent::Recorded, expected, got, fields);
    }

    fn check_extent(extent: Extent, expected: Value, got: Value, fields: &[&str]) {
        let differences = compare("x", &expected, &got, extent);
        let got: Vec<&str> = differences.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(got, fields);
    }

    #[test]
    fn a_partial_expectation_speaks_of_what_it_names() {
        let partial = |expected, got, fields| check_extent(Extent::Partial, expected, got, fields);
        let seen = json!([{"status": 502, "body": "abc"}]);
        partial(json!([{"status": 502}]), seen.clone(), &[]);
        partial(json!([{"status": 504}]), seen.clone(), &["x[0].status"]);
        partial(json!([{"body": "ab..."}]), seen.clone(), &[]);
        partial(json!([{"body": "b..."}]), seen.clone(), &["x[0].body"]);
        partial(json!([]), seen.clone(), &["x[0]"]);
        partial(json!([{"other": 1}]), seen, &["x[0].other"]);
        check(json!("ab..."), json!("abc"), &["x"]);
    }

    #[test]
    fn fields_are_named_by_path() {
        check(
            json!([{"status": 1}]),
            json!([{"status": 2}]),
            &["x[0].status"],
        );
        check(json!([1]), json!([1, 2]), &["x[1]"]);
        check(json!([1, 2, 3]), json!([1, 3]), &["x[1]"]);
        check(json!([1, 2, 3]), json!([1, 4, 5]), &["x[1]", "x[2]"]);
        check(json!({}), json!({"extra": "a"}), &["x.extra"]);
        let more = json!({"head": ["a"], "bytes_sent": "1"});
        check(json!({}), more.clone(), &[]);
        let all = ["x.bytes_sent", "x.head"];
        check_extent(Extent::Whole, json!({}), more, &all);
    }

    #[test]
    fn times_have_a_tolerance() {
        check(
            json!({"a_time": "0.000, ~0.5"}),
            json!({"a_time": "0.011, 0.533"}),
            &[],
        );
        check(
            json!({"a_time": "0.000"}),
            json!({"a_time": "-"}),
            &["x.a_time"],
        );
        check(
            json!({"a_time": "- : ~0.5"}),
            json!({"a_time": "-, 0.5"}),
            &["x.a_time"],
        );
        check(
            json!({"a_time": "~0.5"}),
            json!({"a_time": "1.5"}),
            &["x.a_time"],
        );
    }

    #[test]
    fn long_values_are_compared_by_length() {
        check(json!("GET /aa...<len 9>"), json!("GET /aaaa"), &[]);
        check(json!("GET /aa...<len 9>"), json!("GET /aaaaa"), &["x"]);
        check(summed_up(b"abc", 0), json!("abc"), &[]);
        check(summed_up(b"abc", 0), json!("abd"), &["x"]);
    }
}
