//! Answers, and what becomes of those who wait for them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Open, Questions, Wire, follows};
use crate::answer::{Code, Found, Service};
use crate::cache::{Key, Known};
use crate::query::QueryType;
use crate::records::Records;
use crate::response::{Head, Question};
use crate::{Kind, Told, Transport, name};

/// Open questions that are compared with an answer which does not repeat its question.
const COMPARED: usize = 100;

/// An answer to a question that is open.
struct Answer<'a> {
    message: &'a [u8],
    head: Head,
    question: Question,
    key: Arc<Key>,
}

impl Questions {
    /// Takes what a server has sent (`ngx_resolver_process_response`).
    pub fn receive(&mut self, message: &[u8], way: Transport, now: Duration, wire: &mut impl Wire) {
        if let Err(told) = self.take(message, way, now, wire) {
            wire.tell(told);
        }
    }

    fn take(
        &mut self,
        message: &[u8],
        way: Transport,
        now: Duration,
        wire: &mut impl Wire,
    ) -> Result<(), Told> {
        let head = Head::read(message, way)?;
        if head.is_unknown() || Code::of_answer(head.code) == Some(Code::FormatError) {
            return Err(self.dns_error(&head));
        }
        let question = Question::read(message, &head)?;
        let Some(key) = self.expects(&head, &question)? else {
            return Ok(());
        };
        if head.truncated {
            self.ask_over_tcp(&key, question.wanted, now, wire);
            return Ok(());
        }
        let answer = Answer {
            message,
            head,
            question,
            key,
        };
        self.take_answer(&answer, now, wire)
    }

    /// The line about a code that ends no look-up; a server that did not understand a question need not repeat it.
    fn dns_error(&self, head: &Head) -> Told {
        let is_same = |open: &Open| {
            let ident = Some(head.ident);
            open.first.ident == ident || open.second.ident == ident
        };
        let latest = self.turns.values().rev();
        let mut names = latest
            .filter(|key| key.kind == Kind::Addresses)
            .take(COMPARED);
        let same = names.find(|key| self.open.get(*key).is_some_and(is_same));
        let name = same.filter(|_| !head.is_unknown());
        Told::DnsError {
            code: head.code,
            ident: head.ident,
            name: name.map(|key| key.name.clone()),
        }
    }

    /// The open question that this is the answer to; `None`: the same has been asked over a connection meanwhile.
    fn expects(&self, head: &Head, question: &Question) -> Result<Option<Arc<Key>>, Told> {
        let name = &question.name;
        let unexpected = || Told::Unexpected(name.clone());
        let wanted = Key {
            kind: match question.wanted {
                QueryType::A | QueryType::Aaaa => Kind::Addresses,
                QueryType::Srv => Kind::Services,
            },
            name: name.clone(),
        };
        let (key, open) = self.open.get_key_value(&wanted).ok_or_else(unexpected)?;
        let part = match question.wanted {
            QueryType::A | QueryType::Srv => &open.first,
            QueryType::Aaaa => &open.second,
        };
        let expected = part.ident.filter(|_| part.is_awaited());
        let expected = expected.ok_or_else(unexpected)?;
        if head.truncated && part.over_tcp {
            return Ok(None);
        }
        if head.ident != expected {
            return Err(Told::WrongIdent {
                ident: head.ident,
                name: name.clone(),
                expected,
            });
        }
        Ok(Some(key.clone()))
    }

    fn take_answer(
        &mut self,
        answer: &Answer<'_>,
        now: Duration,
        wire: &mut impl Wire,
    ) -> Result<(), Told> {
        let wanted = answer.question.wanted;
        let Some(open) = self.open.get_mut(&answer.key) else {
            return Ok(());
        };
        let code = Code::of_answer(answer.head.code).or(open.code);
        if code.is_some() || answer.head.records == 0 {
            self.take_nothing(answer, code, now);
            return Ok(());
        }
        let mut records = Records::default();
        let read = records.read(
            answer.message,
            answer.question.end,
            answer.head.records,
            wanted,
        );
        open.ttl = open.ttl.min(records.ttl.unwrap_or(u32::MAX));
        records.odd.drain(..).for_each(|told| wire.tell(told));
        read?;
        match wanted {
            QueryType::A | QueryType::Aaaa => self.take_addresses(answer, records, now, wire),
            QueryType::Srv => self.take_services(answer, records, now, wire),
        }
    }

