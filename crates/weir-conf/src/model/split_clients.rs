//! `split_clients`: a value by the hash of another.

use crate::Template;

/// A `split_clients`.
#[derive(Clone, Debug)]
pub struct SplitClients {
    /// What is hashed.
    pub text: Template,
    /// In the order written.
    parts: Vec<Part>,
}

/// A share of the clients.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Hashes below it belong to this part, if no earlier one has them; `None` takes the rest.
    pub(crate) below: Option<u32>,
    /// What the variable is for them.
    pub(crate) value: Box<[u8]>,
}

impl SplitClients {
    pub(crate) fn new(text: Template, parts: Vec<Part>) -> Self {
        Self { text, parts }
    }

    /// The value for `text`, empty where no part has its hash (`ngx_http_split_clients_variable`).
    pub fn find(&self, text: &[u8]) -> &[u8] {
        let hash = murmur2(text);
        let mine = |part: &&Part| part.below.is_none_or(|below| hash < below);
        let part = self.parts.iter().find(mine);
        part.map_or(b"", |part| &part.value)
    }
}

/// MurmurHash2 with the seed 0 (`ngx_murmur_hash2`).
fn murmur2(data: &[u8]) -> u32 {
    const FACTOR: u32 = 0x5bd1_e995;
    let mut hash = data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in words.by_ref() {
        let mut bits = word
            .iter()
            .rev()
            .fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        bits = bits.wrapping_mul(FACTOR);
        bits ^= bits >> 24;
        hash = hash.wrapping_mul(FACTOR) ^ bits.wrapping_mul(FACTOR);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        hash ^= rest
            .iter()
            .rev()
            .fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        hash = hash.wrapping_mul(FACTOR);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ hash >> 15
}
