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
type Labels<'a> = [(&'a str, &'a str); 2];

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
        let number: &dyn Fn(u64) -> i64 = &|number| i64::try_from(number).unwrap_or(i64::MAX);
        self.gauge(
            &mut out,
            "peer_up",
            "Whether the server gets requests",
            &|peer| i64::from(peer.state == "up"),
        )?;
        self.gauge(
            &mut out,
            "peer_active_requests",
            "Requests under way to the server",
            &|peer| number(peer.active.into()),
        )?;
        self.gauge(
            &mut out,
            "peer_counted_failures",
            "Failures that count against the server now",
            &|peer| number(peer.fails.into()),
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

    /// Every server with its labels.
    fn peers(&self) -> impl Iterator<Item = (Labels<'_>, &PeerState)> {
        self.upstreams.iter().flat_map(|upstream| {
            let peers = upstream.peers.iter();
            peers.map(|peer| ([("upstream", &*upstream.name), ("peer", &*peer.name)], peer))
        })
    }

    fn gauge(
        &self,
        out: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: &dyn Fn(&PeerState) -> i64,
    ) -> fmt::Result {
        let mut family = out.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, peer) in self.peers() {
            ConstGauge::new(value(peer)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counter(
        &self,
        out: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: &dyn Fn(&PeerState) -> u64,
    ) -> fmt::Result {
        let mut family = out.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, peer) in self.peers() {
            ConstCounter::new(value(peer)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn histogram(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "How long whole answers of the server took, in seconds";
        let mut family =
            out.encode_descriptor("peer_response_seconds", help, None, MetricType::Histogram)?;
        for (labels, peer) in self.peers() {
            let answers = &peer.answers;
            let seconds = |millis: u64| std::time::Duration::from_millis(millis).as_secs_f64();
            let buckets = answers
                .buckets
                .iter()
                .map(|(bound, count)| (bound.map_or(f64::MAX, seconds), *count));
            let buckets: Vec<(f64, u64)> = buckets.collect();
            let mut encoder = family.encode_family(&labels)?;
            encoder.encode_histogram::<NoLabelSet>(
                seconds(answers.sum),
                answers.count,
                &buckets,
                None,
            )?;
        }
        Ok(())
    }
}
