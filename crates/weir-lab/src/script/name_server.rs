//! What a name server says to questions for one name.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Payload, Sequence, time};

/// What a name server says to questions for one name: by type, and by turn. A type that is not mentioned does not
/// exist: the answer has no records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NameScript {
    /// Questions for addresses of IPv4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<Replies>,
    /// Questions for addresses of IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aaaa: Option<Replies>,
    /// Questions for the servers of a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub srv: Option<Replies>,
    /// Questions of every type that has nothing of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any: Option<Replies>,
    /// The same over TCP; without it what is said in datagrams, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_tcp: Option<Replies>,
}

/// Everything that is said to one question, in order; nothing is silence.
pub type Replies = Sequence<Vec<Reply>>;

/// One message of a name server. Without anything else it repeats the question and says that there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Reply {
    /// The answers.
    pub records: Vec<Record>,
    /// How long they hold, in seconds; 60 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// The code (RFC 1035, 4.1.1).
    pub rcode: u8,
    /// It does not fit into a datagram: it is empty there, and says so.
    pub truncated: bool,
    /// How long the server thinks.
    #[serde(with = "time")]
    pub after: Duration,
    /// Another identifier than the question's.
    pub other_id: bool,
    /// Another question than the one that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<OtherQuestion>,
    /// The second word of the head, instead of what it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u16>,
    /// How many questions the head says that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub questions: Option<u16>,
    /// How many answers the head says that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u16>,
    /// Only so many bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<usize>,
    /// These bytes behind it.
    pub append: Payload,
    /// Over TCP, the connection is closed instead.
    pub close: bool,
}

/// Parts of a question that differ from those of the one that was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OtherQuestion {
    /// The name as bytes of a message, labels and all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Payload>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The type's number.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<u16>,
    /// The class's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<u16>,
}

/// One answer, about the name that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Record {
    /// An address.
    A(Ipv4Addr),
    /// An address of IPv6.
    Aaaa(Ipv6Addr),
    /// Another name.
    Cname(String),
    /// A server of a service.
    Srv {
        /// Those with the least are asked first.
        priority: u16,
        /// Its share among those of the same priority.
        weight: u16,
        /// Where it listens.
        port: u16,
        /// Its name.
        name: String,
    },
    /// Anything else.
    Raw {
        /// The type's number.
        #[serde(rename = "type")]
        kind: u16,
        /// The class's number; 1 when absent.
        #[serde(default = "class_in")]
        class: u16,
        /// What it says.
        data: Payload,
        /// How many bytes it claims that to be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        length: Option<u16>,
    },
}

fn class_in() -> u16 {
    1
}

impl Reply {
    /// These addresses, in this order.
    pub fn addresses(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Self {
        Self {
            records: addresses.into_iter().map(Record::A).collect(),
            ..Self::default()
        }
    }

    /// This code, and nothing else.
    pub fn refusal(rcode: u8) -> Self {
        Self {
            rcode,
            ..Self::default()
        }
    }
}

impl NameScript {
    /// The same to questions for addresses of IPv4, time after time; nothing is silence.
    pub fn each(replies: Vec<Reply>) -> Self {
        Self {
            a: Some(Sequence::Each(replies)),
            ..Self::default()
        }
    }
}
