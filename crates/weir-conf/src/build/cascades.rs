//! The directives of an `upstream` block against cascades of failures.

use std::time::Duration;

use super::upstream::set;
use crate::model::{Cascades, QueueRules, RetryShare};
use crate::value::number::{parse_number, parse_time};
use crate::value::read::{Call, Reject};

/// What a second grants where `min=` does not say so. A server that dies is out after its first failure, so that the
/// few requests which find that out in a quiet group are all tried again; over several workers it is several times
/// as much.
const MIN_PER_SECOND: u32 = 3;

/// As nginx Plus has it.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(60);

impl Cascades {
    /// Reads one of them.
    pub(super) fn take(&mut self, call: &mut Call<'_>) -> Result<(), Reject> {
        match call.name {
            "retry_budget" => set(&mut self.retry_share, call, retry_share),
            "panic_threshold" => set(&mut self.panic_threshold, call, |call| percent(call, 1)),
            _ => set(&mut self.queue, call, queue),
        }
    }
}

/// `SHARE% [min=NUMBER]`.
fn retry_share(call: &mut Call<'_>) -> Result<RetryShare, Reject> {
    let percent = percent(call, 0)?;
    let min_per_second = match call.args.len() {
        1 => MIN_PER_SECOND,
        _ => parameter(call, b"min=", |text| {
            u32::try_from(parse_number(text)?).ok()
        })?,
    };
    Ok(RetryShare {
        percent,
        min_per_second,
    })
}

/// `NUMBER [timeout=TIME]`.
fn queue(call: &mut Call<'_>) -> Result<QueueRules, Reject> {
    let length = parse_number(call.bytes(0)).and_then(|length| usize::try_from(length).ok());
    let Some(length) = length.filter(|length| *length > 0) else {
        return Err(Reject::directive("invalid value"));
    };
    let timeout = match call.args.len() {
        1 => QUEUE_TIMEOUT,
        _ => parameter(call, b"timeout=", parse_time)?,
    };
    Ok(QueueRules { length, timeout })
}

/// A whole percentage of at least this.
fn percent(call: &Call<'_>, least: u64) -> Result<u32, Reject> {
    let number = call.bytes(0).strip_suffix(b"%").and_then(parse_number);
    let percent = number.filter(|number| (least..=100).contains(number));
    let percent = percent.and_then(|number| u32::try_from(number).ok());
    percent.ok_or_else(|| Reject::message(format!("invalid percent value \"{}\"", call.text(0))))
}

/// The second argument, which is this parameter.
fn parameter<T>(
    call: &Call<'_>,
    name: &[u8],
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, Reject> {
    let value = call.bytes(1).strip_prefix(name).and_then(parse);
    value.ok_or_else(|| Reject::message(format!("invalid parameter \"{}\"", call.text(1))))
}
