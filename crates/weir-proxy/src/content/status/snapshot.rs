//! The state of things at a moment.

use std::time::Duration;

use serde::Serialize;
use weir_io::clock;
use weir_upstream::{BOUNDS, Latency, Peer, PeerHealth, Pool};
use weir_verdict::Reason;

use crate::facts::Session;
use crate::pool::Counts;

/// The state of things at a moment.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    /// weir's version.
    pub(super) version: &'static str,
    /// The nginx that it behaves as.
    pub(super) nginx: &'static str,
    /// Seconds of the epoch.
    pub(super) now: i64,
    pub(super) configuration: Configuration,
    pub(super) connections: Connections,
    pub(super) requests: u64,
    pub(super) failures: Vec<FailureCount>,
    pub(super) upstreams: Vec<UpstreamState>,
}

/// The configuration in force.
#[derive(Debug, Serialize)]
pub(super) struct Configuration {
    /// How many have been loaded.
    pub(super) generation: u64,
    /// When this one was, in seconds of the epoch.
    pub(super) loaded: i64,
    pub(super) files: usize,
}

/// Clients' connections.
#[derive(Debug, Serialize)]
pub(super) struct Connections {
    pub(super) accepted: u64,
    pub(super) handled: u64,
    pub(super) active: u64,
    pub(super) reading: u64,
    pub(super) writing: u64,
    pub(super) waiting: u64,
}

/// Failed tries of one reason.
#[derive(Debug, Serialize)]
pub(super) struct FailureCount {
    /// The token of docs/failures.md.
    pub(super) reason: &'static str,
    pub(super) total: u64,
    pub(super) last_hour: u64,
}

/// A group of servers.
#[derive(Debug, Serialize)]
pub(super) struct UpstreamState {
    pub(super) name: String,
    /// Whether it is an `upstream` block, not a `proxy_pass`'s own.
    pub(super) is_block: bool,
    /// Requests that wait in its `queue`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) queued: Option<usize>,
    pub(super) peers: Vec<PeerState>,
}

/// A server of a group, at one address.
#[derive(Debug, Serialize)]
pub(super) struct PeerState {
    pub(super) name: String,
    /// As written.
    pub(super) server: String,
    pub(super) backup: bool,
    /// `up`; or, as nginx Plus has it, `down`, `unavail` after failures, `unhealthy`, `checking`, `draining`; or `full`.
    pub(super) state: &'static str,
    pub(super) weight: u32,
    /// Requests under way.
    pub(super) active: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) max_conns: u32,
    pub(super) requests: u64,
    pub(super) failed: u64,
    /// Failures that count now.
    pub(super) fails: u32,
    /// Seconds since the last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since_failure: Option<u64>,
    pub(super) answers: Answers,
}

/// How long answers took, to their end.
#[derive(Debug, Serialize)]
pub(super) struct Answers {
    pub(super) count: u64,
    /// Milliseconds together.
    pub(super) sum: u64,
    /// Bounds, in milliseconds, that half, 90 % and 99 % of them keep.
    pub(super) half: Option<u64>,
    pub(super) most: Option<u64>,
    pub(super) nearly_all: Option<u64>,
    /// How many took no longer than each bound, by milliseconds; more than the last: the rest.
    pub(super) buckets: Vec<(Option<u64>, u64)>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Snapshot {
    /// Things as they are now.
    pub(super) fn of(session: &Session) -> Self {
        let link = session.client.link();
        let now = clock::monotonic(clock::now());
        let counts = link.shop.counters.all();
        let hour = link.shop.counters.last_hour(now.as_secs() / 60);
        let plan = &link.plan;
        let http = plan.http();
        let queues = plan.queue_lengths();
        let pools = plan.pools().iter().zip(&http.upstreams).zip(queues);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            nginx: plan.config().compat.version(),
            now: clock::unix_seconds(),
            configuration: Configuration {
                generation: plan.number(),
                loaded: plan.loaded(),
                files: plan.config().files.len(),
            },
            connections: connections(&counts),
            requests: counts.requests,
            failures: failures(&counts, &hour),
            upstreams: pools
                .map(|((pool, upstream), queued)| UpstreamState {
                    name: upstream.name.clone(),
                    is_block: upstream.explicit,
                    queued,
                    peers: peers(pool, now),
                })
                .collect(),
        }
    }
}

fn connections(counts: &Counts) -> Connections {
    Connections {
        accepted: counts.accepted,
        handled: counts.handled,
        active: counts.active,
        reading: counts.reading,
        writing: counts.writing,
        waiting: counts.waiting,
    }
}

fn failures(counts: &Counts, hour: &[u64]) -> Vec<FailureCount> {
    let all = Reason::ALL.iter().zip(&counts.failures).zip(hour);
    all.map(|((reason, total), hour)| FailureCount {
        reason: reason.token(),
        total: *total,
        last_hour: *hour,
    })
    .collect()
}

fn peers(pool: &Pool, now: Duration) -> Vec<PeerState> {
    let list = pool.list();
    let primaries = list.primary_count();
    let all = list.peers().iter().enumerate();
    all.map(|(index, peer)| state(peer, index >= primaries, now))
        .collect()
}

fn state(peer: &Peer, backup: bool, now: Duration) -> PeerState {
    let status = peer.status(now);
    let parameters = peer.parameters();
    let full = parameters.max_conns > 0 && status.active >= parameters.max_conns;
    let state = match status.health {
        _ if status.down => "down",
        PeerHealth::Unhealthy => "unhealthy",
        PeerHealth::Checking => "checking",
        PeerHealth::Healthy if status.disabled => "unavail",
        PeerHealth::Healthy if parameters.drain => "draining",
        PeerHealth::Healthy if full => "full",
        PeerHealth::Healthy => "up",
    };
    PeerState {
        name: String::from_utf8_lossy(peer.name()).into_owned(),
        server: peer.spec().server.clone(),
        backup,
        state,
        weight: parameters.weight,
        active: status.active,
        max_conns: parameters.max_conns,
        requests: status.selected,
        failed: status.failed,
        fails: status.fails,
        since_failure: status.since_failure,
        answers: answers(&peer.latency()),
    }
}

fn answers(latency: &Latency) -> Answers {
    let bounds = BOUNDS.iter().map(|bound| Some(*bound)).chain([None]);
    Answers {
        count: latency.count(),
        sum: latency.sum,
        half: latency.bound_of(500),
        most: latency.bound_of(900),
        nearly_all: latency.bound_of(990),
        buckets: bounds.zip(latency.buckets).collect(),
    }
}
