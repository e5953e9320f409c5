//! A header block on its way in, piece by piece (ngx_http_v2_state_header_block and its followers).

use crate::complaint::Complaint;
use crate::fault::ErrorCode;
use crate::fields::{FieldLine, Fields};
use crate::hpack::dynamic_table::DynamicTable;
use crate::hpack::huffman::Decoding;
use crate::hpack::static_table::STATIC_TABLE;

/// Octets of the longest integer that nginx reads, and what it wants to see of a frame before it begins one.
const INT_OCTETS: u32 = 4;

/// What ends a connection.
pub(crate) type Wrong = (ErrorCode, Complaint);

/// Where decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All octets are used up.
    NeedMore,
    /// The block goes on in the next frame. Up to three octets of this one are not used yet:
    /// [`Decoder::rest`] says how many.
    NextFrame,
    /// All fields are there.
    Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// At the first octet of a field, or inside the integer that begins there.
    #[default]
    Field,
    NameLength,
    Name,
    ValueLength,
    Value,
    /// Behind a field.
    Complete,
}

/// What the integer at the start of a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Indexed,
    /// A literal that becomes an entry of the table.
    Kept,
    Literal,
    SizeUpdate,
}

impl Kind {
    #[inline]
    fn of(octet: u8) -> (Self, u8) {
        match octet {
            0x80.. => (Self::Indexed, 0x7f),
            0x40.. => (Self::Kept, 0x3f),
            0x20.. => (Self::SizeUpdate, 0x1f),
            _ => (Self::Literal, 0x0f),
        }
    }
}

enum NotInt {
    /// It goes on behind the block.
    Length,
    TooLong,
}

/// Decodes header blocks; the table is the connection's.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: DynamicTable,
    stage: Stage,
    /// Fields are wanted, and not only what they do to the table.
    wanted: bool,
    /// END_HEADERS was seen: the current frame is the last.
    last: bool,
    /// The literal is to become an entry.
    keep: bool,
    /// The string is neither wanted nor to be kept, and is not decoded.
    skip: bool,
    huffman: bool,
    /// Octets of such strings in the current field.
    skipped: u32,
    /// An integer's first octet, how many octets of it were seen, and its value up to there.
    first: u8,
    octets: u8,
    int: u32,
    /// Octets of the current frame, with those brought along from the one before.
    rest: u32,
    /// What names and values may still have.
    limit: u32,
    /// Octets of the current string that are still to come.
    left: u32,
    code: Decoding,
    /// Where the field begins in the text, and its value.
    start: u32,
    value: u32,
}

impl Decoder {
    pub(crate) fn new(table: u16) -> Self {
        Self {
            table: DynamicTable::new(table),
            stage: Stage::Field,
            wanted: false,
            last: false,
            keep: false,
            skip: false,
            huffman: false,
            skipped: 0,
            first: 0,
            octets: 0,
            int: 0,
            rest: 0,
            limit: 0,
            left: 0,
            code: Decoding::default(),
            start: 0,
            value: 0,
        }
    }

    /// A block begins, in a frame with so many octets of it.
    pub(crate) fn begin(&mut self, length: u32, last: bool, wanted: bool, limit: u32) {
        self.stage = Stage::Field;
        self.rest = length;
        self.last = last;
        self.wanted = wanted;
        self.limit = limit;
    }

    /// The block goes on in a frame of so many octets.
    pub(crate) fn go_on(&mut self, length: u32, last: bool) {
        self.rest += length;
        self.last |= last;
    }

    /// Nobody wants the rest of the fields.
    pub(crate) fn unwanted(&mut self) {
        self.wanted = false;
    }

    /// Octets that are still to come of the current frame, and those not used of the one before.
    #[inline]
    pub(crate) fn rest(&self) -> u32 {
        self.rest
    }

    /// Heap octets of the table.
    pub(crate) fn allocated(&self) -> usize {
        self.table.allocated()
    }

    /// Decodes `bytes[*used..]`, which are no more than [`rest`](Self::rest). No name or value may have
    /// more than `longest` octets as they are sent.
    pub(crate) fn run(
        &mut self,
        bytes: &[u8],
        used: &mut usize,
        fields: &mut Fields,
        longest: u32,
    ) -> Result<Step, Wrong> {
        loop {
            let stop = match self.stage {
                Stage::Complete if self.rest > 0 => {
                    self.stage = Stage::Field;
                    None
                }
                Stage::Complete if self.last => Some(Step::Done),
                Stage::Complete => Some(Step::NextFrame),
                Stage::Field => self.field(bytes, used, fields)?,
                Stage::NameLength | Stage::ValueLength => {
                    self.length(bytes, used, fields, longest)?
                }
                Stage::Name | Stage::Value => self.string(bytes, used, fields)?,
            };
            if let Some(step) = stop {
                return Ok(step);
            }
        }
    }

