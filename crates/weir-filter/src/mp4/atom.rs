//! What MP4 files consist of: atoms, which begin with their length and a name.

use super::Fault;

/// Bytes of the beginning of an atom, at most.
pub const LONGEST_HEADER: usize = 16;

/// The beginning of a usual atom: its length in 32 bits, and its name.
pub(super) const HEADER: usize = 8;

/// The beginning of an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: [u8; 4],
    /// Bytes of the beginning itself.
    pub length: usize,
    /// Bytes of the whole atom.
    pub size: u64,
}

impl Header {
    /// Reads the beginning of an atom; `bytes` go on behind the `room` that its surroundings have for it, as far
    /// as the file does. `None`: an atom of no size, behind which nothing is read (`ngx_http_mp4_read_atom`).
    ///
    /// # Errors
    /// The file is over, or the length is none.
    pub fn read(bytes: &[u8], room: u64) -> Result<Option<Self>, Fault> {
        let truncated = || Fault::Of("mp4 file truncated".to_owned());
        let mut size = u64::from(number(bytes, 0).ok_or_else(truncated)?);
        let mut length = HEADER;
        if size == 0 {
            return Ok(None);
        }
        let mut least = HEADER as u64;
        if size == 1 {
            size = wide_number(bytes, HEADER).ok_or_else(truncated)?;
            length = LONGEST_HEADER;
            least = LONGEST_HEADER as u64;
        }
        if size < least {
            return Err(Fault::Of(format!("mp4 atom is too small:{size}")));
        }
        let name = bytes.get(4..8).and_then(|name| name.try_into().ok());
        let name = name.ok_or_else(truncated)?;
        if size > room {
            return Err(Fault::Of(format!("mp4 atom too large:{size}")));
        }
        Ok(Some(Self { name, length, size }))
    }
}

/// The number in four bytes.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

/// The number in eight bytes.
pub(super) fn wide_number(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_be_bytes(*bytes))
}

/// Writes the beginning of an atom; its size is known when it is [`close`]d.
pub(super) fn open(name: &[u8; 4], out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(name);
    start
}

/// Writes the size of the atom that begins at `start` and ends here.
pub(super) fn close(start: usize, out: &mut [u8]) {
    // A movie's index has less than 4 GB.
    let size = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// Writes a whole atom.
pub(super) fn write(name: &[u8; 4], data: &[u8], out: &mut Vec<u8>) {
    let start = open(name, out);
    out.extend_from_slice(data);
    close(start, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings() {
        let check = |bytes: &[u8], room, expected: Result<Option<(usize, u64)>, &str>| {
            let found = Header::read(bytes, room);
            let found = found.map(|header| header.map(|header| (header.length, header.size)));
            let expected = expected.map_err(|text| Fault::Of(text.to_owned()));
            assert_eq!(found, expected, "{bytes:?}");
        };
        check(b"\0\0\0\x08free", 8, Ok(Some((8, 8))));
        check(b"\0\0\0\0", 4, Ok(None));
        check(b"\0\0\0", 3, Err("mp4 file truncated"));
        check(b"\0\0\0\x08fre", 7, Err("mp4 file truncated"));
        check(b"\0\0\0\x07free", 8, Err("mp4 atom is too small:7"));
        check(b"\0\0\0\x09free", 8, Err("mp4 atom too large:9"));
        check(b"\0\0\0\x01free\0\0\0\0\0\0\0\x10", 16, Ok(Some((16, 16))));
        check(
            b"\0\0\0\x01free\0\0\0\0\0\0\0\x0f",
            16,
            Err("mp4 atom is too small:15"),
        );
        check(b"\0\0\0\x01free\0\0\0", 16, Err("mp4 file truncated"));
    }
}
