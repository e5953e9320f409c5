//! Names that are looked up while running: everything that a name server may say, under each kind of `resolver`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use weir_lab::bed::Conf;
use weir_lab::scenario::Scenario;
use weir_lab::script::{NameScript, OtherQuestion, Payload, Record, Reply, Sequence};
use weir_lab::version::Version;

/// What a `resolver` says behind its server, and since when it may.
const SETTINGS: [(&str, Option<Version>); 4] = [
    ("ipv6=off", None),
    ("ipv4=off", Some(Version::V1_28)),
    ("", None),
    ("valid=1h ipv6=off", None),
];

/// A name that stands for another is `*`; that one has what a name should have.
const TARGET: &str = "*";

pub(super) fn scenarios() -> Vec<Scenario> {
    let scenario = |(number, (setting, since))| scenario(number, setting, since);
    SETTINGS.into_iter().enumerate().map(scenario).collect()
}

fn scenario(number: usize, setting: &str, since: Option<Version>) -> Scenario {
    let mut dns = BTreeMap::new();
    let mut requests = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let name = format!("n{number}.test");
        // What is known of a name turns its addresses at random, so none is the target of two.
        let target = format!("t{number}.test");
        dns.insert(name.clone(), case.script(&target));
        dns.insert(target, Case::whole().script(""));
        requests.push(format!(
            "GET /?to={name} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        ));
    }
    // A loaded machine's answers are a quarter of a second late now and then.
    let http = format!("resolver dns:53 {setting}; resolver_timeout 1s;");
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned();
    let client = super::each_alone(requests.into_iter());
    let scenario = super::scenario(
        format!("grid/lookups-{number}"),
        "what becomes of a request, by what the name server says",
        String::new(),
        client,
        vec![answer],
    );
    Scenario {
        since,
        dns,
        config: Conf {
            http: Some(http),
            pass: Some("http://$arg_to:@app:1@".to_owned()),
            ..Conf::default()
        },
        ..scenario
    }
}

/// What is said to questions for either kind of addresses.
#[derive(Clone)]
struct Case {
    a: Vec<Reply>,
    aaaa: Vec<Reply>,
    over_tcp: Option<Vec<Reply>>,
}

impl Case {
    /// One address of each kind.
    fn whole() -> Self {
        Self {
            a: vec![address(Record::A(Ipv4Addr::LOCALHOST))],
            aaaa: vec![address(Record::Aaaa(Ipv6Addr::LOCALHOST))],
            over_tcp: None,
        }
    }

    /// The same, but that `change` has been made to what is said.
    fn with(change: impl Fn(&mut Reply)) -> Self {
        let mut case = Self::whole();
        for reply in case.a.iter_mut().chain(&mut case.aaaa) {
            change(reply);
        }
        case
    }

    /// The same is said to all.
    fn all(replies: &[Reply]) -> Self {
        Self {
            a: replies.to_vec(),
            aaaa: replies.to_vec(),
            over_tcp: None,
        }
    }

    /// What does not fit is said over TCP.
    fn over_tcp(replies: &[Reply]) -> Self {
        Self {
            over_tcp: Some(replies.to_vec()),
            ..Self::with(|reply| reply.truncated = true)
        }
    }

    fn script(&self, target: &str) -> NameScript {
        let each = |replies: &[Reply]| {
            let replies = replies.iter().map(|reply| led_to(reply, target));
            Some(Sequence::Each(replies.collect()))
        };
        NameScript {
            a: each(&self.a),
            aaaa: each(&self.aaaa),
            over_tcp: self.over_tcp.as_deref().and_then(each),
            ..NameScript::default()
        }
    }
}

fn address(record: Record) -> Reply {
    Reply {
        records: vec![record],
        ..Reply::default()
    }
}

fn led_to(reply: &Reply, target: &str) -> Reply {
    let mut reply = reply.clone();
    for record in &mut reply.records {
        if let Record::Cname(name) = record
            && name == TARGET
        {
            target.clone_into(name);
        }
    }
    reply
}

fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::whole(),
        Case::all(&[]),
        Case::all(&[Reply::default()]),
    ];
    cases.extend(codes());
    cases.extend(questions());
    cases.extend(lengths());
    cases.extend(heads());
    cases.extend(records());
    cases.extend(aliases());
    cases.extend(several());
    cases.extend(connections());
    cases
}

