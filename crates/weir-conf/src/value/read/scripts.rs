//! Readers of the rewrite module's statements.

use super::{Call, Reject};
use crate::model::{Assigned, FileKind, Rewrite, RewriteEnd, Test, VariableSource};
use crate::pattern::Case;
use crate::text::Word;
use crate::value::{AuthRequestSet, Keyword as _, Methods};
use crate::variable::is_taken;
use crate::{Template, Variable};

/// `$NAME VALUE` (`ngx_http_rewrite_set`).
pub(crate) fn set(call: &mut Call<'_>) -> Result<(Assigned, Template), Reject> {
    let variable = assigned(call)?;
    let value = call.bytes(1);
    Ok((variable, call.template(value)?))
}

fn assigned(call: &mut Call<'_>) -> Result<Assigned, Reject> {
    let name = own_name(call, 0)?;
    Ok(match name.as_str() {
        "args" => Assigned::Args,
        "limit_rate" => Assigned::LimitRate,
        _ => {
            let source = match Variable::named(&name) {
                Ok(builtin) if !call.cx.compat.lacks_variable(&name) => {
                    VariableSource::Builtin(builtin)
                }
                Ok(_) | Err(_) => VariableSource::Set,
            };
            Assigned::Defined(call.cx.variables.define_weakly(&name, source))
        }
    })
}

/// `$NAME VALUE` (`ngx_http_auth_request_set`). Until it is carried out the variable has no value.
pub(crate) fn auth_request_set(call: &mut Call<'_>) -> Result<Vec<AuthRequestSet>, Reject> {
    let name = own_name(call, 0)?;
    let variable = match name.as_str() {
        "args" => Assigned::Args,
        "limit_rate" => Assigned::LimitRate,
        _ => {
            // One that only begins as nginx's do is the configuration's own from now on.
            let source = match Variable::named(&name) {
                Ok(builtin) if !builtin.is_prefixed() => VariableSource::Builtin(builtin),
                Ok(_) | Err(_) => VariableSource::Group,
            };
            Assigned::Defined(call.cx.variables.define_weakly(&name, source))
        }
    };
    let value = call.bytes(1);
    let value = call.template(value)?;
    Ok(vec![AuthRequestSet { variable, value }])
}

/// The name of a variable that the configuration may define, argument `index` without its dollar sign, in
/// small letters (`ngx_http_add_variable`).
fn own_name(call: &Call<'_>, index: usize) -> Result<String, Reject> {
    let text = call.text(index);
    let Some(name) = text.strip_prefix('$') else {
        let text = format!("invalid variable name \"{text}\"");
        return Err(Reject::message(text));
    };
    if name.is_empty() {
        return Err(Reject::message("invalid variable name \"$\""));
    }
    if is_taken(name, call.cx.compat) {
        let text = format!("the duplicate \"{name}\" variable");
        return Err(Reject::message(text));
    }
    Ok(name.to_ascii_lowercase())
}

/// `TEXT $VARIABLE`, as `map` and `split_clients` begin: the text that decides, and the name of the variable
/// in small letters.
pub(crate) fn text_and_variable(call: &mut Call<'_>) -> Result<(Template, String), Reject> {
    let text = call.bytes(0);
    let text = call.template(text)?;
    Ok((text, own_name(call, 1)?))
}

/// `[$ADDRESS] $VARIABLE`, as `geo` begins: the variable that has the address, and the name of the one that is
/// defined, in small letters.
pub(crate) fn address_and_variable(
    call: &mut Call<'_>,
) -> Result<(Option<Variable>, String), Reject> {
    if call.args.len() < 2 {
        return Ok((None, own_name(call, 0)?));
    }
    let text = call.text(0);
    let name = text.strip_prefix('$');
    let invalid = || Reject::message(format!("invalid variable name \"{text}\""));
    let name = name.filter(|name| !name.is_empty()).ok_or_else(invalid)?;
    let address = call.cx.variable(name, call.place);
    Ok((Some(address), own_name(call, 1)?))
}

/// `REGEX REPLACEMENT [last|break|redirect|permanent]` (`ngx_http_rewrite`).
pub(crate) fn rewrite(call: &mut Call<'_>) -> Result<Rewrite, Reject> {
    let replacement = call.bytes(1);
    if replacement.is_empty() {
        return Err(Reject::message("empty replacement"));
    }
    let pattern = call.pattern(call.bytes(0), Case::Kept)?;
    let (replacement, keeps_args) = match replacement.strip_suffix(b"?") {
        Some(replacement) => (replacement, false),
        None => (replacement, true),
    };
    let urls = [b"http://".as_slice(), b"https://", b"$scheme"];
    let is_url = urls.iter().any(|start| replacement.starts_with(start));
    let end = match call.bytes(2) {
        b"" if call.args.len() < 3 && is_url => RewriteEnd::Redirect(302),
        b"" if call.args.len() < 3 => RewriteEnd::Next,
        b"last" | b"break" if is_url => RewriteEnd::Redirect(302),
        b"last" => RewriteEnd::Last,
        b"break" => RewriteEnd::Break,
        b"redirect" => RewriteEnd::Redirect(302),
        b"permanent" => RewriteEnd::Redirect(301),
        _ => {
            let text = format!("invalid parameter \"{}\"", call.text(2));
            return Err(Reject::message(text));
        }
    };
    // No name of a variable has one.
    let mark = memchr::memchr(b'?', replacement);
    let (path, args) = match (mark, end) {
        (Some(mark), RewriteEnd::Next | RewriteEnd::Last | RewriteEnd::Break) => {
            (&replacement[..mark], Some(&replacement[mark + 1..]))
        }
        (Some(_) | None, _) => (replacement, None),
    };
    Ok(Rewrite {
        pattern,
        path: call.template(path)?,
        args: args.map(|args| call.template(args)).transpose()?,
        keeps_args,
        has_mark: mark.is_some(),
        end,
    })
}

