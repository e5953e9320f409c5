//! The `http` block.

use std::sync::Arc;

use super::level::Level;
use super::listen::Listens;
use super::server::{self, ServerDraft, Shared};
use super::upstream::Upstreams;
use super::walk::{call, each};
use super::{charset, failed, geo, health, map, matches, names, split_clients, upstream_check};
use crate::model::{Http, Listen, Upstream};
use crate::table::HTTP;
use crate::table::core::WrittenCore;
use crate::table::settings::Written;
use crate::table::tls::WrittenTls;
use crate::text::{Block, Directive};
use crate::value::read::{Reading, Reject, limit_conn_zone, limit_req_zone, log_format};
use crate::variable::{VARIABLES, is_absent};
use crate::{Fault, Place};

#[derive(Default)]
struct HttpDraft {
    level: Level,
    core: WrittenCore,
    tls: WrittenTls,
    servers: Vec<ServerDraft>,
    listens: Listens,
    upstreams: Upstreams,
}

/// Reads the block and settles everything in it; `None` after a fault (`ngx_http_block`).
pub(super) fn build(block: &Block, cx: &mut Reading) -> Option<Http> {
    let mut draft = HttpDraft::default();
    each(block, HTTP, cx, |cx, directive| draft.take(cx, directive));
    // nginx settles only what read well; to go on would blame the wrong place.
    if failed(cx) {
        return None;
    }
    draft.finish(cx, &block.end)
}

impl HttpDraft {
    fn take(&mut self, cx: &mut Reading, directive: &Directive) -> Result<(), Reject> {
        match (directive.name(), &directive.block) {
            (b"server", Some(block)) => {
                let index = self.servers.len();
                let mut shared = Shared {
                    listens: &mut self.listens,
                    upstreams: &mut self.upstreams,
                };
                let server = server::read(cx, &mut shared, directive, block, index)?;
                self.servers.push(server);
                Ok(())
            }
            (b"upstream", Some(block)) => self.upstreams.read(cx, directive, block),
            (b"geo", Some(block)) => geo::read(cx, directive, block),
            (b"match", Some(block)) => matches::read(cx, directive, block),
            (b"map", Some(block)) => map::read(cx, directive, block),
            (b"split_clients", Some(block)) => split_clients::read(cx, directive, block),
            (b"limit_req_zone", _) => limit_req_zone(&mut call(directive, cx)),
            (b"limit_conn_zone", _) => limit_conn_zone(&mut call(directive, cx)),
            (b"upstream_start", _) => self.upstreams.read_start(&mut call(directive, cx)),
            (b"charset_map", Some(block)) => charset::read(cx, directive, block),
            (b"log_format", _) => log_format(&mut call(directive, cx)),
            _ => match self.level.put(cx, directive) {
                Some(taken) => taken,
                None => {
                    let core = self.core.put(&mut call(directive, cx));
                    let taken = core.or_else(|| self.tls.put(&mut call(directive, cx)));
                    taken.unwrap_or(Ok(()))
                }
            },
        }
    }

