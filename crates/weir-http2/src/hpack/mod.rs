//! Header compression (RFC 7541), as nginx does it: [`static_table`], [`dynamic_table`], [`huffman`], then `decode`
//! and [`encode`], which use them.

pub(crate) mod decode;
pub mod dynamic_table;
pub mod encode;
pub mod huffman;
pub mod static_table;
#[cfg(test)]
mod tests;
