//! Header compression (RFC 7541), as nginx does it: [`static_table`], [`dynamic_table`], [`huffman`], then `decode`,
//! [`blocks`] and [`encode`], which use them.

pub mod blocks;
pub(crate) mod decode;
pub mod dynamic_table;
pub mod encode;
pub mod huffman;
pub mod static_table;
#[cfg(test)]
mod tests;
