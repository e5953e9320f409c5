//! Exchanges in this process: clients and peers are scripts at the ends of pipes, the clock is
//! paused, so that a minute's time-out is tested in milliseconds.

mod access_logs;
mod answer_heads;
mod any_pieces;
mod client_clocks;
mod clocks;
mod error_pages;
mod leaving;
mod refused_heads;
mod relay;
mod request_heads;
mod requests;
mod retries;
mod rig;
mod service_life;
mod slow_client;
mod upgraded;
mod variables;
