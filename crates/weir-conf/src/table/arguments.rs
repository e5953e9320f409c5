//! What directives take that change nothing here: a line that nginx refuses is refused here, too.
//!
//! For the few whose arguments are a language of their own (caches, certificates) only the number of
//! arguments is looked at.

pub(crate) mod http2;
mod shapes;
mod threads;

use std::collections::HashMap;
use std::sync::LazyLock;

use self::shapes::SHAPES;
pub(crate) use self::threads::{ThreadPool, unknown_pool};
use super::Arity;
use crate::value::number::{parse_number, parse_seconds};
use crate::value::read::{
    Call, Reject, access_rule, between, bind, bits, buffers, flag, flags, number, offset,
    predicates, rate, size, temp_path, template, time, word,
};
use crate::value::{IgnoreHeaders, Keyword, NextUpstream};

/// The arguments of a directive, by the function of nginx's that reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// `on` or `off` (`ngx_conf_set_flag_slot`).
    Flag,
    /// `ngx_conf_set_num_slot`.
    Number,
    /// A number of this range (`ngx_conf_check_num_bounds`).
    Between(u64, u64),
    /// A number with a sign (`ngx_set_priority`).
    Priority,
    /// `ngx_conf_set_size_slot`.
    Size,
    /// A size of a pool (`ngx_http_core_pool_size`).
    Pool,
    /// A size that Linux cannot obey (`ngx_http_core_lowat_check`).
    LowMark,
    /// `ngx_conf_set_off_slot`.
    Offset,
    /// The same, or `off` (`ngx_http_core_directio`).
    OffsetOrOff,
    /// `ngx_conf_set_msec_slot`.
    Time,
    /// `ngx_conf_set_sec_slot`.
    Seconds,
    /// `ngx_conf_set_bufs_slot`.
    Buffers,
    /// Any text (`ngx_conf_set_str_slot`).
    Text,
    /// The same, several times (`ngx_conf_set_str_array_slot`).
    Texts,
    /// Two texts, several times (`ngx_conf_set_keyval_slot`).
    Pair,
    /// A text with variables (`ngx_http_set_complex_value_slot`).
    Value,
    /// Several of them (`ngx_http_set_predicate_slot`).
    Conditions,
    /// `ngx_http_set_complex_value_size_slot`.
    Rate,
    /// One of these words (`ngx_conf_set_enum_slot`).
    Word(&'static [&'static str]),
    /// Some of these words (`ngx_conf_set_bitmask_slot`).
    Words(&'static [&'static str]),
    /// Fields of an upstream's head, by [`IgnoreHeaders`].
    IgnoredHeaders,
    /// What sends a request to the next server, by [`NextUpstream`].
    NextUpstream {
        /// Words that this protocol does not know.
        except: &'static [&'static str],
    },
    /// Media types (`ngx_http_types_slot`).
    Types,
    /// Permissions of files (`ngx_conf_set_access_slot`).
    Access,
    /// `ngx_http_upstream_bind_set_slot`.
    Bind,
    /// `ngx_conf_set_path_slot`.
    Path,
    /// `ngx_http_core_open_file_cache`.
    FileCache,
    /// `ngx_http_file_cache_valid_set_slot`.
    CacheValid,
    /// `ngx_event_use`.
    EventMethod,
    /// `ngx_http_core_set_aio`.
    Aio,
    /// `ngx_thread_pool`.
    ThreadPool,
    /// `ngx_set_cpu_affinity`.
    Processors,
    /// `ngx_event_debug_connection`.
    Network,
    /// Anything, and a warning (`ngx_http_v2_obsolete`).
    Obsolete,
    /// This, or anything and a warning, since nothing is pushed any more.
    Push(&'static Self),
    /// `ngx_http_v2_streams_index_mask`.
    PowerOfTwo,
    /// `ngx_http_v2_recv_buffer_size`.
    ReceiveSize,
    /// Least and most arguments, whatever they are.
    Unread(usize, usize),
}

/// The arguments of the directive called `name`, if it is one of those here.
pub(crate) fn shape(name: &str) -> Option<Shape> {
    static BY_NAME: LazyLock<HashMap<&str, Shape>> = LazyLock::new(|| {
        let names = |&(shape, names): &'static (Shape, &str)| {
            names.split_whitespace().map(move |name| (name, shape))
        };
        SHAPES.iter().flat_map(names).collect()
    });
    BY_NAME.get(name).copied()
}

