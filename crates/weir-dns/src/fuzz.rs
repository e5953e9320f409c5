//! Answers out of any bytes, for fuzzing.

use std::sync::Arc;
use std::time::Duration;

use crate::{Kind, NotSent, Questions, Rules, Ticket, Told, Transport, Wire};

/// A network on which everything is lost, and the identifiers are known.
struct Nowhere;

impl Wire for Nowhere {
    fn send(&mut self, _: usize, _: Transport, _: &[u8]) -> Result<(), NotSent> {
        Ok(())
    }

    fn random(&mut self) -> u32 {
        0
    }

    fn tell(&mut self, told: Told) {
        assert!(!told.text().is_empty());
    }
}

/// Asks for addresses and a service of `a`, and takes `bytes` for answers, each behind its length.
///
/// # Panics
///
/// If somebody is told more than once.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    let rules = Rules {
        servers: 1,
        ipv4: true,
        ipv6: true,
        valid: 0,
    };
    let mut questions = Questions::new(rules, Arc::default());
    let now = Duration::from_secs(1);
    let mut waiting: Vec<Ticket> = [Kind::Addresses, Kind::Services, Kind::Addresses]
        .into_iter()
        .map(|kind| questions.ask(kind, b"a", now, &mut Nowhere))
        .collect();
    let mut rest = bytes;
    while let Some((&length, behind)) = rest.split_first() {
        let way = match length % 2 {
            0 => Transport::Udp,
            _ => Transport::Tcp,
        };
        let (message, behind) = behind.split_at(usize::from(length).min(behind.len()));
        questions.receive(message, way, now, &mut Nowhere);
        for (ticket, _) in questions.outcomes() {
            let place = waiting.iter().position(|waiting| *waiting == ticket);
            waiting.remove(place.expect("told once"));
        }
        rest = behind;
    }
}
