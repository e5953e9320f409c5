//! A file of users and passwords: `USER:HASH` on each line, and perhaps `:` and more.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Bytes of a hash that nginx has room for (`NGX_HTTP_AUTH_BUF_SIZE`); what is beyond them does not count.
const LONGEST: usize = 2048;

/// Bytes read at once.
const PIECE: usize = 16 * 1024;

/// Opens without waiting: a named pipe without a writer would stop the worker.
pub(super) fn open(path: &[u8]) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(Path::new(OsStr::from_bytes(path)))
}

/// The hash of the user whose lines begin with `user_and_colon`; `None` if the file has no such line.
///
/// # Errors
///
/// What `read()` says.
pub(super) fn find(mut file: File, user_and_colon: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut search = Search::new(user_and_colon);
    let mut piece = vec![0; PIECE];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 || search.reads(&piece[..count]) {
            return Ok(search.hash());
        }
    }
}

/// Where in a file a search stands (`ngx_http_auth_basic_handler`).
struct Search<'a> {
    user_and_colon: &'a [u8],
    at: At,
    hash: Vec<u8>,
}

enum At {
    /// So many bytes of a line are those of the user.
    User(usize),
    Hash,
    /// The line is somebody else's.
    Others,
}

impl<'a> Search<'a> {
    fn new(user_and_colon: &'a [u8]) -> Self {
        Self {
            user_and_colon,
            at: At::User(0),
            hash: Vec::new(),
        }
    }

    /// Reads on; `true` if the hash is complete.
    fn reads(&mut self, bytes: &[u8]) -> bool {
        for &byte in bytes {
            self.at = match self.at {
                At::User(0) if matches!(byte, b'#' | b'\r') => At::Others,
                At::User(0) if byte == b'\n' => At::User(0),
                At::User(same) if self.user_and_colon.get(same) == Some(&byte) => {
                    if same + 1 == self.user_and_colon.len() {
                        At::Hash
                    } else {
                        At::User(same + 1)
                    }
                }
                // nginx does not look whether the byte ends the line: then the next one is skipped, too.
                At::User(_) => At::Others,
                At::Hash if matches!(byte, b'\n' | b'\r' | b':') || self.hash.len() == LONGEST => {
                    return true;
                }
                At::Hash => {
                    self.hash.push(byte);
                    At::Hash
                }
                At::Others if byte == b'\n' => At::User(0),
                At::Others => At::Others,
            };
        }
        false
    }

    fn hash(self) -> Option<Vec<u8>> {
        let mut hash = match self.at {
            At::Hash => self.hash,
            At::User(_) | At::Others => return None,
        };
        if let Some(end) = memchr::memchr(0, &hash) {
            hash.truncate(end);
        }
        Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, user: &str, hash: Option<&str>) {
        for split in [1, 3, 1000] {
            let user_and_colon = format!("{user}:");
            let mut search = Search::new(user_and_colon.as_bytes());
            let mut pieces = file.as_bytes().chunks(split);
            let _ = pieces.any(|piece| search.reads(piece));
            let found = search.hash();
            assert_eq!(
                found.as_deref(),
                hash.map(str::as_bytes),
                "{user} in {file:?}"
            );
        }
    }

    #[test]
    fn the_first_line_of_a_user_counts() {
        check("joe:1\njim:2\njoe:3\n", "joe", Some("1"));
        check("joe:1\njim:2:Jim\n", "jim", Some("2"));
        check("joe:1\r\njim:2\r\n", "jim", Some("2"));
        check("\n\n#joe:1\njoe:2", "joe", Some("2"));
        check("joe:\n", "joe", Some(""));
        check("joe", "joe", None);
        check("joey:1\n", "joe", None);
        check("jo:1\n", "joe", None);
        check("", "joe", None);
        check("joe:a\0b\n", "joe", Some("a"));
    }

    #[test]
    fn a_line_that_breaks_off_takes_the_next_along() {
        check("jo\njoe:1\njoe:2\n", "joe", Some("2"));
        check("x\njoe:1\n", "joe", Some("1"));
        check("\rjoe:1\njoe:2\n", "joe", Some("2"));
    }

    #[test]
    fn long_hashes_are_cut() {
        let long = "x".repeat(3000);
        check(&format!("joe:{long}\n"), "joe", Some(&long[..LONGEST]));
    }
}
