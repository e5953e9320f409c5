//! What a backend or a client does, step by step, as data.
//!
//! In JSON a step is a list: its name, then its arguments, as in `["send", "HTTP/1.1 200 OK"]`
//! or `["sleep", 0.2]`. Times are seconds. Bytes are [`Text`](crate::text::Text).

mod backend;
mod client;
mod payload;

pub use backend::{BackendScript, BackendStep, Refusal, Scripted};
pub use client::ClientStep;
pub use payload::{Part, Payload};

use serde_json::Value;
use std::time::Duration;

/// A step that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Not a list that starts with a name.
    #[error("a step is a list that starts with its name, not {0}")]
    Shape(Value),
    /// No step of this name takes these arguments.
    #[error("no step {name:?} with arguments {args:?}")]
    Unknown {
        /// The name as written.
        name: String,
        /// What follows the name.
        args: Vec<Value>,
    },
    /// An argument of the right kind that says something impossible.
    #[error("step {name:?}: {reason}")]
    Argument {
        /// The name as written.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// Splits `["name", args…]`.
fn split(step: &Value) -> Result<(&str, &[Value]), StepError> {
    let parts = step.as_array().map(Vec::as_slice);
    match parts {
        Some([Value::String(name), args @ ..]) => Ok((name, args)),
        _ => Err(StepError::Shape(step.clone())),
    }
}

fn unknown(name: &str, args: &[Value]) -> StepError {
    StepError::Unknown {
        name: name.to_owned(),
        args: args.to_vec(),
    }
}

/// Seconds, whole or not; nothing negative or infinite.
fn seconds(name: &str, value: &Value) -> Result<Duration, StepError> {
    let seconds = value.as_f64().unwrap_or(f64::NAN);
    Duration::try_from_secs_f64(seconds).map_err(|fault| StepError::Argument {
        name: name.to_owned(),
        reason: fault.to_string(),
    })
}

fn count(name: &str, value: &Value) -> Result<usize, StepError> {
    value
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| StepError::Argument {
            name: name.to_owned(),
            reason: format!("{value} is no count"),
        })
}
