//! What a scenario expects, for the base version and where others differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BASE;
use crate::bed::Field;
use crate::bed::compare::{Extent, compare};
use crate::version::Version;

/// What was seen by `field`; a field that is absent is not compared.
pub type Fields = BTreeMap<Field, Value>;

/// Expectations. Objects may be partial, and a text that ends in `...` is a beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// Whole fields that differ in a version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub at: BTreeMap<Version, Fields>,
    /// Of the base version, and of any other without a field of its own.
    #[serde(flatten)]
    pub fields: Fields,
}

impl Expect {
    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.at.is_empty()
    }

    /// What `version` is to show in `field`.
    pub fn of(&self, field: Field, version: Version) -> Option<&Value> {
        let own = self.at.get(&version).and_then(|own| own.get(&field));
        own.or_else(|| self.fields.get(&field))
    }

    /// Puts in what `version` showed: whole for the base, otherwise what differs from that.
    pub fn record(&mut self, version: Version, seen: Fields) {
        if version == BASE || self.fields.is_empty() {
            self.fields = seen;
            return;
        }
        let differs = |(field, value): &(Field, Value)| {
            let base = self.fields.get(field).unwrap_or(&Value::Null);
            !compare(field.as_str(), base, value, Extent::Recorded).is_empty()
        };
        let own: Fields = seen.into_iter().filter(differs).collect();
        if own.is_empty() {
            self.at.remove(&version);
        } else {
            self.at.insert(version, own);
        }
    }
}
