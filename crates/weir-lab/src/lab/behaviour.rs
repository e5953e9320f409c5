//! What stands behind a backend's name.

use super::LabError;
use crate::catalogue;
use crate::script::BackendScript;
use crate::socket::Address;

/// What stands behind a name.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// A script.
    Script(BackendScript),
    /// A fault of the catalogue.
    Fault(NamedFault),
    /// A server of one's own, for example the service that is tested.
    Upstream(Address),
}

/// A fault of the catalogue, by name.
#[derive(Clone, Debug)]
pub struct NamedFault(String);

/// The fault of this name in the catalogue; what `weir lab list` lists.
pub fn fault(name: &str) -> NamedFault {
    NamedFault(name.to_owned())
}

impl From<BackendScript> for Behaviour {
    fn from(script: BackendScript) -> Self {
        Self::Script(script)
    }
}

impl From<NamedFault> for Behaviour {
    fn from(fault: NamedFault) -> Self {
        Self::Fault(fault)
    }
}

/// A behaviour with its fault looked up.
pub(super) enum Scripted {
    Backend(BackendScript, Option<String>),
    Upstream(Address),
}

pub(super) fn scripted(behaviour: Behaviour) -> Result<Scripted, LabError> {
    match behaviour {
        Behaviour::Script(script) => Ok(Scripted::Backend(script, None)),
        Behaviour::Upstream(address) => Ok(Scripted::Upstream(address)),
        Behaviour::Fault(NamedFault(name)) => {
            let fault = catalogue::named(&name)?;
            let mut scripts = fault.backend.values();
            match (scripts.next(), scripts.next()) {
                (Some(script), None) if !fault.phase.is_client() => {
                    Ok(Scripted::Backend(script.clone(), Some(name)))
                }
                _ => Err(LabError::NotOneBackend(name)),
            }
        }
    }
}
