//! `server` blocks.

use super::level::Level;
use super::listen::Listens;
use super::location::{self, Finishing, LocationDraft, Outer};
use super::names::{self, NameDraft};
use super::script::{self, StepDraft};
use super::settle::settle;
use super::upstream::Upstreams;
use super::walk::{call, each};
use crate::model::{Handler, Location, LocationKind, Locations, Server, Upstream};
use crate::table::SERVER;
use crate::table::core::WrittenCore;
use crate::table::tls::WrittenTls;
use crate::text::{Block, Directive};
use crate::value::TlsVersions;
use crate::value::read::{Reading, Reject};
use crate::{Fault, Place};

/// Bytes of a connection's pool without `connection_pool_size`, on 64-bit systems.
const POOL_SIZE: usize = 512;

/// A `server` block as written.
#[derive(Debug)]
pub(super) struct ServerDraft {
    index: usize,
    pub(super) names: Vec<NameDraft>,
    level: Level,
    core: WrittenCore,
    tls: WrittenTls,
    script: Vec<StepDraft>,
    locations: Vec<LocationDraft>,
    handler: Handler,
    listening: bool,
    place: Place,
}

/// What servers share while they are read.
pub(super) struct Shared<'a> {
    pub(super) listens: &'a mut Listens,
    pub(super) upstreams: &'a mut Upstreams,
}

/// Reads the `server` block that becomes number `index` (`ngx_http_core_server`).
pub(super) fn read(
    cx: &mut Reading,
    shared: &mut Shared<'_>,
    directive: &Directive,
    block: &Block,
    index: usize,
) -> Result<ServerDraft, Reject> {
    let mut draft = ServerDraft {
        index,
        names: Vec::new(),
        level: Level::default(),
        core: WrittenCore::default(),
        tls: WrittenTls::default(),
        script: Vec::new(),
        locations: Vec::new(),
        handler: Handler::Static,
        listening: false,
        place: directive.place.clone(),
    };
    each(block, SERVER, cx, |cx, directive| {
        draft.take(cx, shared, directive)
    });
    if !draft.listening {
        shared.listens.add_default(cx, &block.end, index)?;
    }
    Ok(draft)
}

impl ServerDraft {
    fn take(
        &mut self,
        cx: &mut Reading,
        shared: &mut Shared<'_>,
        directive: &Directive,
    ) -> Result<(), Reject> {
        match (directive.name(), &directive.block) {
            (b"listen", _) => {
                self.listening = true;
                shared.listens.read(&mut call(directive, cx), self.index)
            }
            (b"server_name", _) => names::read(&mut call(directive, cx), &mut self.names),
            (b"location", Some(block)) => {
                let location = location::read(cx, shared.upstreams, directive, block, None)?;
                self.locations.push(location);
                Ok(())
            }
            (b"stub_status", _) => {
                self.handler = Handler::StubStatus;
                Ok(())
            }
            (b"if", Some(block)) => {
                let step = script::read_if_of_server(cx, directive, block)?;
                self.script.push(step);
                Ok(())
            }
            _ => script::take(&mut self.script, cx, directive)
                .or_else(|| self.level.put(cx, directive))
                .or_else(|| self.core.put(&mut call(directive, cx)))
                .or_else(|| self.tls.put(&mut call(directive, cx)))
                .unwrap_or(Ok(())),
        }
    }

    /// Inherits from `http` what matters before a location is known, and checks it
    /// (`ngx_http_core_merge_srv_conf`).
    pub(super) fn settle_core(&mut self, http: &WrittenCore, cx: &mut Reading, at: &Place) {
        self.core.inherit(http);
        let Ok(core) = self.core.settle(cx) else {
            return;
        };
        let pool = self.core.connection_pool_size.value;
        if core.large_client_header_buffers.size < pool.unwrap_or(POOL_SIZE) {
            let text = "the \"large_client_header_buffers\" size must be \
                        equal to or greater than \"connection_pool_size\"";
            cx.faults.push(Fault::emerg(text, Some(at.clone())));
        }
    }

    /// Inherits what `http` says of TLS; each certificate has a key (`ngx_http_ssl_merge_srv_conf`).
    pub(super) fn inherit_tls(&mut self, http: &WrittenTls, cx: &mut Reading) {
        self.tls.inherit(http);
        if self.tls.ssl_protocols.value.is_none() && !cx.differences().tls_1_3_default {
            self.tls.ssl_protocols.value = Some(TlsVersions::TLS_1_2);
        }
        let certificates = self.tls.ssl_certificate.settle();
        let keys = self.tls.ssl_certificate_key.settle();
        if let Some(last) = certificates.last()
            && keys.len() < certificates.len()
        {
            let name = last.written().unwrap_or_default();
            let text = format!("no \"ssl_certificate_key\" is defined for certificate \"{name}\"");
            cx.faults.push(Fault::emerg(text, None));
        }
        if self.has_certificate() || self.rejects_handshakes() {
            self.check_offer(cx);
        }
    }

