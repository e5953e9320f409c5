//! What CAs say of the names of those below them (`check_name_constraints`).

use super::Chain;
use crate::extensions::{NameLimit, NameLimits};
use crate::general_name::GeneralName;
use crate::name::IA5;
use crate::verify_fault::VerifyFault;
use crate::x509::Certificate;

/// Most comparisons of names that a certificate is worth (`NAME_CHECK_MAX`).
const MOST: usize = 1 << 20;

impl Chain<'_> {
    /// Each name of a certificate must fit what is said above it; CAs that issue to themselves are passed
    /// over.
    pub(super) fn check_names(&mut self) {
        for at in (0..self.certificates.len()).rev() {
            let one = self.certificates[at].clone();
            if at > 0 && one.is_self_issued() {
                continue;
            }
            if one.extensions.proxy && !one.subject.is_name_of_proxy(&one.issuer) {
                self.report(VerifyFault::ProxyName);
            }
            for above in (at + 1..self.certificates.len()).rev() {
                let above = self.certificates[above].clone();
                let limits = above.extensions.name_limits.as_ref();
                let checked = limits.map_or(Ok(()), |limits| limits.check(&one, at == 0));
                if let Err(fault) = checked {
                    self.report(fault);
                }
            }
        }
    }
}

impl NameLimits {
    /// `NAME_CONSTRAINTS_check`, and of the first of a chain `NAME_CONSTRAINTS_check_CN`.
    fn check(&self, one: &Certificate, is_first: bool) -> Result<(), VerifyFault> {
        let others = &one.extensions.names;
        let count = one.subject.attributes.len() + others.len();
        let limits = self.permitted.len() + self.excluded.len();
        if count.saturating_mul(limits) > MOST {
            return Err(VerifyFault::Unspecified);
        }
        if !one.subject.attributes.is_empty() {
            self.check_name(&GeneralName::Directory(one.subject.clone()))?;
        }
        for mail in mails(one) {
            self.check_name(&mail?)?;
        }
        for name in others {
            self.check_name(name)?;
        }
        let is_host = |name: &GeneralName| matches!(name, GeneralName::Dns(_));
        if is_first && !others.iter().any(is_host) {
            for host in hosts(one) {
                self.check_name(&host?)?;
            }
        }
        Ok(())
    }

    /// `nc_match`
    fn check_name(&self, name: &GeneralName) -> Result<(), VerifyFault> {
        let mut asked = false;
        let mut fits = false;
        for limit in like(&self.permitted, name) {
            let limit = limit?;
            asked = true;
            fits = fits || is_within(name, limit)?;
        }
        if asked && !fits {
            return Err(VerifyFault::NotPermitted);
        }
        for limit in like(&self.excluded, name) {
            if is_within(name, limit?)? {
                return Err(VerifyFault::Excluded);
            }
        }
        Ok(())
    }
}

/// What is said of names of this kind; a fault if that is not understood.
fn like<'a>(
    limits: &'a [NameLimit],
    name: &GeneralName,
) -> impl Iterator<Item = Result<&'a GeneralName, VerifyFault>> {
    let limits = limits.iter().filter(|limit| limit.base.is_like(name));
    limits.map(|limit| match limit.has_distance {
        true => Err(VerifyFault::ConstraintDistance),
        false => Ok(&limit.base),
    })
}

/// The addresses of mail in a subject.
fn mails(one: &Certificate) -> impl Iterator<Item = Result<GeneralName, VerifyFault>> {
    const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
    let all = one.subject.attributes.iter();
    let mails = all.filter(|part| part.kind == EMAIL);
    mails.map(|part| match part.tag {
        IA5 => Ok(GeneralName::Email(part.text.clone())),
        _ => Err(VerifyFault::UnsupportedName),
    })
}

/// The common names that look like a host's (`cn2dnsid`).
fn hosts(one: &Certificate) -> impl Iterator<Item = Result<GeneralName, VerifyFault>> {
    one.common_names().filter_map(|mut name| {
        let end = name.iter().rposition(|byte| *byte != 0);
        name.truncate(end.map_or(0, |end| end + 1));
        if name.contains(&0) {
            return Some(Err(VerifyFault::UnsupportedName));
        }
        is_host(&name).then_some(Ok(GeneralName::Dns(name)))
    })
}

fn is_host(name: &[u8]) -> bool {
    let fits = |label: &[u8]| {
        let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        !label.is_empty()
            && label.iter().all(letter)
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    name.contains(&b'.') && name.split(|byte| *byte == b'.').all(fits)
}

/// `nc_match_single`; both are of one kind.
fn is_within(name: &GeneralName, base: &GeneralName) -> Result<bool, VerifyFault> {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => Ok(is_host_within(name, base)),
        (GeneralName::Email(name), GeneralName::Email(base)) => is_mail_within(name, base),
        (GeneralName::Uri(name), GeneralName::Uri(base)) => {
            let host = host_of(name).ok_or(VerifyFault::UnsupportedName)?;
            Ok(is_below(host, base).unwrap_or_else(|| host.eq_ignore_ascii_case(base)))
        }
        (GeneralName::Address(address), GeneralName::Address(base)) => {
            is_address_within(address, base)
        }
        (GeneralName::Directory(name), GeneralName::Directory(base)) => Ok(name.is_within(base)),
        _ => Err(VerifyFault::UnsupportedConstraint),
    }
}

