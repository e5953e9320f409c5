//! HTTP dates, as seconds since 1970.

const DAY: i64 = 24 * 60 * 60;

/// The months' names, as HTTP shortens them.
pub const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

const WEEKDAYS: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];

/// The shapes a date is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `Tue, 10 Nov 2002 23:50:13`.
    Rfc822,
    /// `Tuesday, 10-Dec-02 23:50:13`.
    Rfc850,
    /// `Tue Dec 10 23:50:13 2002`.
    Asctime,
}

/// Reads a date in any of the three shapes; what stands behind it, the zone included, is not looked at,
/// nor is the day of the week (`ngx_parse_http_time`).
#[must_use]
pub fn parse(text: &[u8]) -> Option<i64> {
    let mut rest = Rest(text);
    let is_asctime = rest.skip_weekday();
    if rest.0.len() < 18 {
        return None;
    }
    let (shape, mut day) = if is_asctime {
        (Shape::Asctime, 0)
    } else {
        rest.day_and_shape()?
    };
    let month = rest.month()?;
    match (shape, rest.byte()?) {
        (Shape::Rfc822, b' ') | (Shape::Rfc850, b'-') | (Shape::Asctime, _) => {}
        (Shape::Rfc822 | Shape::Rfc850, _) => return None,
    }
    let mut year = 0;
    match shape {
        Shape::Rfc822 => year = rest.digits(4)?,
        Shape::Rfc850 => {
            let short = rest.digits(2)?;
            year = short + if short < 70 { 2000 } else { 1900 };
        }
        Shape::Asctime => day = rest.asctime_day()?,
    }
    rest.exactly(b' ')?;
    let second = rest.time_of_day()?;
    if shape == Shape::Asctime {
        rest.exactly(b' ')?;
        year = rest.digits(4)?;
    }
    let days = days_in(month, year);
    (day <= days).then(|| days_before(year, month, day) * DAY + second)
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn exactly(&mut self, wanted: u8) -> Option<()> {
        (self.byte()? == wanted).then_some(())
    }

    /// A number of `count` digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let mut number = 0;
        for _ in 0..count {
            number = number * 10 + i64::from(char::from(self.byte()?).to_digit(10)?);
        }
        Some(number)
    }

    /// Skips the day of the week; whether a space ends it, which only one shape has.
    fn skip_weekday(&mut self) -> bool {
        let end = self.0.iter().position(|byte| matches!(byte, b',' | b' '));
        let end = end.unwrap_or(self.0.len());
        let spaced = self.0.get(end) == Some(&b' ');
        let behind = self.0.get(end + 1..).unwrap_or_default();
        let spaces = behind.iter().take_while(|&&byte| byte == b' ').count();
        self.0 = &behind[spaces..];
        spaced
    }

    fn day_and_shape(&mut self) -> Option<(Shape, i64)> {
        let day = self.digits(2)?;
        let shape = match self.0.first()? {
            b' ' if self.0.len() >= 18 => Shape::Rfc822,
            b'-' => Shape::Rfc850,
            _ => return None,
        };
        self.byte()?;
        Some((shape, day))
    }

    /// The month, from 0: its first letter, and as many more as it takes to tell it from others.
    fn month(&mut self) -> Option<i64> {
        let name: &[u8; 3] = self.0.first_chunk()?;
        let month = match name {
            [b'J', b'a', _] => 0,
            [b'J', _, b'n'] => 5,
            [b'J', ..] => 6,
            [b'F', ..] => 1,
            [b'M', _, b'r'] => 2,
            [b'M', ..] => 4,
            [b'A', b'p', _] => 3,
            [b'A', ..] => 7,
            [b'S', ..] => 8,
            [b'O', ..] => 9,
            [b'N', ..] => 10,
            [b'D', ..] => 11,
            _ => return None,
        };
        self.0 = &self.0[3..];
        Some(month)
    }

    /// One digit or two, after one more space if there is one.
    fn asctime_day(&mut self) -> Option<i64> {
        if self.0.first() == Some(&b' ') {
            self.byte()?;
        }
        let mut day = self.digits(1)?;
        if self.0.first()? != &b' ' {
            day = day * 10 + self.digits(1)?;
        }
        (self.0.len() >= 14).then_some(day)
    }

    /// `23:50:13`, in seconds.
    fn time_of_day(&mut self) -> Option<i64> {
        let hour = self.digits(2)?;
        self.exactly(b':')?;
        let minute = self.digits(2)?;
        self.exactly(b':')?;
        let second = self.digits(2)?;
        (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
    }
}