    /// nginx begins no integer before it sees four octets of the block, or its end.
    #[inline]
    fn may_begin_int(&self) -> Result<bool, Wrong> {
        if !self.last && self.rest < INT_OCTETS {
            return Ok(false);
        }
        if self.rest == 0 {
            return Err(block_length());
        }
        Ok(true)
    }

    /// ngx_http_v2_state_header_block.
    #[inline]
    fn field(
        &mut self,
        bytes: &[u8],
        used: &mut usize,
        fields: &mut Fields,
    ) -> Result<Option<Step>, Wrong> {
        if self.octets == 0 {
            if !self.may_begin_int()? {
                return Ok(Some(Step::NextFrame));
            }
            let Some(first) = bytes.get(*used) else {
                return Ok(Some(Step::NeedMore));
            };
            self.first = *first;
        }
        let (kind, prefix) = Kind::of(self.first);
        let Some(read) = self.int(bytes, used, prefix) else {
            return Ok(Some(Step::NeedMore));
        };
        let value = read.map_err(|fault| match (fault, kind) {
            (NotInt::Length, _) => block_length(),
            (NotInt::TooLong, Kind::SizeUpdate) => compression(Complaint::LongSizeUpdate),
            (NotInt::TooLong, Kind::Indexed | Kind::Kept | Kind::Literal) => {
                compression(Complaint::LongIndex)
            }
        })?;
        self.begin_field(kind, value, fields)?;
        Ok(None)
    }

    #[inline]
    fn begin_field(&mut self, kind: Kind, value: u32, fields: &mut Fields) -> Result<(), Wrong> {
        self.start = fields.text.len() as u32;
        self.skipped = 0;
        match kind {
            Kind::Indexed => {
                self.indexed(value, fields)?;
                self.complete(fields)?;
            }
            Kind::SizeUpdate => {
                let resized = self.table.resize(value as usize);
                resized.map_err(|_| compression(Complaint::TableSize(value)))?;
                self.stage = Stage::Complete;
            }
            Kind::Kept | Kind::Literal => {
                self.keep = kind == Kind::Kept;
                if value == 0 {
                    self.stage = Stage::NameLength;
                } else {
                    self.name(value, fields)?;
                    self.stage = Stage::ValueLength;
                }
            }
        }
        Ok(())
    }

    /// Name and value of an entry (ngx_http_v2_get_indexed_header).
    #[inline]
    fn indexed(&mut self, index: u32, fields: &mut Fields) -> Result<(), Wrong> {
        let place = (index as usize).checked_sub(1);
        let place = place.ok_or_else(|| compression(Complaint::IndexZero))?;
        if let Some((name, value)) = STATIC_TABLE.get(place) {
            fields.text.extend_from_slice(name);
            self.value = fields.text.len() as u32;
            fields.text.extend_from_slice(value);
            return Ok(());
        }
        let place = place - STATIC_TABLE.len();
        let found = self.table.field(place, fields);
        let name = found.ok_or_else(|| out_of_bound(place))?;
        self.value = self.start + name as u32;
        Ok(())
    }

    /// The name of an entry.
    #[inline]
    fn name(&mut self, index: u32, fields: &mut Fields) -> Result<(), Wrong> {
        let place = index as usize - 1;
        if let Some((name, _)) = STATIC_TABLE.get(place) {
            fields.text.extend_from_slice(name);
        } else {
            let place = place - STATIC_TABLE.len();
            let found = self.table.name(place, fields);
            found.ok_or_else(|| out_of_bound(place))?;
        }
        self.value = fields.text.len() as u32;
        Ok(())
    }

    /// ngx_http_v2_state_field_len.
    #[inline]
    fn length(
        &mut self,
        bytes: &[u8],
        used: &mut usize,
        fields: &mut Fields,
        longest: u32,
    ) -> Result<Option<Step>, Wrong> {
        if self.octets == 0 && !self.may_begin_int()? {
            return Ok(Some(Step::NextFrame));
        }
        let Some(read) = self.int(bytes, used, 0x7f) else {
            return Ok(Some(Step::NeedMore));
        };
        let length = read.map_err(|fault| match fault {
            NotInt::Length => block_length(),
            NotInt::TooLong => compression(Complaint::LongLength),
        })?;
        if length > longest {
            return Err((ErrorCode::ENHANCE_YOUR_CALM, Complaint::LargeField));
        }
        self.skip = !self.wanted && !self.keep;
        self.huffman = self.first & 0x80 != 0 && !self.skip;
        self.left = length;
        if self.skip {
            self.skipped += length;
        }
        self.stage = if self.stage == Stage::NameLength {
            Stage::Name
        } else {
            Stage::Value
        };
        if length == 0 {
            self.string_complete(fields)?;
        }
        Ok(None)
    }

