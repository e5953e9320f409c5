//! `split_clients` blocks.

use std::sync::Arc;

use super::walk::{call, each_line};
use crate::model::{SplitClients, SplitPart, VariableSource};
use crate::text::{Block, Directive};
use crate::value::number::parse_hundredths;
use crate::value::read::{Reading, Reject, text_and_variable};

/// All clients, in hundredths of a percent.
const ALL: u32 = 10_000;

/// Reads `split_clients TEXT $VARIABLE { ... }` (`ngx_conf_split_clients_block`).
pub(super) fn read(cx: &mut Reading, directive: &Directive, block: &Block) -> Result<(), Reject> {
    let (text, name) = text_and_variable(&mut call(directive, cx))?;
    let mut shares = Vec::new();
    each_line(block, cx, |_, line| {
        shares.push(share(line)?);
        Ok(())
    });
    let ends = cx.differences().split_ends_at_whole;
    // nginx blames the closing brace.
    let parts =
        parts(shares, ends).map_err(|text| Reject::At(Some(block.end.clone()), text.to_owned()))?;
    let split = Arc::new(SplitClients::new(text, parts));
    cx.variables
        .define(&name, VariableSource::SplitClients(split));
    Ok(())
}

/// `PERCENT% VALUE` or `* VALUE` (`ngx_http_split_clients`): hundredths of a percent, `None` for the rest.
fn share(line: &Directive) -> Result<(Option<u32>, Box<[u8]>), Reject> {
    let written = line.name();
    let invalid = || {
        let text = String::from_utf8_lossy(written);
        Reject::message(format!("invalid percent value \"{text}\""))
    };
    let percent = match written {
        b"*" => None,
        _ => {
            let digits = written.strip_suffix(b"%").ok_or_else(invalid)?;
            let percent = parse_hundredths(digits).filter(|percent| *percent > 0);
            Some(percent.ok_or_else(invalid)?)
        }
    };
    match line.args() {
        [value, ..] => Ok((percent, value.text.as_ref().into())),
        [] => Err(Reject::message(
            "invalid number of the split_clients parameters",
        )),
    }
}

/// Where each share ends among the hashes. `ends_at_whole`: what fills up to 100 % takes all of the rest,
/// whatever was lost by rounding.
fn parts(
    shares: Vec<(Option<u32>, Box<[u8]>)>,
    ends_at_whole: bool,
) -> Result<Vec<SplitPart>, &'static str> {
    let mut sum: u32 = 0;
    let mut last: u32 = 0;
    let mut parts = Vec::new();
    for (share, value) in shares {
        sum = share.map_or(ALL, |share| sum.saturating_add(share));
        if sum > ALL {
            return Err("percent total is greater than 100%");
        }
        let rest = share.is_none() || (ends_at_whole && sum == ALL);
        let below = share.filter(|_| !rest).map(|share| {
            let width = u64::from(share) * u64::from(u32::MAX) / u64::from(ALL);
            last = last.wrapping_add(width as u32);
            last
        });
        parts.push(SplitPart { below, value });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        let check =
            |shares: &[Option<u32>], whole: bool, expected: Result<&[Option<u32>], &str>| {
                let written = shares.iter().map(|share| (*share, Box::from([]))).collect();
                let found = parts(written, whole)
                    .map(|parts| parts.iter().map(|part| part.below).collect::<Vec<_>>());
                assert_eq!(found, expected.map(<[_]>::to_vec), "{shares:?}");
            };
        check(&[Some(1), None], true, Ok(&[Some(429_496), None]));
        check(&[Some(5000); 2], true, Ok(&[Some(2_147_483_647), None]));
        let halves = [Some(2_147_483_647), Some(4_294_967_294)];
        check(&[Some(5000); 2], false, Ok(&halves));
        let too_much = Err("percent total is greater than 100%");
        check(&[Some(5000), Some(5001)], true, too_much);
        check(&[None, Some(1)], true, too_much);
        check(&[None, None], true, Ok(&[None, None]));
    }
}
