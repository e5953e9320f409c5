//! `location` blocks.

use std::sync::Arc;

use super::level::Level;
use super::settle::settle;
use super::upstream::Upstreams;
use super::walk::{call, each};
use crate::model::{
    Handler, Location, LocationKind, Locations, LocationsBuilder, ProxyPass, ProxyTarget,
};
use crate::pattern::{Case, Pattern};
use crate::table::LOCATION;
use crate::text::{Block, Directive};
use crate::upstream_url::{UrlFault, parse_upstream_url};
use crate::value::read::{Call, ProxyPassSeen, Reading, Reject};
use crate::value::{Redirect, RedirectFrom, Scheme};
use crate::{Fault, Place, Template};

/// A `location` block as written.
#[derive(Debug)]
pub(super) struct LocationDraft {
    name: String,
    kind: LocationKind,
    pattern: Option<Pattern>,
    /// Boxed, because blocks nest and the stack is finite.
    level: Box<Level>,
    proxy: Option<Proxy>,
    nested: Vec<Self>,
    place: Place,
}

#[derive(Debug)]
struct Proxy {
    pass: ProxyPass,
    /// What `proxy_redirect default` means; `None` with variables.
    redirect: Option<Redirect>,
}

/// Reads a `location` block inside `outer`, which is `None` in a server
/// (`ngx_http_core_location`).
pub(super) fn read(
    cx: &mut Reading,
    upstreams: &mut Upstreams,
    directive: &Directive,
    block: &Block,
    outer: Option<&LocationDraft>,
) -> Result<LocationDraft, Reject> {
    let mut draft = read_head(&mut call(directive, cx))?;
    if let Some(outer) = outer {
        check_nesting(&draft, outer)?;
    }
    let seen = std::mem::replace(&mut cx.proxy_pass, ProxyPassSeen::None);
    each(block, LOCATION, cx, |cx, directive| {
        draft.take(cx, upstreams, directive)
    });
    cx.proxy_pass = seen;
    Ok(draft)
}

/// `[MODIFIER] NAME`; the modifier may touch the name.
fn read_head(call: &mut Call<'_>) -> Result<LocationDraft, Reject> {
    let (modifier, name): (&[u8], &[u8]) = match call.args {
        [modifier, _] if modifier.text.is_empty() => {
            return Err(Reject::message("invalid location modifier \"\""));
        }
        [modifier, name] => (&modifier.text, &name.text),
        _ => {
            let text = call.bytes(0);
            let starts = [b"=".as_slice(), b"^~", b"~*", b"~"];
            let modifier = starts.into_iter().find(|start| text.starts_with(start));
            text.split_at(modifier.map_or(0, <[u8]>::len))
        }
    };
    let (kind, case) = match modifier {
        b"" if name.starts_with(b"@") => (LocationKind::Named, None),
        b"" => (LocationKind::Prefix, None),
        b"=" => (LocationKind::Exact, None),
        b"^~" => (LocationKind::PrefixNoRegex, None),
        b"~" => (LocationKind::Regex, Some(Case::Kept)),
        b"~*" => (LocationKind::Regex, Some(Case::Ignored)),
        _ => {
            let modifier = String::from_utf8_lossy(modifier);
            return Err(Reject::message(format!(
                "invalid location modifier \"{modifier}\""
            )));
        }
    };
    Ok(LocationDraft {
        pattern: case.map(|case| call.pattern(name, case)).transpose()?,
        name: String::from_utf8_lossy(name).into_owned(),
        kind,
        level: Box::default(),
        proxy: None,
        nested: Vec::new(),
        place: call.place.clone(),
    })
}

fn check_nesting(inner: &LocationDraft, outer: &LocationDraft) -> Result<(), Reject> {
    let (name, around) = (&inner.name, &outer.name);
    Err(Reject::message(match (inner.kind, outer.kind) {
        (_, LocationKind::Exact) => {
            format!("location \"{name}\" cannot be inside the exact location \"{around}\"")
        }
        (_, LocationKind::Named) => {
            format!("location \"{name}\" cannot be inside the named location \"{around}\"")
        }
        (LocationKind::Named, _) => {
            format!("named location \"{name}\" can be on the server level only")
        }
        (LocationKind::Regex, _) => return Ok(()),
        _ if name.starts_with(around) => return Ok(()),
        _ => format!("location \"{name}\" is outside location \"{around}\""),
    }))
}

