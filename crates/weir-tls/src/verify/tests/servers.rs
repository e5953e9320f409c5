//! What nginx 1.31.5 with OpenSSL 3.0 said of the same certificates of upstream servers.

use rcgen::{GeneralSubtree, NameConstraints};

use super::*;
use crate::host::has_name;

fn authority(name: &str) -> CertificateParams {
    let mut params = ca_parameters(name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn server() -> CertificateParams {
    let mut params = parameters("a.test");
    params.subject_alt_names = vec![rcgen::SanType::DnsName(
        "a.test".try_into().expect("a name"),
    )];
    params
}

fn alone(mut params: CertificateParams) -> Ca {
    params.use_authority_key_identifier_extension = false;
    Ca::self_signed(params, key()).expect("signed")
}

fn by(issuer: &Ca, params: CertificateParams) -> Ca {
    below(params, issuer)
}

/// What is said of `shown` where `trusted` are; 0 is nothing.
fn said(trusted: &[&Ca], lists: Option<Vec<Vec<u8>>>, depth: usize, shown: &[&Ca]) -> u16 {
    let trusted: Vec<_> = trusted.iter().map(|one| one.der()).collect();
    let read = |list: &Vec<u8>| Arc::new(RevocationList::read(list).expect("a list"));
    let trust = Trust {
        revoked: lists.map(|lists| lists.iter().map(read).collect()),
        depth,
        peer: Peer::Server,
        ..trust(&trusted)
    };
    let shown: Vec<_> = shown.iter().map(|one| one.der().clone()).collect();
    let verified = trust.verify(&shown, NOW);
    verified.map_or_else(VerifyFault::number, |()| 0)
}

fn check(trusted: &[&Ca], depth: usize, shown: &[&Ca], expected: u16) {
    assert_eq!(said(trusted, None, depth, shown), expected);
}

#[test]
fn chains_are_built_as_openssl_builds_them() {
    let root = alone(authority("root"));
    let upper = by(&root, authority("upper"));
    let lower = by(&upper, authority("lower"));
    let direct = by(&root, server());
    let below = by(&upper, server());
    let deep = by(&lower, server());
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
    let own = alone(server());
    check(&[&root], 1, &[&own], 18);
    check(&[&own], 1, &[&own], 0);
    check(&[&direct], 1, &[&direct], 21);
}

#[test]
fn each_certificate_must_be_what_it_is_used_for() {
    let root = alone(authority("root"));
    let mut expired = server();
    expired.not_after = date_time_ymd(2029, 1, 1);
    check(&[&root], 1, &[&by(&root, expired)], 10);
    let mut early = server();
    early.not_before = date_time_ymd(2031, 1, 1);
    check(&[&root], 1, &[&by(&root, early)], 9);
    let mut client = server();
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    check(&[&root], 1, &[&by(&root, client)], 26);
    let mut short = authority("short");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = by(&root, short);
    let below = by(&short, authority("below"));
    check(&[&root], 1, &[&by(&short, server()), &short], 0);
    check(&[&root], 3, &[&by(&below, server()), &below, &short], 25);
    let nobody = by(&root, parameters("nobody"));
    check(&[&root], 1, &[&by(&nobody, server()), &nobody], 26);
}

#[test]
fn authorities_limit_names() {
    let root = alone(authority("root"));
    let mut tied = authority("tied");
    tied.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("b.test".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let tied = by(&root, tied);
    check(&[&root], 1, &[&by(&tied, server()), &tied], 47);
    let mut barred = authority("barred");
    barred.name_constraints = Some(NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: vec![GeneralSubtree::DnsName("test".to_owned())],
    });
    let barred = by(&root, barred);
    check(&[&root], 1, &[&by(&barred, server()), &barred], 48);
    // Who is further up is asked first, and the last word counts.
    let mut lower = authority("lower");
    lower.name_constraints = Some(NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: vec![GeneralSubtree::DnsName("test".to_owned())],
    });
    let lower = by(&tied, lower);
    check(&[&root], 2, &[&by(&lower, server()), &lower, &tied], 48);
}

#[test]
fn mail_and_directories_are_names_too() {
    let root = alone(authority("root"));
    let mail = |base: &str| GeneralSubtree::Rfc822Name(base.to_owned());
    let directory = |base: &str| {
        let mut name = rcgen::DistinguishedName::new();
        name.push(DnType::OrganizationName, base);
        GeneralSubtree::DirectoryName(name)
    };
    let mut own = server();
    own.distinguished_name = rcgen::DistinguishedName::new();
    own.distinguished_name.push(DnType::OrganizationName, "org");
    own.distinguished_name.push(DnType::CommonName, "leaf");
    let address = "a@b.test".try_into().expect("a text");
    own.subject_alt_names
        .push(rcgen::SanType::Rfc822Name(address));
    for (permitted, excluded, expected) in [
        (Some(mail("b.test")), None, 0),
        (Some(mail("c.test")), None, 47),
        (None, Some(mail(".test")), 48),
        (Some(directory("org")), None, 0),
        (Some(directory("other")), None, 47),
        (None, Some(directory("ORG")), 48),
    ] {
        let mut tied = authority("tied");
        tied.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted.into_iter().collect(),
            excluded_subtrees: excluded.into_iter().collect(),
        });
        let tied = by(&root, tied);
        check(&[&root], 1, &[&by(&tied, own.clone()), &tied], expected);
    }
}

#[test]
fn a_changed_certificate_is_none() {
    let root = alone(authority("root"));
    let mut der = by(&root, server()).der().to_vec();
    let last = der.len() - 1;
    der[last] ^= 1;
    let servers = Trust {
        peer: Peer::Server,
        ..trust(&[root.der()])
    };
    super::check(&servers, &[&der.into()], Some(7));
}

#[test]
fn revoked_certificates_are_found() {
    let root = alone(authority("root"));
    let numbered = |serial: u64| {
        let mut params = server();
        params.serial_number = Some(SerialNumber::from(serial));
        by(&root, params)
    };
    let (good, bad) = (numbered(7), numbered(8));
    let with = |lists, shown| said(&[&root], Some(lists), 1, &[shown]);
    let current = || list(&root, &[8], 2031);
    assert_eq!(with(vec![current()], &good), 0);
    assert_eq!(with(vec![current()], &bad), 23);
    assert_eq!(with(vec![list(&root, &[8], 2026)], &good), 12);
    assert_eq!(with(vec![list(&root, &[8], 2026), current()], &good), 0);
    let other = alone(authority("other"));
    assert_eq!(with(vec![list(&other, &[], 2031)], &good), 3);
    let same_name = alone(authority("root"));
    assert_eq!(with(vec![list(&same_name, &[], 2031)], &good), 3);
}

#[test]
fn names_are_looked_for_where_they_belong() {
    let common = alone(parameters("a.test")).der().clone();
    let named = alone(server()).der().clone();
    for (name, expected) in [
        ("a.test", true),
        ("A.Test", true),
        ("b.test", false),
        ("", false),
    ] {
        assert_eq!(has_name(&common, name.as_bytes()), expected, "{name}");
        assert_eq!(has_name(&named, name.as_bytes()), expected, "{name}");
    }
    let mut other = server();
    other.distinguished_name.push(DnType::CommonName, "b.test");
    assert!(
        !has_name(alone(other).der(), b"b.test"),
        "names beside the subject count"
    );
}
