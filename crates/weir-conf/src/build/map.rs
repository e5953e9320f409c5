//! `map` blocks.

use std::sync::Arc;

use super::names::is_wildcard_or_name;
use super::walk::{call, each_line};
use crate::Template;
use crate::model::{Map, ServerNamesBuilder, VariableSource};
use crate::pattern::{Case, Pattern};
use crate::text::{Block, Directive};
use crate::value::read::{Reading, Reject, text_and_variable};

/// Reads `map TEXT $VARIABLE { ... }` (`ngx_http_map_block`).
pub(super) fn read(cx: &mut Reading, directive: &Directive, block: &Block) -> Result<(), Reject> {
    let (text, name) = text_and_variable(&mut call(directive, cx))?;
    let mut draft = Draft::default();
    each_line(block, cx, |cx, line| draft.take(cx, line));
    let map = VariableSource::Map(Arc::new(draft.finish(text)));
    cx.variables.define(&name, map);
    Ok(())
}

/// The lines of the block.
#[derive(Default)]
struct Draft {
    hostnames: bool,
    volatile: bool,
    default: Option<Template>,
    keys: ServerNamesBuilder,
    regexes: Vec<(Pattern, usize)>,
    values: Vec<Template>,
}

impl Draft {
    /// `KEY VALUE`, `hostnames` or `volatile` (`ngx_http_map`).
    fn take(&mut self, cx: &mut Reading, line: &Directive) -> Result<(), Reject> {
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
        let lower = key.to_ascii_lowercase();
        if self.hostnames && !is_wildcard_or_name(&lower) {
            return Err(about("invalid hostname or wildcard", key));
        }
        let is_new = match self.hostnames {
            true => self.keys.add(&lower, index),
            false => self.keys.add_exact(&lower, index),
        };
        is_new
            .then_some(())
            .ok_or_else(|| about("conflicting parameter", &lower))
    }

    fn finish(self, text: Template) -> Map {
        Map::new(
            text,
            self.volatile,
            self.default.unwrap_or_default(),
            (self.hostnames, self.keys.build()),
            self.regexes,
            self.values,
        )
    }
}

fn about(fault: &str, key: &[u8]) -> Reject {
    let key = String::from_utf8_lossy(key);
    Reject::message(format!("{fault} \"{key}\""))
}
