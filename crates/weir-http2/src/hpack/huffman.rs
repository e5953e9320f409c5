//! The Huffman code of header strings (RFC 7541, appendix B).
//!
//! The code is canonical: the lengths say it all. Short codes, and with them nearly all symbols of real
//! heads, are decoded by look-ups, often two at once; longer ones by comparing with the first code of
//! each length.

/// Octets that no Huffman code is, or the end of a string in the midst of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHuffman;

/// The longest code.
const LONGEST: usize = 30;
/// Bits of the look-up table, in which two codes of six find room.
const SHORT: usize = 12;
/// The symbol that ends a string, and that may not occur.
const EOS: u16 = 256;

/// Bits of each octet's code.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// Each octet's code, to the right.
const CODES: [u32; 256] = codes();
/// Each octet's code, upper-case letters coded as lower-case ones, with its length in the low octet.
const LOWER: [u64; 256] = packed(true);
const PLAIN: [u64; 256] = packed(false);
/// Bits of each octet's code in [`LOWER`].
const LOWER_LENGTHS: [u8; 256] = lower_lengths();
/// By the next [`SHORT`] bits: what they begin with.
const LOOK_UP: [Found; 1 << SHORT] = look_up();
const BY_LENGTH: ByLength = by_length();

/// Where the codes of each length begin, bits to the left of a u32, and in which order their symbols are.
struct ByLength {
    /// The first code that is longer.
    limit: [u32; LONGEST + 1],
    /// The first code of this length.
    first: [u32; LONGEST + 1],
    /// The place of its symbol.
    place: [u16; LONGEST + 1],
    symbols: [u16; 257],
}

const fn codes() -> [u32; 256] {
    let mut codes = [0; 256];
    let (mut code, mut bits) = (0_u32, 1);
    while bits <= LONGEST {
        let mut symbol = 0;
        while symbol < 256 {
            if LENGTHS[symbol] as usize == bits {
                codes[symbol] = code;
                code += 1;
            }
            symbol += 1;
        }
        code <<= 1;
        bits += 1;
    }
    codes
}

const fn packed(lower: bool) -> [u64; 256] {
    let mut packed = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let symbol = if lower {
            (octet as u8).to_ascii_lowercase() as usize
        } else {
            octet
        };
        packed[octet] = (CODES[symbol] as u64) << 8 | LENGTHS[symbol] as u64;
        octet += 1;
    }
    packed
}

const fn lower_lengths() -> [u8; 256] {
    let mut lengths = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        lengths[octet] = LOWER[octet] as u8;
        octet += 1;
    }
    lengths
}

/// One symbol or two, or none if the code is longer than the look-up table knows.
#[derive(Clone, Copy)]
struct Found {
    symbols: [u8; 2],
    /// How many.
    count: u8,
    /// The bits of all of them.
    bits: u8,
}

const fn look_up() -> [Found; 1 << SHORT] {
    let none = Found {
        symbols: [0; 2],
        count: 0,
        bits: 0,
    };
    let mut table = [none; 1 << SHORT];
    let mut symbol = 0;
    while symbol < 256 {
        let bits = LENGTHS[symbol] as usize;
        if bits <= SHORT {
            let first = (CODES[symbol] as usize) << (SHORT - bits);
            let mut below = 0;
            while below < 1 << (SHORT - bits) {
                table[first + below].symbols[0] = symbol as u8;
                table[first + below].count = 1;
                table[first + below].bits = bits as u8;
                below += 1;
            }
        }
        symbol += 1;
    }
    with_seconds(table)
}

/// Adds the second symbol where all of its code is there, too.
const fn with_seconds(firsts: [Found; 1 << SHORT]) -> [Found; 1 << SHORT] {
    let mut table = firsts;
    let mut index = 0;
    while index < table.len() {
        let first = firsts[index];
        let second = firsts[index << first.bits & ((1 << SHORT) - 1)];
        if first.count > 0 && second.count > 0 && (first.bits + second.bits) as usize <= SHORT {
            table[index].symbols[1] = second.symbols[0];
            table[index].count = 2;
            table[index].bits = first.bits + second.bits;
        }
        index += 1;
    }
    table
}

