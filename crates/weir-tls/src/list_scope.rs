//! Which lists of revoked certificates are for which certificates: what both say of it (RFC 5280, sections 4.2.1.13
//! and 5.2.5).

use crate::der::{self, Reader};
use crate::general_name::GeneralName;
use crate::name::Name;

/// Reasons to revoke a certificate, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reasons(u16);

impl Reasons {
    pub(crate) const NONE: Self = Self(0);
    /// All that there are.
    const ALL: Self = Self(0xff80);

    pub(crate) fn is_all(self) -> bool {
        self == Self::ALL
    }

    pub(crate) fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    fn read(bits: &[u8]) -> Self {
        let byte = |at: usize| bits.get(at).copied().unwrap_or(0);
        Self(u16::from_be_bytes([byte(1), byte(2)]) & Self::ALL.0)
    }
}

/// Where a certificate says that a list is that may have it.
#[derive(Clone, Debug)]
pub(crate) struct ListPlace {
    /// Empty: by a part of its issuer's name, which nobody looks for.
    names: Option<Vec<GeneralName>>,
    reasons: Reasons,
    /// Who makes the list, if not who has signed the certificate.
    makers: Option<Vec<GeneralName>>,
}

impl ListPlace {
    /// Reads all in a value.
    pub(crate) fn read_all(reader: &mut Reader<'_>) -> Option<Vec<Self>> {
        let mut list = reader.enter(der::SEQUENCE)?;
        let mut all = Vec::new();
        while !list.is_empty() {
            all.push(Self::read(&mut list.enter(der::SEQUENCE)?)?);
        }
        Some(all)
    }

    fn read(fields: &mut Reader<'_>) -> Option<Self> {
        let names = read_names(fields)?;
        let reasons = fields.optional(der::plain(1));
        let reasons = reasons.map(|value| Reasons::read(fields.bytes(value.body)));
        let makers = match fields.optional(der::parts(2)) {
            Some(value) => Some(GeneralName::read_all(fields, &value)?),
            None => None,
        };
        Some(Self {
            names,
            reasons: reasons.unwrap_or(Reasons::ALL),
            makers,
        })
    }

    /// Whether a list of this maker may be meant (`crldp_check_crlissuer`).
    fn is_of(&self, maker: &Name) -> bool {
        self.makers.as_ref().is_none_or(|makers| {
            makers
                .iter()
                .any(|one| matches!(one, GeneralName::Directory(name) if name == maker))
        })
    }

    /// Whether it is one of `names` (`idp_check_dp`).
    fn is_at(&self, names: Option<&[GeneralName]>) -> bool {
        match (&self.names, names) {
            (Some(own), Some(names)) => own.iter().any(|name| names.contains(name)),
            (None, _) | (_, None) => true,
        }
    }
}

/// For which certificates a list is (`IssuingDistributionPoint`).
#[derive(Clone, Debug, Default)]
pub(crate) struct ListScope {
    names: Option<Vec<GeneralName>>,
    /// Not for those of CAs.
    users_only: bool,
    /// For those of CAs.
    cas_only: bool,
    attributes_only: bool,
    /// For some reasons only, or also for certificates that others have signed, or it contradicts itself.
    pub(crate) is_odd: bool,
}

impl ListScope {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = reader.enter(der::SEQUENCE)?;
        let names = read_names(&mut fields)?;
        let mut flag = |number: u8| {
            let value = fields.optional(der::plain(number));
            value.map(|value| fields.bytes(value.body) != [0])
        };
        let [users_only, cas_only] = [1, 2].map(|number| flag(number) == Some(true));
        // Bits, whatever they are.
        let some_reasons = flag(3).is_some();
        let [indirect, attributes_only] = [4, 5].map(|number| flag(number) == Some(true));
        let kinds = [users_only, cas_only, attributes_only];
        let contradicts = kinds.iter().filter(|only| **only).count() > 1;
        Some(Self {
            names,
            users_only,
            cas_only,
            attributes_only,
            is_odd: some_reasons || indirect || contradicts,
        })
    }

    /// For which reasons a list of this scope and maker tells of a certificate, that of a CA or not, which names
    /// these places of lists; `None`: it does not (`crl_crldp_check`).
    pub(crate) fn reasons(
        &self,
        maker: &Name,
        is_ca: bool,
        places: &[ListPlace],
    ) -> Option<Reasons> {
        let others = if is_ca {
            self.users_only
        } else {
            self.cas_only
        };
        if self.attributes_only || others {
            return None;
        }
        let names = self.names.as_deref();
        let mut places = places.iter();
        let place = places.find(|place| place.is_of(maker) && place.is_at(names));
        match place {
            Some(place) => Some(place.reasons),
            None => names.is_none().then_some(Reasons::ALL),
        }
    }
}

/// Where a list is, if that is said.
fn read_names(fields: &mut Reader<'_>) -> Option<Option<Vec<GeneralName>>> {
    let Some(value) = fields.optional(der::parts(0)) else {
        return Some(None);
    };
    let mut place = fields.within(&value);
    Some(Some(match place.optional(der::parts(0)) {
        Some(value) => GeneralName::read_all(&place, &value)?,
        None => Vec::new(),
    }))
}
