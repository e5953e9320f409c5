//! `match` blocks by name, which may be named before they stand.

use crate::model::ResponseMatch;
use crate::{Fault, Place};

/// The blocks that are there, or are named, so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matches(Vec<Named>);

#[derive(Clone, Debug)]
struct Named {
    name: String,
    /// Who named it first.
    place: Option<Place>,
    tests: Option<ResponseMatch>,
}

impl Matches {
    /// The number of the block called `name`.
    pub(crate) fn refer(&mut self, name: &str, place: &Place) -> usize {
        let index = self.number(name);
        self.0[index].place.get_or_insert_with(|| place.clone());
        index
    }

    /// Here it is; `false` if it was there before.
    pub(crate) fn define(&mut self, tests: ResponseMatch) -> bool {
        let index = self.number(&tests.name);
        self.0[index].tests.replace(tests).is_none()
    }

    fn number(&mut self, name: &str) -> usize {
        let known = self.0.iter().position(|named| named.name == name);
        known.unwrap_or_else(|| {
            self.0.push(Named {
                name: name.to_owned(),
                place: None,
                tests: None,
            });
            self.0.len() - 1
        })
    }

    /// The blocks by number; of those that are named and not there, the faults.
    pub(crate) fn finish(self) -> Result<Vec<ResponseMatch>, Vec<Fault>> {
        let lacking = self.0.iter().filter(|named| named.tests.is_none());
        let faults: Vec<_> = lacking
            .map(|named| {
                let text = format!("match \"{}\" is not defined", named.name);
                let cure = format!("add `match {} {{ … }}` to the `http` block", named.name);
                Fault::emerg(text, named.place.clone()).with_hint(cure)
            })
            .collect();
        match faults.is_empty() {
            true => Ok(self.0.into_iter().filter_map(|named| named.tests).collect()),
            false => Err(faults),
        }
    }
}
