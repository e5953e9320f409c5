use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, SigningKey as _, date_time_ymd,
};

use super::*;

mod servers;

/// 2030-01-01.
const NOW: i64 = 1_893_456_000;

type Ca = CertifiedIssuer<'static, KeyPair>;

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new([]).expect("no names");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(2035, 1, 1);
    parameters.use_authority_key_identifier_extension = true;
    parameters
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn ca_parameters(name: &str) -> CertificateParams {
    let mut parameters = parameters(name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

fn root(name: &str) -> Ca {
    CertifiedIssuer::self_signed(ca_parameters(name), key()).expect("a root")
}

fn below(parameters: CertificateParams, issuer: &Ca) -> Ca {
    CertifiedIssuer::signed_by(parameters, key(), issuer).expect("a CA")
}

fn leaf(parameters: CertificateParams, issuer: &Issuer<'_, KeyPair>) -> CertificateDer<'static> {
    let signed = parameters.signed_by(&key(), issuer);
    signed.expect("a certificate").der().clone()
}

/// A list of what `issuer` has revoked, good until the second of January.
fn list(issuer: &Ca, revoked: &[u64], until: i32) -> Vec<u8> {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2026, 1, 1),
        reason_code: None,
        invalidity_date: None,
    });
    let parameters = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 1),
        next_update: date_time_ymd(until, 1, 2),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = parameters.signed_by(issuer).expect("a list");
    list.der().to_vec()
}

