//! A name server that answers on script, for proxies that look names up while they run.

mod message;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use self::message::{Question, Way};
use crate::script::{NameScript, Reply, Sequence};

const FORMERR: u8 = 1;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const NOTIMP: u8 = 4;

/// A text that is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is neither an RCODE, nor `timeout`, nor a list of IPv4 addresses")]
pub struct NoAnswer(String);

/// What a text says of a name: an RCODE, `timeout` for silence, or addresses between commas.
impl std::str::FromStr for NameScript {
    type Err = NoAnswer;

    fn from_str(text: &str) -> Result<Self, NoAnswer> {
        let refused = |rcode| Ok(Self::each(vec![Reply::refusal(rcode)]));
        match text {
            "FORMERR" => refused(FORMERR),
            "SERVFAIL" => refused(SERVFAIL),
            "NXDOMAIN" => refused(NXDOMAIN),
            "NOTIMP" => refused(NOTIMP),
            "timeout" => Ok(Self::each(Vec::new())),
            list => {
                let addresses = list
                    .split(',')
                    .map(str::parse)
                    .collect::<Result<Vec<_>, _>>();
                let addresses = addresses.map_err(|_| NoAnswer(list.to_owned()))?;
                Ok(Self::each(vec![Reply::addresses(addresses)]))
            }
        }
    }
}

/// A running name server; dropping it closes its sockets.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

/// What is known of names, and how often each was asked for.
struct Zone {
    names: BTreeMap<String, NameScript>,
    turns: Mutex<BTreeMap<(String, u16, Way), usize>>,
}

impl NameServer {
    /// Answers questions at `address` from `names`; other names do not exist.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn start(
        address: SocketAddr,
        names: BTreeMap<String, NameScript>,
    ) -> io::Result<Self> {
        let (datagrams, connections) = bind(address).await?;
        let address = datagrams.local_addr()?;
        let zone = Arc::new(Zone {
            names,
            turns: Mutex::default(),
        });
        let tasks = [
            tokio::spawn(answer_datagrams(datagrams, zone.clone())),
            tokio::spawn(accept(connections, zone)),
        ];
        Ok(Self { address, tasks })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the sockets before it returns.
    pub async fn stop(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        while !self.tasks.iter().all(JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Both sockets at one port; if the system is to choose it, it may take a few attempts.
async fn bind(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    const ATTEMPTS: usize = 20;
    for _ in 0..ATTEMPTS {
        let datagrams = UdpSocket::bind(address).await?;
        match TcpListener::bind(datagrams.local_addr()?).await {
            Ok(connections) => return Ok((datagrams, connections)),
            Err(error) if address.port() != 0 => return Err(error),
            Err(_) => {}
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

async fn answer_datagrams(socket: UdpSocket, zone: Arc<Zone>) {
    let socket = Arc::new(socket);
    let mut late = JoinSet::new();
    let mut buffer = vec![0; usize::from(u16::MAX)];
    // A client that is gone shows as an error of the next call; others still ask.
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let Some(question) = Question::read(&buffer[..length]) else {
            continue;
        };
        let replies = zone.replies(&question, Way::Udp);
        let socket = socket.clone();
        late.spawn(async move {
            for reply in replies {
                sleep(reply.after).await;
                let message = message::write(&question, &reply, Way::Udp);
                // A client that is gone asks no more.
                let _gone = socket.send_to(&message, from).await;
            }
        });
    }
}

async fn accept(listener: TcpListener, zone: Arc<Zone>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let zone = zone.clone();
        connections.spawn(async move {
            // A client that leaves has had enough.
            let _left = talk(stream, &zone).await;
        });
    }
}

async fn talk(mut stream: TcpStream, zone: &Zone) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await?;
        let Some(question) = Question::read(&query) else {
            continue;
        };
        for reply in zone.replies(&question, Way::Tcp) {
            sleep(reply.after).await;
            if reply.close {
                return Ok(());
            }
            let message = message::write(&question, &reply, Way::Tcp);
            let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
            stream.write_u16(length).await?;
            stream.write_all(&message).await?;
        }
    }
}

impl Zone {
    /// What is said to `question`, whose turn it is.
    fn replies(&self, question: &Question, way: Way) -> Vec<Reply> {
        let Some(script) = self.names.get(&question.name) else {
            return vec![Reply::refusal(NXDOMAIN)];
        };
        let turn = self.turn(question, way);
        let Some(replies) = script.replies(question.kind, way) else {
            return vec![Reply::default()];
        };
        replies.at(turn).cloned().unwrap_or_default()
    }

    fn turn(&self, question: &Question, way: Way) -> usize {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (question.name.clone(), question.kind, way);
        let turn = turns.entry(key).or_default();
        *turn += 1;
        *turn - 1
    }
}

impl NameScript {
    fn replies(&self, kind: u16, way: Way) -> Option<&Sequence<Vec<Reply>>> {
        let of_type = match kind {
            message::A => &self.a,
            message::AAAA => &self.aaaa,
            message::SRV => &self.srv,
            _ => &None,
        };
        let over_tcp = match way {
            Way::Udp => &None,
            Way::Tcp => &self.over_tcp,
        };
        over_tcp.as_ref().or(of_type.as_ref()).or(self.any.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_answers() {
        assert!("SERVFAULT".parse::<NameScript>().is_err());
        let silent = "timeout".parse::<NameScript>();
        assert_eq!(silent, Ok(NameScript::each(Vec::new())));
    }

    #[tokio::test]
    async fn answers_come_in_turn_and_over_both_ways() {
        let script: NameScript = toml::from_str(
            "a.in-turn = [[{ rcode = 3 }], [{ records = [{ a = '127.0.0.1' }], truncated = true }]]",
        )
        .unwrap();
        let names = BTreeMap::from([("name.test".to_owned(), script)]);
        let server = NameServer::start(([127, 0, 0, 1], 0).into(), names).await;
        let server = server.unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(server.address()).await.unwrap();
        let mut heads = Vec::new();
        let mut buffer = [0; 512];
        for _ in 0..2 {
            client.send(message::tests::QUERY).await.unwrap();
            let length = client.recv(&mut buffer).await.unwrap();
            heads.push((buffer[2], buffer[3], length));
        }
        let length = message::tests::QUERY.len();
        assert_eq!(heads, [(0x81, 0x83, length), (0x83, 0x80, length)]);
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_u16(length as u16).await.unwrap();
        stream.write_all(message::tests::QUERY).await.unwrap();
        assert_eq!(stream.read_u16().await.unwrap(), length as u16);
        server.stop().await;
    }
}