    /// In nginx's order: servers, upstreams, locations, duplicates, variables, names.
    fn finish(mut self, cx: &mut Reading, at: &Place) -> Option<Http> {
        for server in &mut self.servers {
            server.settle_core(&self.core, cx, at);
        }
        let mut upstreams = self.upstreams.finish(cx);
        let outer = &self.level.settings;
        for group in &mut upstreams {
            inherit_resolver(group, outer);
            let fault = upstream_check::check(group, cx);
            cx.faults.extend(fault);
        }
        for server in &mut self.servers {
            server.inherit_tls(&self.tls, cx);
        }
        let without_certificate = without_certificate(&self.listens, &self.servers);
        let listen_names: Vec<_> = {
            let before = cx.faults.len();
            let names = self
                .listens
                .all
                .iter()
                .map(|listen| names::of(listen, &self.servers, cx))
                .collect();
            cx.late = cx.faults.split_off(before);
            names
        };
        let mut location_count = 0;
        let mut servers = Vec::new();
        for server in self.servers {
            let server = server.finish(&self.level, &upstreams, cx, &mut location_count, at);
            servers.extend(server.map(Arc::new));
        }
        health::count(&servers, &upstreams, cx);
        let duplicates = std::mem::take(&mut cx.duplicates);
        cx.faults.extend(duplicates);
        cx.faults.extend(without_certificate);
        charset::check(cx);
        check_variables(cx);
        let late = std::mem::take(&mut cx.late);
        cx.faults.extend(late);
        let matches = std::mem::take(&mut cx.matches).finish();
        let matches = matches.unwrap_or_else(|faults| {
            cx.faults.extend(faults);
            Vec::new()
        });
        let listens = self
            .listens
            .all
            .into_iter()
            .zip(listen_names)
            .filter(|(listen, _)| !listen.quic)
            .map(|(listen, names)| Listen {
                address: listen.address,
                place: listen.place,
                options: listen.options,
                default_server: listen.default_server,
                names,
            });
        Some(Http {
            listens: listens.collect(),
            servers,
            upstreams: upstreams.into_iter().map(Arc::new).collect(),
            log_formats: cx.log_formats.clone(),
            log_buffers: std::mem::take(&mut cx.log_buffers),
            variables: cx.variables.clone().finish(),
            request_zones: cx.zones.requests(),
            connection_zones: cx.zones.connections(),
            session_zones: cx.zones.sessions(),
            charsets: cx.charsets.clone(),
            resolvers: cx.resolvers.clone(),
            matches: matches.into_iter().map(Arc::new).collect(),
            location_count,
        })
    }
}

/// A group without a `resolver`, or a time for it, has that of `http` (`ngx_http_upstream_init_round_robin`).
fn inherit_resolver(upstream: &mut Upstream, http: &Written) {
    if upstream.resolver.is_none() {
        upstream.resolver.clone_from(&http.resolver.value);
    }
    let time = upstream.resolver_timeout;
    upstream.resolver_timeout = time.or(http.resolver_timeout.value);
}

/// The first server that a handshake could lead to and that has nothing to show (`ngx_http_ssl_init`).
fn without_certificate(listens: &Listens, servers: &[ServerDraft]) -> Option<Fault> {
    for listen in listens.all.iter().filter(|listen| listen.options.ssl) {
        let default = servers.get(listen.default_server)?;
        if default.has_certificate() {
            continue;
        }
        if !default.rejects_handshakes() {
            return Some(default.no_certificate());
        }
        let mut all = listen
            .servers
            .iter()
            .filter_map(|&index| servers.get(index));
        let fault = all
            .find(|server| !server.has_certificate() && !server.rejects_handshakes())
            .map(ServerDraft::no_certificate);
        if fault.is_some() {
            return fault;
        }
    }
    None
}

/// Variables that neither nginx nor the configuration defines (`ngx_http_variables_init_vars`).
fn check_variables(cx: &mut Reading) {
    let mut faults = Vec::new();
    for (name, place) in cx.variables.unknown() {
        let mut fault = if is_absent(name) {
            Fault::lacking("variable", &format!("${name}"), None)
        } else {
            Fault::emerg(format!("unknown \"{name}\" variable"), None)
        };
        fault.about = Some(place.clone());
        fault.hint = similar_variable(name).map(|known| format!("did you mean \"${known}\"?"));
        faults.push(fault);
    }
    cx.faults.extend(faults);
}

fn similar_variable(name: &str) -> Option<&'static str> {
    const TOLERATED: usize = 2;
    VARIABLES
        .iter()
        .flat_map(|(names, _)| names.iter())
        .map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .filter(|(mistakes, _)| *mistakes <= TOLERATED)
        .min()
        .map(|(_, known)| known)
}
