//! Answers of OCSP responders that servers show with their certificates (`ngx_ssl_stapling`): from a file, or
//! asked for and kept while they are good.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::sign::CertifiedKey;
use weir_conf::ServerTls;

use crate::certificate::not_opened;
use crate::ocsp::{self, Subject};
use crate::server::TlsFault;
use crate::verify::{Peer, Trust};
use crate::x509::Certificate;

/// Seconds between two questions at least, and at most.
const PAUSE: std::ops::RangeInclusive<i64> = 300..=3600;

/// Shown with one certificate.
#[derive(Debug)]
pub struct Staple {
    key: Arc<CertifiedKey>,
    shown: RwLock<Option<Shown>>,
    source: Option<Source>,
    /// When to ask again, seconds since 1970.
    refresh: AtomicI64,
    /// Somebody asks.
    loading: AtomicBool,
}

/// What is shown until it is good no longer.
#[derive(Clone, Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    valid: i64,
}

/// Where answers come from.
#[derive(Debug)]
pub struct Source {
    /// The certificate's file.
    pub certificate: String,
    /// The host that answers.
    pub host: String,
    /// Its addresses.
    pub addresses: Vec<SocketAddr>,
    /// Whether the host is a name, and not an address.
    pub is_name: bool,
    /// What is sent: a request of HTTP/1.0.
    pub request: Vec<u8>,
    subject: Subject,
    trust: Trust,
    verify: bool,
}

impl Staple {
    /// What `key` is shown with; `None`: nothing, and `warnings` say why. `name` is its certificate's file.
    ///
    /// # Errors
    ///
    /// `ssl_stapling_file` cannot be read.
    pub(crate) fn load(
        tls: &ServerTls,
        key: &Arc<CertifiedKey>,
        name: &str,
        trust: &Trust,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, TlsFault> {
        let (shown, source) = match &tls.ssl_stapling_file {
            Some(path) => {
                let answer = read_answer(path).map_err(TlsFault::Staple)?;
                let shown = Shown {
                    key: stapled(key, answer),
                    valid: i64::MAX,
                };
                (Some(shown), None)
            }
            None => match Source::of(tls, key, name, trust) {
                Ok(source) => (None, Some(source)),
                Err(why) => {
                    warnings.push(format!("\"ssl_stapling\" ignored, {why} \"{name}\""));
                    return Ok(None);
                }
            },
        };
        Ok(Some(Self {
            key: key.clone(),
            shown: RwLock::new(shown),
            source,
            refresh: AtomicI64::new(0),
            loading: AtomicBool::new(false),
        }))
    }

    /// The certificate that it belongs to, with an answer if there is a good one.
    pub(crate) fn current(&self, now: i64) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.read();
        let shown = shown.unwrap_or_else(PoisonError::into_inner);
        let shown = shown.as_ref().filter(|shown| shown.valid >= now)?;
        Some(shown.key.clone())
    }

    pub(crate) fn is_of(&self, key: &Arc<CertifiedKey>) -> bool {
        Arc::ptr_eq(&self.key, key)
    }

    /// Where answers come from, unless from a file.
    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// Where to ask now, if it is time and nobody else does; who is told must say what came of it by
    /// [`answered`](Self::answered).
    pub fn due(&self, now: i64) -> Option<&Source> {
        let source = self.source.as_ref()?;
        let due = self.refresh.load(Ordering::Relaxed) < now;
        (due && !self.loading.swap(true, Ordering::AcqRel)).then_some(source)
    }

    /// Takes an answer, or that none has come.
    ///
    /// # Errors
    ///
    /// nginx's words for an answer that cannot be shown.
    pub fn answered(&self, answer: Option<&[u8]>, now: i64) -> Result<(), String> {
        let taken = match (&self.source, answer) {
            (Some(source), Some(answer)) => self.take(source, answer, now),
            (None, _) | (_, None) => Ok(now + PAUSE.start()),
        };
        let refresh = taken.as_ref().copied().unwrap_or(now + PAUSE.start());
        self.refresh.store(refresh, Ordering::Relaxed);
        self.loading.store(false, Ordering::Release);
        taken.map(drop)
    }

