//! What variables show of a certificate: `$ssl_client_…`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::x509::Certificate;

const DAY: i64 = 24 * 60 * 60;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl Certificate {
    /// Whose it is, as RFC 2253 writes names.
    pub fn subject(&self) -> Vec<u8> {
        self.subject.rfc2253()
    }

    /// Who has signed it, as RFC 2253 writes names.
    pub fn issuer(&self) -> Vec<u8> {
        self.issuer.rfc2253()
    }

    /// Whose it is, as OpenSSL wrote names of old.
    pub fn legacy_subject(&self) -> Vec<u8> {
        self.subject.oneline()
    }

    /// Who has signed it, as OpenSSL wrote names of old.
    pub fn legacy_issuer(&self) -> Vec<u8> {
        self.issuer.oneline()
    }

    /// In armour, with a line's end behind it (`PEM_write_bio_X509`).
    pub fn armoured(&self) -> String {
        let encoded = STANDARD.encode(self.der());
        let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in encoded.as_bytes().chunks(64) {
            out.extend(line.iter().map(|byte| char::from(*byte)));
            out.push('\n');
        }
        out.push_str("-----END CERTIFICATE-----\n");
        out
    }

    /// Its number in hexadecimal (`i2a_ASN1_INTEGER`).
    pub fn serial_shown(&self) -> String {
        let bytes = self.serial();
        let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let mut magnitude = bytes.to_vec();
        if negative {
            let mut carry = true;
            for byte in magnitude.iter_mut().rev() {
                let (turned, over) = (!*byte).overflowing_add(u8::from(carry));
                (*byte, carry) = (turned, over);
            }
        }
        let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
        let digits = &magnitude[zeros.min(magnitude.len().saturating_sub(1))..];
        let digits: String = digits.iter().map(|byte| format!("{byte:02X}")).collect();
        let sign = if negative { "-" } else { "" };
        format!("{sign}{digits}")
    }

    /// Its SHA-1.
    pub fn fingerprint(&self) -> String {
        let digest = Sha1::digest(self.der());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// When it begins to be good, as OpenSSL prints times.
    pub fn begins(&self) -> String {
        shown_time(self.not_before)
    }

    /// When it is good no longer, as OpenSSL prints times.
    pub fn ends(&self) -> String {
        shown_time(self.not_after)
    }

    /// For how many whole days it is still good.
    pub fn days_left(&self, now: i64) -> Option<i64> {
        self.not_after.map(|end| ((end - now) / DAY).max(0))
    }
}

fn shown_time(time: Option<i64>) -> String {
    time.map_or_else(|| "Bad time value".to_owned(), printed)
}

fn printed(time: i64) -> String {
    let (days, second) = (time.div_euclid(DAY), time.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let month = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!(
        "{month} {day:2} {hour:02}:{minute:02}:{:02} {year} GMT",
        second % 60
    )
}

/// Year, month and day of the Gregorian calendar, of days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_openssl_prints_them() {
        assert_eq!(printed(0), "Jan  1 00:00:00 1970 GMT");
        assert_eq!(printed(1_709_208_000), "Feb 29 12:00:00 2024 GMT");
        assert_eq!(printed(-1), "Dec 31 23:59:59 1969 GMT");
        assert_eq!(printed(253_402_300_799), "Dec 31 23:59:59 9999 GMT");
    }
}