impl Shape {
    /// How many arguments there are.
    pub(crate) fn arity(self) -> Arity {
        match self {
            Self::Buffers | Self::Pair => Arity::TWO,
            Self::Conditions
            | Self::Words(_)
            | Self::IgnoredHeaders
            | Self::NextUpstream { .. }
            | Self::Types
            | Self::Processors
            | Self::CacheValid => Arity::SOME,
            Self::Access => Arity::between(1, 3),
            Self::Bind | Self::FileCache => Arity::between(1, 2),
            Self::Path => Arity::between(1, 4),
            Self::ThreadPool => Arity::between(2, 3),
            Self::Unread(least, most) => Arity::between(least, most),
            _ => Arity::ONE,
        }
    }

    /// Whether a block may have it once only.
    pub(crate) fn is_single(self) -> bool {
        !matches!(
            self,
            Self::Texts
                | Self::Pair
                | Self::Conditions
                | Self::Words(_)
                | Self::IgnoredHeaders
                | Self::NextUpstream { .. }
                | Self::Types
                | Self::Network
                | Self::CacheValid
                | Self::Obsolete
                | Self::Push(_)
                | Self::ThreadPool
                | Self::Unread(..)
        )
    }

    /// Whether nginx keeps `text` as if nothing had been said: a priority of 0.
    pub(crate) fn is_unset_by(self, text: &[u8]) -> bool {
        matches!(self, Self::Priority) && text.iter().all(|byte| b"+-0".contains(byte))
    }

    /// Reads the arguments as nginx does, to find fault with them.
    pub(crate) fn check(self, call: &mut Call<'_>) -> Result<(), Reject> {
        match self {
            Self::Flag => flag(call).map(drop),
            Self::Number => number::<u64>(call).map(drop),
            Self::Between(least, most) => between::<u64>(call, least, most).map(drop),
            Self::Priority => priority(call),
            Self::Size => size(call).map(drop),
            Self::Pool => pool_size(call).map(drop),
            Self::LowMark => low_mark(call),
            Self::OffsetOrOff if call.bytes(0) == b"off" => Ok(()),
            Self::Offset | Self::OffsetOrOff => offset(call).map(drop),
            Self::Time => time(call).map(drop),
            Self::Seconds => parse_seconds(call.bytes(0))
                .map(drop)
                .ok_or_else(|| Reject::directive("invalid value")),
            Self::Buffers => buffers(call).map(drop),
            Self::Value => template(call).map(drop),
            Self::Conditions => predicates(call).map(drop),
            Self::Rate => rate(call).map(drop),
            Self::Word(words) => word(call, 0, |text| among(words, text)),
            Self::Words(words) => flags(call, |text| among(words, text)),
            Self::IgnoredHeaders => bits::<IgnoreHeaders>(call).map(drop),
            Self::NextUpstream { except } => flags(call, |text| next_upstream(text, except)),
            Self::Types => {
                types(call);
                Ok(())
            }
            Self::Access => access(call),
            Self::Bind => bind(call).map(drop),
            Self::Path => temp_path(call).map(drop),
            Self::FileCache => file_cache(call),
            Self::CacheValid => cache_valid(call),
            Self::EventMethod => event_method(call),
            Self::Aio => threads::aio(call),
            Self::ThreadPool => threads::thread_pool(call),
            Self::Push(shape) => http2::push(call, shape),
            Self::PowerOfTwo => http2::power_of_two(call),
            Self::ReceiveSize => http2::receive_size(call),
            Self::Processors => processors(call),
            Self::Network => network(call),
            Self::Obsolete => {
                http2::obsolete(call);
                Ok(())
            }
            Self::Text | Self::Texts | Self::Pair | Self::Unread(..) => Ok(()),
        }
    }
}

/// A size that nginx can make a pool of.
pub(crate) fn pool_size(call: &mut Call<'_>) -> Result<usize, Reject> {
    const LEAST: usize = 112;
    const ALIGNMENT: usize = 16;
    let size = size(call)?;
    if size < LEAST {
        return Err(Reject::message(format!(
            "the pool size must be no less than {LEAST}"
        )));
    }
    if size % ALIGNMENT != 0 {
        return Err(Reject::message(format!(
            "the pool size must be a multiple of {ALIGNMENT}"
        )));
    }
    Ok(size)
}

fn priority(call: &Call<'_>) -> Result<(), Reject> {
    let text = call.bytes(0);
    let digits = match text {
        [b'-' | b'+', digits @ ..] => digits,
        digits => digits,
    };
    match parse_number(digits) {
        Some(_) => Ok(()),
        None => Err(Reject::directive("invalid number")),
    }
}

