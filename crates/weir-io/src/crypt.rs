//! Passwords hashed by the system's `crypt()`.

#![allow(
    unsafe_code,
    reason = "the hashes that a system knows are its C library's"
)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::io;

#[link(name = "crypt")]
unsafe extern "C" {
    fn crypt_r(phrase: *const c_char, setting: *const c_char, room: *mut c_void) -> *const c_char;
}

/// Words of the room that a call works in: more than any C library's `crypt_data` has.
const ROOM: usize = 32 * 1024;

/// Hashes `phrase` as `setting`, a hash that was made before, says; both up to their first zero
/// (`ngx_libc_crypt`). It takes as long as the hash is meant to.
///
/// # Errors
///
/// The system knows no such hash.
pub fn crypt(phrase: &[u8], setting: &[u8]) -> io::Result<Vec<u8>> {
    let (phrase, setting) = (text(phrase), text(setting));
    let mut room = vec![0u64; ROOM];
    // SAFETY: both texts end with a zero, and the room, all zeros as its first use demands, is larger than
    // a `crypt_data` and aligned as one. All three live until the answer has been copied.
    unsafe {
        let hash = crypt_r(phrase.as_ptr(), setting.as_ptr(), room.as_mut_ptr().cast());
        if hash.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(CStr::from_ptr(hash).to_bytes().to_vec())
    }
}

fn text(bytes: &[u8]) -> CString {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    CString::new(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_says_how_it_was_made() {
        let md5 = b"$1$abcdefgh$irWbblnpmw.5z7wgBnprh0";
        let hash = crypt(b"password", md5).unwrap();
        assert!(hash.starts_with(b"$1$abcdefgh$") && hash.len() == md5.len());
        assert_eq!(crypt(b"password", &hash).unwrap(), hash);
        assert_ne!(crypt(b"passwort", &hash).unwrap(), hash);
        assert_eq!(crypt(b"password\0more", &hash).unwrap(), hash);
    }
}
