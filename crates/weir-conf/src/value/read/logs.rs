//! Readers about logs.

use std::sync::Arc;

use super::client::positive_time;
use super::{Call, Reject};
use crate::model::{AccessLog, ErrorLogTarget, Escape, LogDestination, LogFormat};
use crate::template::{Part, Template};
use crate::value::number::{parse_number, parse_size};
use crate::{Level, UnknownLevel};

const COMBINED: &[u8] = b"$remote_addr - $remote_user [$time_local] \"$request\" \
    $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"";

impl LogFormat {
    /// The predefined format.
    pub fn combined() -> Self {
        let template = Template::compile(COMBINED).unwrap_or_default();
        Self {
            name: "combined".to_owned(),
            escape: Escape::Default,
            template,
        }
    }
}

/// `error_log FILE [LEVEL]` (`ngx_log_set_log`).
pub(crate) fn error_log(call: &mut Call<'_>) -> Result<Vec<ErrorLogTarget>, Reject> {
    let destination = match call.bytes(0) {
        b"stderr" => LogDestination::Stderr,
        text if text.starts_with(b"memory:") || text.starts_with(b"syslog:") => {
            return Err(not_implemented(&call.text(0)));
        }
        text => log_file(call, text),
    };
    let mut level = None;
    for word in call.args.iter().skip(1) {
        let name = String::from_utf8_lossy(&word.text);
        // Of what is debugged weir knows no parts.
        let word = if name.starts_with("debug_") {
            "debug"
        } else {
            &name
        };
        let named: Level = word
            .parse()
            .map_err(|unknown: UnknownLevel| Reject::message(unknown.to_string()))?;
        if level.replace(named).is_some() {
            return Err(Reject::message(format!("duplicate log level \"{name}\"")));
        }
    }
    Ok(vec![ErrorLogTarget {
        destination,
        level: level.unwrap_or(Level::Error),
    }])
}

/// The file, which will be opened if a directive names it and not only a default; without a name, stderr
/// (`ngx_conf_open_file`).
fn log_file(call: &mut Call<'_>, text: &[u8]) -> LogDestination {
    if text.is_empty() {
        return LogDestination::Stderr;
    }
    let path = call.cx.under_prefix(text);
    if !call.is_default() {
        call.cx.log_files.push(path.clone());
    }
    LogDestination::File(path)
}

fn not_implemented(what: &str) -> Reject {
    Reject::message(format!(
        "log destination \"{what}\" is not implemented in weir yet"
    ))
}

/// `access_log off` or `FILE [FORMAT [PARAMETERS]]` (`ngx_http_log_set_log`).
pub(crate) fn access_log(call: &mut Call<'_>) -> Result<Vec<AccessLog>, Reject> {
    if call.bytes(0) == b"off" {
        return match call.args.get(1) {
            None => Ok(vec![AccessLog::Off]),
            Some(_) => Err(invalid_parameter(call, 1)),
        };
    }
    let destination = log_file(call, call.bytes(0));
    let kind = log_kind(call)?;
    let name = if call.args.len() > 1 {
        call.text(1)
    } else {
        "combined".to_owned()
    };
    let known = call
        .cx
        .log_formats
        .iter()
        .find(|known| known.name.eq_ignore_ascii_case(&name));
    let Some(format) = known.map(Arc::clone) else {
        return Err(Reject::message(format!("unknown log format \"{name}\"")));
    };
    let options = log_options(call)?;
    check_kind(call, kind, &options)?;
    let LogOptions {
        buffer,
        flush,
        condition,
        ..
    } = options;
    if let Some(size) = buffer {
        let agreed = *call
            .cx
            .log_buffers
            .entry(destination.clone())
            .or_insert((size, flush));
        if agreed != (size, flush) {
            return Err(Reject::message(format!(
                "access_log \"{}\" already defined with conflicting parameters",
                call.text(0)
            )));
        }
    }
    Ok(vec![AccessLog::To {
        destination,
        format,
        buffer,
        flush,
        condition,
    }])
}

#[derive(Default)]
struct LogOptions {
    buffer: Option<usize>,
    flush: Option<std::time::Duration>,
    gzip: bool,
    condition: Option<Template>,
}

/// Where access lines go, as far as nginx tells it apart while it reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LogKind {
    File,
    /// A file whose name has variables.
    Named,
    Syslog,
}