const fn by_length() -> ByLength {
    let mut made = ByLength {
        limit: [0; LONGEST + 1],
        first: [0; LONGEST + 1],
        place: [0; LONGEST + 1],
        symbols: [EOS; 257],
    };
    let (mut code, mut place, mut bits) = (0_u64, 0, 1);
    while bits <= LONGEST {
        made.first[bits] = (code << (32 - bits)) as u32;
        made.place[bits] = place as u16;
        let mut symbol = 0;
        while symbol < 256 {
            if LENGTHS[symbol] as usize == bits {
                made.symbols[place] = symbol as u16;
                place += 1;
                code += 1;
            }
            symbol += 1;
        }
        // EOS is the last code of all, and stays as it was preset.
        made.limit[bits] = (code << (32 - bits)) as u32;
        code <<= 1;
        bits += 1;
    }
    made.limit[LONGEST] = u32::MAX;
    made
}

/// A string that is being decoded, piece by piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoding {
    /// Bits that are not decoded yet, to the left.
    bits: u64,
    /// How many. After a call: fewer than the code that they begin has.
    count: u32,
}

impl Decoding {
    /// Decodes the next octets of a string (ngx_http_huff_decode).
    ///
    /// # Errors
    ///
    /// The code that ends a string is in it.
    pub fn decode(&mut self, mut input: &[u8], text: &mut Vec<u8>) -> Result<(), NotHuffman> {
        let start = text.len();
        // No code has fewer than five bits, and a look-up writes one octet too many.
        text.resize(start + input.len() * 8 / 5 + 8, 0);
        let (mut bits, mut count, mut end) = (self.bits, self.count, start);
        while !input.is_empty() {
            (bits, count, input) = refill(bits, count, input);
            loop {
                let found = LOOK_UP[(bits >> (64 - SHORT)) as usize];
                let length = u32::from(found.bits);
                if found.count > 0 && length <= count {
                    text[end..end + 2].copy_from_slice(&found.symbols);
                    end += usize::from(found.count);
                    bits <<= length;
                    count -= length;
                    continue;
                }
                let (symbol, length) = first(found, bits);
                if length > count {
                    break;
                }
                text[end] = u8::try_from(symbol).map_err(|_| NotHuffman)?;
                end += 1;
                bits <<= length;
                count -= length;
            }
        }
        text.truncate(end);
        *self = Self { bits, count };
        Ok(())
    }

    /// Ends the string: what is left must be the first bits of EOS. RFC 7541 wants fewer than
    /// eight; nginx takes as many as do not make EOS.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn finish(&mut self) -> Result<(), NotHuffman> {
        let Self { bits, count } = std::mem::take(self);
        let padded = count == 0 || bits >> (64 - count) == (1 << count) - 1;
        padded.then_some(()).ok_or(NotHuffman)
    }
}

/// Fills the bits up with whole octets. What is there of the next octet behind them does no harm: it
/// is the same when that octet's turn comes.
#[inline]
fn refill(mut bits: u64, mut count: u32, mut input: &[u8]) -> (u64, u32, &[u8]) {
    if let Some(word) = input.first_chunk() {
        bits |= u64::from_be_bytes(*word) >> count;
        let octets = (64 - count) / 8;
        return (bits, count + octets * 8, &input[octets as usize..]);
    }
    while count <= 56
        && let Some((octet, rest)) = input.split_first()
    {
        bits |= u64::from(*octet) << (56 - count);
        count += 8;
        input = rest;
    }
    (bits, count, input)
}

/// The first symbol and its bits.
#[inline]
fn first(found: Found, bits: u64) -> (u16, u32) {
    if found.count == 0 {
        return long((bits >> 32) as u32);
    }
    let symbol = found.symbols[0];
    (u16::from(symbol), u32::from(LENGTHS[usize::from(symbol)]))
}

/// The symbol whose code begins these bits, and the code's length. Missing bits count as zeros.
fn long(bits: u32) -> (u16, u32) {
    let length = (SHORT + 1..LONGEST)
        .find(|length| bits < BY_LENGTH.limit[*length])
        .unwrap_or(LONGEST);
    let behind = (bits - BY_LENGTH.first[length]) >> (32 - length);
    let place = usize::from(BY_LENGTH.place[length]) + behind as usize;
    (BY_LENGTH.symbols[place.min(256)], length as u32)
}