    /// ngx_http_v2_state_field_raw, ngx_http_v2_state_field_huff and ngx_http_v2_state_field_skip.
    #[inline]
    fn string(
        &mut self,
        bytes: &[u8],
        used: &mut usize,
        fields: &mut Fields,
    ) -> Result<Option<Step>, Wrong> {
        let taken = (bytes.len() - *used).min(self.left as usize);
        let piece = &bytes[*used..*used + taken];
        *used += taken;
        self.left -= taken as u32;
        self.rest -= taken as u32;
        if self.huffman {
            let decoded = self.code.decode(piece, &mut fields.text);
            decoded.map_err(|_| compression(Complaint::Encoding))?;
        } else if !self.skip {
            fields.text.extend_from_slice(piece);
        }
        if self.left == 0 {
            self.string_complete(fields)?;
            return Ok(None);
        }
        if self.rest > 0 {
            return Ok(Some(Step::NeedMore));
        }
        if self.last {
            return Err((ErrorCode::FRAME_SIZE_ERROR, Complaint::FieldLength));
        }
        Ok(Some(Step::NextFrame))
    }

    #[inline]
    fn string_complete(&mut self, fields: &mut Fields) -> Result<(), Wrong> {
        if self.huffman {
            let ended = self.code.finish();
            ended.map_err(|_| compression(Complaint::Encoding))?;
        }
        if self.stage == Stage::Value {
            return self.complete(fields);
        }
        self.value = fields.text.len() as u32;
        if self.value == self.start && self.skipped == 0 {
            return Err((ErrorCode::PROTOCOL_ERROR, Complaint::EmptyName));
        }
        self.stage = Stage::ValueLength;
        Ok(())
    }

    /// A field is there (ngx_http_v2_state_process_header).
    #[inline]
    fn complete(&mut self, fields: &mut Fields) -> Result<(), Wrong> {
        let end = fields.text.len() as u32;
        let left = self.limit.checked_sub(end - self.start + self.skipped);
        self.limit = left.ok_or((ErrorCode::ENHANCE_YOUR_CALM, Complaint::LargeHeader))?;
        if self.keep {
            self.keep = false;
            let (start, value) = (self.start as usize, self.value as usize);
            let (name, value) = (&fields.text[start..value], &fields.text[value..]);
            self.table.add(name, value);
        }
        if self.wanted {
            fields.lines.push(FieldLine {
                start: self.start,
                value: self.value,
                end,
            });
        } else {
            fields.text.truncate(self.start as usize);
        }
        self.stage = Stage::Complete;
        Ok(())
    }

    /// An integer (ngx_http_v2_parse_int), or `None` if it goes on in octets not received yet.
    #[inline]
    fn int(&mut self, bytes: &[u8], used: &mut usize, prefix: u8) -> Option<Result<u32, NotInt>> {
        while let Some(octet) = bytes.get(*used) {
            *used += 1;
            self.rest -= 1;
            if self.octets == 0 {
                self.first = *octet;
                let value = octet & prefix;
                if value != prefix {
                    return Some(Ok(u32::from(value)));
                }
                self.int = u32::from(prefix);
            } else {
                self.int += u32::from(octet & 0x7f) << (7 * (self.octets - 1));
                if *octet < 0x80 {
                    self.octets = 0;
                    return Some(Ok(self.int));
                }
            }
            self.octets += 1;
            if self.rest == 0 {
                return Some(Err(NotInt::Length));
            }
            if u32::from(self.octets) == INT_OCTETS {
                return Some(Err(NotInt::TooLong));
            }
        }
        None
    }
}

fn block_length() -> Wrong {
    (ErrorCode::FRAME_SIZE_ERROR, Complaint::BlockLength)
}

fn compression(complaint: Complaint) -> Wrong {
    (ErrorCode::COMPRESSION_ERROR, complaint)
}

/// nginx counts these from the table's first entry.
fn out_of_bound(place: usize) -> Wrong {
    compression(Complaint::IndexOutOfBound(place as u32))
}
