//! What is known of a connection and of the request on it: data, without the acts that change it.

mod attempt;
mod body;
mod outcome;
mod response;
mod session;
mod upstream_state;

pub(crate) use attempt::Attempt;
pub(crate) use body::{BodyFraming, RequestBody};
pub(crate) use outcome::Outcome;
pub(crate) use response::Response;
pub use session::{Action, ClientAddress};
pub(crate) use session::{Captured, Connection, Ending, Request, Session};
pub(crate) use upstream_state::UpstreamState;