/// Octets that `text` takes when it is coded.
#[inline]
#[must_use]
pub fn encoded_len(text: &[u8], lower: bool) -> usize {
    let lengths = if lower { &LOWER_LENGTHS } else { &LENGTHS };
    let bits: usize = text
        .iter()
        .map(|octet| usize::from(lengths[usize::from(*octet)]))
        .sum();
    bits.div_ceil(8)
}

/// Appends the code of `text`, filled up with ones (ngx_http_huff_encode).
pub fn encode(text: &[u8], lower: bool, out: &mut Vec<u8>) {
    let table = if lower { &LOWER } else { &PLAIN };
    let (mut bits, mut count) = (0_u64, 0);
    for octet in text {
        let packed = table[usize::from(*octet)];
        let length = packed as u8 as u32;
        bits = bits << length | packed >> 8;
        count += length;
        if count >= 32 {
            count -= 32;
            out.extend_from_slice(&((bits >> count) as u32).to_be_bytes());
        }
    }
    while count >= 8 {
        count -= 8;
        out.push((bits >> count) as u8);
    }
    if count > 0 {
        out.push((bits << (8 - count)) as u8 | 0xff >> count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples_of_the_rfc() {
        // RFC 7541, C.4 and C.6.
        let cases: [(&str, &[u8]); 6] = [
            (
                "www.example.com",
                &[
                    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
                ],
            ),
            ("no-cache", &[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]),
            (
                "custom-key",
                &[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f],
            ),
            ("302", &[0x64, 0x02]),
            ("private", &[0xae, 0xc3, 0x77, 0x1a, 0x4b]),
            ("gzip", &[0x9b, 0xd9, 0xab]),
        ];
        for (text, code) in cases {
            let mut out = Vec::new();
            encode(text.as_bytes(), false, &mut out);
            assert_eq!(out, code, "{text}");
            assert_eq!(encoded_len(text.as_bytes(), false), code.len());
            assert_eq!(decode(code, code.len()).as_deref(), Ok(text.as_bytes()));
        }
    }

    #[test]
    fn codes_of_the_rfc_s_table() {
        // From RFC 7541, B: the first and the last octet, and one of each end of the lengths.
        for (octet, code, bits) in [
            (0, 0x1ff8, 13),
            (10, 0x3fff_fffc, 30),
            (48, 0, 5),
            (92, 0x7fff0, 19),
            (97, 3, 5),
            (249, 0x0fff_fffe, 28),
            (255, 0x03ff_ffee, 26),
        ] {
            assert_eq!((CODES[octet], LENGTHS[octet]), (code, bits), "{octet}");
        }
    }

    #[test]
    fn what_is_no_code() {
        // EOS; padding of zeros; the midst of a code.
        for code in [&[0xff; 4][..], &[0x18], &[0xfe]] {
            assert_eq!(decode(code, 1), Err(NotHuffman), "{code:02x?}");
            assert_eq!(decode(code, 4), Err(NotHuffman), "{code:02x?}");
        }
        assert_eq!(decode(&[0x1f], 1).as_deref(), Ok(&b"a"[..]));
        assert_eq!(decode(&[0x1f, 0xff, 0xff], 1).as_deref(), Ok(&b"a"[..]));
        assert_eq!(decode(&[], 1).as_deref(), Ok(&b""[..]));
    }

    fn decode(code: &[u8], piece: usize) -> Result<Vec<u8>, NotHuffman> {
        let (mut decoding, mut text) = (Decoding::default(), Vec::new());
        for piece in code.chunks(piece.max(1)) {
            decoding.decode(piece, &mut text)?;
        }
        decoding.finish().map(|()| text)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text: Vec<u8>, piece in 1_usize..9) {
            let mut code = Vec::new();
            encode(&text, false, &mut code);
            prop_assert_eq!(code.len(), encoded_len(&text, false));
            prop_assert_eq!(decode(&code, piece), Ok(text.clone()));
            let mut lower = Vec::new();
            encode(&text, true, &mut lower);
            prop_assert_eq!(decode(&lower, piece), Ok(text.to_ascii_lowercase()));
        }

        #[test]
        fn pieces_do_not_matter(code: Vec<u8>, piece in 1_usize..9) {
            prop_assert_eq!(decode(&code, piece), decode(&code, code.len()));
        }
    }
}
