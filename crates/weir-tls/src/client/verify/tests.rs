//! What nginx 1.31.5 with OpenSSL 3.0 said of the same certificates.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    NameConstraints, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::default_provider;

use super::*;

/// 2026-01-01
const NOW: i64 = 1_767_225_600;

/// A certificate with what it takes to make others.
struct Made {
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf() -> CertificateParams {
    let mut params = params("a.test");
    params.subject_alt_names = vec![rcgen::SanType::DnsName(
        "a.test".try_into().expect("a name"),
    )];
    params
}

fn alone(mut params: CertificateParams) -> Made {
    let key = KeyPair::generate().expect("a key");
    params.use_authority_key_identifier_extension = false;
    let certificate = params.self_signed(&key).expect("signed");
    Made {
        der: certificate.der().clone(),
        issuer: Issuer::new(params, key),
    }
}

fn by(issuer: &Made, params: CertificateParams) -> Made {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &issuer.issuer).expect("signed");
    Made {
        der: certificate.der().clone(),
        issuer: Issuer::new(params, key),
    }
}

fn list(issuer: &Made, revoked: &[u64], until: i32) -> Vec<u8> {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2025, 1, 1),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 1),
        next_update: date_time_ymd(until, 1, 2),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = params.signed_by(&issuer.issuer).expect("signed");
    list.der().to_vec()
}

/// What is said of `shown` where `trusted` are; 0 is nothing.
fn said(trusted: &[&Made], lists: Option<Vec<Vec<u8>>>, depth: usize, shown: &[&Made]) -> u16 {
    let ders = |all: &[&Made]| all.iter().map(|made| made.der.clone()).collect::<Vec<_>>();
    let verification = Verification {
        authorities: ders(trusted),
        lists,
        depth,
        algorithms: default_provider().signature_verification_algorithms,
    };
    let verified = verification.verify(&ders(shown), NOW);
    verified.map_or_else(|untrusted| untrusted.number, |()| 0)
}

fn check(trusted: &[&Made], depth: usize, shown: &[&Made], expected: u16) {
    assert_eq!(said(trusted, None, depth, shown), expected);
}

#[test]
fn chains_are_built_as_openssl_builds_them() {
    let root = alone(authority("root"));
    let upper = by(&root, authority("upper"));
    let lower = by(&upper, authority("lower"));
    let direct = by(&root, leaf());
    let below = by(&upper, leaf());
    let deep = by(&lower, leaf());
    check(&[&root], 0, &[&direct], 0);
    check(&[&root], 0, &[&direct, &root], 0);
    check(&[&root], 1, &[&below, &upper], 0);
    check(&[&root], 1, &[&below, &upper, &root], 0);
    check(&[&root], 0, &[&below, &upper], 20);
    check(&[&root], 1, &[&below], 21);
    check(&[&root], 2, &[&deep, &lower, &upper], 0);
    check(&[&root], 2, &[&deep, &upper, &lower], 0);
    check(&[&root], 1, &[&deep, &lower, &upper], 20);
    check(&[&upper], 1, &[&below], 2);
    let other = alone(authority("other"));
    check(&[&other], 1, &[&direct], 21);
    check(&[&other], 1, &[&direct, &root], 19);
    let same_name = alone(authority("root"));
    check(&[&same_name], 1, &[&direct, &root], 19);
    let own = alone(leaf());
    check(&[&root], 1, &[&own], 18);
    check(&[&own], 1, &[&own], 0);
    check(&[&direct], 1, &[&direct], 21);
}

#[test]
fn each_certificate_must_be_what_it_is_used_for() {
    let root = alone(authority("root"));
    let mut expired = leaf();
    expired.not_after = date_time_ymd(2021, 1, 1);
    check(&[&root], 1, &[&by(&root, expired)], 10);
    let mut early = leaf();
    early.not_before = date_time_ymd(2027, 1, 1);
    check(&[&root], 1, &[&by(&root, early)], 9);
    let mut client = leaf();
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    check(&[&root], 1, &[&by(&root, client)], 26);
    let mut short = authority("short");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = by(&root, short);
    let below = by(&short, authority("below"));
    check(&[&root], 1, &[&by(&short, leaf()), &short], 0);
    check(&[&root], 3, &[&by(&below, leaf()), &below, &short], 25);
    let nobody = by(&root, params("nobody"));
    check(&[&root], 1, &[&by(&nobody, leaf()), &nobody], 26);
    let mut tied = authority("tied");
    tied.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("b.test".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let tied = by(&root, tied);
    check(&[&root], 1, &[&by(&tied, leaf()), &tied], 47);
    let mut barred = authority("barred");
    barred.name_constraints = Some(NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: vec![GeneralSubtree::DnsName("test".to_owned())],
    });
    let barred = by(&root, barred);
    check(&[&root], 1, &[&by(&barred, leaf()), &barred], 48);
}

#[test]
fn a_changed_certificate_is_none() {
    let root = alone(authority("root"));
    let mut made = by(&root, leaf());
    let mut der = made.der.to_vec();
    let last = der.len() - 1;
    der[last] ^= 1;
    made.der = der.into();
    check(&[&root], 1, &[&made], 7);
}

#[test]
fn revoked_certificates_are_found() {
    let root = alone(authority("root"));
    let numbered = |serial: u64| {
        let mut params = leaf();
        params.serial_number = Some(SerialNumber::from(serial));
        by(&root, params)
    };
    let (good, bad) = (numbered(7), numbered(8));
    let with = |lists, shown| said(&[&root], Some(lists), 1, &[shown]);
    let current = || list(&root, &[8], 2030);
    assert_eq!(with(vec![current()], &good), 0);
    assert_eq!(with(vec![current()], &bad), 23);
    assert_eq!(with(vec![list(&root, &[8], 2025)], &good), 12);
    assert_eq!(with(vec![list(&root, &[8], 2025), current()], &good), 0);
    let other = alone(authority("other"));
    assert_eq!(with(vec![list(&other, &[], 2030)], &good), 3);
    let same_name = alone(authority("root"));
    assert_eq!(with(vec![list(&same_name, &[], 2030)], &good), 8);
}

#[test]
fn names_are_looked_for_where_they_belong() {
    let mut common = params("a.test");
    common.subject_alt_names.clear();
    let common = alone(common).der;
    let named = alone(leaf()).der;
    for (name, expected) in [
        ("a.test", true),
        ("A.Test", true),
        ("b.test", false),
        ("", false),
    ] {
        assert_eq!(has_name(&common, name.as_bytes()), expected, "{name}");
        assert_eq!(has_name(&named, name.as_bytes()), expected, "{name}");
    }
    let mut other = leaf();
    other.distinguished_name.push(DnType::CommonName, "b.test");
    assert!(
        !has_name(&alone(other).der, b"b.test"),
        "names beside the subject count"
    );
}
