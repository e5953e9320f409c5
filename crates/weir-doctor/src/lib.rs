//! Reads the logs and the configuration of weir or of a stock nginx, looks at the machine, and names cause and cure of
//! failures.
//!
//! Modules in reading order: [`cause`] (what failures come from, and what to do), [`said`] (which cause stands behind
//! a line of an error log), [`line`](mod@line) (lines as people paste them), [`explain`] (a line explained), [`page`] (a cause
//! as a page of the documentation); what the doctor looks at: [`logs`], [`configuration`], [`host`] (this machine), [`probe`]
//! (upstreams); [`url`] (one that fails for its user), [`subject`] (which proxy it is about), [`case`](mod@case) (all of that together), [`findings`] (what is wrong), [`finding`], [`patch`] (changes of
//! configurations), [`fix`](mod@fix) (those tried), [`report`], [`watch`] (logs as they grow); [`upgrade`] (what a newer nginx does otherwise); [`ink`] (colours at a
//! terminal), [`command`] (`weir explain`, `weir doctor`, `weir upgrade-advice`).
//!
//! # Invariants
//!
//! - Nothing here changes anything but files that it was asked to write.
//! - Whatever a log says is data: it is shown, never run.

pub mod case;
pub mod cause;
pub mod command;
pub mod configuration;
pub mod explain;
pub mod finding;
pub mod findings;
pub mod fix;
pub mod host;
pub mod ink;
pub mod line;
pub mod logs;
pub mod page;
pub mod patch;
pub mod probe;
pub mod report;
pub mod said;
pub mod subject;
pub mod upgrade;
pub mod url;
pub mod watch;
