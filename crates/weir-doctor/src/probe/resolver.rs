//! What a name server of the configuration says of a name, by the rules and in the words of nginx's resolver.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use weir_dns::{
    Cache, Code, Found, Kind, NotSent, Outcome, Questions, Rules, Told, Transport, Wire,
};

use super::PATIENCE;

/// The addresses of `name`, as the name server at this address has them, or nginx's words for why there are none.
///
/// # Errors
///
/// There are none.
#[expect(
    clippy::disallowed_methods,
    reason = "a probe is no request: no worker's clock runs here"
)]
pub fn ask(server: SocketAddr, name: &str) -> Result<Vec<IpAddr>, String> {
    let begun = Instant::now();
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).and_then(|socket| socket.connect(server).map(|()| socket));
    let mut line = Line {
        socket: socket.map_err(|error| error.to_string())?,
        draws: u32::from(server.port()) ^ begun.elapsed().subsec_nanos() ^ std::process::id(),
    };
    let rules = Rules {
        servers: 1,
        ipv4: true,
        ipv6: true,
        valid: 0,
    };
    let mut questions = Questions::new(rules, Arc::new(Cache::default()));
    // Its first second is none.
    let now = || begun.elapsed() + Duration::from_secs(1);
    questions.ask(Kind::Addresses, name.as_bytes(), now(), &mut line);
    let mut message = [0; 4096];
    loop {
        if let Some((_, outcome)) = questions.outcomes().next() {
            return said(outcome);
        }
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(format!("{}", Code::TimedOut));
        }
        let waits = line.socket.set_read_timeout(Some(left));
        match waits.and_then(|()| line.socket.recv(&mut message)) {
            Ok(length) => questions.receive(&message[..length], Transport::Udp, now(), &mut line),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn said(outcome: Outcome) -> Result<Vec<IpAddr>, String> {
    match outcome {
        Ok(Found::Addresses { addresses, .. }) => Ok(addresses.to_vec()),
        Ok(Found::Services { .. }) => Ok(Vec::new()),
        Err(failure) => Err(failure.code.to_string()),
    }
}

/// A socket to one name server.
struct Line {
    socket: UdpSocket,
    /// Identifiers: nobody gains by guessing what a doctor asks.
    draws: u32,
}

impl Wire for Line {
    fn send(&mut self, _server: usize, way: Transport, question: &[u8]) -> Result<(), NotSent> {
        match way {
            Transport::Udp => self.socket.send(question).map(|_| ()).map_err(|_| NotSent),
            // What does not fit a datagram has addresses enough.
            Transport::Tcp => Err(NotSent),
        }
    }

    fn random(&mut self) -> u32 {
        self.draws = self
            .draws
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.draws.rotate_left(16)
    }

    fn tell(&mut self, _told: Told) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of a name server that answers with these bytes behind the question.
    fn asked(flags: [u8; 2], records: &'static [u8], count: u8) -> Result<Vec<IpAddr>, String> {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap_or_else(|fault| panic!("{fault}"));
        let address = server
            .local_addr()
            .unwrap_or_else(|fault| panic!("{fault}"));
        let served = std::thread::spawn(move || -> std::io::Result<()> {
            for _ in 0..2 {
                let mut question = [0; 512];
                let (length, client) = server.recv_from(&mut question)?;
                let is_a = question[length - 3] == 1;
                let mut answer = question[..2].to_vec();
                answer.extend([
                    flags[0],
                    flags[1],
                    0,
                    1,
                    0,
                    if is_a { count } else { 0 },
                    0,
                    0,
                    0,
                    0,
                ]);
                answer.extend(&question[12..length]);
                if is_a {
                    answer.extend(records);
                }
                server.send_to(&answer, client)?;
            }
            Ok(())
        });
        let found = ask(address, "app.test");
        drop(served);
        found
    }

    #[test]
    fn a_name_server_is_asked_as_nginx_asks() {
        let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x05";
        assert_eq!(
            asked([0x81, 0x80], record, 1),
            Ok(vec![[10, 0, 0, 5].into()])
        );
        assert_eq!(
            asked([0x81, 0x83], b"", 0),
            Err("3: Host not found".to_owned())
        );
    }
}
