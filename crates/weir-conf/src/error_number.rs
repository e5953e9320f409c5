//! The system's words for its error numbers.

use std::fmt;
use std::io;
use std::sync::LazyLock;

/// An error number of the system. Shown as in nginx's lines: `2: No such file or directory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorNumber(pub i32);

/// One more than the greatest number that Linux has.
const COUNT: usize = 134;

/// All texts, made once, as nginx does at its start (`ngx_strerror_init`).
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| (0..).map(words_of).take(COUNT).collect());

impl ErrorNumber {
    /// The C library's words, as strerror(3) has them.
    pub fn words(self) -> &'static str {
        let index = usize::try_from(self.0).ok();
        let known = index.and_then(|index| WORDS.get(index));
        known.map_or("Unknown error", String::as_str)
    }

    /// Whether the peer or the network, not this machine, caused the error (`ngx_connection_error`).
    pub fn is_remote(self) -> bool {
        matches!(
            self.0,
            0 | libc::ECONNRESET
                | libc::EPIPE
                | libc::ENOTCONN
                | libc::ETIMEDOUT
                | libc::ECONNREFUSED
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ECONNABORTED
        )
    }
}

/// What failed elsewhere than in the system has the number 0.
impl From<&io::Error> for ErrorNumber {
    fn from(error: &io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(0))
    }
}

impl fmt::Display for ErrorNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0, self.words())
    }
}

/// The standard library shows strerror_r(3)'s words and the number in parentheses.
fn words_of(number: i32) -> String {
    let text = io::Error::from_raw_os_error(number).to_string();
    let words = text.strip_suffix(&format!(" (os error {number})"));
    words.unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: i32, expected: &str) {
        assert_eq!(ErrorNumber(number).to_string(), expected);
    }

    #[test]
    fn words_are_the_c_librarys() {
        check(0, "0: Success");
        check(2, "2: No such file or directory");
        check(11, "11: Resource temporarily unavailable");
        check(40, "40: Too many levels of symbolic links");
        check(110, "110: Connection timed out");
        check(111, "111: Connection refused");
        check(133, "133: Memory page has hardware error");
        check(134, "134: Unknown error");
        check(-1, "-1: Unknown error");
    }
}
