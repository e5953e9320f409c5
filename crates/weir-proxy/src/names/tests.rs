//! Look-ups over the loopback, with servers that the test plays.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::LocalSet;
use weir_conf::{NameServer, ResolverRules, UpstreamAddress};
use weir_dns::Code;

use super::*;

/// A name server, and the workers that ask it.
struct Bed {
    server: UdpSocket,
    shared: std::sync::Arc<SharedResolver>,
}

impl Bed {
    async fn new() -> Self {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let shared = SharedResolver::new(rules(address), vec![named(address)], None);
        Self {
            server,
            shared: shared.into(),
        }
    }

    /// A worker's side.
    fn worker(&self) -> std::rc::Rc<Resolver> {
        let sinks = weir_log::ErrorSinks::new([], || 0);
        Resolver::new(self.shared.clone(), sinks, Default::default())
    }

    /// The next question, made an answer with `records`, each behind a pointer to the name, and who asked.
    async fn hear(&self, flags: u8, records: &[&[u8]]) -> (Vec<u8>, SocketAddr) {
        let mut question = [0; 512];
        let (length, from) = self.server.recv_from(&mut question).await.unwrap();
        (answered(&question[..length], flags, records), from)
    }

    async fn answer(&self, records: &[&[u8]]) -> SocketAddr {
        let (message, from) = self.hear(0x81, records).await;
        self.server.send_to(&message, from).await.unwrap();
        from
    }
}

fn rules(address: SocketAddr) -> ResolverRules {
    ResolverRules {
        servers: vec![NameServer {
            address: UpstreamAddress::Inet(address),
            written: address.to_string(),
        }],
        ipv4: true,
        ipv6: false,
        valid: 0,
    }
}

fn named(address: SocketAddr) -> NameServerAddress {
    NameServerAddress {
        text: address.to_string().into_bytes().into(),
        address,
    }
}

fn answered(question: &[u8], flags: u8, records: &[&[u8]]) -> Vec<u8> {
    let mut message = question.to_vec();
    message[2] = flags;
    message[3] = 0x80;
    message[7] = records.len() as u8;
    for record in records {
        message.extend([0xc0, 12]);
        message.extend_from_slice(record);
    }
    message
}

/// 127.0.0.1 for a minute.
const ADDRESS: &[u8] = b"\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01";
/// `b.test` at port 80, of priority 1 and weight 2, for a minute.
const SERVICE: &[u8] = b"\0\x21\0\x01\0\0\0\x3c\0\x0e\0\x01\0\x02\0\x50\x01b\x04test\0";

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn workers_share_what_one_has_asked() {
    let bed = Bed::new().await;
    let work = async {
        let (found, _) = tokio::join!(
            async { bed.worker().lookup(b"a.test", PATIENCE).await },
            bed.answer(&[ADDRESS])
        );
        let again = bed.worker().lookup(b"A.test.", PATIENCE).await;
        assert_eq!(found.unwrap().addresses, again.unwrap().addresses);
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn what_is_known_outlives_a_reload_that_says_the_same() {
    let bed = Bed::new().await;
    let address = bed.server.local_addr().unwrap();
    let work = async {
        let worker = bed.worker();
        let (found, _) = tokio::join!(worker.lookup(b"a.test", PATIENCE), bed.answer(&[ADDRESS]));
        found.unwrap();
        assert!(bed.shared.says(&rules(address)));
        let next = SharedResolver::new(rules(address), vec![named(address)], Some(&bed.shared));
        let next = Bed {
            shared: next.into(),
            server: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        };
        next.worker().lookup(b"a.test", PATIENCE).await.unwrap();
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn services_are_looked_up_with_their_servers() {
    let bed = Bed::new().await;
    let work = async {
        let worker = bed.worker();
        let serves = async {
            bed.answer(&[SERVICE]).await;
            bed.answer(&[ADDRESS]).await;
        };
        let (found, ()) = tokio::join!(worker.lookup_service(b"http", b"a.test", PATIENCE), serves);
        let addresses = found.found.unwrap().addresses;
        let [one] = addresses.as_slice() else {
            panic!("{addresses:?}");
        };
        let shown = (
            one.address.to_string(),
            &*one.name,
            one.priority,
            one.weight,
        );
        assert_eq!(shown, ("127.0.0.1:80".to_owned(), &b"b.test"[..], 1, 2));
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn what_does_not_fit_comes_over_a_connection() {
    let bed = Bed::new().await;
    let address = bed.server.local_addr().unwrap();
    let connections = TcpListener::bind(address).await.unwrap();
    let work = async {
        let worker = bed.worker();
        let serves = async {
            let (message, from) = bed.hear(0x83, &[]).await;
            bed.server.send_to(&message, from).await.unwrap();
            let (mut stream, _) = connections.accept().await.unwrap();
            let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut question).await.unwrap();
            let message = answered(&question, 0x81, &[ADDRESS, ADDRESS]);
            // In two pieces, the first of which is half a length.
            let message = [&(message.len() as u16).to_be_bytes(), &*message].concat();
            stream.write_all(&message[..1]).await.unwrap();
            tokio::task::yield_now().await;
            stream.write_all(&message[1..]).await.unwrap();
        };
        let (found, ()) = tokio::join!(worker.lookup(b"a.test", PATIENCE), serves);
        assert_eq!(found.unwrap().addresses.len(), 2);
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn a_server_that_is_gone_costs_the_socket() {
    let bed = Bed::new().await;
    let address = bed.server.local_addr().unwrap();
    let Bed { server, shared } = bed;
    drop(server);
    let sinks = weir_log::ErrorSinks::new([], || 0);
    let worker = Resolver::new(shared, sinks, Default::default());
    let work = async {
        let short = Duration::from_millis(50);
        let failure = worker.lookup(b"a.test", short).await.unwrap_err();
        assert_eq!(failure.code, Code::TimedOut);
        let bed = Bed {
            server: UdpSocket::bind(address).await.unwrap(),
            shared: SharedResolver::new(rules(address), vec![named(address)], None).into(),
        };
        let (found, _) = tokio::join!(worker.lookup(b"b.test", PATIENCE), bed.answer(&[ADDRESS]));
        found.unwrap();
    };
    LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn who_leaves_asks_no_longer() {
    let bed = Bed::new().await;
    let work = async {
        let worker = bed.worker();
        let lookup = worker.ask(weir_dns::Kind::Addresses, b"a.test");
        drop(lookup);
        let (message, from) = bed.hear(0x81, &[ADDRESS]).await;
        let (found, _) = tokio::join!(worker.lookup(b"b.test", PATIENCE), async {
            bed.server.send_to(&message, from).await.unwrap();
            bed.answer(&[ADDRESS]).await
        });
        found.unwrap();
        // What nobody waited for is known all the same.
        worker.lookup(b"a.test", PATIENCE).await.unwrap();
    };
    LocalSet::new().run_until(work).await;
}
