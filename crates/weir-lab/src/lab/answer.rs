//! What a client of the lab got.

use std::ops::Deref;

use crate::bed::names::Names;
use crate::client::Received;
use crate::response::Response;
use crate::text::{Text, latin1};

/// A response as it arrived, with nothing repaired. Head lines and [`Answer::text`] have names for
/// the backends' addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    response: Response,
    text: String,
    /// The name of the connection, when it is not the first.
    pub connection: Option<String>,
}

impl Answer {
    pub(super) fn new(received: &Received, names: &Names) -> Self {
        let mut response = received.response.clone();
        for line in &mut response.head {
            *line = Text::parse(&names.restore(&latin1(&line.0))).unwrap_or_else(|_| line.clone());
        }
        Self {
            text: names.restore(&String::from_utf8_lossy(&response.body.0)),
            response,
            connection: received.conn.clone(),
        }
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value of the first header line of this name.
    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.response.head.iter().skip(1).map(Text::to_latin1);
        let mut fields = lines.filter_map(|line| {
            let (field, value) = line.split_once(':')?;
            Some((field.to_owned(), value.trim().to_owned()))
        });
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

impl Deref for Answer {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}
