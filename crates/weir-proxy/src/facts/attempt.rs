//! What one try of an upstream came to: an element of the `$upstream_*` lists.

use crate::pool::PeerLabel;
use std::time::Duration;

use weir_io::clock::{self, Moment};
use weir_verdict::{Failure, Phase, Reason};

/// One try (`ngx_http_upstream_state_t`).
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// The peer's name; the block's own if no peer was live; empty if none was reached.
    pub(crate) peer: PeerLabel,
    /// 0 = none yet; shown as `-`.
    pub(crate) status: u16,
    pub(crate) connect_time: Option<Duration>,
    /// Time in the pool's queue; `None`: it did not wait.
    pub(crate) queue_time: Option<Duration>,
    pub(crate) header_time: Option<Duration>,
    pub(crate) response_time: Option<Duration>,
    pub(crate) response_length: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    /// Why it failed, and while what was done.
    pub(crate) failure: Option<(Reason, Phase)>,
    /// When the try began.
    pub(crate) started: Moment,
    /// This try came after an internal redirect: its list element is set off by ` : `.
    pub(crate) after_redirect: bool,
}

impl Attempt {
    /// What an exchange leaves that has come to no try, if another one follows: zeros.
    pub(crate) fn none() -> Self {
        let zero = Some(Duration::ZERO);
        Self {
            connect_time: zero,
            header_time: zero,
            response_time: zero,
            ..Self::new(false)
        }
    }

    /// Notes why it failed. Before that is logged: the line may say so, too.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.failure = Some((failure.reason(), failure.phase));
    }

    pub(crate) fn new(after_redirect: bool) -> Self {
        Self {
            peer: PeerLabel::None,
            status: 0,
            connect_time: None,
            queue_time: None,
            header_time: None,
            response_time: None,
            response_length: 0,
            bytes_received: 0,
            bytes_sent: 0,
            failure: None,
            started: clock::now(),
            after_redirect,
        }
    }
}