/// Codes, of both answers or of one, with and without an address beside them.
fn codes() -> Vec<Case> {
    let mut cases = Vec::new();
    for code in [1, 2, 3, 4, 5, 6, 9, 15] {
        let refusal = vec![Reply::refusal(code)];
        cases.push(Case::all(&refusal));
        cases.push(Case::with(|reply| reply.rcode = code));
        cases.push(Case {
            a: refusal.clone(),
            ..Case::whole()
        });
        cases.push(Case {
            aaaa: refusal,
            ..Case::whole()
        });
    }
    for nothing in [Vec::new(), vec![Reply::default()]] {
        cases.push(Case {
            a: nothing.clone(),
            ..Case::whole()
        });
        cases.push(Case {
            aaaa: nothing,
            ..Case::whole()
        });
    }
    cases
}

/// Answers to other questions.
fn questions() -> Vec<Case> {
    let other =
        |question: OtherQuestion| Case::with(move |reply| reply.question = Some(question.clone()));
    let raw = |text: &[u8]| OtherQuestion {
        raw: Some(payload(text)),
        ..OtherQuestion::default()
    };
    let named = |name: &str, kind| OtherQuestion {
        name: Some(name.to_owned()),
        kind,
        ..OtherQuestion::default()
    };
    let mut cases = vec![
        Case::with(|reply| reply.other_id = true),
        other(named("other.test", None)),
        other(named("1.0.0.127.in-addr.arpa", Some(12))),
        other(named("1.0.127.in-addr.arpa", Some(12))),
        other(OtherQuestion {
            class: Some(3),
            ..OtherQuestion::default()
        }),
        other(raw(b"\xc0\x0c")),
        other(raw(b"\x41a\0")),
        other(raw(b"\0")),
        other(raw(b"\x3fa\0")),
    ];
    for kind in [1, 5, 12, 16, 28, 33, 255] {
        cases.push(other(OtherQuestion {
            kind: Some(kind),
            ..OtherQuestion::default()
        }));
    }
    for count in [0, 2] {
        cases.push(Case::with(move |reply| reply.questions = Some(count)));
    }
    cases
}

/// Answers that are cut, or longer than they say.
fn lengths() -> Vec<Case> {
    let cuts = [
        0, 1, 11, 12, 13, 20, 25, 26, 27, 28, 30, 37, 38, 39, 41, 42, 50, 53,
    ];
    let mut cases: Vec<Case> = cuts
        .into_iter()
        .map(|cut| Case::with(move |reply| reply.cut = Some(cut)))
        .collect();
    for count in [0, 2, 9, u16::MAX] {
        cases.push(Case::with(move |reply| reply.count = Some(count)));
    }
    cases.push(Case::with(|reply| reply.append = "behind".into()));
    for ttl in [0, 1, i32::MAX as u32, u32::MAX] {
        cases.push(Case::with(move |reply| reply.ttl = Some(ttl)));
    }
    cases
}

/// Second words of the head.
fn heads() -> Vec<Case> {
    let words = [
        0x0000, 0x0180, 0x8000, 0x8080, 0x8100, 0x8190, 0x81a0, 0x81c0, 0x8580, 0x8980, 0xf980,
    ];
    words
        .into_iter()
        .map(|flags| Case::with(move |reply| reply.flags = Some(flags)))
        .collect()
}

