//! The state of things as Prometheus reads it.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text::encode};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::snapshot::{PeerState, Snapshot};

/// What the text is.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The labels of a peer.
type Labels = [(&'static str, String); 2];

/// The text.
pub(super) fn text(snapshot: Snapshot) -> String {
    let mut registry = Registry::with_prefix("weir");
    registry.register_collector(Box::new(snapshot));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &registry);
    text
}

impl Collector for Snapshot {
    fn encode(&self, mut out: DescriptorEncoder<'_>) -> fmt::Result {
        self.process(&mut out)?;
        self.failed_tries(&mut out)?;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.gauge(
            &mut out,
            "peer_up",
            "Whether the server gets requests",
            &|peer| i64::from(peer.up),
        )?;
        self.gauge(
            &mut out,
            "peer_active_requests",
            "Requests under way to the server",
            &|peer| number(peer.active),
        )?;
        self.gauge(
            &mut out,
            "peer_counted_failures",
            "Failures that count against the server now",
            &|peer| number(peer.fails),
        )?;
        self.counter(
            &mut out,
            "peer_requests",
            "Requests that were sent to the server",
            &|peer| peer.requests,
        )?;
        self.counter(
            &mut out,
            "peer_failures",
            "Tries of the server that failed",
            &|peer| peer.failed,
        )?;
        self.histogram(&mut out)
    }
}

impl Snapshot {
    fn process(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let connections = &self.connections;
        let counters = [
            (
                "connections_accepted",
                "Connections of clients that were accepted",
                connections.accepted,
            ),
            (
                "connections_handled",
                "Connections of clients that found a place",
                connections.handled,
            ),
            ("requests", "Requests that have begun", self.requests),
            (
                "configurations_loaded",
                "Configurations that were loaded",
                self.configuration.generation,
            ),
        ];
        for (name, help, value) in counters {
            let encoder = out.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(encoder)?;
        }
        let gauges = [
            (
                "connections_active",
                "Connections of clients",
                connections.active,
            ),
            (
                "connections_reading",
                "Requests whose head is not there yet",
                connections.reading,
            ),
            (
                "connections_writing",
                "Requests that are worked on",
                connections.writing,
            ),
            (
                "connections_waiting",
                "Connections that wait for a request",
                connections.waiting,
            ),
        ];
        for (name, help, value) in gauges {
            let encoder = out.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(encoder)?;
        }
        Ok(())
    }

    fn failed_tries(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Tries of servers that failed, by reason (docs/failures.md)";
        let mut family = out.encode_descriptor("failures", help, None, MetricType::Counter)?;
        for failure in &self.failures {
            let labels = [("reason", failure.reason)];
            ConstCounter::new(failure.total).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Every server once: those that stand several times in a group count together.
    fn peers(&self) -> impl Iterator<Item = Series> {
        let mut all: Vec<Series> = Vec::new();
        for upstream in &self.upstreams {
            let group = all.len();
            for peer in &upstream.peers {
                let labels = [
                    ("upstream", escaped(&upstream.name)),
                    ("peer", escaped(&peer.name)),
                ];
                match all[group..].iter_mut().find(|one| one.labels == labels) {
                    Some(same) => same.add(peer),
                    None => all.push(Series::new(labels, peer)),
                }
            }
        }
        all.into_iter()
    }

    fn gauge(
        &self,
        out: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: &dyn Fn(&Series) -> i64,
    ) -> fmt::Result {
        let mut family = out.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for series in self.peers() {
            ConstGauge::new(value(&series)).encode(family.encode_family(&series.labels)?)?;
        }
        Ok(())
    }

    fn counter(
        &self,
        out: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: &dyn Fn(&Series) -> u64,
    ) -> fmt::Result {
        let mut family = out.encode_descriptor(name, help, None, MetricType::Counter)?;
        for series in self.peers() {
            ConstCounter::new(value(&series)).encode(family.encode_family(&series.labels)?)?;
        }
        Ok(())
    }

    fn histogram(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "How long whole answers of the server took, in seconds";
        let mut family =
            out.encode_descriptor("peer_response_seconds", help, None, MetricType::Histogram)?;
        for series in self.peers() {
            let seconds = |millis: u64| std::time::Duration::from_millis(millis).as_secs_f64();
            let buckets = series
                .buckets
                .iter()
                .map(|(bound, count)| (bound.map_or(f64::MAX, seconds), *count));
            let buckets: Vec<(f64, u64)> = buckets.collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let mut encoder = family.encode_family(&series.labels)?;
            encoder.encode_histogram::<NoLabelSet>(seconds(series.sum), count, &buckets, None)?;
        }
        Ok(())
    }
}

/// A server with its labels.
struct Series {
    labels: Labels,
    up: bool,
    active: u64,
    fails: u64,
    requests: u64,
    failed: u64,
    sum: u64,
    buckets: Vec<(Option<u64>, u64)>,
}

impl Series {
    fn new(labels: Labels, peer: &PeerState) -> Self {
        let mut series = Self {
            labels,
            up: false,
            active: 0,
            fails: 0,
            requests: 0,
            failed: 0,
            sum: 0,
            buckets: peer
                .answers
                .buckets
                .iter()
                .map(|(bound, _)| (*bound, 0))
                .collect(),
        };
        series.add(peer);
        series
    }

    fn add(&mut self, peer: &PeerState) {
        self.up |= peer.state == "up";
        self.active += u64::from(peer.active);
        self.fails += u64::from(peer.fails);
        self.requests += peer.requests;
        self.failed += peer.failed;
        self.sum += peer.answers.sum;
        for ((_, sum), (_, count)) in self.buckets.iter_mut().zip(&peer.answers.buckets) {
            *sum += count;
        }
    }
}

/// A label's value as it is written: the encoder leaves it as it is.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
