//! Questions on their way out, again and again.

use std::sync::Arc;
use std::time::Duration;

use super::{NotSent, Open, PATIENCE, Part, Questions, Waiter, Waiting, Wire};
use crate::answer::Code;
use crate::cache::Key;
use crate::query::{self, QueryType};
use crate::{Kind, Transport};

impl Questions {
    /// Asks for `key`. If the server cannot be reached, the next one is asked at once, but nobody after that.
    pub(super) fn begin(
        &mut self,
        key: Key,
        waiting: Vec<Waiter>,
        now: Duration,
        wire: &mut impl Wire,
    ) {
        // One may be there for which nobody waits any more.
        self.close(&key);
        if query::write(0, &key.name, QueryType::A).is_none() {
            return self.fail(&waiting, Code::HostNotFound, 0, now);
        }
        let (first, second) = self.parts(key.kind, wire);
        let mut open = Open {
            waiting: Waiting::default(),
            first,
            second,
            code: None,
            ttl: u32::MAX,
            server: self.next_server,
            due: 0,
            turn: None,
        };
        self.next_server = self.after(self.next_server);
        if send(&key, &open, wire).is_err() {
            open.server = self.after(open.server);
            // What happens again is told again; the time for the next server comes.
            let _ = send(&key, &open, wire);
        }
        let key = Arc::new(key);
        self.open.insert(key.clone(), open);
        self.await_answer(&key, now);
        self.wait(&key, waiting);
    }

    fn parts(&self, kind: Kind, wire: &mut impl Wire) -> (Part, Part) {
        let mut ask = |asks: bool| match asks {
            true => Part::asked(wire.random() as u16),
            false => Part::default(),
        };
        match kind {
            Kind::Addresses => (ask(self.rules.ipv4), ask(self.rules.ipv6)),
            Kind::Services => (ask(true), Part::default()),
        }
    }

    /// The server behind `server`.
    fn after(&self, server: usize) -> usize {
        (server + 1) % self.rules.servers.max(1)
    }

    /// The question has just been sent: from now on it waits.
    pub(super) fn await_answer(&mut self, key: &Arc<Key>, now: Duration) {
        let turn = self.next_turn;
        self.next_turn += 1;
        if self.turns.is_empty() {
            self.resend_at = Some(now + Duration::from_secs(PATIENCE));
        }
        if let Some(open) = self.open.get_mut(key) {
            if let Some(past) = open.turn.replace(turn) {
                self.turns.remove(&past);
            }
            open.due = now.as_secs() + PATIENCE;
            self.turns.insert(turn, key.clone());
        }
    }

    /// Asks the next server what has not been answered in time, if anybody still waits for it
    /// (`ngx_resolver_resend_handler`).
    pub fn resend(&mut self, now: Duration, wire: &mut impl Wire) {
        self.resend_at = None;
        let second = now.as_secs();
        while let Some((_, key)) = self.turns.first_key_value() {
            let key = key.clone();
            let Some(open) = self.open.get_mut(&key) else {
                self.turns.pop_first();
                continue;
            };
            if second < open.due {
                self.resend_at = Some(now + Duration::from_secs(open.due - second));
                return;
            }
            if open.waiting.is_empty() {
                self.close(&key);
                continue;
            }
            open.server = (open.server + 1) % self.rules.servers.max(1);
            // As above.
            let _ = send(&key, open, wire);
            self.turns.pop_first();
            self.await_answer(&key, now);
        }
    }

    /// Asks again over a connection, for there is more than fits into a datagram.
    pub(super) fn ask_over_tcp(
        &mut self,
        key: &Arc<Key>,
        wanted: QueryType,
        now: Duration,
        wire: &mut impl Wire,
    ) {
        if self
            .open
            .get(key)
            .is_some_and(|open| open.waiting.is_empty())
        {
            self.close(key);
            return;
        }
        if let Some(open) = self.open.get_mut(key) {
            open.part(wanted).over_tcp = true;
            let server = open.server;
            let part = open.part(wanted);
            // The question is sent again when it is time.
            let _ = send_part(key, part, wanted, server, wire);
        }
        self.await_answer(key, now);
    }
}

/// Sends what has not been answered (`ngx_resolver_send_query`).
fn send(key: &Key, open: &Open, wire: &mut impl Wire) -> Result<(), NotSent> {
    let first = match key.kind {
        Kind::Addresses => QueryType::A,
        Kind::Services => QueryType::Srv,
    };
    for (part, wanted) in [(&open.first, first), (&open.second, QueryType::Aaaa)] {
        if part.is_awaited() {
            send_part(key, part, wanted, open.server, wire)?;
        }
    }
    Ok(())
}

fn send_part(
    key: &Key,
    part: &Part,
    wanted: QueryType,
    server: usize,
    wire: &mut impl Wire,
) -> Result<(), NotSent> {
    let way = match part.over_tcp {
        true => Transport::Tcp,
        false => Transport::Udp,
    };
    let question = part
        .ident
        .and_then(|ident| query::write(ident, &key.name, wanted));
    match question {
        Some(question) => wire.send(server, way, &question),
        None => Ok(()),
    }
}