/// Odd records, alone and beside an address.
fn records() -> Vec<Case> {
    let raw = |kind, data: &[u8], length| Record::Raw {
        kind,
        class: 1,
        data: payload(data),
        length,
    };
    let odd = [
        raw(1, b"abc", None),
        raw(1, b"abcde", None),
        raw(1, b"abcd", Some(400)),
        raw(1, b"ab", Some(4)),
        raw(28, b"abcd", None),
        raw(28, b"0123456789abcdef", None),
        raw(16, b"\x03abc", None),
        raw(16, b"\x03abc", Some(400)),
        raw(16, b"", None),
        raw(33, b"\0\x01\0\x01\0\x01\0", None),
        raw(39, b"\x01x\0", None),
        raw(5, b"", None),
        raw(5, b"\0", None),
        raw(5, b"\xc0\x0c", None),
        raw(5, b"\xc3\xff", None),
        raw(5, b"\xc0", None),
        raw(5, b"\x80a\0", None),
        raw(5, b"\x09a", None),
        raw(5, b"\x01a\xc0\x0c", None),
        Record::Raw {
            kind: 1,
            class: 3,
            data: payload(b"abcd"),
            length: None,
        },
    ];
    let mut cases = Vec::new();
    for record in odd {
        cases.push(Case::all(&[address(record.clone())]));
        cases.push(Case::with(|reply| reply.records.insert(0, record.clone())));
        cases.push(Case::with(|reply| reply.records.push(record.clone())));
    }
    cases
}

/// Names that stand for others.
fn aliases() -> Vec<Case> {
    let alias = |name: &str| address(Record::Cname(name.to_owned()));
    let other = alias(TARGET);
    vec![
        Case::all(std::slice::from_ref(&other)),
        Case::all(&[alias("missing.test")]),
        Case::all(&[alias("")]),
        Case::with(|reply| reply.records.push(Record::Cname("missing.test".into()))),
        Case {
            a: vec![other.clone()],
            ..Case::whole()
        },
        Case {
            a: vec![other.clone()],
            aaaa: vec![Reply::refusal(2)],
            over_tcp: None,
        },
        Case {
            a: vec![Reply::default()],
            aaaa: vec![other],
            over_tcp: None,
        },
    ]
}

/// Several messages for one question.
fn several() -> Vec<Case> {
    let twice = |first: &dyn Fn(&Reply) -> Reply, behind: bool| {
        let mut case = Case::whole();
        for replies in [&mut case.a, &mut case.aaaa] {
            let odd = first(&replies[0]);
            let place = if behind { replies.len() } else { 0 };
            replies.insert(place, odd);
        }
        case
    };
    let other_id = |reply: &Reply| Reply {
        other_id: true,
        ..reply.clone()
    };
    let junk = |reply: &Reply| Reply {
        cut: Some(5),
        ..reply.clone()
    };
    vec![
        twice(&other_id, false),
        twice(&junk, false),
        twice(&junk, true),
        Case::with(|reply| reply.after = Duration::from_millis(50)),
    ]
}

/// What is said over TCP.
fn connections() -> Vec<Case> {
    let cut = |cut| Reply {
        cut: Some(cut),
        ..Reply::default()
    };
    vec![
        Case::with(|reply| reply.truncated = true),
        Case::over_tcp(&[]),
        Case::over_tcp(&[Reply::refusal(3)]),
        Case::over_tcp(&[Reply::refusal(1)]),
        Case::over_tcp(&[Reply::default()]),
        Case::over_tcp(&[cut(0)]),
        Case::over_tcp(&[cut(5)]),
        Case::over_tcp(&[Reply {
            close: true,
            ..Reply::default()
        }]),
        Case::over_tcp(&[Reply {
            flags: Some(0x8380),
            ..Reply::default()
        }]),
        Case::over_tcp(&[Reply {
            other_id: true,
            ..Reply::default()
        }]),
    ]
}

fn payload(bytes: &[u8]) -> Payload {
    Payload(vec![weir_lab::script::Part::Literal(bytes.into())])
}
