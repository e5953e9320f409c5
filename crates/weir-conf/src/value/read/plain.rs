//! Values that are a word or two.

use std::ops::BitOr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::{Group, User};

use super::{Call, Reject};
use crate::Template;
use crate::value::number::{parse_number, parse_offset, parse_size, parse_time};
use crate::value::{Buffers, EnvRule, Keyword, RateLimit};

/// `on` or `off` (`ngx_conf_set_flag_slot`).
pub(crate) fn flag(call: &mut Call<'_>) -> Result<bool, Reject> {
    match call.bytes(0).to_ascii_lowercase().as_slice() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(Reject::message(format!(
            "invalid value \"{}\" in \"{}\" directive, it must be \"on\" or \"off\"",
            call.text(0),
            call.name
        ))),
    }
}

/// No argument: the directive itself is the value.
pub(crate) fn mark(_call: &mut Call<'_>) -> Result<bool, Reject> {
    Ok(true)
}

/// A time, milliseconds at the finest (`ngx_conf_set_msec_slot`).
pub(crate) fn time(call: &mut Call<'_>) -> Result<Duration, Reject> {
    parse_time(call.bytes(0)).ok_or_else(|| Reject::directive("invalid value"))
}

/// A size that fits memory (`ngx_conf_set_size_slot`).
pub(crate) fn size(call: &mut Call<'_>) -> Result<usize, Reject> {
    parse_size(call.bytes(0)).ok_or_else(|| Reject::directive("invalid value"))
}

/// A size that fits a file (`ngx_conf_set_off_slot`).
pub(crate) fn offset(call: &mut Call<'_>) -> Result<u64, Reject> {
    parse_offset(call.bytes(0)).ok_or_else(|| Reject::directive("invalid value"))
}

/// As [`size`], of something that may be longer than memory.
pub(crate) fn memory_size(call: &mut Call<'_>) -> Result<u64, Reject> {
    size(call).map(|size| size as u64)
}

/// A number of things of which nobody has as many as there are numbers (`ngx_conf_set_num_slot`).
pub(crate) fn count(call: &mut Call<'_>) -> Result<u32, Reject> {
    let number: u64 = number(call)?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A decimal number (`ngx_conf_set_num_slot`).
pub(crate) fn number<T: TryFrom<u64>>(call: &mut Call<'_>) -> Result<T, Reject> {
    parse_number(call.bytes(0))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| Reject::directive("invalid number"))
}

/// A number of this range (`ngx_conf_check_num_bounds`).
pub(crate) fn between<T: TryFrom<u64>>(
    call: &mut Call<'_>,
    least: u64,
    most: u64,
) -> Result<T, Reject> {
    let found: u64 = number(call)?;
    let fits = (least..=most).contains(&found);
    let found = fits.then(|| T::try_from(found).ok()).flatten();
    found.ok_or_else(|| Reject::message(format!("value must be between {least} and {most}")))
}

/// A text as it stands.
pub(crate) fn text(call: &mut Call<'_>) -> Result<String, Reject> {
    Ok(call.text(0))
}

/// A text as it stands; an empty one is none.
pub(crate) fn text_if_any(call: &mut Call<'_>) -> Result<Option<String>, Reject> {
    Ok(Some(call.text(0)).filter(|text| !text.is_empty()))
}

/// A header's name, lower-case.
pub(crate) fn header_name(call: &mut Call<'_>) -> Result<Vec<String>, Reject> {
    Ok(vec![call.text(0).to_ascii_lowercase()])
}

/// Bytes as they stand.
pub(crate) fn bytes(call: &mut Call<'_>) -> Result<Box<[u8]>, Reject> {
    Ok(call.bytes(0).into())
}

/// A text as it stands; `off` and an empty one are none.
pub(crate) fn text_or_off(call: &mut Call<'_>) -> Result<Option<Box<[u8]>>, Reject> {
    let text = call.bytes(0);
    Ok(Some(text)
        .filter(|text| !matches!(*text, b"" | b"off"))
        .map(Into::into))
}

/// A text as it stands; an empty one is none.
pub(crate) fn text_or_none(call: &mut Call<'_>) -> Result<Option<Box<[u8]>>, Reject> {
    let text = call.bytes(0);
    Ok(Some(text).filter(|text| !text.is_empty()).map(Into::into))
}

/// One of several texts; `off` stands for none of them.
pub(crate) fn texts_or_off(call: &mut Call<'_>) -> Result<Vec<Box<[u8]>>, Reject> {
    Ok(match call.bytes(0) {
        b"off" => Vec::new(),
        text => vec![text.into()],
    })
}

/// A path under the prefix.
pub(crate) fn path(call: &mut Call<'_>) -> Result<PathBuf, Reject> {
    Ok(call.cx.under_prefix(call.bytes(0)))
}

/// A file beside the configuration file; an empty name is none.
pub(crate) fn conf_path_or_none(call: &mut Call<'_>) -> Result<Option<PathBuf>, Reject> {
    let text = call.bytes(0);
    Ok((!text.is_empty()).then(|| call.cx.under_conf_dir(text)))
}

/// One of several files beside the configuration file.
pub(crate) fn conf_paths(call: &mut Call<'_>) -> Result<Vec<PathBuf>, Reject> {
    Ok(vec![call.cx.under_conf_dir(call.bytes(0))])
}