/// The condition of an `if` with its parentheses (`ngx_http_rewrite_if_condition`).
pub(crate) fn condition(call: &mut Call<'_>) -> Result<Test, Reject> {
    let words = without_parentheses(call.args)?;
    let invalid = |index: usize| {
        let text = words.get(index).copied().unwrap_or_default();
        invalid_condition(text)
    };
    let first = words.first().copied().unwrap_or_default();
    match first {
        b"" => Err(invalid_condition(b")")),
        [b'$', name @ ..] if !name.is_empty() => match words.as_slice() {
            [_] => Ok(Test::True(left_side(call, name))),
            [_, operator, right] => comparison(call, name, operator, right),
            _ => Err(invalid(0)),
        },
        [b'-', _] | [b'!', b'-', _] => match words.as_slice() {
            [operator, path] => file_test(call, operator, path),
            _ => Err(invalid(0)),
        },
        _ => Err(invalid(0)),
    }
}

fn invalid_condition(text: &[u8]) -> Reject {
    let text = String::from_utf8_lossy(text);
    Reject::message(format!("invalid condition \"{text}\""))
}

/// The words between the parentheses, which may touch them.
fn without_parentheses(words: &[Word]) -> Result<Vec<&[u8]>, Reject> {
    let mut inner: Vec<&[u8]> = words.iter().map(|word| &*word.text).collect();
    let first = inner.first_mut().ok_or_else(|| invalid_condition(b""))?;
    let opened = first.strip_prefix(b"(");
    *first = opened.ok_or_else(|| invalid_condition(first))?;
    let last = inner.last_mut().ok_or_else(|| invalid_condition(b""))?;
    let closed = last.strip_suffix(b")");
    *last = closed.ok_or_else(|| invalid_condition(last))?;
    if inner.first().is_some_and(|word| word.is_empty()) {
        inner.remove(0);
    }
    if inner.len() > 1 && inner.last().is_some_and(|word| word.is_empty()) {
        inner.pop();
    }
    Ok(inner)
}

/// The variable that is looked at, whose name may be anything until all names are known.
fn left_side(call: &mut Call<'_>, name: &[u8]) -> Variable {
    let name = String::from_utf8_lossy(name);
    call.cx.variable(&name, call.place)
}

fn comparison(
    call: &mut Call<'_>,
    name: &[u8],
    operator: &[u8],
    right: &[u8],
) -> Result<Test, Reject> {
    let variable = left_side(call, name);
    let negated = operator.starts_with(b"!");
    let case = match operator {
        b"=" | b"!=" => {
            let value = call.template(right)?;
            return Ok(Test::Equal {
                variable,
                value,
                negated,
            });
        }
        b"~" | b"!~" => Case::Kept,
        b"~*" | b"!~*" => Case::Ignored,
        _ => {
            let text = String::from_utf8_lossy(operator);
            return Err(Reject::message(format!(
                "unexpected \"{text}\" in condition"
            )));
        }
    };
    Ok(Test::Matches {
        variable,
        pattern: call.pattern(right, case)?,
        negated,
    })
}

fn file_test(call: &mut Call<'_>, operator: &[u8], path: &[u8]) -> Result<Test, Reject> {
    let path = call.template(path)?;
    let kind = match operator.last() {
        Some(b'f') => FileKind::Plain,
        Some(b'd') => FileKind::Directory,
        Some(b'e') => FileKind::Any,
        Some(b'x') => FileKind::Executable,
        _ => return Err(invalid_condition(operator)),
    };
    Ok(Test::File {
        path,
        kind,
        negated: operator.starts_with(b"!"),
    })
}

/// The methods that `limit_except` lets pass (`ngx_http_core_limit_except`).
pub(crate) fn methods(call: &Call<'_>) -> Result<Methods, Reject> {
    let mut methods = Methods::EMPTY;
    for word in call.args {
        let Some(method) = Methods::of(&word.text) else {
            let text = String::from_utf8_lossy(&word.text);
            return Err(Reject::message(format!("invalid method \"{text}\"")));
        };
        methods = methods | method;
    }
    if methods.contains(Methods::GET) {
        methods = methods | Methods::HEAD;
    }
    Ok(methods)
}
