//! What TLS keeps of a peer from one handshake to the next.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use weir_tls::rustls::ClientConfig;
use weir_tls::rustls::pki_types::CertificateDer;

/// TLS with one peer, as one location wants it; its sessions are in the configuration.
#[derive(Debug)]
pub(crate) struct PeerTls {
    pub(crate) config: Arc<ClientConfig>,
    /// The certificates that were found good last: a session that goes on has them, too, and they are not looked
    /// at again (`SSL_get_verify_result`).
    trusted: RefCell<Vec<CertificateDer<'static>>>,
}

impl PeerTls {
    /// With a peer that nothing is known of.
    pub(crate) fn of(config: Arc<ClientConfig>) -> Rc<Self> {
        Rc::new(Self {
            config,
            trusted: RefCell::default(),
        })
    }

    /// Whether these are the certificates that were found good last.
    pub(crate) fn trusts(&self, shown: &[CertificateDer<'_>]) -> bool {
        let trusted = self.trusted.borrow();
        !shown.is_empty() && *trusted == shown
    }

    /// These have been found good.
    pub(crate) fn trust(&self, shown: &[CertificateDer<'_>]) {
        let shown = shown.iter().map(|one| one.clone().into_owned());
        *self.trusted.borrow_mut() = shown.collect();
    }
}
