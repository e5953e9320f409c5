//! `match` blocks: tests of answers to health checks.

use std::ops::RangeInclusive;

use super::walk::{call, each_line};
use crate::model::{BodyTest, HeaderTest, ResponseMatch, StatusTest, Wanted};
use crate::pattern::Case;
use crate::text::{Block, Directive};
use crate::value::number::parse_number;
use crate::value::read::{Call, Reading, Reject};

/// Reads `match NAME { ... }`.
pub(super) fn read(cx: &mut Reading, directive: &Directive, block: &Block) -> Result<(), Reject> {
    let name = call(directive, cx).text(0);
    let mut tests = ResponseMatch {
        name: name.clone(),
        ..ResponseMatch::default()
    };
    each_line(block, cx, |cx, line| {
        read_line(&mut call(line, cx), &mut tests)
    });
    if tests.is_empty() {
        let text = format!("match \"{name}\" tests nothing: whatever is answered passes");
        cx.warn(text, &directive.place);
    }
    match cx.matches.define(tests) {
        true => Ok(()),
        false => Err(Reject::message(format!("duplicate match \"{name}\""))),
    }
}

fn read_line(call: &mut Call<'_>, tests: &mut ResponseMatch) -> Result<(), Reject> {
    match call.name {
        "status" if tests.status.is_some() => return Err(Reject::directive("is duplicate")),
        "status" => tests.status = Some(status(call)?),
        "header" => tests.headers.push(header(call)?),
        "body" => tests.bodies.push(body(call)?),
        "require" => require(call, tests)?,
        name => {
            let text = format!("unknown test \"{name}\": there are status, header, body, require");
            return Err(Reject::message(text));
        }
    }
    Ok(())
}

/// `status [!] CODE|FROM-TO...`.
fn status(call: &Call<'_>) -> Result<StatusTest, Reject> {
    let negated = call.bytes(0) == b"!";
    let codes = &call.args[usize::from(negated).min(call.args.len())..];
    let ranges = codes.iter().map(|code| {
        codes_of(&code.text).ok_or_else(|| {
            let code = String::from_utf8_lossy(&code.text);
            Reject::message(format!("invalid status \"{code}\""))
        })
    });
    let ranges = ranges.collect::<Result<Vec<_>, _>>()?;
    match ranges.is_empty() {
        true => Err(lacks_arguments(call)),
        false => Ok(StatusTest::new(negated, ranges)),
    }
}

fn codes_of(text: &[u8]) -> Option<RangeInclusive<u16>> {
    let code = |text| {
        let code = parse_number(text).and_then(|code| u16::try_from(code).ok())?;
        (100..600).contains(&code).then_some(code)
    };
    let (from, to) = match memchr::memchr(b'-', text) {
        Some(dash) => (code(&text[..dash])?, code(&text[dash + 1..])?),
        None => (code(text)?, code(text)?),
    };
    (from <= to).then_some(from..=to)
}

/// `header NAME`, `header ! NAME`, `header NAME OPERATOR VALUE`; `!` may stand apart from its operator.
fn header(call: &Call<'_>) -> Result<HeaderTest, Reject> {
    let words: Vec<&[u8]> = call.args.iter().map(|word| &*word.text).collect();
    let (name, wanted) = match words.as_slice() {
        [] => return Err(lacks_arguments(call)),
        [b"!", name] => (name, Wanted::Absent),
        [name] => (name, Wanted::Present),
        [name, b"=", value] => (name, Wanted::Equal((*value).into())),
        [name, b"!=", value] | [name, b"!", b"=", value] => {
            (name, Wanted::Different((*value).into()))
        }
        [name, b"~", pattern] => {
            let pattern = call.nameless_pattern(pattern, Case::Kept)?;
            (name, Wanted::Matching(pattern))
        }
        [name, b"!~", pattern] | [name, b"!", b"~", pattern] => {
            let pattern = call.nameless_pattern(pattern, Case::Kept)?;
            (name, Wanted::NotMatching(pattern))
        }
        _ => return Err(unreadable(call)),
    };
    Ok(HeaderTest::new(name, wanted))
}

/// `body ~ PATTERN` or `body !~ PATTERN`.
fn body(call: &Call<'_>) -> Result<BodyTest, Reject> {
    let words: Vec<&[u8]> = call.args.iter().map(|word| &*word.text).collect();
    let (negated, pattern) = match words.as_slice() {
        [b"~", pattern] => (false, pattern),
        [b"!~", pattern] | [b"!", b"~", pattern] => (true, pattern),
        _ => return Err(unreadable(call)),
    };
    let pattern = call.nameless_pattern(pattern, Case::Kept)?;
    Ok(BodyTest::new(negated, pattern))
}

/// `require $VARIABLE...`.
fn require(call: &mut Call<'_>, tests: &mut ResponseMatch) -> Result<(), Reject> {
    if call.args.is_empty() {
        return Err(lacks_arguments(call));
    }
    for index in 0..call.args.len() {
        let text = call.bytes(index);
        if !text.starts_with(b"$") {
            let text = format!("invalid variable name \"{}\"", call.text(index));
            return Err(Reject::message(text));
        }
        tests.required.push(call.template(text)?);
    }
    Ok(())
}

fn lacks_arguments(call: &Call<'_>) -> Reject {
    Reject::message(format!("invalid number of arguments in \"{}\"", call.name))
}

fn unreadable(call: &Call<'_>) -> Reject {
    let words = call.args.iter();
    let words: Vec<_> = words
        .map(|word| String::from_utf8_lossy(&word.text))
        .collect();
    Reject::message(format!(
        "invalid test \"{} {}\"",
        call.name,
        words.join(" ")
    ))
}