fn trust(trusted: &[&CertificateDer<'static>]) -> Trust {
    let read = |der: &&CertificateDer<'static>| Arc::new(Certificate::read(der).expect("one"));
    Trust {
        trusted: trusted.iter().map(read).collect(),
        revoked: None,
        depth: 1,
        peer: Peer::Client,
        algorithms: crate::backend::default_provider().signature_verification_algorithms,
    }
}

#[track_caller]
fn check(trust: &Trust, sent: &[&CertificateDer<'static>], expected: Option<u16>) {
    let sent: Vec<_> = sent.iter().map(|one| (*one).clone()).collect();
    let fault = trust.verify(&sent, NOW).err();
    assert_eq!(fault.map(VerifyFault::number), expected, "{fault:?}");
}

#[test]
fn chains_lead_to_somebody_who_is_trusted() {
    let top = root("top");
    let middle = below(ca_parameters("middle"), &top);
    let low = below(ca_parameters("low"), &middle);
    let own = leaf(parameters("own"), &middle);
    let deep = leaf(parameters("deep"), &low);
    let direct = leaf(parameters("direct"), &top);
    let of_top = trust(&[top.der()]);
    check(&of_top, &[&direct], None);
    check(&of_top, &[&own, middle.der()], None);
    check(&of_top, &[&own, top.der(), middle.der()], None);
    check(&of_top, &[&own], Some(21));
    check(&of_top, &[&deep, low.der(), middle.der()], Some(20));
    let far = Trust {
        depth: 2,
        ..of_top.clone()
    };
    check(&far, &[&deep, low.der(), middle.der()], None);
    check(&far, &[&deep, low.der()], Some(20));
    check(&trust(&[middle.der()]), &[&own], Some(2));
    check(&trust(&[middle.der(), top.der()]), &[&own], None);
    check(&trust(&[]), &[&own, middle.der(), top.der()], Some(19));
    let other = root("top");
    check(&trust(&[other.der()]), &[&own, middle.der()], Some(20));
    check(&of_top, &[&own, other.der()], Some(21));
}

#[test]
fn who_signs_itself_is_trusted_only_if_known() {
    let own = parameters("own").self_signed(&key()).expect("one");
    let known = trust(&[own.der()]);
    check(&known, &[own.der()], None);
    check(&trust(&[]), &[own.der()], Some(18));
    let mimic = parameters("own").self_signed(&key()).expect("one");
    check(&known, &[mimic.der()], Some(18));
    check(&known, &[&CertificateDer::from(vec![0x30, 0])], Some(1));
}

#[test]
fn times_purposes_and_limits_count() {
    let top = root("top");
    let trust = trust(&[top.der()]);
    let mut own = parameters("own");
    own.not_after = date_time_ymd(2029, 1, 1);
    check(&trust, &[&leaf(own.clone(), &top)], Some(10));
    own.not_before = date_time_ymd(2031, 1, 1);
    own.not_after = date_time_ymd(2032, 1, 1);
    check(&trust, &[&leaf(own, &top)], Some(9));
    let mut own = parameters("own");
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let of_server = leaf(own.clone(), &top);
    check(&trust, &[&of_server], Some(26));
    let servers = Trust {
        peer: Peer::Server,
        ..trust.clone()
    };
    check(&servers, &[&of_server], None);
    own.extended_key_usages
        .push(ExtendedKeyUsagePurpose::ClientAuth);
    check(&trust, &[&leaf(own, &top)], None);
    let mut own = parameters("own");
    own.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    check(&trust, &[&leaf(own, &top)], Some(26));
    let middle = below(parameters("no ca"), &top);
    check(
        &trust,
        &[&leaf(parameters("own"), &middle), middle.der()],
        Some(26),
    );
    let mut limited = ca_parameters("limited");
    limited.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let limited = below(limited, &top);
    let low = below(ca_parameters("low"), &limited);
    let own = leaf(parameters("own"), &low);
    let far = Trust { depth: 5, ..trust };
    check(&far, &[&own, low.der(), limited.der()], Some(25));
}

#[test]
fn revoked_ones_are_in_a_list_of_their_issuer() {
    let top = root("top");
    let mut bad = parameters("bad");
    bad.serial_number = Some(SerialNumber::from(7));
    let bad = leaf(bad, &top);
    let mut good = parameters("good");
    good.serial_number = Some(SerialNumber::from(8));
    let good = leaf(good, &top);
    let list = |until: i32, issuer: &Ca| {
        let list = list(issuer, &[7], until);
        Arc::new(RevocationList::read(&list).expect("one"))
    };
    let with = |lists: Vec<Arc<RevocationList>>| Trust {
        revoked: Some(lists),
        ..trust(&[top.der()])
    };
    check(&with(vec![list(2031, &top)]), &[&bad], Some(23));
    check(&with(vec![list(2031, &top)]), &[&good], None);
    check(&with(vec![list(2029, &top)]), &[&good], Some(12));
    check(
        &with(vec![list(2029, &top), list(2031, &top)]),
        &[&good],
        None,
    );
    check(&with(vec![]), &[&good], Some(3));
    check(&with(vec![list(2031, &root("top"))]), &[&good], Some(3));
}

#[test]
fn authorities_are_taken_by_name_number_and_kind_of_key() {
    let ec = root("top");
    let other_key = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let other = Ca::self_signed(ca_parameters("top"), other_key).expect("a root");
    let mut own = parameters("own");
    own.use_authority_key_identifier_extension = false;
    let own = leaf(own, &ec);
    check(&trust(&[other.der(), ec.der()]), &[&own], None);
    check(&trust(&[other.der()]), &[&own], Some(21));
    let by_other = leaf(parameters("own"), &other);
    check(&trust(&[ec.der(), other.der()]), &[&by_other], None);
}

#[test]
fn between_others_a_ca_says_that_it_is_one() {
    let mut signing = parameters("signing");
    signing.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let top = root("top");
    let middle = below(signing.clone(), &top);
    let own = leaf(parameters("own"), &middle);
    check(&trust(&[top.der()]), &[&own, middle.der()], Some(79));
    signing.use_authority_key_identifier_extension = false;
    let alone = Ca::self_signed(signing, key()).expect("a root");
    let own = leaf(parameters("own"), &alone);
    check(&trust(&[alone.der()]), &[&own], None);
}

#[test]
fn what_must_be_understood_is_named() {
    const POLICIES: &[u64] = &[2, 5, 29, 32];
    const KEY_ID: &[u64] = &[2, 5, 29, 14];
    let top = root("top");
    let with = |kind, body: &[u8]| {
        let mut extension = CustomExtension::from_oid_content(kind, body.to_vec());
        extension.set_criticality(true);
        let mut own = parameters("own");
        own.custom_extensions = vec![extension];
        leaf(own, &top)
    };
    let trust = trust(&[top.der()]);
    check(&trust, &[&with(POLICIES, &[0x30, 0])], None);
    check(&trust, &[&with(KEY_ID, &[4, 1, 7])], Some(34));
    check(&trust, &[&with(&[1, 2, 3], &[5, 0])], Some(34));
}

#[test]
fn lists_tell_of_what_is_in_their_scope() {
    use rcgen::CrlScope::{CaCertsOnly, UserCertsOnly};
    const PLACE: &str = "http://lists.test/1";
    let top = root("top");
    let at = |place: &str| rcgen::CrlDistributionPoint {
        uris: vec![place.to_owned()],
    };
    let own = |place: &str| {
        let mut own = parameters("own");
        own.crl_distribution_points = vec![at(place)];
        leaf(own, &top)
    };
    let with = |scope| {
        let parameters = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 1, 1),
            next_update: date_time_ymd(2035, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: Some(rcgen::CrlIssuingDistributionPoint {
                distribution_point: at(PLACE),
                scope,
            }),
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = parameters.signed_by(&top).expect("a list");
        RevocationList::read(list.der()).expect("one")
    };
    for (scope, place, expected) in [
        (Some(UserCertsOnly), PLACE, true),
        (None, PLACE, true),
        (Some(CaCertsOnly), PLACE, false),
        (None, "http://lists.test/2", false),
    ] {
        let own = Certificate::read(&own(place)).expect("one");
        let found = with(scope).reasons_for(&own);
        assert_eq!(found.is_some(), expected, "{place}");
    }
}

/// An end's certificate that says these beside: kinds by their numbers, and what is said.
fn saying(top: &Ca, said: &[(&[u64], &[u8])]) -> CertificateDer<'static> {
    let mut own = parameters("own");
    own.custom_extensions = said
        .iter()
        .map(|(kind, body)| CustomExtension::from_oid_content(kind, body.to_vec()))
        .collect();
    leaf(own, top)
}

#[test]
fn who_says_something_twice_or_nothing_that_can_be_read_is_nobodys() {
    const USAGE: &[u64] = &[2, 5, 29, 15];
    const NAMES: &[u64] = &[2, 5, 29, 17];
    const CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
    const LIMITS: &[u64] = &[2, 5, 29, 30];
    const LISTS: &[u64] = &[2, 5, 29, 31];
    const PURPOSES: &[u64] = &[2, 5, 29, 37];
    const PROXY: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 14];
    const ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
    const FOR_CLIENTS: &[u8] = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02";
    const FOR_SERVERS: &[u8] = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
    const SIGNS: &[u8] = b"\x03\x02\x07\x80";
    const OF_ANYBODY: &[u8] = b"\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x15\x01";
    let top = root("top");
    let trust = trust(&[top.der()]);
    let check = |said: &[(&[u64], &[u8])], expected| {
        check(&trust, &[&saying(&top, said)], expected);
    };
    check(&[(PURPOSES, FOR_CLIENTS), (USAGE, SIGNS)], None);
    check(
        &[(PURPOSES, FOR_SERVERS), (PURPOSES, FOR_CLIENTS)],
        Some(21),
    );
    check(&[(USAGE, b"\x03\x02\x01\x06"), (USAGE, SIGNS)], Some(21));
    check(
        &[(CONSTRAINTS, b"\x30\0"), (CONSTRAINTS, b"\x30\0")],
        Some(21),
    );
    check(
        &[(NAMES, b"\x30\x03\x82\x01a"), (NAMES, b"\x30\x03\x82\x01b")],
        Some(21),
    );
    // For nothing at all.
    check(&[(USAGE, b"\x03\x01\0")], Some(21));
    // A CA with a length below nothing.
    check(
        &[(CONSTRAINTS, b"\x30\x06\x01\x01\xff\x02\x01\xff")],
        Some(21),
    );
    for kind in [NAMES, LIMITS, LISTS] {
        check(&[(kind, b"\x04\0")], Some(21));
    }
    // Nobody reads it before somebody is to be asked.
    check(&[(ACCESS, b"\x04\0")], None);
    check(&[(PROXY, OF_ANYBODY)], Some(72));
    check(
        &[(PROXY, OF_ANYBODY), (NAMES, b"\x30\x03\x82\x01a")],
        Some(72),
    );
}

