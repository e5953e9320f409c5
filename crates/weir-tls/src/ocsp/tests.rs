use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SigningKey as _, date_time_ymd,
};

use super::*;
use crate::verify::Peer;

/// 2030-01-01.
pub(crate) const NOW: i64 = 1_893_456_000;
/// Good, and another status.
const GOOD: &[u8] = &[0x80, 0];
const UNKNOWN: &[u8] = &[0x82, 0];

type Ca = CertifiedIssuer<'static, KeyPair>;

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new([]).expect("no names");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(2035, 1, 1);
    parameters
}

fn ca() -> Ca {
    let mut parameters = parameters("top");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, key()).expect("a root")
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn read(der: &[u8]) -> Arc<Certificate> {
    Arc::new(Certificate::read(der).expect("a certificate"))
}

/// What is said of the certificate with this id, by `signer`, and the certificates that come with it.
struct Said<'a> {
    id: Vec<u8>,
    status: &'a [u8],
    until: &'a [u8],
    signer: (&'a KeyPair, &'a Certificate),
    with: &'a [&'a Certificate],
}

impl Said<'_> {
    fn encode(&self) -> Vec<u8> {
        let time = |text: &[u8]| wrapped(der::GENERALIZED_TIME, text);
        let next = wrapped(der::parts(0), &time(self.until));
        let id = wrapped(der::SEQUENCE, &self.id);
        let this = time(b"20291231000000Z");
        let single = [&id, self.status, &this, &next].concat();
        let all = wrapped(der::SEQUENCE, &wrapped(der::SEQUENCE, &single));
        let (key, signer) = self.signer;
        let name = wrapped(der::parts(1), signer.subject_der());
        let data = wrapped(der::SEQUENCE, &[name, this, all].concat());
        let signature = key.sign(&data).expect("a signature");
        let signature = wrapped(der::BIT_STRING, &[&[0], signature.as_slice()].concat());
        let ecdsa = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
        let with: Vec<u8> = self
            .with
            .iter()
            .flat_map(|one| one.der())
            .copied()
            .collect();
        let with = wrapped(der::parts(0), &wrapped(der::SEQUENCE, &with));
        let basic = wrapped(
            der::SEQUENCE,
            &[&data, &ecdsa[..], &signature, &with].concat(),
        );
        let kind = wrapped(der::OID, BASIC);
        let bytes = [kind, wrapped(der::OCTET_STRING, &basic)].concat();
        let bytes = wrapped(der::parts(0), &wrapped(der::SEQUENCE, &bytes));
        wrapped(
            der::SEQUENCE,
            &[&[der::ENUMERATED, 1, 0], bytes.as_slice()].concat(),
        )
    }
}

/// A certificate of the authority's, and its key.
fn own(top: &Ca) -> (Subject, KeyPair) {
    let key = key();
    let own = parameters("own").signed_by(&key, top).expect("one");
    let subject = Subject {
        certificate: read(own.der()),
        issuer: read(top.der()),
        others: Vec::new(),
    };
    (subject, key)
}

fn trust(trusted: Vec<Arc<Certificate>>) -> Trust {
    Trust {
        trusted,
        revoked: None,
        depth: 9,
        peer: Peer::Responder,
        algorithms: crate::backend::default_provider().signature_verification_algorithms,
    }
}

/// A certificate and its key, whom to trust, and what the authority says of it that is good until 2030-01-02.
pub(crate) fn good() -> (Subject, KeyPair, Trust, Vec<u8>) {
    let top = ca();
    let (subject, key) = own(&top);
    let said = Said {
        id: subject.id(),
        status: GOOD,
        until: b"20300102000000Z",
        signer: (top.key(), &subject.issuer),
        with: &[],
    };
    let answer = said.encode();
    let trust = trust(vec![subject.issuer.clone()]);
    (subject, key, trust, answer)
}

#[test]
fn answers_count_if_the_issuer_lets_them() {
    let top = ca();
    let (subject, _) = own(&top);
    let issuer = subject.issuer.clone();
    let check = |said: &Said<'_>, trusted: &[Arc<Certificate>], expected: &str| {
        let trust = trust(trusted.to_vec());
        let found = subject.good_until(&said.encode(), &trust, true, NOW);
        let found = found.map_or_else(|words| words, |until| format!("{until:?}"));
        assert!(found.contains(expected), "{found}");
    };
    let said = || Said {
        id: subject.id(),
        status: GOOD,
        until: b"20300102000000Z",
        signer: (top.key(), &issuer),
        with: &[],
    };
    check(&said(), &[], "Some(1893542400)");
    check(
        &Said {
            status: UNKNOWN,
            ..said()
        },
        &[],
        "certificate status \"unknown\"",
    );
    let until = b"20291231120000Z";
    check(
        &Said { until, ..said() },
        &[],
        "1380007D:OCSP routines::status expired",
    );
    let id = [subject.id(), vec![0]].concat();
    check(&Said { id, ..said() }, &[], "certificate status not found");
    let other = key();
    let signer = (&other, &*issuer);
    check(
        &Said { signer, ..said() },
        &[],
        "13800075:OCSP routines::signature failure",
    );
    // Somebody else, who may sign for the issuer only if it says so.
    let plain = read(
        parameters("some")
            .signed_by(&other, &top)
            .expect("one")
            .der(),
    );
    let mut signing = parameters("some");
    signing.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    let signing = read(signing.signed_by(&other, &top).expect("one").der());
    let by = |one: &Arc<Certificate>, with: &[&Certificate], trusted: &[_], expected: &str| {
        let signer = (&other, &**one);
        check(
            &Said {
                signer,
                with,
                ..said()
            },
            trusted,
            expected,
        );
    };
    by(
        &signing,
        &[],
        &[],
        "13800076:OCSP routines::signer certificate not found",
    );
    by(
        &plain,
        &[&plain],
        &[],
        "13800067:OCSP routines::missing ocspsigning usage",
    );
    by(
        &signing,
        &[&signing],
        &[],
        "Verify error: self-signed certificate in certificate chain",
    );
    by(
        &signing,
        &[&signing],
        std::slice::from_ref(&issuer),
        "Some(1893542400)",
    );
}

#[test]
fn whatever_comes_is_no_panic() {
    let top = ca();
    let issuer = read(top.der());
    let said = Said {
        id: vec![1],
        status: GOOD,
        until: b"20300102000000Z",
        signer: (top.key(), &issuer),
        with: &[&issuer],
    };
    let good = said.encode();
    assert!(answer(&good).is_some());
    for at in 0..good.len() {
        for byte in [0, 1, 0x30, 0x7f, 0x80, 0x84, 0xff] {
            let mut bad = good.clone();
            bad[at] = byte;
            let _ = Answer::read(&bad);
            let _ = Answer::read(&bad[..at]);
        }
    }
}
