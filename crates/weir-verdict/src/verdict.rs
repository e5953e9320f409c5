//! The error mapper: what follows from a failure before the response head. Pure, and printed whole
//! by a snapshot test.

use weir_conf::NextUpstream;

use crate::failure::Cause;
use crate::no_retry::NoRetry;

/// What the exchange had done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Something of the request may have reached the peer.
    pub request_sent: bool,
    /// The method may be repeated (not POST, LOCK or PATCH).
    pub idempotent: bool,
    /// A body that is passed on while it arrives cannot be sent twice.
    pub body_in_flight: bool,
    /// The connection had served a request before.
    pub reused: bool,
    /// Tries left, the failed one no longer included.
    pub tries_left: u32,
    /// `proxy_next_upstream_timeout` is over.
    pub out_of_time: bool,
    /// A retry more would exceed `retry_budget`.
    pub budget_spent: bool,
}

/// What the configuration says about further tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `proxy_next_upstream`.
    pub next_upstream: NextUpstream,
}

/// Whether the peer is to blame for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Its failures go up.
    Counted,
    /// It answered as it should, and another is asked all the same: 403 and 404.
    PassedOver,
    /// It has nothing to do with it, or nobody was asked.
    None,
}

/// What a failure is, whatever was tried before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// How the failure is booked in `$upstream_status`: the status the client would get. 500: the
    /// request ends on this machine.
    pub status: u16,
    /// Whether the peer is to blame.
    pub blame: Blame,
    /// Its name in `proxy_next_upstream`; empty: no directive can list it.
    listed: NextUpstream,
}

/// Where a request goes after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// One try that uses up none: the kept connection turned out to be dead.
    pub extra_try: bool,
    /// Why no other peer is tried; `None`: one is.
    pub stays: Option<NoRetry>,
}

impl Class {
    /// The class of a failure with this cause.
    pub fn of(cause: &Cause) -> Self {
        let (status, blame, listed) = match cause {
            Cause::NoConnectionSlot(_)
            | Cause::Socket(_)
            | Cause::Option(..)
            | Cause::Bind(..)
            | Cause::Certificate(_) => (500, Blame::None, NextUpstream::EMPTY),
            // No directive lists this class, so it is never retried (NGX_HTTP_UPSTREAM_FT_NOLIVE).
            Cause::NoLivePeers | Cause::QueueFull | Cause::QueueTimedOut => {
                (502, Blame::None, NextUpstream::EMPTY)
            }
            Cause::ConnectAtOnce(..)
            | Cause::Connect(_)
            | Cause::Tls(_)
            | Cause::Closed
            | Cause::Receive(..)
            | Cause::Send(..)
            | Cause::InvalidChunk(_) => (502, Blame::Counted, NextUpstream::ERROR),
            Cause::TimedOut => (504, Blame::Counted, NextUpstream::TIMEOUT),
            Cause::HeadTooBig | Cause::InvalidHead(_) => {
                (502, Blame::Counted, NextUpstream::INVALID_HEADER)
            }
            Cause::Status(status) => {
                let blame = match status {
                    403 | 404 => Blame::PassedOver,
                    _ => Blame::Counted,
                };
                (*status, blame, class_of_status(*status))
            }
        };
        Self {
            status,
            blame,
            listed,
        }
    }

    /// Whether it is one of the connection's (`error`).
    pub fn is_error(&self) -> bool {
        self.listed == NextUpstream::ERROR
    }

    /// What follows from a failure of this class (`ngx_http_upstream_next`).
    pub fn next(&self, tried: &Tried, rules: &Rules) -> Next {
        let extra_try = tried.reused && self.listed == NextUpstream::ERROR;
        let tried = Tried {
            tries_left: tried.tries_left + u32::from(extra_try),
            budget_spent: tried.budget_spent && !extra_try,
            ..*tried
        };
        let stays = match (self.listed.is_empty(), self.status) {
            (false, _) => refusal(self.listed, &tried, rules),
            (true, 500) if self.blame == Blame::None => Some(NoRetry::OwnFault),
            (true, _) if self.blame == Blame::None => Some(NoRetry::NoLivePeer),
            (true, _) => Some(NoRetry::NotListable),
        };
        Next { extra_try, stays }
    }
}

/// Why the configuration, or what has been sent, forbids that somebody else is asked; what the operator
/// wrote comes before what happened to this request.
fn refusal(class: NextUpstream, tried: &Tried, rules: &Rules) -> Option<NoRetry> {
    let lists = |class| rules.next_upstream.contains(class);
    if !lists(class) {
        Some(NoRetry::NotListed)
    } else if tried.request_sent && !tried.idempotent && !lists(NextUpstream::NON_IDEMPOTENT) {
        Some(NoRetry::NotIdempotent)
    } else if tried.request_sent && tried.body_in_flight {
        Some(NoRetry::BodyOnItsWay)
    } else if tried.tries_left == 0 {
        Some(NoRetry::NoTriesLeft)
    } else if tried.out_of_time {
        Some(NoRetry::OutOfTime)
    } else if tried.budget_spent {
        Some(NoRetry::BudgetSpent)
    } else {
        None
    }
}

