//! Readers about what goes to the client.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use super::logs::invalid_parameter;
use super::{Call, Reject};
use crate::Template;
use crate::value::number::parse_number;
use crate::value::{
    AddHeader, DisableSymlinks, ErrorPage, Expires, Expiry, Keyword, Overwrite, Return,
    ServerTokens, SymbolicLinks, TryFallback, TryFile, TryFiles,
};

/// The argument of `root`: under the prefix, without a final slash (`ngx_http_core_root`).
pub(crate) fn root(call: &mut Call<'_>) -> Result<Template, Reject> {
    let text = call.bytes(0);
    directory(call, text.strip_suffix(b"/").unwrap_or(text))
}

/// The argument of `alias`: under the prefix.
pub(crate) fn alias(call: &mut Call<'_>) -> Result<Template, Reject> {
    let text = call.bytes(0);
    directory(call, text)
}

fn directory(call: &mut Call<'_>, text: &[u8]) -> Result<Template, Reject> {
    for variable in ["document_root", "realpath_root"] {
        let plain = format!("${variable}");
        let braced = format!("${{{variable}}}");
        let shown = String::from_utf8_lossy(call.bytes(0)).into_owned();
        if shown.contains(&plain) || shown.contains(&braced) {
            return Err(Reject::message(format!(
                "the {plain} variable cannot be used in the \"{}\" directive",
                call.name
            )));
        }
    }
    if text.first() == Some(&b'$') {
        return call.template(text);
    }
    let full = call.cx.under_prefix(text);
    // `/` is the empty root: URIs bring their own slash.
    let full = if text.is_empty() && !call.bytes(0).is_empty() {
        &[]
    } else {
        full.as_os_str().as_bytes()
    };
    call.template(full)
}

/// `off`, or `on|if_not_owner [from=PATH]` (`ngx_http_core_disable_symlinks`).
pub(crate) fn disable_symlinks(call: &mut Call<'_>) -> Result<DisableSymlinks, Reject> {
    let (mut refused, mut from) = (None, None);
    for index in 0..call.args.len() {
        let text = call.bytes(index);
        let mut words = SymbolicLinks::WORDS.iter();
        if let Some((_, links)) = words.find(|(word, _)| word.as_bytes() == text) {
            refused = Some(*links);
        } else if let Some(path) = text.strip_prefix(b"from=") {
            from = Some(call.template(path)?);
        } else {
            let text = format!("invalid parameter \"{}\"", call.text(index));
            return Err(Reject::message(text));
        }
    }
    let fault = match (refused, &from) {
        (None, _) => format!(
            "\"{}\" must have \"off\", \"on\" or \"if_not_owner\" parameter",
            call.name
        ),
        (Some(_), None) if call.args.len() > 1 => {
            format!("duplicate parameters \"{} {}\"", call.text(0), call.text(1))
        }
        (Some(SymbolicLinks::None), Some(_)) => {
            "\"from=\" cannot be used with \"off\" parameter".to_owned()
        }
        (Some(refused), _) => return Ok(DisableSymlinks { refused, from }),
    };
    Err(Reject::message(fault))
}

/// File names (`ngx_http_index_set_index`).
pub(crate) fn index(call: &mut Call<'_>) -> Result<Vec<Template>, Reject> {
    let mut names = Vec::new();
    for (position, word) in call.args.iter().enumerate() {
        if word.text.is_empty() {
            return Err(Reject::message(
                "index \"\" in \"index\" directive is invalid",
            ));
        }
        if word.text.starts_with(b"/") && position + 1 < call.args.len() {
            call.warn("only the last index in \"index\" directive should be absolute");
        }
        names.push(call.template(&word.text)?);
    }
    Ok(names)
}

/// `CODE... [=[CODE]] URI` (`ngx_http_core_error_page`).
pub(crate) fn error_page(call: &mut Call<'_>) -> Result<Vec<ErrorPage>, Reject> {
    let last = call.args.len() - 1;
    let (overwrite, codes) = match call.bytes(last - 1) {
        [b'=', ..] if last == 1 => return Err(invalid_value(call, last - 1)),
        [b'='] => (Overwrite::FromTarget, last - 1),
        [b'=', code @ ..] => match parse_number(code).and_then(|code| u16::try_from(code).ok()) {
            // nginx keeps 0 for "from the target".
            Some(0) => (Overwrite::FromTarget, last - 1),
            Some(code) => (Overwrite::Code(code), last - 1),
            None => return Err(invalid_value(call, last - 1)),
        },
        _ => (Overwrite::Keep, last),
    };
    let (target, args) = error_target(call, last)?;
    let mut pages = Vec::new();
    for index in 0..codes {
        let status = match parse_number(call.bytes(index)) {
            None | Some(499) => return Err(invalid_value(call, index)),
            Some(status @ 300..=599) => status as u16,
            Some(_) => {
                let text = call.text(index);
                let message = format!("value \"{text}\" must be between 300 and 599");
                return Err(Reject::message(message));
            }
        };
        let overwrite = match (overwrite, status) {
            // nginx's own codes for bad TLS and big heads are 400 for the client.
            (Overwrite::Keep, 494..=497) => Overwrite::Code(400),
            (other, _) => other,
        };
        pages.push(ErrorPage {
            statuses: Box::new([status]),
            overwrite,
            target: target.clone(),
            args: args.clone(),
        });
    }
    Ok(pages)
}

