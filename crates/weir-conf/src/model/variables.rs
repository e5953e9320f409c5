//! Variables that the configuration itself defines.

use std::sync::Arc;

use super::{Geo, Map, SplitClients};
use crate::Variable;

/// A variable that the configuration defines; [`Variable::Defined`] has its index in
/// `Http::variables`.
#[derive(Clone, Debug)]
pub struct DefinedVariable {
    /// Its name, in small letters.
    pub name: Box<str>,
    /// Where its value comes from as long as nothing has assigned one.
    pub source: VariableSource,
}

/// Where the value of a variable comes from before anything assigns one.
#[derive(Clone, Debug)]
pub enum VariableSource {
    /// There is none: a group of a regular expression that has not matched yet.
    Group,
    /// It is empty, and that it was never `set` is worth a warning (`ngx_http_rewrite_var`).
    Set,
    /// A `geo`.
    Geo(Arc<Geo>),
    /// A `map`.
    Map(Arc<Map>),
    /// A `split_clients`.
    SplitClients(Arc<SplitClients>),
    /// A variable of nginx's, from which a `set` takes over where it is carried out (`NGX_HTTP_VAR_WEAK`).
    Builtin(Variable),
}