/// A file with variables in its name, beside the configuration file unless a variable begins it
/// (`ngx_http_auth_basic_user_file`).
pub(crate) fn conf_file(call: &mut Call<'_>) -> Result<Template, Reject> {
    let text = call.bytes(0);
    if text.starts_with(b"$") {
        return call.template(text);
    }
    let full = call.cx.under_conf_dir(text);
    call.template(full.as_os_str().as_bytes())
}

/// A text with variables (`ngx_http_set_complex_value_slot`).
pub(crate) fn template(call: &mut Call<'_>) -> Result<Template, Reject> {
    let text = call.bytes(0);
    call.template(text)
}

/// The same; `off` is none.
pub(crate) fn template_or_off(call: &mut Call<'_>) -> Result<Option<Template>, Reject> {
    match call.bytes(0) {
        b"off" => Ok(None),
        text => call.template(text).map(Some),
    }
}

/// One of the words of an enum (`ngx_conf_set_enum_slot`).
pub(crate) fn keyword<T: Keyword>(call: &mut Call<'_>) -> Result<T, Reject> {
    word(call, 0, T::of)
}

/// Flags of a set; a repeated one is warned of (`ngx_conf_set_bitmask_slot`).
pub(crate) fn bits<T>(call: &mut Call<'_>) -> Result<T, Reject>
where
    T: Keyword + BitOr<Output = T> + Default,
{
    let mut all = T::default();
    flags(call, |word| T::of(word).map(|flag| all = all | flag))?;
    Ok(all)
}

/// Arguments each of which `take` knows; a repeated one is warned of (`ngx_conf_set_bitmask_slot`).
pub(crate) fn flags(
    call: &mut Call<'_>,
    mut take: impl FnMut(&[u8]) -> Option<()>,
) -> Result<(), Reject> {
    for index in 0..call.args.len() {
        word(call, index, &mut take)?;
        if call.repeats(call.bytes(index)) {
            call.warn(format!("duplicate value \"{}\"", call.text(index)));
        }
    }
    Ok(())
}

/// Argument `index`, if `of` knows the word.
pub(crate) fn word<T>(
    call: &Call<'_>,
    index: usize,
    of: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, Reject> {
    let invalid = || Reject::message(format!("invalid value \"{}\"", call.text(index)));
    of(call.bytes(index)).ok_or_else(invalid)
}

/// A number of buffers and their size (`ngx_conf_set_bufs_slot`).
pub(crate) fn buffers(call: &mut Call<'_>) -> Result<Buffers, Reject> {
    let count = parse_number(call.bytes(0)).and_then(|count| usize::try_from(count).ok());
    let size = parse_size(call.bytes(1));
    match (count, size) {
        (Some(count @ 1..), Some(size @ 1..)) => Ok(Buffers { count, size }),
        _ => Err(Reject::directive("invalid value")),
    }
}

/// A size that may hold variables (`ngx_http_set_complex_value_size_slot`).
pub(crate) fn rate(call: &mut Call<'_>) -> Result<RateLimit, Reject> {
    let template = template(call)?;
    match template.as_literal() {
        None => Ok(RateLimit::Variable(template)),
        Some(text) => {
            let size = parse_size(text).ok_or_else(|| Reject::directive("invalid value"))?;
            Ok(RateLimit::Fixed(size as u64))
        }
    }
}

/// A number of workers, or `auto` (`ngx_set_worker_processes`).
pub(crate) fn worker_processes(call: &mut Call<'_>) -> Result<usize, Reject> {
    if call.bytes(0) == b"auto" {
        return Ok(std::thread::available_parallelism().map_or(1, usize::from));
    }
    parse_number(call.bytes(0))
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| Reject::directive("invalid value"))
}

/// A number of connections (`ngx_event_connections`).
pub(crate) fn worker_connections(call: &mut Call<'_>) -> Result<usize, Reject> {
    parse_number(call.bytes(0))
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| Reject::message(format!("invalid number \"{}\"", call.text(0))))
}

/// A user and perhaps a group, which the system must know (`ngx_set_user`).
pub(crate) fn user(call: &mut Call<'_>) -> Result<(String, Option<String>), Reject> {
    if !call.cx.privileged {
        call.warn(
            "the \"user\" directive makes sense only if the master process runs \
             with super-user privileges, ignored",
        );
    }
    let name = call.text(0);
    let group = (call.args.len() > 1).then(|| call.text(1));
    if call.cx.privileged {
        let found = User::from_name(&name).map(|user| user.is_some());
        known("getpwnam", &name, found)?;
        let group = group.as_ref().unwrap_or(&name);
        let found = Group::from_name(group).map(|group| group.is_some());
        known("getgrnam", group, found)?;
    }
    Ok((name, group))
}

/// Whether the system found `name`, or nginx's words if not.
fn known(question: &str, name: &str, found: nix::Result<bool>) -> Result<(), Reject> {
    match found {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Reject::message(format!("{question}(\"{name}\") failed"))),
    }
}

/// `NAME` or `NAME=VALUE`.
pub(crate) fn env(call: &mut Call<'_>) -> Result<Vec<EnvRule>, Reject> {
    let text = call.text(0);
    Ok(vec![match text.split_once('=') {
        Some((name, value)) => EnvRule {
            name: name.to_owned(),
            value: Some(value.to_owned()),
        },
        None => EnvRule {
            name: text,
            value: None,
        },
    }])
}
