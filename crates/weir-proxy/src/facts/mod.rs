//! What is known of a connection and of the request on it: data, without the acts that change it.

mod action;
mod attempt;
mod beside;
mod body;
mod content_type;
pub(crate) mod h1;
mod limits;
mod link;
mod outcome;
mod request;
mod response;
mod session;
mod shop;
mod slices;
mod sub;
mod tasks;
mod upstream_state;
mod values;

pub use action::Action;
pub(crate) use attempt::Attempt;
pub(crate) use beside::Beside;
pub(crate) use body::{BodyFraming, RequestBody};
pub(crate) use content_type::ContentType;
pub(crate) use limits::{Limits, PlacesStatus, RateStatus};
pub use link::ClientAddress;
pub(crate) use link::{Idling, Link};
pub(crate) use outcome::{NO_STATUS, Outcome};
pub(crate) use request::{Content, Ending, Request};
pub(crate) use response::{Additions, Cut, Parts, Response, status_digits};
pub(crate) use session::{Client, Session, View};
pub(crate) use shop::Shop;
pub(crate) use slices::{SliceFault, Slices};
pub(crate) use sub::{Departure, Outlet, Serve, Sub};
pub(crate) use tasks::{Registration, Tasks};
pub(crate) use upstream_state::UpstreamState;
pub(crate) use values::Values;
