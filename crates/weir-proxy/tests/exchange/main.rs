//! Exchanges in this process: clients and peers are scripts at the ends of pipes, the clock is
//! paused, so that a minute's time-out is tested in milliseconds.

mod client_clocks;
mod clocks;
mod leaving;
mod refused_heads;
mod relay;
mod requests;
mod retries;
mod rig;
mod slow_client;
mod upgraded;