fn low_mark(call: &mut Call<'_>) -> Result<(), Reject> {
    size(call)?;
    call.warn(format!("\"{}\" is not supported, ignored", call.name));
    Ok(())
}

fn among(words: &[&str], word: &[u8]) -> Option<()> {
    let same = |known: &&str| known.as_bytes().eq_ignore_ascii_case(word);
    words.iter().any(same).then_some(())
}

fn next_upstream(word: &[u8], except: &[&str]) -> Option<()> {
    match among(except, word) {
        Some(()) => None,
        None => NextUpstream::of(word).map(drop),
    }
}

/// `*` stands for all that follow, `text/html` for itself.
fn types(call: &mut Call<'_>) {
    let words = call.words();
    if words.iter().any(|word| word == "*") {
        return;
    }
    if words.is_empty() {
        words.push("text/html".to_owned());
    }
    for index in 0..call.args.len() {
        let media = call.bytes(index);
        let repeats = call.repeats(media);
        if media == b"*" {
            return;
        }
        if repeats {
            let media = call.text(index).to_ascii_lowercase();
            call.warn(format!("duplicate MIME type \"{media}\""));
        }
    }
}

fn access(call: &Call<'_>) -> Result<(), Reject> {
    for index in 0..call.args.len() {
        let text = call.text(index);
        let known = match text.split_once(':') {
            Some((whose, rights)) => {
                ["user", "group", "all"].contains(&whose) && ["r", "rw"].contains(&rights)
            }
            None => false,
        };
        if !known {
            return Err(Reject::message(format!("invalid value \"{text}\"")));
        }
    }
    Ok(())
}

fn file_cache(call: &Call<'_>) -> Result<(), Reject> {
    let mut off = false;
    let mut most = None;
    for index in 0..call.args.len() {
        let text = call.bytes(index);
        let fine = if let Some(number) = text.strip_prefix(b"max=") {
            most = parse_number(number).filter(|number| *number > 0);
            most.is_some()
        } else if let Some(time) = text.strip_prefix(b"inactive=") {
            parse_seconds(time).is_some()
        } else {
            off |= text == b"off";
            text == b"off"
        };
        if !fine {
            return Err(Reject::message(format!(
                "invalid \"open_file_cache\" parameter \"{}\"",
                call.text(index)
            )));
        }
    }
    if off || most.is_some() {
        return Ok(());
    }
    Err(Reject::message(
        "\"open_file_cache\" must have the \"max\" parameter",
    ))
}

/// `[STATUS|any...] TIME`.
fn cache_valid(call: &Call<'_>) -> Result<(), Reject> {
    let last = call.args.len().saturating_sub(1);
    if parse_seconds(call.bytes(last)).is_none() {
        let text = format!("invalid time value \"{}\"", call.text(last));
        return Err(Reject::message(text));
    }
    for index in 0..last {
        let text = call.bytes(index);
        if text != b"any" && !matches!(parse_number(text), Some(100..=599)) {
            let text = format!("invalid status \"{}\"", call.text(index));
            return Err(Reject::message(text));
        }
    }
    Ok(())
}

fn event_method(call: &Call<'_>) -> Result<(), Reject> {
    match call.bytes(0) {
        b"epoll" | b"poll" | b"select" => Ok(()),
        _ => Err(Reject::message(format!(
            "invalid event type \"{}\"",
            call.text(0)
        ))),
    }
}

fn processors(call: &Call<'_>) -> Result<(), Reject> {
    const MOST: usize = 1024;
    let auto = call.bytes(0) == b"auto";
    if auto && call.args.len() > 2 {
        return Err(Reject::message(
            "invalid number of arguments in \"worker_cpu_affinity\" directive",
        ));
    }
    for word in call.args.iter().skip(usize::from(auto)) {
        if word.text.len() > MOST {
            return Err(Reject::message(format!(
                "\"worker_cpu_affinity\" supports up to {MOST} CPUs only"
            )));
        }
        let odd = word.text.iter().rev().find(|byte| !b" 01".contains(byte));
        if let Some(&byte) = odd {
            return Err(Reject::message(format!(
                "invalid character \"{}\" in \"worker_cpu_affinity\"",
                char::from(byte)
            )));
        }
    }
    Ok(())
}

fn network(call: &mut Call<'_>) -> Result<(), Reject> {
    let text = call.text(0);
    if text == "all" || (access_rule(call, true).is_err() && crate::resolve(&text).is_empty()) {
        return Err(Reject::message(format!(
            "host not found in debug_connection \"{text}\""
        )));
    }
    Ok(())
}
