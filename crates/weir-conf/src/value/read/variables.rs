//! The configuration's own variables while it is read: names become numbers.

use std::collections::{HashMap, HashSet};

use crate::model::{DefinedVariable, VariableSource};
use crate::{Place, Variable};

/// The variables that no built-in one matches, numbered in the order in which they are met. A use may
/// stand before what defines the variable (`ngx_http_variables_init_vars`).
#[derive(Clone, Debug, Default)]
pub(crate) struct DefinedVariables {
    all: Vec<Draft>,
    numbers: HashMap<Box<str>, u32>,
    /// Names of nginx's variables that the configuration defines anew, which it does for all of its
    /// lines: known when it is read the second time.
    pub(crate) redefined: HashSet<String>,
}

#[derive(Clone, Debug)]
struct Draft {
    name: Box<str>,
    source: Option<VariableSource>,
    /// Where it was used first.
    used: Option<Place>,
}

impl DefinedVariables {
    /// The number of the variable called `name`, in small letters, which `place` uses.
    pub(crate) fn used(&mut self, name: &str, place: &Place) -> u32 {
        let number = self.number(name);
        let draft = self.draft(number);
        draft.used.get_or_insert_with(|| place.clone());
        number
    }

    /// Defines `name` over whatever defined it before.
    pub(crate) fn define(&mut self, name: &str, source: VariableSource) -> u32 {
        let number = self.number(name);
        self.draft(number).source = Some(source);
        number
    }

    /// Defines `name` unless something else has (`NGX_HTTP_VAR_WEAK`).
    pub(crate) fn define_weakly(&mut self, name: &str, source: VariableSource) -> u32 {
        let number = self.number(name);
        self.draft(number).source.get_or_insert(source);
        number
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.numbers.insert(name.into(), number);
        self.all.push(Draft {
            name: name.into(),
            source: None,
            used: None,
        });
        number
    }

    /// Numbers come from [`Self::number`] alone.
    fn draft(&mut self, number: u32) -> &mut Draft {
        &mut self.all[number as usize]
    }

    /// The defined ones that nginx has a variable of the same name for.
    pub(crate) fn of_nginx(&self) -> HashSet<String> {
        self.all
            .iter()
            .filter(|draft| draft.source.is_some() && Variable::named(&draft.name).is_ok())
            .map(|draft| draft.name.as_ref().to_owned())
            .collect()
    }

    /// Those that are used and that nobody defines, with the place of their first use.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.all
            .iter()
            .filter(|draft| draft.source.is_none())
            .filter_map(|draft| Some((&*draft.name, draft.used.as_ref()?)))
    }

    /// All, by number; those without a source have been refused.
    pub(crate) fn finish(self) -> Vec<DefinedVariable> {
        let settled = |draft: Draft| DefinedVariable {
            name: draft.name,
            source: draft.source.unwrap_or(VariableSource::Group),
        };
        self.all.into_iter().map(settled).collect()
    }
}
