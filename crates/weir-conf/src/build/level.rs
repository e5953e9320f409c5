//! What `http`, `server` and `location` have in common.

use std::sync::Arc;

use super::names::NameDraft;
use super::referers;
use super::walk::{call, each_line};
use crate::model::Referers;
use crate::table::Many;
use crate::table::Sum;
use crate::table::settings::Written;
use crate::table::upstream::{Family, WrittenUpstream};
use crate::text::{Block, Directive};
use crate::value::read::{Call, Reading, Reject, access_rule};
use crate::value::{AccessRule, AddInherit, Types};
use crate::{Place, Template};

/// The location-level directives of one block.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub(super) settings: Written,
    /// Directives about upstreams.
    pub(super) upstream: WrittenUpstream,
    pub(super) access: Many<AccessRule>,
    pub(super) types: Sum<Types>,
    /// `valid_referers` as written.
    pub(super) own_referers: Option<Box<referers::Draft>>,
    /// The same, settled.
    pub(super) referers: Option<Arc<Referers>>,
    /// Length of the name that `alias` replaces; see `Settings::alias_len`.
    pub(super) alias_len: Option<usize>,
}

impl Level {
    /// Takes a directive; `None` when it is none of these.
    pub(super) fn put(
        &mut self,
        cx: &mut Reading,
        directive: &Directive,
    ) -> Option<Result<(), Reject>> {
        match (directive.name(), &directive.block) {
            (name @ (b"allow" | b"deny"), _) => {
                let allow = name == b"allow";
                let rule = access_rule(&mut call(directive, cx), allow);
                Some(rule.map(|rule| self.access.extend([rule])))
            }
            (b"valid_referers", _) => {
                let draft = self.own_referers.get_or_insert_default();
                Some(draft.take(&call(directive, cx)))
            }
            (b"types", Some(block)) => {
                let mut types = self.types.value.take().unwrap_or_default();
                read_types(block, cx, &mut types);
                self.types.add(types);
                Some(Ok(()))
            }
            (name @ (b"root" | b"alias"), _) => {
                let other = if name == b"root" { "alias" } else { "root" };
                let taken = match other {
                    "root" => self.settings.root.value.is_some(),
                    _ => self.settings.alias.value.is_some(),
                };
                if taken {
                    return Some(Err(Reject::message(format!(
                        "\"{}\" directive is duplicate, \"{other}\" directive was specified earlier",
                        String::from_utf8_lossy(name)
                    ))));
                }
                self.settings.put(&mut call(directive, cx))
            }
            _ => {
                let taken = self.settings.put(&mut call(directive, cx));
                taken.or_else(|| self.put_upstream(&mut call(directive, cx)))
            }
        }
    }

    /// Takes a directive about upstreams.
    fn put_upstream(&mut self, call: &mut Call<'_>) -> Option<Result<(), Reject>> {
        let name = call.name.strip_prefix(Family::Proxy.prefix())?;
        self.upstream.put_as(name, call)
    }

    /// Takes over what the enclosing block says and this one does not.
    pub(super) fn inherit(&mut self, outer: &Self) {
        let own_root = self.settings.root.value.is_some();
        let own_alias = self.settings.alias.value.is_some();
        let link = OwnLink::of(&self.settings);
        let (own, outer_settings) = (&mut self.settings, &outer.settings);
        own.inherit(outer_settings);
        self.upstream.inherit(&outer.upstream);
        link.keep_apart(own);
        let rule = own.add_header_inherit.value.unwrap_or(AddInherit::On);
        own.add_header.inherit_by(rule, &outer_settings.add_header);
        let rule = own.add_trailer_inherit.value.unwrap_or(AddInherit::On);
        own.add_trailer
            .inherit_by(rule, &outer_settings.add_trailer);
        inherit_msie6(own, outer_settings);
        self.access.inherit(&outer.access);
        self.types.inherit(&outer.types);
        self.referers.clone_from(&outer.referers);
        // `root` and `alias` are one setting (`ngx_http_core_merge_loc_conf`).
        if own_root {
            self.settings.alias.value = None;
        } else if !own_alias {
            self.alias_len = outer.alias_len;
        }
    }
}

impl Level {
    /// Settles `valid_referers`, if the block has any, in a server of these names; what the level has inherited
    /// is known.
    pub(super) fn settle_referers(&mut self, server: &[NameDraft], cx: &mut Reading, at: &Place) {
        if let Some(draft) = self.own_referers.take() {
            self.referers = draft.settle(self.referers.as_ref(), server, cx, at);
        }
    }
}

/// What a block says of signed links itself.
struct OwnLink {
    link: Option<Template>,
    md5: Option<Template>,
    has_secret: bool,
}

impl OwnLink {
    fn of(written: &Written) -> Self {
        Self {
            link: written.secure_link.value.clone(),
            md5: written.secure_link_md5.value.clone(),
            has_secret: written.secure_link_secret.value.is_some(),
        }
    }

    /// Of the two ways to sign links the outer block's does not hold where this one has the other
    /// (`ngx_http_secure_link_merge_conf`).
    fn keep_apart(self, own: &mut Written) {
        if self.has_secret {
            own.secure_link.value = self.link;
            own.secure_link_md5.value = self.md5;
        } else if own.secure_link.value.is_some() || own.secure_link_md5.value.is_some() {
            own.secure_link_secret.value = None;
        }
    }
}

/// `msie6` is inherited apart from the expressions (`ngx_http_core_merge_loc_conf`).
fn inherit_msie6(own: &mut Written, outer: &Written) {
    let outer = outer.gzip_disable.value.as_ref();
    if let Some(own) = &mut own.gzip_disable.value {
        own.msie6 |= outer.is_some_and(|outer| outer.msie6);
    }
}

/// The lines of a `types` block (`ngx_http_core_type`).
fn read_types(block: &Block, cx: &mut Reading, types: &mut Types) {
    each_line(block, cx, |cx, line| {
        if line.name() == b"include" {
            let text = "invalid number of arguments in \"include\" directive";
            return Err(Reject::message(text));
        }
        let media = String::from_utf8_lossy(line.name());
        for word in line.args() {
            if let Some(previous) = types.insert(&word.text, &media) {
                let extension = String::from_utf8_lossy(&word.text).to_ascii_lowercase();
                cx.warn(
                    format!(
                        "duplicate extension \"{extension}\", content type: \"{media}\", \
                         previous content type: \"{previous}\""
                    ),
                    &line.place,
                );
            }
        }
        Ok(())
    });
}
