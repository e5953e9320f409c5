//! What became of a request by `limit_req` and `limit_conn`.

use smallvec::SmallVec;
use weir_zone::Place;

/// Nothing is limited twice, whatever redirects follow: what is known here says that it was.
#[derive(Default)]
pub(crate) struct Limits {
    /// `$limit_req_status`.
    pub(crate) rate: Option<RateStatus>,
    /// `$limit_conn_status`.
    pub(crate) places: Option<PlacesStatus>,
    /// Given back with the request.
    pub(crate) taken: SmallVec<[Place; 1]>,
}

impl Limits {
    /// What they are for a subrequest: a request is limited once, and its subrequests are part of it.
    pub(crate) fn for_sub(&self) -> Self {
        Self {
            rate: self.rate,
            places: self.places,
            taken: SmallVec::new(),
        }
    }

    /// The subrequest is over; the places that it took are its main request's.
    pub(crate) fn learn_from(&mut self, sub: &mut Self) {
        self.rate = sub.rate;
        self.places = sub.places;
        self.taken.append(&mut sub.taken);
    }
}

/// By `limit_req`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateStatus {
    Passed,
    Delayed,
    Rejected,
    DelayedDryRun,
    RejectedDryRun,
}

/// By `limit_conn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlacesStatus {
    Passed,
    Rejected,
    RejectedDryRun,
}

impl RateStatus {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Delayed => "DELAYED",
            Self::Rejected => "REJECTED",
            Self::DelayedDryRun => "DELAYED_DRY_RUN",
            Self::RejectedDryRun => "REJECTED_DRY_RUN",
        }
    }
}

impl PlacesStatus {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Rejected => "REJECTED",
            Self::RejectedDryRun => "REJECTED_DRY_RUN",
        }
    }
}
