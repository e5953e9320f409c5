//! The records of an answer (`ngx_resolver_process_a`, `ngx_resolver_process_srv`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::answer::Service;
use crate::name;
use crate::query::{CLASS_IN, QueryType};
use crate::told::Told;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const DNAME: u16 = 39;

/// What an answer's records say.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) services: Vec<Service>,
    /// Where the name begins that the name is another one for; of several the last.
    pub(crate) alias_at: Option<usize>,
    /// The least time to live of the records that were read; none says more than `u32::MAX`.
    pub(crate) ttl: Option<u32>,
    /// Records that are passed over.
    pub(crate) odd: Vec<Told>,
}

impl Records {
    /// Reads `count` records from `at` on. What was read before a fault is kept: its times count, and its lines
    /// have been told.
    pub(crate) fn read(
        &mut self,
        message: &[u8],
        at: usize,
        count: u16,
        wanted: QueryType,
    ) -> Result<(), Told> {
        let mut walk = Walk { message, at };
        for _ in 0..count {
            let record = walk.next(wanted)?;
            let ttl = self.ttl.unwrap_or(u32::MAX);
            self.ttl = Some(ttl.min(record.ttl));
            self.take(message, &record, wanted)?;
        }
        Ok(())
    }

    fn take(&mut self, message: &[u8], record: &Record, wanted: QueryType) -> Result<(), Told> {
        match (record.kind, wanted) {
            (A | AAAA, QueryType::A | QueryType::Aaaa) => {
                self.addresses.push(address(message, record, wanted)?);
            }
            (SRV, QueryType::Srv) => self.services.push(service(message, record.data)?),
            (CNAME, _) => self.alias_at = Some(record.data),
            (DNAME, _) => {}
            (kind, _) => self.odd.push(Told::RecordType(kind)),
        }
        Ok(())
    }
}

fn address(message: &[u8], record: &Record, wanted: QueryType) -> Result<IpAddr, Told> {
    let (name, fits) = match record.kind {
        A => ("A", wanted == QueryType::A),
        _ => ("AAAA", wanted == QueryType::Aaaa),
    };
    if !fits {
        return Err(Told::UnexpectedRecord(name));
    }
    let data = message.get(record.data..).unwrap_or_default();
    match record.kind {
        A if record.length != 4 => Err(Told::InvalidRecord(name)),
        A => {
            let octets = data.first_chunk::<4>().ok_or(Told::Short)?;
            Ok(Ipv4Addr::from(*octets).into())
        }
        _ if record.length != 16 => Err(Told::InvalidRecord(name)),
        _ => {
            let octets = data.first_chunk::<16>().ok_or(Told::Short)?;
            Ok(Ipv6Addr::from(*octets).into())
        }
    }
}

fn service(message: &[u8], at: usize) -> Result<Service, Told> {
    const NUMBERS: usize = 6;
    if at + NUMBERS >= message.len() {
        return Err(Told::Short);
    }
    let word = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
    Ok(Service {
        priority: word(at),
        weight: word(at + 2).max(1),
        port: word(at + 4),
        name: name::read(message, at + NUMBERS)?,
    })
}

/// A record's head, and where what it says begins.
#[derive(Debug)]
struct Record {
    kind: u16,
    /// Seconds; one that would be negative is 0.
    ttl: u32,
    data: usize,
    length: usize,
}

struct Walk<'a> {
    message: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    fn next(&mut self, wanted: QueryType) -> Result<Record, Told> {
        const HEAD: usize = 10;
        self.skip_name(wanted)?;
        let data = self.at + HEAD;
        if data >= self.message.len() {
            return Err(Told::Short);
        }
        let head = &self.message[self.at..data];
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let class = word(2);
        if class != CLASS_IN {
            return Err(Told::RecordClass(class));
        }
        let ttl = i32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let length = usize::from(word(8));
        self.at = data + length;
        Ok(Record {
            kind: word(0),
            ttl: u32::try_from(ttl).unwrap_or(0),
            data,
            length,
        })
    }

    /// Whose record it is counts for nothing: servers put the names there that aliases lead to.
    fn skip_name(&mut self, wanted: QueryType) -> Result<(), Told> {
        let start = self.at;
        loop {
            match *self.message.get(self.at).ok_or(Told::Short)? {
                0 if self.at == start => {
                    return Err(match wanted {
                        QueryType::Srv => Told::InvalidServiceName,
                        QueryType::A | QueryType::Aaaa => Told::InvalidName,
                    });
                }
                0 => {
                    self.at += 1;
                    return Ok(());
                }
                length if length & 0xc0 != 0 => {
                    self.at += 2;
                    return Ok(());
                }
                length => self.at += 1 + usize::from(length),
            }
        }
    }
}