/// The class of an upstream's status; empty for statuses that no directive can list.
fn class_of_status(status: u16) -> NextUpstream {
    match status {
        500 => NextUpstream::HTTP_500,
        502 => NextUpstream::HTTP_502,
        503 => NextUpstream::HTTP_503,
        504 => NextUpstream::HTTP_504,
        403 => NextUpstream::HTTP_403,
        404 => NextUpstream::HTTP_404,
        429 => NextUpstream::HTTP_429,
        _ => NextUpstream::EMPTY,
    }
}

/// Whether an answer with `status` sends the request to the next peer
/// (`ngx_http_upstream_test_next`): `tries_left` counts the running try too, and the last answer is
/// passed to the client. The reason against it is worth telling only of answers that are failures: not of
/// a 403 or 404 that is not listed, nor of what cannot be.
pub fn retry_on_status(status: u16, tried: &Tried, rules: &Rules) -> Result<(), Option<NoRetry>> {
    let class = class_of_status(status);
    let before = Tried {
        tries_left: tried.tries_left.saturating_sub(1),
        ..*tried
    };
    let refusal = match class.is_empty() {
        true => return Err(None),
        false => refusal(class, &before, rules),
    };
    match (refusal, status) {
        (None, _) => Ok(()),
        (Some(NoRetry::NotListed), 403 | 404) => Err(None),
        (Some(reason), _) => Err(Some(reason)),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::io;
    use std::net::{IpAddr, Ipv4Addr};

    use weir_wire::chunked::ChunkedFault;
    use weir_wire::response::ResponseFault;

    use super::*;
    use crate::failure::TlsFailure;

    /// A request that was sent, may be repeated, and has a try left.
    const SENT: Tried = Tried {
        request_sent: true,
        idempotent: true,
        body_in_flight: false,
        reused: false,
        tries_left: 1,
        out_of_time: false,
        budget_spent: false,
    };

    /// Every situation that matters, with a heading.
    const SITUATIONS: [(&str, Tried); 10] = [
        ("GET", SENT),
        (
            "POST unsent",
            Tried {
                request_sent: false,
                idempotent: false,
                ..SENT
            },
        ),
        (
            "POST sent",
            Tried {
                idempotent: false,
                ..SENT
            },
        ),
        (
            "uploading",
            Tried {
                body_in_flight: true,
                ..SENT
            },
        ),
        (
            "last try",
            Tried {
                tries_left: 0,
                ..SENT
            },
        ),
        (
            "last, kept",
            Tried {
                tries_left: 0,
                reused: true,
                ..SENT
            },
        ),
        (
            "POST, kept",
            Tried {
                idempotent: false,
                reused: true,
                ..SENT
            },
        ),
        (
            "late",
            Tried {
                out_of_time: true,
                ..SENT
            },
        ),
        (
            "spent",
            Tried {
                budget_spent: true,
                ..SENT
            },
        ),
        (
            "spent, kept",
            Tried {
                budget_spent: true,
                reused: true,
                ..SENT
            },
        ),
    ];

    fn error() -> io::Error {
        io::Error::from_raw_os_error(libc::ECONNREFUSED)
    }

    fn causes() -> Vec<(&'static str, Cause)> {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut causes = vec![
            ("NoLivePeers", Cause::NoLivePeers),
            ("QueueFull", Cause::QueueFull),
            ("QueueTimedOut", Cause::QueueTimedOut),
            ("NoConnectionSlot", Cause::NoConnectionSlot(512)),
            ("Socket", Cause::Socket(error())),
            ("Option", Cause::Option("IP_TRANSPARENT", error())),
            ("Bind", Cause::Bind(address, error())),
            ("ConnectAtOnce", Cause::ConnectAtOnce(error())),
            ("Connect", Cause::Connect(error())),
            (
                "Certificate",
                Cause::Certificate("cannot load certificate".to_owned()),
            ),
            ("Tls", TlsFailure::Unasked.into()),
            ("TimedOut", Cause::TimedOut),
            ("Closed", Cause::Closed),
            ("Receive", Cause::Receive("recv() failed", error())),
            ("Send", Cause::Send("writev() failed", error())),
            ("HeadTooBig", Cause::HeadTooBig),
            (
                "InvalidHead",
                Cause::InvalidHead(ResponseFault::LengthAndEncoding),
            ),
            ("InvalidChunk", Cause::InvalidChunk(ChunkedFault::Invalid)),
        ];
        let statuses = [
            ("Status 403", 403),
            ("Status 404", 404),
            ("Status 429", 429),
            ("Status 500", 500),
            ("Status 502", 502),
            ("Status 503", 503),
            ("Status 504", 504),
            ("Status 501", 501),
        ];
        causes.extend(statuses.map(|(name, status)| (name, Cause::Status(status))));
        causes
    }

    fn flags(all: &[NextUpstream]) -> NextUpstream {
        all.iter().fold(NextUpstream::EMPTY, |sum, &one| sum | one)
    }

    /// What `proxy_next_upstream` may say.
    fn rule_sets() -> [(&'static str, NextUpstream); 4] {
        let statuses = [
            NextUpstream::HTTP_500,
            NextUpstream::HTTP_502,
            NextUpstream::HTTP_503,
            NextUpstream::HTTP_504,
            NextUpstream::HTTP_403,
            NextUpstream::HTTP_404,
            NextUpstream::HTTP_429,
        ];
        let default = NextUpstream::ERROR | NextUpstream::TIMEOUT;
        let all = default | NextUpstream::INVALID_HEADER | flags(&statuses);
        [
            ("error timeout", default),
            ("error timeout invalid_header http_*", all),
            (
                "error timeout non_idempotent",
                default | NextUpstream::NON_IDEMPOTENT,
            ),
            ("off", NextUpstream::EMPTY),
        ]
    }

    /// `502 WHY` final, `502 >` next peer, `502 +>` next peer by a try that costs none.
    fn cell(class: &Class, next: Next) -> String {
        let extra = if next.extra_try { "+" } else { "" };
        let then = match next.stays {
            None => ">",
            Some(NoRetry::OwnFault) => "own",
            Some(NoRetry::NoLivePeer) => "no peer",
            Some(NoRetry::NotListable) => "never",
            Some(NoRetry::NotListed) => "unlisted",
            Some(NoRetry::NotIdempotent) => "once",
            Some(NoRetry::BodyOnItsWay) => "body",
            Some(NoRetry::ResponseBegun) => "begun",
            Some(NoRetry::NoTriesLeft) => "tries",
            Some(NoRetry::OutOfTime) => "time",
            Some(NoRetry::BudgetSpent) => "budget",
        };
        format!("{} {extra}{then}", class.status)
    }

    fn table(rules: &Rules) -> String {
        let mut text = format!("{:18}{:8}", "cause", "blame");
        for (name, _) in SITUATIONS {
            write!(text, "{name:14}").unwrap();
        }
        text.truncate(text.trim_end().len());
        for (name, cause) in causes() {
            let class = Class::of(&cause);
            let blame = match class.blame {
                Blame::Counted => "counted",
                Blame::PassedOver => "passed",
                Blame::None => "none",
            };
            write!(text, "\n{name:18}{blame:8}").unwrap();
            for (_, tried) in SITUATIONS {
                write!(text, "{:14}", cell(&class, class.next(&tried, rules))).unwrap();
            }
            text.truncate(text.trim_end().len());
        }
        text
    }

    #[test]
    fn the_whole_table() {
        let mut text = String::new();
        for (name, next_upstream) in rule_sets() {
            let table = table(&Rules { next_upstream });
            writeln!(text, "proxy_next_upstream {name}\n{table}\n").unwrap();
        }
        insta::assert_snapshot!(text);
    }

    /// A listed status is retried only while a further try is left; the running one counts here.
    #[test]
    fn an_answer_is_final_unless_its_status_is_listed_and_a_try_is_left() {
        let listed = Rules {
            next_upstream: NextUpstream::HTTP_503,
        };
        let unlisted = Rules {
            next_upstream: NextUpstream::ERROR | NextUpstream::TIMEOUT,
        };
        let two = Tried {
            tries_left: 2,
            ..SENT
        };
        let post = Tried {
            idempotent: false,
            ..two
        };
        let uploading = Tried {
            body_in_flight: true,
            ..two
        };
        let late = Tried {
            out_of_time: true,
            ..two
        };
        let spent = Tried {
            budget_spent: true,
            ..two
        };
        let refused = |reason| Err(Some(reason));
        for (status, tried, rules, expected) in [
            (503, two, listed, Ok(())),
            (503, SENT, listed, refused(NoRetry::NoTriesLeft)),
            (503, post, listed, refused(NoRetry::NotIdempotent)),
            (503, uploading, listed, refused(NoRetry::BodyOnItsWay)),
            (503, late, listed, refused(NoRetry::OutOfTime)),
            (503, spent, listed, refused(NoRetry::BudgetSpent)),
            (503, two, unlisted, refused(NoRetry::NotListed)),
            (502, two, listed, refused(NoRetry::NotListed)),
            (429, two, listed, refused(NoRetry::NotListed)),
            (404, two, listed, Err(None)),
            (501, two, listed, Err(None)),
        ] {
            let retried = retry_on_status(status, &tried, &rules);
            assert_eq!(retried, expected, "{status} {tried:?}");
        }
    }
}