    /// There are no records, or the server complains. What the other part has found counts only if nobody does.
    fn take_nothing(&mut self, answer: &Answer<'_>, code: Option<Code>, now: Duration) {
        let wanted = answer.question.wanted;
        let Some(open) = self.open.get_mut(&answer.key) else {
            return;
        };
        open.part(wanted).found = Some(Vec::new());
        if open.other(wanted).is_awaited() {
            open.code = code;
        } else if code.is_none() && open.has_addresses() {
            self.end_with_addresses(&answer.key, now);
        } else {
            let code = code.unwrap_or(Code::HostNotFound);
            self.end_without(&answer.key, code, now);
        }
    }

    fn take_addresses(
        &mut self,
        answer: &Answer<'_>,
        records: Records,
        now: Duration,
        wire: &mut impl Wire,
    ) -> Result<(), Told> {
        let wanted = answer.question.wanted;
        let Some(open) = self.open.get_mut(&answer.key) else {
            return Ok(());
        };
        let says_nothing = records.addresses.is_empty() && records.alias_at.is_none();
        open.part(wanted).found = Some(records.addresses);
        let awaits_other = open.other(wanted).is_awaited();
        if !awaits_other && open.has_addresses() {
            self.end_with_addresses(&answer.key, now);
            return Ok(());
        }
        match records.alias_at {
            _ if says_nothing => Err(Told::NoAddresses),
            Some(at) if !awaits_other => self.follow(answer, at, now, wire),
            Some(_) | None => Ok(()),
        }
    }

    fn take_services(
        &mut self,
        answer: &Answer<'_>,
        records: Records,
        now: Duration,
        wire: &mut impl Wire,
    ) -> Result<(), Told> {
        let mut services = records.services;
        if services.is_empty() {
            return match records.alias_at {
                Some(at) => self.follow(answer, at, now, wire),
                None => Err(Told::NoServices),
            };
        }
        services.sort_by_key(|service| service.priority);
        self.end_with_services(&answer.key, services.into(), now);
        Ok(())
    }

    fn end_without(&mut self, key: &Arc<Key>, code: Code, now: Duration) {
        let holds = self.rules.failure_until(now);
        if let Some(open) = self.close(key) {
            self.fail(&open.waiting.into_waiters(), code, holds, now);
        }
    }

    fn end_with_addresses(&mut self, key: &Arc<Key>, now: Duration) {
        let Some(mut open) = self.close(key) else {
            return;
        };
        let found = [open.first.found.take(), open.second.found.take()];
        let addresses: Arc<[IpAddr]> = found.into_iter().flatten().flatten().collect();
        let known = Known::Addresses(addresses.clone());
        let found = |valid_until| Found::Addresses {
            addresses,
            valid_until,
        };
        self.end_with(key, open, known, found, now);
    }

    fn end_with_services(&mut self, key: &Arc<Key>, services: Arc<[Service]>, now: Duration) {
        let Some(open) = self.close(key) else {
            return;
        };
        let known = Known::Services(services.clone());
        let found = |valid_until| Found::Services {
            services,
            valid_until,
        };
        self.end_with(key, open, known, found, now);
    }

    /// Keeps what is known, and tells it, with how long it holds, to those who wait.
    fn end_with(
        &mut self,
        key: &Arc<Key>,
        open: Open,
        known: Known,
        found: impl FnOnce(u64) -> Found,
        now: Duration,
    ) {
        let found = found(self.keep(key, known, open.ttl, now));
        self.answer(&open.waiting.into_waiters(), &Ok(found), now);
    }

    /// The name is only another one: that one is looked up for those who wait.
    fn follow(
        &mut self,
        answer: &Answer<'_>,
        at: usize,
        now: Duration,
        wire: &mut impl Wire,
    ) -> Result<(), Told> {
        let name = name::read(answer.message, at)?;
        let key = &answer.key;
        let Some(open) = self.close(key) else {
            return Ok(());
        };
        self.keep(key, Known::Alias(name.clone()), open.ttl, now);
        let mut waiting = open.waiting.into_waiters();
        if waiting.is_empty() {
            return Ok(());
        }
        if !follows(&mut waiting) {
            self.fail(&waiting, Code::HostNotFound, 0, now);
            return Ok(());
        }
        let kind = key.kind;
        self.look_up(Key { kind, name }, waiting, now, wire);
        Ok(())
    }

    /// Keeps what is known for as long as it holds; until when that is.
    fn keep(&self, key: &Arc<Key>, known: Known, ttl: u32, now: Duration) -> u64 {
        let second = now.as_secs();
        let holds = match self.rules.valid {
            0 => u64::from(ttl),
            valid => valid,
        };
        let until = second.saturating_add(holds);
        self.cache.keep(Key::clone(key), known, until, second);
        until
    }
}

impl Open {
    fn has_addresses(&self) -> bool {
        let parts = [&self.first, &self.second];
        parts
            .into_iter()
            .flat_map(|part| &part.found)
            .flatten()
            .next()
            .is_some()
    }
}
