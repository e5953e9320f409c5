//! What the fuzz targets call: nothing that comes from outside makes a reader panic.

use crate::certificate;
use crate::crl::RevocationList;
use crate::encrypted::Pkcs8;
use crate::hello::{Heard, Hello};
use crate::ocsp;
use crate::said::Said;
use crate::x509::Certificate;

/// A client's first message. The first byte says where to cut.
///
/// # Panics
///
/// If what is heard depends on the cut.
pub fn hello(input: &[u8]) {
    let [cut, input @ ..] = input else {
        return;
    };
    let cut = usize::from(*cut).min(input.len());
    let whole = Hello::default().hear(input);
    let mut hello = Hello::default();
    let split = match hello.hear(&input[..cut]) {
        Heard::Part => hello.hear(&input[cut..]),
        heard => heard,
    };
    match (&whole, &split) {
        (Heard::Name(whole), Heard::Name(split)) => assert_eq!(whole, split),
        (Heard::Part, Heard::Part) | (Heard::Refused { .. }, Heard::Refused { .. }) => {}
        _ => panic!("{whole:?} and {split:?}"),
    }
    let said = Said::read(input);
    let _shown = (
        said.offers.suite_names(),
        said.offers.group_names(),
        said.offers.signature_numbers(),
    );
    // What both know they know alike, but for the letters and the dot at the end.
    if let (Heard::Name(Some(heard)), Some(sent)) = (&whole, &said.name) {
        let sent = sent.trim_end_matches('.');
        assert!(heard.eq_ignore_ascii_case(sent), "{heard} and {sent}");
    }
}

/// A certificate, a list of revoked ones, an answer of a responder or a key: whatever it is.
pub fn certificate(input: &[u8]) {
    if let Some(one) = Certificate::read(input) {
        let _shown = (
            one.subject(),
            one.issuer(),
            one.armoured(),
            one.begins(),
            one.ends(),
        );
        let _shown = (one.legacy_subject(), one.legacy_issuer());
        let _shown = (one.serial_shown(), one.days_left(0));
        let _named = crate::has_name(&input.into(), b"a.b.test");
        let _list = (
            one.has_weak_key(),
            one.has_weak_digest(),
            one.is_self_signed(),
        );
    }
    let _list = RevocationList::read(input);
    let _answer = ocsp::answer(input);
    let _answer = ocsp::readable(input);
    let _key = Pkcs8::read(input);
    let _whole = certificate::is_sequence(input);
}
