//! `location` blocks.

use std::sync::Arc;

use super::health;
use super::level::Level;
use super::names::NameDraft;
use super::script::{self, StepDraft};
use super::settle::settle;
use super::upstream::Upstreams;
use super::upstream_tls;
use super::walk::{call, each};
use crate::model::{
    Handler, HealthCheck, LimitExcept, Location, LocationKind, Locations, LocationsBuilder,
    ProxyPass, ProxyTarget, StatusForm, Upstream,
};
use crate::pattern::{Case, Pattern};
use crate::table::{Contexts, LIMIT_EXCEPT, LOCATION};
use crate::text::{Block, Directive};
use crate::upstream_url::{UrlFault, parse_upstream_url};
use crate::value::read::{Call, ProxyPassSeen, Reading, Reject, methods};
use crate::value::{Methods, Redirect, RedirectFrom, Scheme};
use crate::{Fault, Place, Template};

/// The form that `weir_status` names.
fn status_form(directive: &Directive) -> Result<StatusForm, Reject> {
    match directive.args().first().map(|word| &*word.text) {
        None | Some(b"html") => Ok(StatusForm::Html),
        Some(b"json") => Ok(StatusForm::Json),
        Some(b"prometheus") => Ok(StatusForm::Prometheus),
        Some(other) => Err(Reject::message(format!(
            "invalid value \"{}\" in \"weir_status\" directive, it must be \"html\", \"json\" or \"prometheus\"",
            String::from_utf8_lossy(other)
        ))),
    }
}

/// A `location` block as written.
#[derive(Debug)]
pub(super) struct LocationDraft {
    name: String,
    kind: LocationKind,
    pattern: Option<Pattern>,
    /// Boxed, because blocks nest and the stack is finite.
    level: Box<Level>,
    proxy: Option<Proxy>,
    /// Makes the answer, whatever `proxy_pass` stands before it.
    own: Option<Handler>,
    pub(super) script: Vec<StepDraft>,
    limit_except: Option<(Methods, Box<Self>)>,
    pub(super) health_check: Option<Box<HealthCheck>>,
    nested: Vec<Self>,
    /// It is an `if` or a `limit_except`, and has the name of the location around it.
    nameless: bool,
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
    draft.read_block(cx, upstreams, block, LOCATION);
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
        own: None,
        script: Vec::new(),
        limit_except: None,
        health_check: None,
        nested: Vec::new(),
        nameless: false,
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
    /// An `if` or a `limit_except` of this location.
    pub(super) fn nameless(&self, directive: &Directive) -> Self {
        Self {
            name: self.name.clone(),
            kind: self.kind,
            pattern: None,
            level: Box::default(),
            proxy: None,
            own: None,
            script: Vec::new(),
            limit_except: None,
            health_check: None,
            nested: Vec::new(),
            nameless: true,
            place: directive.place.clone(),
        }
    }

    /// Where its `proxy_pass` leads, if nothing else makes the answer.
    pub(super) fn target(&self) -> Option<&ProxyTarget> {
        let proxy = self.proxy.as_ref().filter(|_| self.own.is_none())?;
        Some(&proxy.pass.target)
    }

    /// Reads what is in the braces.
    pub(super) fn read_block(
        &mut self,
        cx: &mut Reading,
        upstreams: &mut Upstreams,
        block: &Block,
        context: Contexts,
    ) {
        let seen = std::mem::replace(&mut cx.proxy_pass, ProxyPassSeen::None);
        each(block, context, cx, |cx, directive| {
            self.take(cx, upstreams, directive)
        });
        cx.proxy_pass = seen;
    }

