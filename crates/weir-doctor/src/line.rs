//! Lines of an error log as people paste them: whole, cut, with what journald or Docker put in front, or without their
//! head.

use weir_log::Level;
use weir_log::record::ErrorLine;

/// A line, and the place in the configuration that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastedLine {
    /// The line.
    pub line: ErrorLine,
    /// File and line that it ends in, of mistakes in a configuration.
    pub place: Option<(String, u64)>,
}

/// What stands in the place of a head that was cut off.
const HEAD: &str = "2000/01/01 00:00:00 [error] 0#0: ";

/// Reads a line; `None` if there is nothing to read.
pub fn read(text: &str) -> Option<PastedLine> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let line = whole(text).or_else(|| headless(text))?;
    Some(with_place(line))
}

/// A line with its head, whatever stands in front of that.
fn whole(text: &str) -> Option<ErrorLine> {
    let starts =
        memchr::memmem::find_iter(text.as_bytes(), b" [").filter_map(|at| at.checked_sub(19));
    let starts = std::iter::once(0).chain(starts);
    starts
        .filter_map(|start| text.get(start..))
        .find_map(ErrorLine::parse)
}

/// `nginx: [emerg] message`, `[error] message`, or the message alone.
fn headless(text: &str) -> Option<ErrorLine> {
    // Whatever journald or Docker have put in front.
    let own = text
        .find("nginx: [")
        .map(|at| &text[at + "nginx: ".len()..]);
    let text = own.or_else(|| text.strip_prefix("nginx: ")).unwrap_or(text);
    let (level, rest) = match text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some((word, rest)) => match word.parse::<Level>() {
            Ok(level) => (Some(level), rest),
            Err(_) => (None, text),
        },
        None => (None, text),
    };
    // With the process, but without the time.
    let message = match rest.split_once(": ") {
        Some((ids, rest)) if is_process(ids) => rest,
        _ => rest,
    };
    let mut line = ErrorLine::parse(&format!("{HEAD}{message}"))?;
    line.level = level.unwrap_or(line.level);
    Some(line)
}

fn is_process(ids: &str) -> bool {
    ids.contains('#')
        && ids
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'#')
}

/// Takes ` in FILE:LINE` off the end of a message, and then its error.
fn with_place(mut line: ErrorLine) -> PastedLine {
    let place = line
        .message
        .rsplit_once(" in ")
        .and_then(|(message, place)| {
            let (file, number) = place.rsplit_once(':')?;
            let number = number.parse().ok()?;
            Some((message.to_owned(), (file.to_owned(), number)))
        });
    let Some((message, place)) = place else {
        return PastedLine { line, place: None };
    };
    if let Some(again) = ErrorLine::parse(&format!("{HEAD}{message}")) {
        line.message = again.message;
        line.errno = line.errno.or(again.errno);
    }
    PastedLine {
        line,
        place: Some(place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "connect() failed (111: Connection refused) while connecting to upstream";

    #[test]
    fn a_line_is_read_however_it_was_pasted() {
        for text in [
            format!("2026/11/21 08:41:49 [error] 12#13: *7 {MESSAGE}, client: ::1, server: s"),
            format!("nginx-1  | 2026/11/21 08:41:49 [error] 12#13: *7 {MESSAGE}"),
            format!(
                "Nov 21 08:41:49 host nginx[12]: 2026/11/21 08:41:49 [error] 12#13: *7 {MESSAGE}"
            ),
            format!("[error] 12#13: *7 {MESSAGE}"),
            format!("May 02 08:41:49 web1 nginx[1]: nginx: [error] {MESSAGE}"),
            format!("nginx-1  | nginx: [error] {MESSAGE}"),
            format!("  [error] {MESSAGE}\n"),
            MESSAGE.to_owned(),
        ] {
            let read = read(&text).map(|pasted| pasted.line);
            let read = read.unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.message, "connect() failed", "{text}");
            assert_eq!(read.errno.map(|(number, _)| number), Some(111), "{text}");
            assert_eq!(
                read.doing.as_deref(),
                Some("connecting to upstream"),
                "{text}"
            );
        }
        assert_eq!(read(" \n"), None);
    }

    #[test]
    fn a_mistake_in_a_configuration_has_a_place() {
        let pasted = read(
            "nginx: [emerg] open() \"/x\" failed (2: No such file or directory) in /etc/nginx/nginx.conf:12",
        );
        let pasted = pasted.unwrap_or_else(|| panic!("a line"));
        assert_eq!(pasted.place, Some(("/etc/nginx/nginx.conf".to_owned(), 12)));
        assert_eq!(pasted.line.message, "open() \"/x\" failed");
        assert_eq!(pasted.line.errno.map(|(number, _)| number), Some(2));
        assert_eq!(pasted.line.level, Level::Emerg);
    }
}
