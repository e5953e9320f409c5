//! A resolver that answers on script, for proxies that resolve names while they run.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What the resolver does with questions for one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Answers with these addresses, in this order.
    Addresses(Vec<Ipv4Addr>),
    /// Answers with this RCODE (RFC 1035, 4.1.1).
    Refuse(u8),
    /// Never answers.
    Silence,
}

/// A text that is no [`Answer`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is neither an RCODE, nor `timeout`, nor a list of IPv4 addresses")]
pub struct NoAnswer(String);

/// A running resolver; dropping it closes its socket.
#[derive(Debug)]
pub struct Resolver {
    task: JoinHandle<()>,
}

const FORMERR: u8 = 1;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const NOTIMP: u8 = 4;

/// Bytes of a message before its questions.
const HEADER: usize = 12;

impl std::str::FromStr for Answer {
    type Err = NoAnswer;

    fn from_str(text: &str) -> Result<Self, NoAnswer> {
        Ok(match text {
            "FORMERR" => Self::Refuse(FORMERR),
            "SERVFAIL" => Self::Refuse(SERVFAIL),
            "NXDOMAIN" => Self::Refuse(NXDOMAIN),
            "NOTIMP" => Self::Refuse(NOTIMP),
            "timeout" => Self::Silence,
            list => {
                let addresses = list.split(',').map(str::parse).collect::<Result<_, _>>();
                Self::Addresses(addresses.map_err(|_| NoAnswer(list.to_owned()))?)
            }
        })
    }
}

impl Resolver {
    /// Answers questions at `address` from `names`; other names do not exist.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn start(address: SocketAddr, names: BTreeMap<String, Answer>) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        Ok(Self {
            task: tokio::spawn(serve(socket, names)),
        })
    }

    /// Closes the socket before it returns.
    pub async fn stop(self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, names: BTreeMap<String, Answer>) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = respond(&buffer[..length], &names) {
            // A client that is gone asks no more.
            let _gone = socket.send_to(&answer, from).await;
        }
    }
}

/// The response to `query`; None for silence, and for what is no query.
fn respond(query: &[u8], names: &BTreeMap<String, Answer>) -> Option<Vec<u8>> {
    let (name, end) = question(query)?;
    let (rcode, addresses) = match names.get(&name) {
        Some(Answer::Silence) => return None,
        Some(Answer::Refuse(rcode)) => (*rcode, &[][..]),
        Some(Answer::Addresses(addresses)) => (0, addresses.as_slice()),
        None => (NXDOMAIN, &[][..]),
    };
    let count = u16::try_from(addresses.len()).ok()?;
    let mut response = query.get(..end)?.to_vec();
    // A response, recursion desired and available.
    response[2] = 0x81;
    response[3] = 0x80 | rcode;
    response[4..6].copy_from_slice(&1_u16.to_be_bytes());
    response[6..8].copy_from_slice(&count.to_be_bytes());
    response[8..HEADER].fill(0);
    for address in addresses {
        // The name by pointer to the question, type A, class IN, 60 s, four bytes.
        response.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        response.extend(address.octets());
    }
    Some(response)
}

/// The name of the first question, and where the question ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*query.get(at)?);
        let label = query.get(at + 1..at + 1 + length)?;
        at += 1 + length;
        if label.is_empty() {
            // Type and class follow.
            return Some((labels.join("."), at + 4));
        }
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04name\x04test\0\0\x01\0\x01";

    fn check(answer: &str, expected: Option<(u8, &[u8])>) {
        let names = BTreeMap::from([("name.test".to_owned(), answer.parse().unwrap())]);
        let got = respond(QUERY, &names);
        let got = got
            .as_deref()
            .map(|response| (response[3] & 15, &response[QUERY.len()..]));
        assert_eq!(got, expected);
    }

    #[test]
    fn answers() {
        check("SERVFAIL", Some((SERVFAIL, b"")));
        check("timeout", None);
        check(
            "127.0.0.1",
            Some((0, b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01")),
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert!("SERVFAULT".parse::<Answer>().is_err());
        assert_eq!(respond(b"short", &BTreeMap::new()), None);
        assert_eq!(respond(&QUERY[..16], &BTreeMap::new()), None);
    }
}
