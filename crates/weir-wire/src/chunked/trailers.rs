//! Trailers that are kept to be passed on.

use super::ChunkedFault;
use crate::field_line::{FieldLine, LineRules, LineStep};
use crate::span::Span;

/// Trailers in a buffer of their own (ngx_http_proxy_process_trailer).
#[derive(Clone, Debug)]
pub(super) struct Trailers {
    limit: usize,
    bytes: Vec<u8>,
    pos: usize,
    line: FieldLine,
    fields: Vec<(Span, Span)>,
}

impl Trailers {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: Vec::new(),
            pos: 0,
            line: FieldLine::default(),
            fields: Vec::new(),
        }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields
            .iter()
            .map(|(name, value)| (name.of(&self.bytes), value.of(&self.bytes)))
    }

    /// Reads as much of `input` as belongs to the trailers and fits; says how much that was and
    /// whether the empty line was among it.
    pub(super) fn read(&mut self, input: &[u8]) -> Result<(usize, bool), ChunkedFault> {
        const RULES: LineRules = LineRules {
            underscores: true,
            trim_tabs: true,
            skip_status_lines: true,
        };
        let before = self.bytes.len();
        let room = input.len().min(self.limit - before);
        self.bytes.extend_from_slice(&input[..room]);
        loop {
            match self.line.step(&self.bytes, &mut self.pos, RULES) {
                Ok(LineStep::Line) => self.fields.push((self.line.name(), self.line.value())),
                Ok(LineStep::End) => return Ok((self.pos - before, true)),
                Ok(LineStep::Partial) if self.bytes.len() == self.limit => {
                    return Err(ChunkedFault::TooBigTrailers);
                }
                Ok(LineStep::Partial) => return Ok((room, false)),
                Err(bad) => {
                    return Err(ChunkedFault::InvalidTrailer {
                        line: bad.line.of(&self.bytes).to_vec(),
                        byte: self.bytes[bad.line.end as usize],
                    });
                }
            }
        }
    }
}
