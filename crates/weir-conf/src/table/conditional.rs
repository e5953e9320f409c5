//! Which directives may stand in the blocks that hold for some requests of a server or location only.

use super::{Contexts, Entry, LIMIT_EXCEPT, LOCATION, LOCATION_IF, SERVER, SERVER_IF};

/// Those that may stand in an `if` of a server (`NGX_HTTP_SIF_CONF`).
const IN_SERVER_IF: &str = "break return rewrite rewrite_log set uninitialized_variable_warn";

/// Those that may stand in an `if` of a location (`NGX_HTTP_LIF_CONF`).
const IN_LOCATION_IF: &str = "access_log add_header add_header_inherit add_trailer \
    add_trailer_inherit break charset error_page expires fastcgi_pass grpc_pass gzip limit_rate \
    limit_rate_after memcached_pass override_charset post_action proxy_pass return rewrite \
    rewrite_log root scgi_pass sendfile set source_charset ssi tunnel_pass \
    uninitialized_variable_warn uwsgi_pass";

/// Those that may stand in `limit_except` (`NGX_HTTP_LMT_CONF`).
const IN_LIMIT_EXCEPT: &str = "access_log allow auth_basic auth_basic_user_file deny proxy_pass";

/// The contexts of a row that the table names, and these.
pub(super) fn with_conditional(entry: &Entry) -> Contexts {
    let mut contexts = entry.contexts;
    let among = |names: &str| names.split_whitespace().any(|name| name == entry.name);
    if contexts.allow(SERVER) && among(IN_SERVER_IF) {
        contexts = contexts | SERVER_IF;
    }
    if contexts.allow(LOCATION) && among(IN_LOCATION_IF) {
        contexts = contexts | LOCATION_IF;
    }
    if contexts.allow(LOCATION) && among(IN_LIMIT_EXCEPT) {
        contexts = contexts | LIMIT_EXCEPT;
    }
    contexts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::entries;

    #[test]
    fn every_name_is_a_row() {
        for name in [IN_SERVER_IF, IN_LOCATION_IF, IN_LIMIT_EXCEPT]
            .into_iter()
            .flat_map(str::split_whitespace)
        {
            assert!(entries().iter().any(|entry| entry.name == name), "{name}");
        }
    }
}