impl LocationDraft {
    fn take(
        &mut self,
        cx: &mut Reading,
        upstreams: &mut Upstreams,
        directive: &Directive,
    ) -> Result<(), Reject> {
        match (directive.name(), &directive.block) {
            (b"location", Some(block)) => {
                let nested = read(cx, upstreams, directive, block, Some(self))?;
                self.nested.push(nested);
                Ok(())
            }
            (b"proxy_pass", _) => {
                if self.proxy.is_some() {
                    return Err(Reject::directive("is duplicate"));
                }
                let proxy = self.read_proxy_pass(&mut call(directive, cx), upstreams)?;
                cx.proxy_pass = match &proxy.redirect {
                    Some(redirect) => ProxyPassSeen::Fixed(Box::new(redirect.clone())),
                    None => ProxyPassSeen::Variable,
                };
                self.proxy = Some(proxy);
                Ok(())
            }
            (b"alias", _) => {
                if self.kind == LocationKind::Named {
                    return Err(Reject::message(
                        "the \"alias\" directive cannot be used inside the named location",
                    ));
                }
                self.level.alias_len = Some(match self.kind {
                    // The alias is the whole path.
                    LocationKind::Regex => usize::MAX,
                    _ => self.name.len(),
                });
                self.level.put(cx, directive).unwrap_or(Ok(()))
            }
            _ => self.level.put(cx, directive).unwrap_or(Ok(())),
        }
    }

    /// `proxy_pass URL` (`ngx_http_proxy_pass`).
    fn read_proxy_pass(
        &self,
        call: &mut Call<'_>,
        upstreams: &mut Upstreams,
    ) -> Result<Proxy, Reject> {
        let text = call.bytes(0);
        let place = call.place.clone();
        let nameless = matches!(self.kind, LocationKind::Named | LocationKind::Regex);
        let location_len = if nameless { 0 } else { self.name.len() };
        if text.contains(&b'$') {
            let target = ProxyTarget::Variable(call.template(text)?);
            return Ok(Proxy {
                pass: ProxyPass {
                    target,
                    place,
                    location_len,
                },
                redirect: None,
            });
        }
        let url = parse_upstream_url(text).map_err(|fault| {
            Reject::message(match fault {
                UrlFault::Prefix => fault.to_string(),
                _ => String::from_utf8_lossy(&fault.in_url(text)).into_owned(),
            })
        })?;
        if url.scheme == Scheme::Https {
            return Err(Reject::message("https protocol requires SSL support"));
        }
        let upstream = upstreams.refer(&url, call.place)?;
        if nameless && url.uri.is_some() {
            return Err(Reject::message(
                "\"proxy_pass\" cannot have URI part in location given by regular expression, \
                 or inside named location, or inside \"if\" statement, \
                 or inside \"limit_except\" block",
            ));
        }
        let redirect = self.default_redirect(text, url.uri.is_some());
        let target = ProxyTarget::Fixed {
            upstream,
            prefix: url.prefix.into(),
            host_header: url.host_header().into(),
            port: url.port_text().into(),
            uri: url.uri.map(Into::into),
        };
        Ok(Proxy {
            pass: ProxyPass {
                target,
                place,
                location_len,
            },
            redirect: Some(redirect),
        })
    }

    /// The upstream's URL becomes the location; without a URI part, both get a slash.
    fn default_redirect(&self, url: &[u8], has_uri: bool) -> Redirect {
        let (from, to) = if has_uri {
            (url.to_vec(), self.name.as_str())
        } else {
            ([url, b"/"].concat(), "/")
        };
        Redirect {
            from: RedirectFrom::Prefix(Template::literal(from)),
            to: Template::literal(to.as_bytes()),
        }
    }
}

/// Inherits and settles `drafts` and what is in them; `at` is the end of the `http` block, which
/// nginx blames for combinations that do not fit.
pub(super) fn finish(
    drafts: Vec<LocationDraft>,
    outer: &Level,
    cx: &mut Reading,
    count: &mut usize,
    at: &Place,
) -> Locations {
    let mut found = LocationsBuilder::default();
    for mut draft in drafts {
        draft.level.inherit(outer);
        let index = *count;
        *count += 1;
        let redirect = draft
            .proxy
            .as_ref()
            .and_then(|proxy| proxy.redirect.as_ref());
        let settings = settle(&draft.level, redirect, cx, at);
        let nested = finish(
            std::mem::take(&mut draft.nested),
            &draft.level,
            cx,
            count,
            at,
        );
        let Some(settings) = settings else { continue };
        let handler = match draft.proxy {
            Some(proxy) => Handler::Proxy(Box::new(proxy.pass)),
            None => Handler::Static,
        };
        let (name, kind, place) = (draft.name, draft.kind, draft.place);
        let location = Location {
            name,
            kind,
            settings,
            handler,
            nested,
            place,
            index,
        };
        if let Err(location) = found.add(Arc::new(location), draft.pattern) {
            let text = format!("duplicate location \"{}\"", location.name);
            cx.duplicates
                .push(Fault::emerg(text, Some(location.place.clone())));
        }
    }
    found.build()
}
