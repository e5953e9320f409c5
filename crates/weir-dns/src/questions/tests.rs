//! Questions with servers that the test plays.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::answer::Found;

/// What would be a network.
#[derive(Default)]
struct World {
    sent: Vec<(usize, Transport, Vec<u8>)>,
    told: Vec<String>,
    /// Servers that cannot be reached.
    dead: Vec<usize>,
    drawn: u32,
}

impl Wire for World {
    fn send(&mut self, server: usize, way: Transport, question: &[u8]) -> Result<(), NotSent> {
        self.sent.push((server, way, question.to_vec()));
        match self.dead.contains(&server) {
            true => Err(NotSent),
            false => Ok(()),
        }
    }

    fn random(&mut self) -> u32 {
        self.drawn += 1;
        self.drawn
    }

    fn tell(&mut self, told: Told) {
        let text = told.text();
        self.told.push(String::from_utf8_lossy(&text).into_owned());
    }
}

struct Bench {
    questions: Questions,
    world: World,
    now: Duration,
}

const V4: Rules = Rules {
    servers: 1,
    ipv4: true,
    ipv6: false,
    valid: 0,
};

fn bench(rules: Rules) -> Bench {
    Bench {
        questions: Questions::new(rules, Arc::default()),
        world: World::default(),
        now: Duration::from_millis(100_500),
    }
}

