//! `map` blocks.

use std::collections::HashMap;
use std::sync::Arc;

use super::names::is_wildcard_or_name;
use super::walk::call;
use crate::Template;
use crate::model::{Keys, Map, ServerNamesBuilder, VariableSource};
use crate::pattern::{Case, Pattern};
use crate::text::{Block, Directive, Item};
use crate::value::read::{Reading, Reject, own_name};

/// Reads `map TEXT $VARIABLE { ... }` (`ngx_http_map_block`).
pub(super) fn read(cx: &mut Reading, directive: &Directive, block: &Block) -> Result<(), Reject> {
    let mut head = call(directive, cx);
    let text = head.template(head.bytes(0))?;
    let name = own_name(&head, 1)?;
    let mut draft = Draft::default();
    for item in &block.items {
        let line = match item {
            Item::Directive(line) => line,
            Item::Fault(fault) => {
                cx.faults.push(fault.clone());
                continue;
            }
        };
        if let Err(reject) = draft.take(cx, line) {
            cx.faults.extend(reject.into_fault("map", &line.place));
        }
    }
    let map = Arc::new(draft.finish(text));
    cx.variables.define(&name, VariableSource::Map(map));
    Ok(())
}

/// The lines of the block.
#[derive(Default)]
struct Draft {
    hostnames: bool,
    volatile: bool,
    default: Option<Template>,
    texts: HashMap<Box<[u8]>, usize>,
    names: ServerNamesBuilder,
    regexes: Vec<(Pattern, usize)>,
    values: Vec<Template>,
}

impl Draft {
    /// `KEY VALUE`, `hostnames` or `volatile` (`ngx_http_map`).
    fn take(&mut self, cx: &mut Reading, line: &Directive) -> Result<(), Reject> {
        if line.block.is_some() {
            return Err(Reject::message("unexpected \"{\""));
        }
        match (line.name(), line.args()) {
            (b"hostnames", []) => {
                self.hostnames = true;
                Ok(())
            }
            (b"volatile", []) => {
                self.volatile = true;
                Ok(())
            }
            (key, [value]) => {
                let value = cx.template(&value.text, &line.place)?;
                self.take_key(cx, line, key, value)
            }
            _ => Err(Reject::message("invalid number of the map parameters")),
        }
    }

    fn take_key(
        &mut self,
        cx: &mut Reading,
        line: &Directive,
        key: &[u8],
        value: Template,
    ) -> Result<(), Reject> {
        let index = self.values.len();
        match key {
            b"default" => {
                if self.default.replace(value).is_some() {
                    return Err(Reject::message("duplicate default map parameter"));
                }
                return Ok(());
            }
            [b'~', b'*', source @ ..] => {
                let pattern = call(line, cx).pattern(source, Case::Ignored)?;
                self.regexes.push((pattern, index));
            }
            [b'~', source @ ..] => {
                let pattern = call(line, cx).pattern(source, Case::Kept)?;
                self.regexes.push((pattern, index));
            }
            [b'\\', key @ ..] => self.take_text(key, index)?,
            key => self.take_text(key, index)?,
        }
        self.values.push(value);
        Ok(())
    }

    fn take_text(&mut self, key: &[u8], index: usize) -> Result<(), Reject> {
        let shown = String::from_utf8_lossy(key);
        let lower = key.to_ascii_lowercase();
        let is_new = if self.hostnames {
            let name = String::from_utf8_lossy(&lower);
            if !is_wildcard_or_name(&name) {
                let text = format!("invalid hostname or wildcard \"{shown}\"");
                return Err(Reject::message(text));
            }
            self.names.add(&name, index)
        } else {
            self.texts.insert(lower.into(), index).is_none()
        };
        if is_new {
            return Ok(());
        }
        let shown = shown.to_ascii_lowercase();
        Err(Reject::message(format!(
            "conflicting parameter \"{shown}\""
        )))
    }

    fn finish(mut self, text: Template) -> Map {
        let keys = if self.hostnames {
            // Lines before `hostnames` were read as texts.
            for (text, index) in &self.texts {
                let name = String::from_utf8_lossy(text);
                self.names.add_exact(&name, *index);
            }
            Keys::Hostnames(self.names.build())
        } else {
            Keys::Texts(self.texts)
        };
        Map::new(
            text,
            self.volatile,
            self.default.unwrap_or_default(),
            keys,
            self.regexes,
            self.values,
        )
    }
}