    /// Whether there is something to offer to clients: versions, suites, groups.
    fn check_offer(&self, cx: &mut Reading) {
        let Ok(tls) = self.tls.settle(cx) else {
            return;
        };
        let lacks_ca = tls.lacks_authorities(cx.compat);
        let (ciphers, groups) = (&tls.ssl_ciphers, &tls.ssl_ecdh_curve);
        let dh = self.tls.ssl_dhparam.value.as_ref();
        let dh_fault = dh.and_then(|file| file.fault.clone());
        let old = tls.ssl_protocols.contains(TlsVersions::TLS_1_2);
        let new = tls.ssl_protocols.contains(TlsVersions::TLS_1_3);
        let text = if let Some(words) = ciphers.fault {
            let list = &ciphers.text;
            format!("SSL_CTX_set_cipher_list(\"{list}\") failed (SSL: {words})")
        } else if let Some(fault) = lacks_ca {
            fault.to_owned()
        } else if let Some(fault) = dh_fault {
            fault
        } else if let Some(unknown) = &groups.unknown {
            let list = &groups.text;
            let why = match unknown.as_str() {
                "" => String::new(),
                name => format!(
                    " (SSL: error:0A080106:SSL routines::passed invalid argument:group '{name}' cannot be set)"
                ),
            };
            format!("SSL_CTX_set1_curves_list(\"{list}\") failed{why}")
        } else if let Some(fault) = tls
            .ssl_conf_command
            .iter()
            .find_map(|one| one.fault.clone())
        {
            fault
        } else if tls.ssl_stapling && tls.ssl_certificate_compression {
            "\"ssl_stapling\" is incompatible with \"ssl_certificate_compression\"".to_owned()
        } else if !old && !new {
            "\"ssl_protocols\" leaves no version that weir speaks: TLSv1.2 and TLSv1.3".to_owned()
        } else if old && ciphers.offered.is_empty() {
            let list = &ciphers.text;
            format!("\"ssl_ciphers\" \"{list}\" leaves no suite that weir has")
        } else if groups.offered.as_ref().is_some_and(Vec::is_empty) {
            let list = &groups.text;
            format!("\"ssl_ecdh_curve\" \"{list}\" leaves no group that weir has")
        } else {
            return;
        };
        let mut fault = Fault::emerg(text, None);
        fault.about = Some(self.place.clone());
        cx.faults.push(fault);
    }

    /// Whether it can shake hands: it has a certificate, or refuses to.
    pub(super) fn has_certificate(&self) -> bool {
        !self.tls.ssl_certificate.settle().is_empty()
    }

    pub(super) fn rejects_handshakes(&self) -> bool {
        self.tls.ssl_reject_handshake.value == Some(true)
    }

    /// What nginx says of a server without a certificate (`ngx_http_ssl_init`).
    pub(super) fn no_certificate(&self) -> Fault {
        let text = format!(
            "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive in {}",
            self.place
        );
        let mut fault = Fault::emerg(text, None);
        fault.about = Some(self.place.clone());
        fault
    }

    /// Inherits from `http` and settles the server and its locations.
    pub(super) fn finish(
        mut self,
        http: &Level,
        upstreams: &[Upstream],
        cx: &mut Reading,
        count: &mut usize,
        at: &Place,
    ) -> Option<Server> {
        self.level.inherit(http);
        self.level.settle_referers(&self.names, cx, at);
        let index = *count;
        *count += 1;
        let settings = settle(&self.level, None, cx, at);
        let mut finishing = Finishing {
            server: &self.names,
            upstreams,
            cx,
            count,
            at,
        };
        let script = script::finish(self.script, None, &mut finishing);
        let locations =
            location::finish(self.locations, Outer::server(&self.level), &mut finishing);
        let default = Location {
            name: String::new(),
            kind: LocationKind::Prefix,
            settings: settings?,
            handler: self.handler,
            script,
            limit_except: None,
            health_check: None,
            nested: Locations::default(),
            place: self.place.clone(),
            index,
        };
        Some(Server {
            name: self
                .names
                .first()
                .map_or_else(String::new, NameDraft::shown),
            names: match self.names.as_slice() {
                [] => vec![String::new()],
                names => names.iter().map(NameDraft::written).collect(),
            },
            default,
            locations,
            core: self.core.settle(cx).ok()?,
            tls: self.tls.settle(cx).ok()?,
            place: self.place,
            index: self.index,
        })
    }
}