    /// `limit_except METHOD... { ... }` (`ngx_http_core_limit_except`).
    fn read_limit_except(
        &mut self,
        cx: &mut Reading,
        upstreams: &mut Upstreams,
        directive: &Directive,
        block: &Block,
    ) -> Result<(), Reject> {
        if self.limit_except.is_some() {
            return Err(Reject::directive("is duplicate"));
        }
        let allowed = methods(&call(directive, cx))?;
        let mut inner = self.nameless(directive);
        inner.read_block(cx, upstreams, block, LIMIT_EXCEPT);
        self.limit_except = Some((allowed, Box::new(inner)));
        Ok(())
    }

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
            (b"if", Some(block)) => {
                let step = script::read_if(cx, upstreams, directive, block, self)?;
                self.script.push(step);
                Ok(())
            }
            (b"limit_except", Some(block)) => {
                self.read_limit_except(cx, upstreams, directive, block)
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
                self.own = None;
                Ok(())
            }
            (b"health_check", _) => {
                if self.health_check.is_some() {
                    return Err(Reject::directive("is duplicate"));
                }
                let check = health::read(&mut call(directive, cx))?;
                self.health_check = Some(Box::new(check));
                Ok(())
            }
            (b"stub_status", _) => {
                self.own = Some(Handler::StubStatus);
                Ok(())
            }
            (b"weir_status", _) => {
                self.own = Some(Handler::Status(status_form(directive)?));
                Ok(())
            }
            (b"empty_gif", _) => {
                self.own = Some(Handler::EmptyGif);
                Ok(())
            }
            (b"flv", _) => {
                self.own = Some(Handler::Flv);
                Ok(())
            }
            (b"mp4", _) => {
                self.own = Some(Handler::Mp4);
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
            _ => script::take(&mut self.script, cx, directive)
                .or_else(|| self.level.put(cx, directive))
                .unwrap_or(Ok(())),
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
        let by_name = !matches!(self.kind, LocationKind::Named | LocationKind::Regex);
        let nameless = self.nameless || !by_name;
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
            tls: url.scheme == Scheme::Https,
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

/// What settling goes on with from one block to the next.
pub(super) struct Finishing<'a> {
    /// Names of the server.
    pub(super) server: &'a [NameDraft],
    pub(super) upstreams: &'a [Upstream],
    pub(super) cx: &'a mut Reading,
    /// Locations so far.
    pub(super) count: &'a mut usize,
    /// The end of the `http` block, which nginx blames for combinations that do not fit.
    pub(super) at: &'a Place,
}

/// A block around a location, as far as the location inherits from it.
#[derive(Clone, Copy)]
pub(super) struct Outer<'a> {
    pub(super) level: &'a Level,
    /// What `proxy_redirect default` means, where there is a `proxy_pass`
    /// (`ngx_http_proxy_merge_loc_conf`).
    redirect: Option<&'a Redirect>,
    handler: Option<&'a Handler>,
}

impl<'a> Outer<'a> {
    /// A server.
    pub(super) fn server(level: &'a Level) -> Self {
        Self {
            level,
            redirect: None,
            handler: None,
        }
    }
}

/// Inherits and settles `drafts` and what is in them.
pub(super) fn finish(
    drafts: Vec<LocationDraft>,
    outer: Outer<'_>,
    finishing: &mut Finishing<'_>,
) -> Locations {
    let mut found = LocationsBuilder::default();
    for mut draft in drafts {
        let pattern = draft.pattern.take();
        let Some(location) = finish_one(draft, outer, finishing) else {
            continue;
        };
        if let Err(location) = found.add(Arc::new(location), pattern) {
            let text = format!("duplicate location \"{}\"", location.name);
            let fault = Fault::emerg(text, Some(location.place.clone()));
            finishing.cx.duplicates.push(fault);
        }
    }
    found.build()
}

/// Settles a location and what is in it; `None` after a fault, which is noted.
pub(super) fn finish_one(
    mut draft: LocationDraft,
    outer: Outer<'_>,
    finishing: &mut Finishing<'_>,
) -> Option<Location> {
    draft.level.inherit(outer.level);
    health::verify(&draft, finishing.upstreams, finishing.cx);
    draft
        .level
        .settle_referers(finishing.server, finishing.cx, finishing.at);
    let index = *finishing.count;
    *finishing.count += 1;
    let own = draft
        .proxy
        .as_ref()
        .and_then(|proxy| proxy.redirect.clone());
    let redirect = outer.redirect.cloned().or(own);
    let settings = settle(&draft.level, redirect.as_ref(), finishing.cx, finishing.at);
    let passes_on = |handler: &&Handler| matches!(handler, Handler::Proxy(_));
    let handler = match (draft.own, draft.proxy, outer.handler.filter(passes_on)) {
        (Some(own), ..) => own,
        (None, Some(proxy), _) => Handler::Proxy(Arc::new(proxy.pass)),
        (None, None, Some(handler)) if draft.nameless => handler.clone(),
        (None, None, _) => Handler::Static,
    };
    if let (Handler::Proxy(pass), Some(settings)) = (&handler, &settings)
        && pass.target.may_need_tls()
    {
        finishing.cx.faults.extend(upstream_tls::fault(settings));
    }
    let inner = Outer {
        level: &draft.level,
        redirect: redirect.as_ref(),
        handler: Some(&handler),
    };
    let script = script::finish(draft.script, Some(inner), finishing);
    let limit_except = draft.limit_except.and_then(|(allowed, limited)| {
        let location = Arc::new(finish_one(*limited, inner, finishing)?);
        Some(LimitExcept { allowed, location })
    });
    let nested = finish(draft.nested, inner, finishing);
    Some(Location {
        name: draft.name,
        kind: draft.kind,
        settings: settings?,
        handler,
        script,
        limit_except,
        health_check: draft.health_check,
        nested,
        place: draft.place,
        index,
    })
}