/// The host itself, or one below it (`nc_dns`).
fn is_host_within(name: &[u8], base: &[u8]) -> bool {
    if base.is_empty() {
        return true;
    }
    let Some(at) = name.len().checked_sub(base.len()) else {
        return false;
    };
    let (front, end) = name.split_at(at);
    let at_label = front.is_empty() || base.starts_with(b".") || front.ends_with(b".");
    at_label && end.eq_ignore_ascii_case(base)
}

/// Whether a host is below one that begins with a dot; `None`: that does not.
fn is_below(host: &[u8], base: &[u8]) -> Option<bool> {
    base.starts_with(b".").then(|| {
        let front = host
            .len()
            .checked_sub(base.len())
            .filter(|front| *front > 0);
        front.is_some_and(|front| host[front..].eq_ignore_ascii_case(base))
    })
}

/// An address of mail, or those at a host, or below one (`nc_email`).
fn is_mail_within(name: &[u8], base: &[u8]) -> Result<bool, VerifyFault> {
    let at = |text: &[u8]| memchr::memrchr(b'@', text);
    let own = at(name).ok_or(VerifyFault::UnsupportedName)?;
    let (who, host) = (&name[..own], &name[own + 1..]);
    let Some(base_at) = at(base) else {
        return Ok(is_below(name, base).unwrap_or_else(|| host.eq_ignore_ascii_case(base)));
    };
    let (base_who, base_host) = (&base[..base_at], &base[base_at + 1..]);
    if !base_who.is_empty() {
        if who.len() != base_who.len() {
            return Ok(false);
        }
        if who.contains(&0) || base_who.contains(&0) {
            return Err(VerifyFault::UnsupportedName);
        }
        if who != base_who {
            return Ok(false);
        }
    }
    Ok(host.eq_ignore_ascii_case(base_host))
}

/// The host of a URI (`nc_uri`).
fn host_of(uri: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', uri)?;
    let rest = uri[colon + 1..].strip_prefix(b"//")?;
    let end = memchr::memchr(b':', rest).or_else(|| memchr::memchr(b'/', rest));
    let host = &rest[..end.unwrap_or(rest.len())];
    (!host.is_empty()).then_some(host)
}

/// A network is an address and a mask (`nc_ip`).
fn is_address_within(address: &[u8], base: &[u8]) -> Result<bool, VerifyFault> {
    if !matches!(address.len(), 4 | 16) || !matches!(base.len(), 8 | 32) {
        return Err(VerifyFault::UnsupportedName);
    }
    if base.len() != 2 * address.len() {
        return Ok(false);
    }
    let (net, mask) = base.split_at(address.len());
    let mut pairs = address.iter().zip(net).zip(mask);
    Ok(pairs.all(|((byte, net), mask)| (byte ^ net) & mask == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Said = Result<bool, VerifyFault>;
    const ODD: Said = Err(VerifyFault::UnsupportedName);

    #[test]
    fn hosts_lie_below_others() {
        for (name, base, expected) in [
            ("a.example.com", "example.com", true),
            ("example.com", "example.com", true),
            ("aexample.com", "example.com", false),
            ("a.example.com", ".example.com", true),
            ("example.com", ".example.com", false),
            ("a", "", true),
            ("com", "example.com", false),
        ] {
            let found = is_host_within(name.as_bytes(), base.as_bytes());
            assert_eq!(found, expected, "{name} {base}");
        }
    }

    #[test]
    fn addresses_lie_in_networks() {
        let ten = [10, 0, 0, 0, 255, 0, 0, 0];
        assert_eq!(is_address_within(&[10, 1, 2, 3], &ten), Ok(true));
        assert_eq!(is_address_within(&[11, 1, 2, 3], &ten), Ok(false));
        assert_eq!(is_address_within(&[10; 16], &ten), Ok(false));
        assert_eq!(is_address_within(&[10, 1, 2, 3], &[10, 0, 0, 0]), ODD);
        assert_eq!(is_address_within(&[10, 1, 2], &ten), ODD);
    }

    #[test]
    fn mail_is_somebodys_or_at_a_host() {
        for (name, base, expected) in [
            ("a@x.test", "a@X.test", Ok(true)),
            ("A@x.test", "a@x.test", Ok(false)),
            ("a@x.test", "x.test", Ok(true)),
            ("a@y.x.test", "x.test", Ok(false)),
            ("a@y.x.test", ".x.test", Ok(true)),
            ("a@x.test", ".x.test", Ok(false)),
            ("a@x.test", "@x.test", Ok(true)),
            ("ab@x.test", "a@x.test", Ok(false)),
            ("x.test", "x.test", ODD),
        ] {
            let found = is_mail_within(name.as_bytes(), base.as_bytes());
            assert_eq!(found, expected, "{name} {base}");
        }
    }

    #[test]
    fn hosts_are_found_in_uris() {
        for (uri, base, expected) in [
            ("http://x.test/a", "x.test", Ok(true)),
            ("http://x.test:80/a", "X.test", Ok(true)),
            ("http://y.x.test", "x.test", Ok(false)),
            ("http://y.x.test", ".x.test", Ok(true)),
            ("http://x.test", ".x.test", Ok(false)),
            ("urn:x", "x", ODD),
            ("http:///a", "x", ODD),
        ] {
            let of = |text: &str| GeneralName::Uri(text.into());
            assert_eq!(is_within(&of(uri), &of(base)), expected, "{uri} {base}");
        }
    }

    #[test]
    fn common_names_may_be_hosts() {
        for (name, expected) in [
            ("a.test", true),
            ("a_b.test", true),
            ("test", false),
            ("a b.test", false),
            ("-a.test", false),
            ("a..test", false),
            ("a.test.", false),
        ] {
            assert_eq!(is_host(name.as_bytes()), expected, "{name}");
        }
    }
}
