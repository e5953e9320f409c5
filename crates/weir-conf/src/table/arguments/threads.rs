//! Pools of threads, which weir does not need, and who names them.

use crate::Fault;
use crate::value::number::parse_number;
use crate::value::read::{Call, Reading, Reject};

/// The pool that there is without being defined.
const DEFAULT: &str = "default";

/// A pool of threads.
#[derive(Clone, Debug)]
pub(crate) struct ThreadPool {
    name: String,
    defined: bool,
    /// Where it was met first, as nginx's message shows it.
    met: String,
}

/// `NAME threads=NUMBER [max_queue=NUMBER]`, and whatever else (`ngx_thread_pool`).
pub(super) fn thread_pool(call: &mut Call<'_>) -> Result<(), Reject> {
    let mut threads = false;
    for index in 1..call.args.len() {
        let text = call.bytes(index);
        let (what, number) = if let Some(number) = text.strip_prefix(b"threads=") {
            ("threads", number)
        } else if let Some(number) = text.strip_prefix(b"max_queue=") {
            ("max_queue", number)
        } else {
            continue;
        };
        let known = parse_number(number).filter(|number| what != "threads" || *number > 0);
        if known.is_none() {
            let text = format!("invalid {what} value \"{}\"", call.text(index));
            return Err(Reject::message(text));
        }
        threads |= what == "threads";
    }
    let name = call.text(0);
    let pool = named(call, &name);
    if std::mem::replace(&mut pool.defined, threads) {
        let text = format!("duplicate thread pool \"{name}\"");
        return Err(Reject::message(text));
    }
    if !threads {
        return Err(Reject::message(
            "\"thread_pool\" must have \"threads\" parameter",
        ));
    }
    Ok(())
}

/// `on`, `off`, or `threads[=POOL]` (`ngx_http_core_set_aio`).
pub(super) fn aio(call: &mut Call<'_>) -> Result<(), Reject> {
    let text = call.bytes(0);
    if [&b"on"[..], b"off", b"threads"].contains(&text) {
        return Ok(());
    }
    let Some(pool) = text.strip_prefix(b"threads=") else {
        return Err(Reject::directive("invalid value"));
    };
    if call.template(pool)?.is_literal() {
        let name = String::from_utf8_lossy(pool).into_owned();
        named(call, &name);
    }
    Ok(())
}

/// The pool of this name, which somebody defines or will define (`ngx_thread_pool_add`).
fn named<'a>(call: &'a mut Call<'_>, name: &str) -> &'a mut ThreadPool {
    let pools = &mut call.cx.thread_pools;
    let known = pools.iter().position(|pool| pool.name == name);
    let index = known.unwrap_or_else(|| {
        pools.push(ThreadPool {
            name: name.to_owned(),
            defined: false,
            met: call.place.to_string(),
        });
        pools.len() - 1
    });
    &mut pools[index]
}

/// The first pool that nobody has defined (`ngx_thread_pool_init_conf`).
pub(crate) fn unknown_pool(cx: &Reading) -> Option<Fault> {
    let unknown = |pool: &&ThreadPool| !pool.defined && pool.name != DEFAULT;
    let pool = cx.thread_pools.iter().find(unknown)?;
    let text = format!("unknown thread pool \"{}\" in {}", pool.name, pool.met);
    Some(Fault::emerg(text, None))
}