impl Bench {
    fn ask(&mut self, name: &str) -> Ticket {
        let world = &mut self.world;
        let kind = Kind::Addresses;
        self.questions.ask(kind, name.as_bytes(), self.now, world)
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// The question that was sent as the `nth`, which becomes its answer.
    fn question(&self, nth: usize) -> Vec<u8> {
        let mut message = self.world.sent[nth].2.clone();
        message[2..4].copy_from_slice(&[0x81, 0x80]);
        message
    }

    /// Answers the `nth` question with `records`, each behind a pointer to the name.
    fn answer(&mut self, nth: usize, rcode: u8, records: &[&[u8]]) {
        let mut message = self.question(nth);
        message[3] |= rcode;
        message[7] = records.len() as u8;
        for record in records {
            message.extend([0xc0, 12]);
            message.extend_from_slice(record);
        }
        self.receive(&message, Transport::Udp);
    }

    fn receive(&mut self, message: &[u8], way: Transport) {
        let world = &mut self.world;
        self.questions.receive(message, way, self.now, world);
    }

    fn outcomes(&mut self) -> Vec<String> {
        let shown = |(Ticket(number), outcome): (Ticket, Outcome)| {
            let outcome = match outcome {
                Ok(Found::Addresses {
                    addresses,
                    valid_until,
                }) => format!("{addresses:?} until {valid_until}"),
                Ok(Found::Services { services, .. }) => format!("{} services", services.len()),
                Err(failure) => format!("{}", failure.code),
            };
            format!("{number} {outcome}")
        };
        self.questions.outcomes().map(shown).collect()
    }

    /// Server and way of each question, and the type that it is of.
    fn sent(&self) -> Vec<String> {
        let shown = |(server, way, question): &(usize, Transport, Vec<u8>)| {
            format!("{server} {way:?} {}", question[question.len() - 3])
        };
        self.world.sent.iter().map(shown).collect()
    }
}

/// 127.0.0.1 for a minute.
const ONE: &[u8] = b"\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01";
/// 127.0.0.2 for ten seconds.
const TWO: &[u8] = b"\0\x01\0\x01\0\0\0\x0a\0\x04\x7f\0\0\x02";
/// ::1 for a minute.
const SIX: &[u8] = b"\0\x1c\0\x01\0\0\0\x3c\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
/// `b.test` for a minute.
const ALIAS: &[u8] = b"\0\x05\0\x01\0\0\0\x3c\0\x08\x01b\x04test\0";

#[test]
fn answers_are_kept_for_their_least_time() {
    let mut bench = bench(V4);
    bench.ask("A.test.");
    assert_eq!(bench.outcomes(), [""; 0]);
    bench.answer(0, 0, &[ONE, TWO]);
    assert_eq!(bench.outcomes(), ["0 [127.0.0.1, 127.0.0.2] until 110"]);
    bench.pass(10);
    bench.ask("a.TEST");
    assert_eq!(bench.outcomes().len(), 1);
    bench.pass(1);
    bench.ask("a.test");
    assert_eq!(bench.outcomes(), [""; 0]);
    assert_eq!(bench.sent(), ["0 Udp 1", "0 Udp 1"]);
}

#[test]
fn one_question_serves_all_the_latest_first() {
    let mut bench = bench(V4);
    for _ in 0..3 {
        bench.ask("a.test");
    }
    bench.questions.forget(Ticket(1), bench.now);
    bench.answer(0, 2, &[]);
    assert_eq!(
        bench.outcomes(),
        ["2 2: Server failure", "0 2: Server failure"]
    );
    bench.ask("a.test");
    assert_eq!(bench.sent().len(), 2);
}

#[test]
fn both_kinds_are_asked_for_and_awaited() {
    let check = |answers: &[(usize, u8, &[&[u8]])], expected: &str| {
        let mut bench = bench(Rules { ipv6: true, ..V4 });
        bench.ask("a.test");
        assert_eq!(bench.sent(), ["0 Udp 1", "0 Udp 28"]);
        for (nth, rcode, records) in answers {
            assert_eq!(bench.outcomes(), [""; 0]);
            bench.answer(*nth, *rcode, records);
        }
        assert_eq!(bench.outcomes(), [expected]);
    };
    check(
        &[(1, 0, &[SIX]), (0, 0, &[TWO])],
        "0 [127.0.0.2, ::1] until 110",
    );
    check(&[(0, 0, &[ONE]), (1, 0, &[])], "0 [127.0.0.1] until 160");
    check(&[(0, 0, &[]), (1, 0, &[SIX])], "0 [::1] until 160");
    check(&[(0, 0, &[]), (1, 0, &[])], "0 3: Host not found");
    check(&[(0, 0, &[ONE]), (1, 2, &[])], "0 2: Server failure");
    check(&[(0, 4, &[]), (1, 0, &[SIX])], "0 4: Unimplemented");
}

#[test]
fn aliases_are_followed_and_kept() {
    let mut bench = bench(V4);
    bench.ask("a.test");
    bench.answer(0, 0, &[ALIAS]);
    assert_eq!(bench.outcomes(), [""; 0]);
    bench.answer(1, 0, &[ONE]);
    assert_eq!(bench.outcomes(), ["0 [127.0.0.1] until 160"]);
    bench.ask("a.test");
    assert_eq!(bench.outcomes(), ["1 [127.0.0.1] until 160"]);
    bench.ask("b.test");
    bench.answer(1, 0, &[ONE]);
    assert_eq!(bench.outcomes().len(), 1);
    assert_eq!(bench.world.told, ["unexpected DNS response for b.test"]);
}

#[test]
fn an_alias_of_itself_ends() {
    let mut bench = bench(V4);
    bench.ask("b.test");
    bench.answer(0, 0, &[ALIAS]);
    assert_eq!(bench.outcomes(), ["0 3: Host not found"]);
    assert_eq!(bench.sent().len(), 1);
}

#[test]
fn answers_must_be_those_to_the_question() {
    let mut bench = bench(V4);
    bench.ask("a.test");
    let mut message = bench.question(0);
    message[1] ^= 0x80;
    bench.receive(&message, Transport::Udp);
    message[13] = b'b';
    bench.receive(&message, Transport::Udp);
    bench.receive(&message[..11], Transport::Udp);
    assert_eq!(bench.outcomes(), [""; 0]);
    assert_eq!(
        bench.world.told,
        [
            "wrong ident 129 in DNS response for a.test, expect 1",
            "unexpected DNS response for b.test",
            "short DNS response",
        ]
    );
}

#[test]
fn a_server_that_does_not_understand_ends_nothing() {
    let mut bench = bench(V4);
    bench.ask("a.test");
    bench.answer(0, 1, &[]);
    bench.answer(0, 9, &[]);
    bench.receive(b"\0\x07\x81\x81\0\0\0\0\0\0\0\0", Transport::Tcp);
    assert_eq!(bench.outcomes(), [""; 0]);
    assert_eq!(
        bench.world.told,
        [
            "DNS error (1: Format error), query id:1, name:\"a.test\"",
            "DNS error (9: Unknown error), query id:1",
            "DNS error (1: Format error), query id:7",
        ]
    );
}

#[test]
fn silence_is_asked_again_of_the_next() {
    let rules = Rules { servers: 3, ..V4 };
    let mut bench = bench(rules);
    bench.ask("a.test");
    assert_eq!(
        bench.questions.resend_at(),
        Some(Duration::from_millis(105_500))
    );
    bench.pass(5);
    bench.questions.resend(bench.now, &mut bench.world);
    assert_eq!(bench.sent(), ["0 Udp 1", "1 Udp 1"]);
    bench.ask("b.test");
    assert_eq!(bench.sent().last().unwrap(), "1 Udp 1");
    bench.questions.forget(Ticket(0), bench.now);
    bench.questions.forget(Ticket(1), bench.now);
    bench.pass(5);
    bench.questions.resend(bench.now, &mut bench.world);
    assert_eq!(bench.sent().len(), 3);
    assert_eq!(bench.questions.resend_at(), None);
}

#[test]
fn a_server_out_of_reach_is_passed_over_once() {
    let mut bench = bench(Rules { servers: 2, ..V4 });
    bench.world.dead = vec![0, 1];
    bench.ask("a.test");
    assert_eq!(bench.sent(), ["0 Udp 1", "1 Udp 1"]);
    bench.answer(0, 0, &[ONE]);
    assert_eq!(bench.outcomes().len(), 1);
}

#[test]
fn what_does_not_fit_is_asked_for_over_a_connection() {
    let mut bench = bench(V4);
    bench.ask("a.test");
    let mut message = bench.question(0);
    message[2] = 0x83;
    bench.receive(&message, Transport::Udp);
    bench.receive(&message, Transport::Udp);
    assert_eq!(bench.sent(), ["0 Udp 1", "0 Tcp 1"]);
    bench.receive(&message, Transport::Tcp);
    assert_eq!(bench.world.told, ["invalid TCP DNS response 1 fl:8380"]);
    bench.answer(1, 0, &[ONE]);
    assert_eq!(bench.outcomes().len(), 1);
}

#[test]
fn names_that_are_none_are_not_asked_for() {
    let mut bench = bench(V4);
    for name in ["", ".", "a..b", ".a"] {
        bench.ask(name);
        assert_eq!(bench.outcomes().len(), 1, "{name}");
    }
    assert_eq!(bench.sent(), [""; 0]);
}

#[test]
fn services_come_by_priority() {
    let mut bench = bench(V4);
    let world = &mut bench.world;
    let name = b"_http._tcp.a.test";
    bench.questions.ask(Kind::Services, name, bench.now, world);
    let server = |priority: u8| {
        let mut record = b"\0\x21\0\x01\0\0\0\x3c\0\x0e\0".to_vec();
        record.push(priority);
        record.extend_from_slice(b"\0\0\0\x50\x01b\x04test\0");
        record
    };
    let (first, second) = (server(9), server(3));
    bench.answer(0, 0, &[&first, &second]);
    let outcomes: Vec<_> = bench.questions.outcomes().collect();
    let [(_, Ok(Found::Services { services, .. }))] = outcomes.as_slice() else {
        panic!("{outcomes:?}");
    };
    let shown = |service: &crate::Service| (service.priority, service.weight, service.port);
    let shown: Vec<_> = services.iter().map(shown).collect();
    assert_eq!(shown, [(3, 1, 80), (9, 1, 80)]);
}

#[test]
fn workers_share_what_is_known() {
    let cache = Arc::new(Cache::default());
    let mut first = bench(V4);
    first.questions = Questions::new(V4, cache.clone());
    let mut second = bench(V4);
    second.questions = Questions::new(V4, cache);
    first.ask("a.test");
    first.answer(0, 0, &[ONE]);
    second.ask("a.test");
    assert_eq!(second.outcomes().len(), 1);
    assert_eq!(second.sent(), [""; 0]);
}

#[test]
fn forsaken_questions_are_few() {
    let mut bench = bench(V4);
    for number in 0..3 * MOST_FORSAKEN {
        let ticket = bench.ask(&format!("{number}.test"));
        bench.questions.forget(ticket, bench.now);
    }
    assert_eq!(bench.questions.open.len(), MOST_FORSAKEN);
    assert_eq!(bench.questions.turns.len(), MOST_FORSAKEN);
    assert!(bench.questions.places.is_empty());
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(input: Vec<u8>) {
        crate::fuzz(&input);
    }

    #[test]
    fn any_records_are_survived(count in 0_u8..4, rest: Vec<u8>) {
        let mut bench = bench(Rules { ipv6: true, ..V4 });
        bench.ask("a.test");
        for nth in 0..2 {
            let mut message = bench.question(nth);
            message[7] = count;
            message.extend_from_slice(&rest);
            bench.receive(&message, Transport::Udp);
        }
        assert!(bench.outcomes().len() <= 1);
    }
}
