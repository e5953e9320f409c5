//! weir's own examination: recorded faults played again, and scenarios live beside a real nginx.
//!
//! Reading order: [`record`] (one entry of the fault matrix), [`known`] (differences that are
//! explained), `grid` (scenarios made of every combination), [`check`] (configurations with mistakes),
//! [`replay`] (run a proxy under records and list where it differs), [`live`] (scenarios and the
//! catalogue's faults against a real nginx and against weir).
//!
//! Invariants:
//! - The product does not use this crate; its tests and CI do.
//! - A difference is agreement, listed with a reason, or a failure; nothing is left out in silence.
//! - What one sees of a proxy comes from [`bed`](weir_lab::bed) alone.

pub mod check;
mod dice;
mod grid;
pub mod known;
pub mod live;
pub mod record;
pub mod replay;
