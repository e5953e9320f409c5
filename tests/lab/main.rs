//! The lab as a test of a service uses it: attempts, the guard, the paused clock, clients of other
//! makes, whole configurations.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what tests share, a fault is a failure"
)]

mod attempts;
mod clients;
mod configurations;
mod guard;
mod guide;
mod lines;
mod paused;

/// Two servers that weir asks in this order, as an `http` block has them.
const CRASHING_THEN_HEALTHY: &str = "
    upstream app { server crashing:1; server healthy:1; }
    server { listen 80; location / { proxy_pass http://app; } }";

/// One server.
const ONE_APP: &str = "server { listen 80; location / { proxy_pass http://app:1; } }";