    /// Shows `answer` from now on; when to ask again is the value.
    fn take(&self, source: &Source, answer: &[u8], now: i64) -> Result<i64, String> {
        let valid = source
            .subject
            .good_until(answer, &source.trust, source.verify, now)?;
        let valid = valid.unwrap_or(i64::MAX);
        let shown = Shown {
            key: stapled(&self.key, answer.to_vec()),
            valid,
        };
        let mut place = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(shown);
        let early = valid.saturating_sub(*PAUSE.start());
        Ok(early.clamp(now + PAUSE.start(), now + PAUSE.end()))
    }
}

fn stapled(key: &CertifiedKey, answer: Vec<u8>) -> Arc<CertifiedKey> {
    Arc::new(CertifiedKey {
        ocsp: Some(answer),
        ..key.clone()
    })
}

fn read_answer(path: &std::path::Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let text = std::fs::read(path).map_err(|error| {
        let reason = not_opened(path, "rb", &error);
        format!("BIO_new_file(\"{shown}\") failed (SSL: {reason})")
    })?;
    let answer = ocsp::answer(&text).ok_or_else(|| {
        format!(
            "d2i_OCSP_RESPONSE_bio(\"{shown}\") failed (SSL: error:068000A8:asn1 encoding routines::wrong tag error:0688010A:asn1 encoding routines::nested asn1 error:Type=OCSP_RESPONSE)"
        )
    })?;
    Ok(answer.to_vec())
}

impl Source {
    /// Whom to ask about `key`'s certificate; else nginx's words for why nobody is asked
    /// (`ngx_ssl_stapling_issuer`, `ngx_ssl_stapling_responder`).
    fn of(tls: &ServerTls, key: &CertifiedKey, name: &str, trust: &Trust) -> Result<Self, String> {
        const NO_ISSUER: &str = "issuer certificate not found for certificate";
        const NO_RESPONDER: &str = "no OCSP responder URL in the certificate";
        let read = |der: &[u8]| Certificate::read(der).map(Arc::new);
        let certificate = key
            .cert
            .first()
            .and_then(|der| read(der))
            .ok_or(NO_ISSUER)?;
        let others: Vec<_> = key.cert[1..].iter().filter_map(|der| read(der)).collect();
        let mut known = others.iter().chain(&trust.trusted);
        let issuer = known.find(|one| certificate.is_issued_by(one)).cloned();
        let issuer = issuer.ok_or(NO_ISSUER)?;
        let written = tls.ssl_stapling_responder.as_deref();
        let url = written.or_else(|| certificate.responders().first().map(String::as_str));
        let url = url.ok_or(NO_RESPONDER)?.to_owned();
        let (host, port, path) = apart(&url)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let literal: Option<IpAddr> = bare.parse().ok();
        let found = literal.map_or_else(|| weir_conf::resolve(host), |address| vec![address]);
        if found.is_empty() {
            let rest = &url[SCHEME.len()..];
            return Err(format!(
                "host not found in OCSP responder \"{rest}\" in the certificate"
            ));
        }
        let (host, path) = (host.to_owned(), path.to_owned());
        let subject = Subject {
            certificate,
            issuer,
            others,
        };
        Ok(Self {
            certificate: name.to_owned(),
            addresses: found
                .iter()
                .map(|one| SocketAddr::new(*one, port))
                .collect(),
            is_name: literal.is_none(),
            request: request(&host, &path, &subject.question()),
            host,
            subject,
            trust: Trust {
                peer: Peer::Responder,
                depth: 100,
                ..trust.clone()
            },
            verify: tls.ssl_stapling_verify,
        })
    }
}

const SCHEME: &str = "http://";

/// Host, port and path of a URL; else why it is none.
fn apart(url: &str) -> Result<(&str, u16, &str), String> {
    let scheme = url.get(..SCHEME.len()).filter(|_| url.len() > SCHEME.len());
    if !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME)) {
        return Err(format!(
            "invalid URL prefix in OCSP responder \"{url}\" in the certificate"
        ));
    }
    let rest = &url[SCHEME.len()..];
    let wrong = |why: &str| format!("{why} in OCSP responder \"{rest}\" in the certificate");
    let end = rest
        .find('/')
        .or_else(|| rest.find('?'))
        .unwrap_or(rest.len());
    let (place, path) = rest.split_at(end);
    let colon = match place.rfind(']') {
        Some(bracket) => place[bracket..].find(':').map(|colon| bracket + colon),
        None => place.find(':'),
    };
    let (host, port) = match colon {
        Some(colon) => (&place[..colon], Some(&place[colon + 1..])),
        None => (place, None),
    };
    if host.is_empty() {
        return Err(wrong("no host"));
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0),
        None => Some(80),
    };
    let port = port.ok_or_else(|| wrong("invalid port"))?;
    Ok((host, port, if path.is_empty() { "/" } else { path }))
}

