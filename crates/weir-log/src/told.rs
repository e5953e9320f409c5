//! What an error line says: its message, for whom, and what the configuration adds to that.

use std::ops::Range;

/// For whom something was done: what stands behind the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextField {
    /// The client's address.
    Client,
    /// The name of the server, or its socket.
    Server,
    /// The request line.
    Request,
    /// The path of a subrequest.
    Subrequest,
    /// The URL that an upstream is asked for.
    Upstream,
    /// The `Host` header.
    Host,
    /// The `Referer` header.
    Referrer,
}

impl ContextField {
    /// All, in the order in which lines have them.
    pub const ALL: [Self; 7] = [
        Self::Client,
        Self::Server,
        Self::Request,
        Self::Subrequest,
        Self::Upstream,
        Self::Host,
        Self::Referrer,
    ];

    /// What lines call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Request => "request",
            Self::Subrequest => "subrequest",
            Self::Upstream => "upstream",
            Self::Host => "host",
            Self::Referrer => "referrer",
        }
    }

    /// Whether lines have it between quotation marks.
    fn is_quoted(self) -> bool {
        !matches!(self, Self::Client | Self::Server)
    }
}

/// Where the parts of a text stand.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    /// Behind the message; `None`: the text is nothing else.
    said: Option<u32>,
    fields: [Option<(u32, u32)>; ContextField::ALL.len()],
}

/// An error line's text as a plain log shows it, and where its parts stand.
#[derive(Clone, Debug, Default)]
pub struct ErrorText {
    text: Vec<u8>,
    parts: Parts,
    ctx: Vec<u8>,
}

impl ErrorText {
    /// Forgets all and keeps its room.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ctx.clear();
        self.parts = Parts::default();
    }

    /// The message, for whoever writes it before the fields.
    pub fn message(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// The value of `error_log_ctx`; empty = none.
    pub fn ctx(&mut self) -> &mut Vec<u8> {
        &mut self.ctx
    }

    /// Appends a field with the value that `write` appends; nginx escapes nothing here.
    pub fn add(&mut self, field: ContextField, write: impl FnOnce(&mut Vec<u8>)) {
        let end = self.text.len() as u32;
        self.parts.said.get_or_insert(end);
        self.text.extend_from_slice(b", ");
        self.text.extend_from_slice(field.name().as_bytes());
        self.text.extend_from_slice(b": ");
        let quote: &[u8] = if field.is_quoted() { b"\"" } else { b"" };
        self.text.extend_from_slice(quote);
        let start = self.text.len() as u32;
        write(&mut self.text);
        self.parts.fields[field as usize] = Some((start, self.text.len() as u32));
        self.text.extend_from_slice(quote);
    }

    /// Appends what `other` says, whose message goes on with this one's.
    pub fn append(&mut self, other: &Self) {
        let before = self.text.len() as u32;
        self.text.extend_from_slice(&other.text);
        let Parts { said, fields } = other.parts;
        let own = self.parts.said;
        self.parts.said = own.or_else(|| said.map(|said| before + said));
        for (own, field) in self.parts.fields.iter_mut().zip(fields) {
            *own = field.map_or(*own, |(start, end)| Some((before + start, before + end)));
        }
    }
}

/// A look at what an error line says.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// All of it, but what the configuration adds.
    pub(crate) text: &'a [u8],
    parts: Parts,
    /// What the configuration adds; empty = nothing.
    pub(crate) ctx: &'a [u8],
}

impl<'a> Told<'a> {
    /// What happened, with the error's words and what was being done.
    pub(crate) fn message(&self) -> &'a [u8] {
        let end = self.parts.said.map_or(self.text.len(), |end| end as usize);
        self.text.get(..end).unwrap_or(self.text)
    }

    /// The value of a field, if the line has it.
    pub(crate) fn field(&self, field: ContextField) -> Option<&'a [u8]> {
        let (start, end) = self.parts.fields[field as usize]?;
        let range: Range<usize> = start as usize..end as usize;
        self.text.get(range)
    }
}

/// A message alone.
impl<'a> From<&'a [u8]> for Told<'a> {
    fn from(text: &'a [u8]) -> Self {
        Self {
            text,
            parts: Parts::default(),
            ctx: b"",
        }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Told<'a> {
    fn from(text: &'a [u8; N]) -> Self {
        text.as_slice().into()
    }
}

impl<'a> From<&'a Vec<u8>> for Told<'a> {
    fn from(text: &'a Vec<u8>) -> Self {
        text.as_slice().into()
    }
}

impl<'a> From<&'a ErrorText> for Told<'a> {
    fn from(text: &'a ErrorText) -> Self {
        Self {
            text: &text.text,
            parts: text.parts,
            ctx: &text.ctx,
        }
    }
}
