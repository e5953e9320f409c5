//! Exchanges in this process: clients and peers are scripts at the ends of pipes, the clock is
//! paused, so that a minute's time-out is tested in milliseconds.

mod access_logs;
mod answer_heads;
mod any_pieces;
mod cascades;
mod client_clocks;
mod clocks;
mod cut_answers;
mod error_pages;
mod handshakes;
mod kept_pools;
mod leaving;
mod peers_out;
mod pipelining;
mod queue;
mod refused_bodies;
mod refused_heads;
mod relay;
mod reload;
mod request_heads;
mod retries;
mod reuse;
mod rig;
mod service_life;
mod slow_client;
mod static_content;
mod status;
mod upgraded;
mod uploads;
mod variables;
