//! Looks up the names of pools whose addresses change while they are in use (`ngx_http_upstream_zone_resolve_timer`).

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use weir_log::Level;
use weir_upstream::{Found, Name, NameSource, Pool};

use crate::plan::Generation;

/// How long the system is left alone that had no answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the system for the addresses of names that had none at the start, one after the other, until it has them all.
pub(super) async fn await_system(generation: &Rc<Generation>) {
    let pools = generation.pools().iter();
    let mut missing: Vec<(&Arc<Pool>, usize)> = pools
        .flat_map(|pool| (0..pool.names().len()).map(move |number| (pool, number)))
        .filter(|(pool, number)| pool.names()[*number].spec().source == NameSource::System)
        .collect();
    while !missing.is_empty() {
        let mut left = Vec::new();
        for (pool, number) in missing {
            if !try_system(generation, pool, number).await {
                left.push((pool, number));
            }
        }
        missing = left;
        if !missing.is_empty() {
            tokio::time::sleep(PATIENCE).await;
        }
    }
}

/// Whether the system knows the name now.
async fn try_system(generation: &Generation, pool: &Pool, number: usize) -> bool {
    let name = &pool.names()[number];
    let found = ask_system(name).await;
    if found.is_empty() {
        return false;
    }
    pool.set_addresses(number, &found);
    let text = format!(
        "host found in upstream \"{}\": the server is in use, with {} addresses",
        name.spec().server,
        found.len()
    );
    weir_log::emit(
        generation.main_sinks(),
        Level::Notice,
        None,
        text.as_bytes(),
    );
    true
}

/// The system's answer may be long in coming: a thread waits for it that nobody waits for when the worker ends.
async fn ask_system(name: &Name) -> Vec<Found> {
    let (answer, answered) = oneshot::channel();
    let host = name.spec().host.clone();
    let asker = std::thread::Builder::new().name("names".into());
    let asked = asker.spawn(move || {
        // It fails if nobody wants to know any more.
        let _ = answer.send(weir_conf::resolve(&host));
    });
    if asked.is_err() {
        return Vec::new();
    }
    let addresses = answered.await.unwrap_or_default();
    let found = addresses.into_iter().map(|address| Found {
        address: SocketAddr::new(address, name.spec().port),
        service: None,
    });
    found.collect()
}