/// The target and its own arguments.
fn error_target(call: &mut Call<'_>, index: usize) -> Result<(Template, Box<[u8]>), Reject> {
    let text = call.bytes(index);
    let template = call.template(text)?;
    let mark =
        memchr::memchr(b'?', text).filter(|_| text.starts_with(b"/") && template.is_literal());
    Ok(match mark {
        Some(mark) => (Template::literal(&text[..mark]), text[mark + 1..].into()),
        None => (template, Box::default()),
    })
}

fn invalid_value(call: &Call<'_>, index: usize) -> Reject {
    Reject::message(format!("invalid value \"{}\"", call.text(index)))
}

/// `CODE [TEXT]` or `URL` (`ngx_http_rewrite_return`).
pub(crate) fn return_(call: &mut Call<'_>) -> Result<Return, Reject> {
    let text = call.bytes(0);
    let invalid = || {
        let text = String::from_utf8_lossy(text);
        Reject::message(format!("invalid return code \"{text}\""))
    };
    match parse_number(text) {
        Some(status @ 0..=999) => {
            let text = match call.args.get(1) {
                None => None,
                Some(word) => Some(call.template(&word.text)?),
            };
            Ok(Return {
                status: status as u16,
                text,
            })
        }
        Some(_) => Err(invalid()),
        None => {
            let url = [b"http://".as_slice(), b"https://", b"$scheme"];
            if call.args.len() > 1 || !url.iter().any(|start| text.starts_with(start)) {
                return Err(invalid());
            }
            Ok(Return {
                status: 302,
                text: Some(call.template(text)?),
            })
        }
    }
}

/// `FILE... FALLBACK` (`ngx_http_try_files`).
pub(crate) fn try_files(call: &mut Call<'_>) -> Result<Arc<TryFiles>, Reject> {
    let (files, last) = call.args.split_at(call.args.len() - 1);
    let mut tried = Vec::new();
    for word in files {
        let (path, is_dir) = match word.text.strip_suffix(b"/") {
            Some(path) => (path, true),
            None => (&*word.text, false),
        };
        tried.push(TryFile {
            path: call.template(path)?,
            is_dir,
        });
    }
    let text: &[u8] = last.first().map_or(&[], |word| &word.text);
    // Its variables are looked for first, also in a code.
    let template = call.template(text)?;
    let fallback = match text {
        [b'=', code @ ..] => match parse_number(code) {
            // nginx keeps 0 for "no code": the text leads somewhere, as it stands.
            Some(0) => TryFallback::Uri(template),
            Some(code @ 1..=999) => TryFallback::Code(code as u16),
            _ => {
                let text = String::from_utf8_lossy(text);
                return Err(Reject::message(format!("invalid code \"{text}\"")));
            }
        },
        _ => TryFallback::Uri(template),
    };
    Ok(Arc::new(TryFiles {
        files: tried.into(),
        fallback,
    }))
}

/// `NAME VALUE [always]` (`ngx_http_headers_add`).
pub(crate) fn add_header(call: &mut Call<'_>) -> Result<Vec<AddHeader>, Reject> {
    let always = match call.args.get(2) {
        None => false,
        Some(word) if *word.text == *b"always" => true,
        Some(_) => return Err(invalid_parameter(call, 2)),
    };
    let text = call.bytes(1);
    Ok(vec![AddHeader {
        name: call.text(0),
        value: call.template(text)?,
        always,
    }])
}

/// As [`add_header`].
pub(crate) fn add_trailer(call: &mut Call<'_>) -> Result<Vec<AddHeader>, Reject> {
    add_header(call)
}

/// `[modified] TIME`, or a word; a text with variables is read later (`ngx_http_headers_expires`).
pub(crate) fn expires(call: &mut Call<'_>) -> Result<Expires, Reject> {
    let modified = call.args.len() == 2;
    if modified && call.bytes(0) != b"modified" {
        return Err(Reject::directive("invalid value"));
    }
    let text = call.bytes(usize::from(modified));
    let template = call.template(text)?;
    match template.as_literal() {
        None => Ok(Expires::Variable {
            text: template,
            modified,
        }),
        Some(text) => Expiry::parse(text, modified)
            .map(Expires::Fixed)
            .map_err(|fault| Reject::directive(fault.to_string())),
    }
}

/// Values of which one must be neither empty nor `0` (`ngx_http_set_predicate_slot`).
pub(crate) fn predicates(call: &mut Call<'_>) -> Result<Vec<Template>, Reject> {
    let mut all = Vec::new();
    for word in call.args {
        all.push(call.template(&word.text)?);
    }
    Ok(all)
}

/// `on`, `off`, `build`; nginx's commercial version takes texts (`ngx_http_core_module`).
pub(crate) fn server_tokens(call: &mut Call<'_>) -> Result<ServerTokens, Reject> {
    match call.bytes(0) {
        b"on" => Ok(ServerTokens::On),
        b"off" => Ok(ServerTokens::Off),
        b"build" => Ok(ServerTokens::Build),
        // Text of one's own, which nginx keeps for its subscribers.
        _ => {
            let text = call.bytes(0).to_vec();
            Ok(ServerTokens::Text(call.template(&text)?))
        }
    }
}
