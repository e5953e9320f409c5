//! What authorities say of the names that they vouch for (`check_name_constraints`).

use x509_parser::extensions::{GeneralName, GeneralSubtree};

use super::chain::Chain;
use super::{Fault, Found};
use crate::client::x509::{Certificate, canonical, common_names};

/// A name that is looked at.
enum Name<'a> {
    Dns(Vec<u8>),
    Address(&'a [u8]),
    Directory(Vec<u8>),
    /// Of a kind that is not compared here.
    Other(std::mem::Discriminant<GeneralName<'a>>),
}

impl Chain<'_, '_> {
    /// Each name of a certificate must fit what is said above it; authorities that issue to themselves are
    /// passed over.
    pub(super) fn check_names(&self, found: &mut Found) {
        for (index, certificate) in self.all.iter().enumerate().rev() {
            if index > 0 && certificate.is_self_issued() {
                continue;
            }
            for authority in &self.all[index + 1..] {
                let Some(constraints) = authority.name_constraints() else {
                    continue;
                };
                let permitted = constraints.permitted_subtrees.unwrap_or_default();
                let excluded = constraints.excluded_subtrees.unwrap_or_default();
                let names = names_of(certificate, index == 0);
                let fault = names
                    .iter()
                    .find_map(|name| check(name, &permitted, &excluded));
                if let Some(fault) = fault {
                    found.note(fault);
                }
            }
        }
    }
}

fn names_of<'a>(certificate: &Certificate<'a>, is_leaf: bool) -> Vec<Name<'a>> {
    let subject = &certificate.parsed.tbs_certificate.subject;
    let mut names = Vec::new();
    if subject.iter_rdn().next().is_some() {
        names.push(Name::Directory(canonical(subject.as_raw())));
    }
    let others = certificate.alternative_names();
    let has_dns = others
        .iter()
        .any(|name| matches!(name, GeneralName::DNSName(_)));
    for name in others {
        names.push(match name {
            GeneralName::DNSName(name) => Name::Dns(name.as_bytes().to_vec()),
            GeneralName::IPAddress(address) => Name::Address(address),
            GeneralName::DirectoryName(name) => Name::Directory(canonical(name.as_raw())),
            other => Name::Other(std::mem::discriminant(&other)),
        });
    }
    if is_leaf && !has_dns {
        // What looks like a host's name is one.
        let common = common_names(subject).into_iter();
        let hosts = common.filter(|name| is_host(name));
        names.extend(hosts.map(|name| Name::Dns(name.into_bytes())));
    }
    names
}

/// `cn2dnsid`
fn is_host(name: &str) -> bool {
    let mut labels = name.split('.');
    let fits = |label: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !label.is_empty()
            && label.bytes().all(letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.contains('.') && labels.all(fits)
}

/// `nc_match`
fn check<'a>(
    name: &Name<'a>,
    permitted: &[GeneralSubtree<'a>],
    excluded: &[GeneralSubtree<'a>],
) -> Option<Fault> {
    let mut asked = false;
    let mut fits = false;
    for subtree in permitted {
        match is_within(name, &subtree.base) {
            Within::OtherKind => {}
            Within::Unknown => return Some(Fault::OddConstraint),
            Within::Yes => (asked, fits) = (true, true),
            Within::No => asked = true,
        }
    }
    if asked && !fits {
        return Some(Fault::NotPermitted);
    }
    for subtree in excluded {
        match is_within(name, &subtree.base) {
            Within::OtherKind | Within::No => {}
            Within::Unknown => return Some(Fault::OddConstraint),
            Within::Yes => return Some(Fault::Excluded),
        }
    }
    None
}

/// How a name stands to what is said of names.
enum Within {
    OtherKind,
    Unknown,
    Yes,
    No,
}

impl From<bool> for Within {
    fn from(is_within: bool) -> Self {
        match is_within {
            true => Self::Yes,
            false => Self::No,
        }
    }
}

fn is_within<'a>(name: &Name<'a>, base: &GeneralName<'a>) -> Within {
    match (name, base) {
        (Name::Dns(name), GeneralName::DNSName(base)) => dns(name, base.as_bytes()).into(),
        (Name::Address(address), GeneralName::IPAddress(base)) => network(address, base).into(),
        (Name::Directory(name), GeneralName::DirectoryName(base)) => {
            name.starts_with(&canonical(base.as_raw())).into()
        }
        (Name::Other(kind), base) if *kind == std::mem::discriminant(base) => Within::Unknown,
        _ => Within::OtherKind,
    }
}

/// The name itself, or one below it.
fn dns(name: &[u8], base: &[u8]) -> bool {
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

/// A network is an address and a mask.
fn network(address: &[u8], base: &[u8]) -> bool {
    if base.len() != 2 * address.len() {
        return false;
    }
    let (net, mask) = base.split_at(address.len());
    let pairs = address.iter().zip(net).zip(mask);
    pairs
        .into_iter()
        .all(|((byte, net), mask)| (byte ^ net) & mask == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lie_below_others() {
        for (name, base, expected) in [
            ("a.example.com", "example.com", true),
            ("example.com", "example.com", true),
            ("aexample.com", "example.com", false),
            ("a.example.com", ".example.com", true),
            ("example.com", ".example.com", false),
            ("a", "", true),
            ("com", "example.com", false),
        ] {
            let found = dns(name.as_bytes(), base.as_bytes());
            assert_eq!(found, expected, "{name} {base}");
        }
        assert!(network(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]));
        assert!(!network(&[11, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]));
        assert!(!network(&[10, 1, 2, 3], &[10, 0, 0, 0]));
    }
}