fn log_kind(call: &mut Call<'_>) -> Result<LogKind, Reject> {
    let text = call.bytes(0);
    if text.starts_with(b"syslog:") {
        return Ok(LogKind::Syslog);
    }
    match text.contains(&b'$') && !call.template(text)?.is_literal() {
        true => Ok(LogKind::Named),
        false => Ok(LogKind::File),
    }
}

/// Whether the options fit, and whether weir has got the kind of log: that comes last.
fn check_kind(call: &Call<'_>, kind: LogKind, options: &LogOptions) -> Result<(), Reject> {
    let buffered = options.buffer.is_some() || options.gzip;
    if options.flush.is_some() && !buffered {
        // nginx has made a name with variables whole by now.
        let path = match kind {
            LogKind::Named => call.cx.under_prefix(call.bytes(0)),
            LogKind::File | LogKind::Syslog => call.text(0).into(),
        };
        return Err(Reject::message(format!(
            "no buffer is defined for access_log \"{}\"",
            path.display()
        )));
    }
    if buffered && kind == LogKind::Syslog {
        return Err(Reject::message("logs to syslog cannot be buffered"));
    }
    if buffered && kind == LogKind::Named {
        let text = "buffered logs cannot have variables in name";
        return Err(Reject::message(text));
    }
    if options.gzip {
        return Err(Reject::message(
            "parameter \"gzip\" is not implemented in weir yet",
        ));
    }
    match kind {
        LogKind::File => Ok(()),
        LogKind::Named | LogKind::Syslog => Err(not_implemented(&call.text(0))),
    }
}

/// `gzip[=LEVEL]`.
fn check_gzip(text: &[u8]) -> Result<(), Reject> {
    match text.strip_prefix(b"gzip=") {
        None => Ok(()),
        Some(level) => match parse_number(level) {
            Some(1..=9) => Ok(()),
            _ => Err(invalid("compression level", level)),
        },
    }
}

fn log_options(call: &mut Call<'_>) -> Result<LogOptions, Reject> {
    let mut options = LogOptions::default();
    for index in 2..call.args.len() {
        let text = call.bytes(index);
        if let Some(size) = text.strip_prefix(b"buffer=") {
            options.buffer = parse_size(size).filter(|size| *size > 0);
            if options.buffer.is_none() {
                return Err(invalid("buffer size", size));
            }
        } else if let Some(time) = text.strip_prefix(b"flush=") {
            options.flush = positive_time(time);
            if options.flush.is_none() {
                return Err(invalid("flush time", time));
            }
        } else if let Some(condition) = text.strip_prefix(b"if=") {
            options.condition = Some(call.template(condition)?);
        } else if text == b"gzip" || text.starts_with(b"gzip=") {
            check_gzip(text)?;
            options.gzip = true;
        } else {
            return Err(invalid_parameter(call, index));
        }
    }
    Ok(options)
}

fn invalid(what: &str, text: &[u8]) -> Reject {
    Reject::message(format!(
        "invalid {what} \"{}\"",
        String::from_utf8_lossy(text)
    ))
}

pub(super) fn invalid_parameter(call: &Call<'_>, index: usize) -> Reject {
    Reject::message(format!("invalid parameter \"{}\"", call.text(index)))
}

/// `log_format NAME [escape=...] TEXT...`; the texts are joined (`ngx_http_log_set_format`).
pub(crate) fn log_format(call: &mut Call<'_>) -> Result<(), Reject> {
    let name = call.text(0);
    if call.cx.log_formats.iter().any(|known| known.name == name) {
        return Err(Reject::message(format!(
            "duplicate \"log_format\" name \"{name}\""
        )));
    }
    let mut texts = &call.args[1..];
    let mut escape = Escape::Default;
    if let Some(how) = texts
        .first()
        .and_then(|word| word.text.strip_prefix(b"escape="))
    {
        texts = &texts[1..];
        escape = match how {
            b"default" => Escape::Default,
            b"json" => Escape::Json,
            b"none" => Escape::None,
            _ => {
                let how = String::from_utf8_lossy(how);
                let text = format!("unknown log format escaping \"{how}\"");
                return Err(Reject::message(text));
            }
        };
    }
    let mut parts: Vec<Part> = Vec::new();
    for word in texts {
        parts.extend(call.cx.log_template(&word.text, call.place)?.into_parts());
    }
    let template = Template::from_parts(parts);
    call.cx.log_formats.push(Arc::new(LogFormat {
        name,
        escape,
        template,
    }));
    Ok(())
}
