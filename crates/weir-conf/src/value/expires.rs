//! `expires`: until when an answer is fresh.

use thiserror::Error;

use super::number::parse_seconds;
use crate::Template;

/// An `expires`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expires {
    /// Without variables.
    Fixed(Expiry),
    /// A text to be read when it is evaluated, see [`Expiry::parse`]; with an invalid one no field is
    /// set.
    Variable {
        /// Without the word `modified`.
        text: Template,
        /// Whether that word stands before it.
        modified: bool,
    },
}

/// Until when an answer is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Nothing is said.
    Off,
    /// It never was.
    Epoch,
    /// For ten years, and until 2037.
    Max,
    /// So many seconds from now; fewer than 0: it was, until then.
    After(i64),
    /// So many seconds from when it was changed; from now, if that is not known.
    AfterModified(i64),
    /// Until this second of the local day comes next.
    Daily(i64),
}

/// Why a text says no expiry; nginx's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExpiryFault {
    /// `modified @…`.
    #[error("daily time cannot be used with \"modified\" parameter")]
    DailyAndModified,
    /// No time.
    #[error("invalid value")]
    Invalid,
    /// A time of day that no day has.
    #[error("daily time value must be less than 24 hours")]
    DailyTooLong,
}

impl Expiry {
    /// Reads a word, a time with or without a sign, or `@` and a time of day; only times may follow
    /// `modified` (`ngx_http_parse_expires`).
    pub fn parse(text: &[u8], modified: bool) -> Result<Self, ExpiryFault> {
        let seconds = |text| {
            let seconds = parse_seconds(text).and_then(|seconds| i64::try_from(seconds).ok());
            seconds.ok_or(ExpiryFault::Invalid)
        };
        let from_now = |seconds| match modified {
            true => Self::AfterModified(seconds),
            false => Self::After(seconds),
        };
        match text {
            b"epoch" if !modified => Ok(Self::Epoch),
            b"max" if !modified => Ok(Self::Max),
            b"off" if !modified => Ok(Self::Off),
            [b'@', ..] if modified => Err(ExpiryFault::DailyAndModified),
            [b'@', time @ ..] => match seconds(time)? {
                // The end of a day is taken, too.
                time @ ..=86_400 => Ok(Self::Daily(time)),
                _ => Err(ExpiryFault::DailyTooLong),
            },
            [b'-', time @ ..] => Ok(from_now(-seconds(time)?)),
            [b'+', time @ ..] => Ok(from_now(seconds(time)?)),
            time => Ok(from_now(seconds(time)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_nginx_reads_them() {
        let check = |text: &str, now, modified| {
            assert_eq!(Expiry::parse(text.as_bytes(), false), now, "{text}");
            assert_eq!(Expiry::parse(text.as_bytes(), true), modified, "{text}");
        };
        let invalid = Err(ExpiryFault::Invalid);
        let daily = Err(ExpiryFault::DailyAndModified);
        let both = |text, seconds| {
            let modified = Ok(Expiry::AfterModified(seconds));
            check(text, Ok(Expiry::After(seconds)), modified);
        };
        check("epoch", Ok(Expiry::Epoch), invalid);
        check("max", Ok(Expiry::Max), invalid);
        check("off", Ok(Expiry::Off), invalid);
        check("@15h30m", Ok(Expiry::Daily(55_800)), daily);
        check("@24h", Ok(Expiry::Daily(86_400)), daily);
        check("@24h1s", Err(ExpiryFault::DailyTooLong), daily);
        check("@", invalid, daily);
        check("@-1h", invalid, daily);
        both("0", 0);
        both("+1h", 3600);
        both("-1y", -31_536_000);
        both("1M 1d", 31 * 86_400);
        for text in ["", "+", "--1", "MAX", "1ms", "x"] {
            check(text, invalid, invalid);
        }
    }
}
