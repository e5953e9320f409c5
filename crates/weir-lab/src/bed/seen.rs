//! Everything that a run showed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::Field;
use super::compare::{Difference, Extent, compare};

/// What a run showed, with everything taken out that no two runs share.
///
/// What the client read, the error log and the backends' view are those before the client closed
/// its connections; the access log is that after.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Seen {
    /// A field that does not apply is null.
    pub fields: BTreeMap<Field, Value>,
    /// The access log before the client closed.
    #[serde(skip)]
    pub access_open: Value,
}

/// Times below this count as none, in seconds.
const NO_TIME: f64 = 0.15;

impl Seen {
    /// One part of it.
    pub fn field(&self, field: Field) -> &Value {
        self.fields.get(&field).unwrap_or(&Value::Null)
    }

    /// With times rounded, so that another run shows the same: `0.000` for next to none, `~0.5`
    /// for tenths of a second.
    pub fn rounded(&self) -> Self {
        let mut rounded = self.clone();
        if let Some(Value::Array(lines)) = rounded.fields.get_mut(&Field::Access) {
            lines.iter_mut().for_each(round_line);
        }
        rounded
    }

    /// Where `other` shows something else; this one's times are the rounded ones.
    pub fn compare(&self, other: &Self) -> Vec<Difference> {
        let rounded = self.rounded();
        let fields = Field::ALL.iter().flat_map(|&field| {
            compare(
                field.as_str(),
                rounded.field(field),
                other.field(field),
                Extent::Whole,
            )
        });
        fields.collect()
    }
}

fn round_line(line: &mut Value) {
    for (name, value) in line.as_object_mut().into_iter().flatten() {
        if let (true, Value::String(times)) = (name.ends_with("_time"), value) {
            *times = round(times);
        }
    }
}

/// Times joined by `, ` and ` : `.
fn round(times: &str) -> String {
    let one = |time: &str| match time.parse::<f64>() {
        Ok(seconds) if seconds < NO_TIME => "0.000".to_owned(),
        // Down, because a loaded machine is late and never early.
        Ok(seconds) => format!("~{:.1}", ((seconds + 0.01) * 10.0).floor() / 10.0),
        Err(_) => time.to_owned(),
    };
    let group = |group: &str| group.split(", ").map(one).collect::<Vec<_>>().join(", ");
    times
        .split(" : ")
        .map(group)
        .collect::<Vec<_>>()
        .join(" : ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded() {
        assert_eq!(round("0.012, 0.583 : -, 0.999"), "0.000, ~0.5 : -, ~1.0");
    }
}
