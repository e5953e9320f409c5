//! Whether a certificate is one of a name's (`X509_check_host`).

use rustls::pki_types::CertificateDer;

use crate::general_name::GeneralName;
use crate::x509::Certificate;

/// Whether the certificate has this name: among its other names, or without any of them in its subject.
pub fn has_name(certificate: &CertificateDer<'_>, name: &[u8]) -> bool {
    let ends = name.strip_suffix(b"\0").filter(|rest| !rest.is_empty());
    let name = ends.unwrap_or(name);
    if name.is_empty() || name.contains(&0) {
        return false;
    }
    let Some(certificate) = Certificate::read(certificate) else {
        return false;
    };
    let names = certificate.extensions.names.iter();
    let mut names = names
        .filter_map(|name| match name {
            GeneralName::Dns(name) => Some(name),
            _ => None,
        })
        .peekable();
    if names.peek().is_some() {
        return names.any(|pattern| matches(pattern, name));
    }
    certificate
        .common_names()
        .any(|pattern| matches(&pattern, name))
}

/// `equal_wildcard`
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if pattern.is_empty() {
        return false;
    }
    if name.len() > 1 && name.starts_with(b".") {
        // Any name below this one.
        let from = pattern.len().saturating_sub(name.len());
        return equal(&pattern[from..], name);
    }
    match star(pattern) {
        Some(star) => stands_for(&pattern[..star], &pattern[star + 1..], name),
        None => equal(pattern, name),
    }
}

fn equal(pattern: &[u8], name: &[u8]) -> bool {
    !pattern.contains(&0) && pattern.eq_ignore_ascii_case(name)
}

/// Where a pattern's star is: at the beginning or the end of the first of at least three labels
/// (`valid_star`).
fn star(pattern: &[u8]) -> Option<usize> {
    let mut labels = pattern.split(|byte| *byte == b'.');
    let first = labels.next()?;
    let rest: Vec<_> = labels.collect();
    let plain = |label: &[u8]| {
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        !label.is_empty()
            && label.iter().all(fits)
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    if rest.len() < 2 || !rest.iter().all(|label| plain(label)) {
        return None;
    }
    let star = memchr::memchr(b'*', first)?;
    let (before, after) = (&first[..star], &first[star + 1..]);
    let at_edge = before.is_empty() || after.is_empty();
    let around = [before, after].concat();
    let is_coded = first
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"));
    let fits = around.is_empty()
        || (around
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            && !before.starts_with(b"-")
            && !after.ends_with(b"-"));
    (at_edge && fits && !is_coded).then_some(star)
}

/// `wildcard_match`
fn stands_for(before: &[u8], after: &[u8], name: &[u8]) -> bool {
    if name.len() < before.len() + after.len() {
        return false;
    }
    let (start, rest) = name.split_at(before.len());
    let (middle, end) = rest.split_at(rest.len() - after.len());
    if !equal(before, start) || !equal(after, end) {
        return false;
    }
    let whole = before.is_empty() && after.starts_with(b".");
    if whole && middle.is_empty() {
        return false;
    }
    let is_coded = name
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"));
    if !whole && is_coded {
        return false;
    }
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    middle == b"*" || middle.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, name: &str, expected: bool) {
        let found = matches(pattern.as_bytes(), name.as_bytes());
        assert_eq!(found, expected, "{pattern} {name}");
    }

    /// As OpenSSL 3.0 answers.
    #[test]
    fn names_are_compared_as_openssl_compares_them() {
        check("a.test", "A.TEST", true);
        check("a.test", "b.test", false);
        check("a.test", "a.test.", false);
        check("*.example.com", "a.example.com", true);
        check("*.example.com", "a.b.example.com", false);
        check("*.example.com", "example.com", false);
        check("*.example.com", ".example.com", true);
        check("*.com", "a.com", false);
        check("f*.example.com", "foo.example.com", true);
        check("f*.example.com", "f.example.com", true);
        check("*f.example.com", "of.example.com", true);
        check("f*o.example.com", "foo.example.com", false);
        check("a.*.example.com", "a.b.example.com", false);
        check("xn--*.example.com", "xn--a.example.com", false);
        check("x*.example.com", "xn--a.example.com", false);
        check("*.example.com", "xn--a.example.com", true);
        check("*.example.com", "a_b.example.com", false);
        check("*.example.com", "*.example.com", true);
        check("a.b.example.com", ".example.com", true);
        check("", "a", false);
    }
}
