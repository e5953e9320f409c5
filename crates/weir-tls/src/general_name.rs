//! Names of the kinds that certificates have beside subjects (`GeneralName`).

use crate::der::{self, Reader, Value};
use crate::name::Name;

/// A name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GeneralName {
    /// Of a kind that somebody has made up: its object identifier.
    Other(Vec<u8>),
    Email(Vec<u8>),
    Dns(Vec<u8>),
    Directory(Name),
    Uri(Vec<u8>),
    /// 4 or 16 bytes; where names are limited, a mask behind them.
    Address(Vec<u8>),
    /// Of X.400, of EDI or an object identifier: its tag and contents.
    Unread(u8, Vec<u8>),
}

const OTHER: u8 = der::parts(0);
const EMAIL: u8 = der::plain(1);
const DNS: u8 = der::plain(2);
const DIRECTORY: u8 = der::parts(4);
const URI: u8 = der::plain(6);
const ADDRESS: u8 = der::plain(7);

impl GeneralName {
    /// Reads the next of `reader`; `None`: it is malformed.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let value = reader.next()?;
        let text = || reader.bytes(value.body.clone()).to_vec();
        Some(match value.tag {
            OTHER => Self::Other(reader.within(&value).contents(der::OID)?.to_vec()),
            EMAIL => Self::Email(text()),
            DNS => Self::Dns(text()),
            DIRECTORY => Self::Directory(Name::read(&mut reader.within(&value))?),
            URI => Self::Uri(text()),
            ADDRESS => Self::Address(text()),
            other => Self::Unread(other, text()),
        })
    }

    /// Reads all that are in `value`.
    pub(crate) fn read_all(reader: &Reader<'_>, value: &Value) -> Option<Vec<Self>> {
        let mut list = reader.within(value);
        let mut all = Vec::new();
        while !list.is_empty() {
            all.push(Self::read(&mut list)?);
        }
        Some(all)
    }

    /// Whether the other one is of the same kind.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(kind), Self::Other(other)) => kind == other,
            (Self::Unread(tag, _), Self::Unread(other, _)) => tag == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}
