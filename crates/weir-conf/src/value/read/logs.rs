//! Readers about logs.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use super::client::positive_time;
use super::syslog::syslog;
use super::{Call, Reject};
use crate::model::{
    AccessLog, ErrorLogTarget, Escape, LogBuffer, LogDestination, LogFileCache, LogFormat,
};
use crate::template::{Part, Template};
use crate::value::number::{parse_number, parse_seconds, parse_size};
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

/// `error_log FILE [LEVEL] [json]` (`ngx_log_set_log`; the last word is weir's own).
pub(crate) fn error_log(call: &mut Call<'_>) -> Result<Vec<ErrorLogTarget>, Reject> {
    let destination = match call.bytes(0) {
        b"stderr" => LogDestination::Stderr,
        text if text.starts_with(b"memory:") => {
            let text = "nginx was built without debug support";
            return Err(Reject::message(text));
        }
        text if text.starts_with(b"syslog:") => LogDestination::Syslog(syslog(&text[7..])?),
        text => log_file(call, text),
    };
    let (mut level, mut json) = (None, false);
    for word in call.args.iter().skip(1) {
        if *word.text == *b"json" {
            if std::mem::replace(&mut json, true) {
                return Err(Reject::message("duplicate parameter \"json\""));
            }
            continue;
        }
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
        json,
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

/// `access_log off` or `FILE [FORMAT [PARAMETERS]]` (`ngx_http_log_set_log`).
pub(crate) fn access_log(call: &mut Call<'_>) -> Result<Vec<AccessLog>, Reject> {
    if call.bytes(0) == b"off" {
        return match call.args.get(1) {
            None => Ok(vec![AccessLog::Off]),
            Some(_) => Err(invalid_parameter(call, 1)),
        };
    }
    let to = log_to(call)?;
    let format = format_named(call)?;
    let options = log_options(call)?;
    let buffer = options.buffer();
    check_buffer(call, &to, buffer, options.flush)?;
    let condition = options.condition;
    let destination = match to {
        LogTo::Named(path) => {
            return Ok(vec![AccessLog::Named {
                path,
                format,
                condition,
            }]);
        }
        LogTo::Destination(destination) => destination,
    };
    if let Some(buffer) = buffer {
        let buffers = &mut call.cx.log_buffers;
        if *buffers.entry(destination.clone()).or_insert(buffer) != buffer {
            return Err(Reject::message(format!(
                "access_log \"{}\" already defined with conflicting parameters",
                call.text(0)
            )));
        }
    }
    Ok(vec![AccessLog::To {
        destination,
        format,
        condition,
    }])
}

/// Argument 1, or `combined`.
fn format_named(call: &Call<'_>) -> Result<Arc<LogFormat>, Reject> {
    let name = if call.args.len() > 1 {
        call.text(1)
    } else {
        "combined".to_owned()
    };
    let mut known = call.cx.log_formats.iter();
    let known = known.find(|known| known.name.eq_ignore_ascii_case(&name));
    known
        .cloned()
        .ok_or_else(|| Reject::message(format!("unknown log format \"{name}\"")))
}

#[derive(Default)]
struct LogOptions {
    size: Option<usize>,
    flush: Option<std::time::Duration>,
    gzip: Option<u8>,
    condition: Option<Template>,
}

/// Bytes gathered by `gzip` alone.
const GZIP_BUFFER: usize = 64 * 1024;

/// How hard `gzip` alone compresses.
const GZIP_LEVEL: u8 = 1;

impl LogOptions {
    fn buffer(&self) -> Option<LogBuffer> {
        let size = self.size.or_else(|| self.gzip.map(|_| GZIP_BUFFER))?;
        Some(LogBuffer {
            size,
            flush: self.flush,
            gzip: self.gzip,
        })
    }
}

/// Where access lines go.
enum LogTo {
    Destination(LogDestination),
    /// A file whose name has variables.
    Named(Template),
}

fn log_to(call: &mut Call<'_>) -> Result<LogTo, Reject> {
    let text = call.bytes(0);
    if let Some(text) = text.strip_prefix(b"syslog:") {
        return Ok(LogTo::Destination(LogDestination::Syslog(syslog(text)?)));
    }
    if !text.contains(&b'$') {
        return Ok(LogTo::Destination(log_file(call, text)));
    }
    let name = call.template(text)?;
    let mut folder = match text.starts_with(b"/") {
        true => Vec::new(),
        false => call.cx.prefix.as_os_str().as_bytes().to_vec(),
    };
    if !folder.is_empty() {
        folder.push(b'/');
    }
    let folder = Part::Literal(folder.into());
    let parts = std::iter::once(folder).chain(name.into_parts());
    Ok(LogTo::Named(Template::from_parts(parts)))
}

/// Whether the options fit.
fn check_buffer(
    call: &Call<'_>,
    to: &LogTo,
    buffer: Option<LogBuffer>,
    flush: Option<std::time::Duration>,
) -> Result<(), Reject> {
    let text = match (buffer, to) {
        (None, _) if flush.is_none() => return Ok(()),
        (None, to) => {
            // nginx has made a name with variables whole by now.
            let path = match to {
                LogTo::Named(_) => call.cx.under_prefix(call.bytes(0)),
                LogTo::Destination(_) => call.text(0).into(),
            };
            format!("no buffer is defined for access_log \"{}\"", path.display())
        }
        (Some(_), LogTo::Named(_)) => "buffered logs cannot have variables in name".to_owned(),
        (Some(_), LogTo::Destination(LogDestination::Syslog(_))) => {
            "logs to syslog cannot be buffered".to_owned()
        }
        (Some(_), LogTo::Destination(LogDestination::File(_) | LogDestination::Stderr)) => {
            return Ok(());
        }
    };
    Err(Reject::message(text))
}

/// `off`, or `max=NUMBER [inactive=TIME] [min_uses=NUMBER] [valid=TIME]`
/// (`ngx_http_log_open_file_cache`).
pub(crate) fn open_log_file_cache(call: &mut Call<'_>) -> Result<Option<LogFileCache>, Reject> {
    let mut cache = LogFileCache {
        max: 0,
        inactive: 10,
        valid: 60,
        min_uses: 1,
    };
    let mut off = false;
    for index in 0..call.args.len() {
        let text = call.bytes(index);
        let (name, value) = match memchr::memchr(b'=', text) {
            Some(mark) => text.split_at(mark + 1),
            None => (text, [].as_slice()),
        };
        let known = match name {
            b"max=" => parse_number(value)
                .map(|max| cache.max = usize::try_from(max).unwrap_or(usize::MAX)),
            b"inactive=" => parse_seconds(value).map(|time| cache.inactive = time),
            b"min_uses=" => parse_number(value).map(|uses| cache.min_uses = uses),
            b"valid=" => parse_seconds(value).map(|time| cache.valid = time),
            b"off" => {
                off = true;
                Some(())
            }
            _ => None,
        };
        known.ok_or_else(|| {
            let text = call.text(index);
            Reject::message(format!(
                "invalid \"open_log_file_cache\" parameter \"{text}\""
            ))
        })?;
    }
    match (off, cache.max) {
        (true, _) => Ok(None),
        (false, 0) => Err(Reject::message(
            "\"open_log_file_cache\" must have \"max\" parameter",
        )),
        (false, _) => Ok(Some(cache)),
    }
}

/// `gzip[=LEVEL]`.
fn gzip_level(text: &[u8]) -> Result<u8, Reject> {
    match text.strip_prefix(b"gzip=") {
        None => Ok(GZIP_LEVEL),
        Some(level) => match parse_number(level) {
            Some(number @ 1..=9) => Ok(number as u8),
            _ => Err(invalid("compression level", level)),
        },
    }
}

fn log_options(call: &mut Call<'_>) -> Result<LogOptions, Reject> {
    let mut options = LogOptions::default();
    for index in 2..call.args.len() {
        let text = call.bytes(index);
        if let Some(size) = text.strip_prefix(b"buffer=") {
            options.size = parse_size(size).filter(|size| *size > 0);
            if options.size.is_none() {
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
            options.gzip = Some(gzip_level(text)?);
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
