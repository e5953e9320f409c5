//! Header blocks by themselves, for whoever reads frames without a [`Connection`](crate::Connection).

use crate::complaint::Complaint;
use crate::fault::{ErrorCode, Fault};
use crate::fields::Fields;
use crate::hpack::decode::{Decoder, Step};

/// The blocks of one direction of a connection, whole and in order, with the table that they share.
#[derive(Debug)]
pub struct Blocks {
    decoder: Decoder,
    fields: Fields,
}

impl Blocks {
    /// With a table of at most `table` octets.
    #[must_use]
    pub fn new(table: u16) -> Self {
        Self {
            decoder: Decoder::new(table),
            fields: Fields::default(),
        }
    }

    /// The fields of a block that came in one piece.
    ///
    /// # Errors
    ///
    /// What a connection ends with that gets such a block.
    pub fn decode(&mut self, block: &[u8]) -> Result<&Fields, Fault> {
        let wrong = |(code, complaint)| Fault { code, complaint };
        let length = u32::try_from(block.len()).unwrap_or(u32::MAX);
        self.fields.clear();
        self.decoder.begin(length, true, true, u32::MAX);
        let mut used = 0;
        let step = self
            .decoder
            .run(block, &mut used, &mut self.fields, u32::MAX);
        match step.map_err(wrong)? {
            Step::Done => Ok(&self.fields),
            Step::NeedMore | Step::NextFrame => {
                Err(wrong((ErrorCode::FRAME_SIZE_ERROR, Complaint::BlockLength)))
            }
        }
    }
}