/// Days of the month, which is counted from 0.
fn days_in(month: i64, year: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 if leap => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Days from 1970 to this one.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the day that is not always there comes last.
    let (year, month) = if month < 2 {
        (year - 1, month + 10)
    } else {
        (year, month - 2)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - DAYS_TO_1970
}

/// Days from March of the year 0 to 1970.
const DAYS_TO_1970: i64 = 719_468;

/// A moment of UTC by the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1970 to 9999.
    pub year: i64,
    /// 0 to 11, as [`MONTHS`] has them.
    pub month: usize,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

/// The last second of 9999: years have four digits.
const LAST: i64 = 253_402_300_799;

impl Civil {
    /// What a second since 1970 is called; one before that, or after the year 9999, counts as the first or
    /// last (`ngx_gmtime`).
    #[must_use]
    pub fn of(seconds: i64) -> Self {
        let seconds = seconds.clamp(0, LAST);
        // In cycles of 400 years of 146,097 days, and years that begin in March.
        let days = seconds / DAY + DAYS_TO_1970;
        let (cycle, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let second = seconds % DAY;
        Self {
            year: year + cycle * 400 + i64::from(month >= 10),
            month: usize::try_from((month + 2) % 12).unwrap_or(0),
            day: day - (153 * month + 2) / 5 + 1,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }
}

/// Appends `Tue, 14 Nov 2023 22:13:20 GMT`; a time before 1970 is shown as its beginning
/// (`ngx_http_time`).
pub fn write(seconds: i64, out: &mut Vec<u8>) {
    let seconds = seconds.clamp(0, LAST);
    let time = Civil::of(seconds);
    write_weekday(seconds, out);
    push_number(time.day, 2, out);
    out.push(b' ');
    out.extend_from_slice(MONTHS[time.month]);
    out.push(b' ');
    push_number(time.year, 4, out);
    write_clock(&time, out);
}

/// Appends `Tue, 14-Nov-23 22:13:20 GMT`, after 2037 with all digits of the year
/// (`ngx_http_cookie_time`).
pub fn write_for_cookie(seconds: i64, out: &mut Vec<u8>) {
    const LAST_SHORT_YEAR: i64 = 2037;
    let seconds = seconds.clamp(0, LAST);
    let time = Civil::of(seconds);
    write_weekday(seconds, out);
    push_number(time.day, 2, out);
    out.push(b'-');
    out.extend_from_slice(MONTHS[time.month]);
    out.push(b'-');
    match time.year {
        ..=LAST_SHORT_YEAR => push_number(time.year, 2, out),
        _ => push_number(time.year, 4, out),
    }
    write_clock(&time, out);
}

/// Appends `Tue, `.
fn write_weekday(seconds: i64, out: &mut Vec<u8>) {
    let weekday = usize::try_from((seconds / DAY + 4) % 7).unwrap_or(0);
    out.extend_from_slice(WEEKDAYS[weekday]);
    out.extend_from_slice(b", ");
}

/// Appends ` 22:13:20 GMT`.
fn write_clock(time: &Civil, out: &mut Vec<u8>) {
    for (unit, before) in [(time.hour, b' '), (time.minute, b':'), (time.second, b':')] {
        out.push(before);
        push_number(unit, 2, out);
    }
    out.extend_from_slice(b" GMT");
}

fn push_number(number: i64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        let digit = number / 10_i64.pow(place) % 10;
        out.push(b'0' + digit as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WHEN: Option<i64> = Some(1_700_000_000);

    #[test]
    fn three_shapes_are_read() {
        for (text, expected) in [
            ("Tue, 14 Nov 2023 22:13:20 GMT", WHEN),
            ("Tue, 14 Nov 2023 22:13:20", WHEN),
            ("Tue, 14 Nov 2023 22:13:20 GMT; length=20", WHEN),
            ("Tue, 14 Nov 2023 22:13:20 +0100", WHEN),
            (",14 Nov 2023 22:13:20", WHEN),
            ("x,    14 Nov 2023 22:13:20", WHEN),
            ("Tuesday, 14-Nov-23 22:13:20 GMT", WHEN),
            ("Tue Nov 14 22:13:20 2023", WHEN),
            ("Thu Jan  1 00:00:01 1970", Some(1)),
            ("Thu, 01-Jan-70 00:00:00 GMT", Some(0)),
            ("Mon, 29 Feb 2016 00:00:00 GMT", Some(1_456_704_000)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some(-1)),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "x",
            "0",
            ",",
            "Tue, 14 Nov 2023",
            "Tue, 14 Nov 2023 22:13",
            "Tue, 14 Nov 2023 22:13:2",
            "Tue, 4 Nov 2023 22:13:20 GMT",
            "Tue, 14-Nov 2023 22:13:20 GMT",
            "Tue, 14 Nov-2023 22:13:20 GMT",
            "Tue, 14 Xov 2023 22:13:20 GMT",
            "Tue, 32 Jan 2023 22:13:20 GMT",
            "Tue, 31 Nov 2023 22:13:20 GMT",
            "Tue, 29 Feb 2023 22:13:20 GMT",
            "Tue, 14 Nov 2023 24:13:20 GMT",
            "Tue, 14 Nov 2023 22:60:20 GMT",
            "Tue, 14 Nov 2023 22:13:60 GMT",
            "Tue, 14 Nov 2023 22.13.20 GMT",
            "Tue Nov 14 22:13:20",
            "1700000000",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn dates_are_written_in_one_shape() {
        for (seconds, expected) in [
            (1_700_000_000, "Tue, 14 Nov 2023 22:13:20 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            let mut out = Vec::new();
            write(seconds, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn cookies_have_short_years_up_to_2037() {
        for (seconds, expected) in [
            (1_700_000_000, "Tue, 14-Nov-23 22:13:20 GMT"),
            (951_782_400, "Tue, 29-Feb-00 00:00:00 GMT"),
            (2_145_916_555, "Thu, 31-Dec-37 23:55:55 GMT"),
            (2_145_916_800, "Fri, 01-Jan-2038 00:00:00 GMT"),
        ] {
            let mut out = Vec::new();
            write_for_cookie(seconds, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0..250_000_000_000_i64) {
            let mut out = Vec::new();
            write(seconds, &mut out);
            prop_assert_eq!(parse(&out), Some(seconds));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&text);
        }
    }
}