/// The request (`ngx_ssl_ocsp_create_request`).
fn request(host: &str, path: &str, question: &[u8]) -> Vec<u8> {
    let mut encoded = String::new();
    for letter in STANDARD.encode(question).chars() {
        match letter {
            '+' => encoded.push_str("%2B"),
            '/' => encoded.push_str("%2F"),
            '=' => encoded.push_str("%3D"),
            other => encoded.push(other),
        }
    }
    let slash = if path.ends_with('/') { "" } else { "/" };
    format!("GET {path}{slash}{encoded} HTTP/1.0\r\nHost: {host}\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;

    use super::*;
    use crate::ocsp::tests::{NOW, good};

    fn check(url: &str, expected: &str) {
        let shown = match apart(url) {
            Ok((host, port, path)) => format!("{host} {port} {path}"),
            Err(why) => why,
        };
        assert_eq!(shown, expected, "{url}");
    }

    /// Without an answer yet.
    fn staple() -> (Staple, Vec<u8>) {
        let (subject, key, trust, answer) = good();
        let chain = vec![subject.certificate.der().to_vec().into()];
        let der = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = crate::backend::default_provider();
        let signing = provider.key_provider.load_private_key(der).expect("a key");
        let source = Source {
            certificate: "own.crt".to_owned(),
            host: "127.0.0.1".to_owned(),
            addresses: Vec::new(),
            is_name: false,
            request: Vec::new(),
            subject,
            trust,
            verify: true,
        };
        let staple = Staple {
            key: Arc::new(CertifiedKey::new(chain, signing)),
            shown: RwLock::default(),
            source: Some(source),
            refresh: AtomicI64::new(0),
            loading: AtomicBool::new(false),
        };
        (staple, answer)
    }

    fn shown(staple: &Staple, now: i64) -> Option<Vec<u8>> {
        staple.current(now).and_then(|key| key.ocsp.clone())
    }

    #[test]
    fn a_good_answer_is_shown_while_it_is_good() {
        const DAY: i64 = 86_400;
        let (staple, answer) = staple();
        assert!(staple.due(NOW).is_some());
        assert!(staple.due(NOW).is_none(), "somebody asks already");
        assert_eq!(shown(&staple, NOW), None);
        assert_eq!(staple.answered(Some(&answer), NOW), Ok(()));
        assert_eq!(shown(&staple, NOW).as_ref(), Some(&answer));
        assert_eq!(shown(&staple, NOW + DAY), Some(answer));
        assert_eq!(shown(&staple, NOW + DAY + 1), None);
        assert!(staple.due(NOW + PAUSE.end()).is_none());
        assert!(staple.due(NOW + PAUSE.end() + 1).is_some());
    }

    #[test]
    fn a_bad_answer_takes_nothing_away() {
        let (staple, answer) = staple();
        assert_eq!(staple.answered(Some(&answer), NOW), Ok(()));
        let mut bad = answer.clone();
        *bad.last_mut().expect("a byte") ^= 1;
        assert!(staple.answered(Some(&bad), NOW).is_err());
        assert_eq!(staple.answered(None, NOW), Ok(()));
        assert_eq!(shown(&staple, NOW), Some(answer));
        assert!(staple.due(NOW + PAUSE.start()).is_none());
        assert!(staple.due(NOW + PAUSE.start() + 1).is_some());
    }

    #[test]
    fn responders_are_urls() {
        check("http://a.test", "a.test 80 /");
        check("HTTP://a.test:81/b/c", "a.test 81 /b/c");
        check("http://[::1]:81/", "[::1] 81 /");
        check("http://a.test?x", "a.test 80 ?x");
        let prefix = "invalid URL prefix in OCSP responder \"https://a.test\" in the certificate";
        check("https://a.test", prefix);
        check(
            "http://:80/",
            "no host in OCSP responder \":80/\" in the certificate",
        );
        check(
            "http://a:x/",
            "invalid port in OCSP responder \"a:x/\" in the certificate",
        );
        check(
            "http://a:0/",
            "invalid port in OCSP responder \"a:0/\" in the certificate",
        );
    }
}
