use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::*;

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
fn check(trust: &Trust, sent: &[&CertificateDer<'static>], expected: Option<u32>) {
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
        let parameters = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(7),
                revocation_time: date_time_ymd(2026, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = parameters.signed_by(issuer).expect("a list");
        Arc::new(RevocationList::read(list.der()).expect("one"))
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