#[test]
fn a_ca_that_cannot_be_read_issues_nothing() {
    let mut twice = ca_parameters("twice");
    let names = CustomExtension::from_oid_content(&[2, 5, 29, 17], b"\x30\x03\x82\x01a".to_vec());
    twice.custom_extensions = vec![names.clone(), names];
    let top = root("top");
    let middle = below(twice, &top);
    let own = leaf(parameters("own"), &middle);
    check(&trust(&[top.der()]), &[&own, middle.der()], Some(21));
    check(&trust(&[top.der(), middle.der()]), &[&own], Some(21));
}

#[test]
fn the_algorithm_outside_is_the_one_inside() {
    const SHA_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let top = root("top");
    let own = leaf(parameters("own"), &top);
    let trust = trust(&[top.der()]);
    check(&trust, &[&own], None);
    // The one inside comes first; what is signed is another thing then, and signed anew.
    let mut whole = own.to_vec();
    let at = memchr::memmem::find(&whole, SHA_256).expect("an algorithm");
    whole[at + SHA_256.len() - 1] = 3;
    let read = Certificate::read(&whole).expect("a certificate");
    assert!(!read.has_one_algorithm());
    let signature = top.key().sign(read.signed()[0]).expect("a signature");
    let body = read.signed()[0].to_vec();
    let algorithm = [&[0x30, 10, 6, 8], SHA_256].concat();
    let bits = [&[3, signature.len() as u8 + 1, 0], signature.as_slice()].concat();
    let parts = [body, algorithm, bits].concat();
    let length = u16::try_from(parts.len())
        .expect("a short one")
        .to_be_bytes();
    let signed = [&[0x30, 0x82], &length[..], &parts].concat();
    check(&trust, &[&CertificateDer::from(signed)], Some(7));
}
