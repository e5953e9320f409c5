//! The tree into the model: directives are checked against the table and read in the order nginx
//! reads them, then blocks inherit and settle at the point where nginx does it, so that the first
//! fault found is the one nginx stops at.

mod address;
mod cascades;
mod charset;
mod geo;
mod health;
mod http;
mod level;
mod listen;
mod location;
mod map;
mod matches;
mod names;
mod referers;
mod script;
mod server;
mod settle;
mod split_clients;
mod upstream;
mod upstream_check;
mod upstream_settings;
mod upstream_tls;
mod walk;

use crate::model::{Config, Http, Main, SourceFile};
use crate::table::main::WrittenMain;
use crate::table::{EVENTS, MAIN, arguments};
use crate::text::{Block, Directive, Item};
use crate::value::read::{Call, Reading, Reject, flag};
use crate::{Compat, Fault, Faults, Level, modules};

use walk::{call, each};

/// Builds a configuration from the blocks of the command line and of the main file.
pub(crate) fn build(
    blocks: &[Block],
    cx: Reading,
    files: Vec<SourceFile>,
) -> Result<Config, Faults> {
    let mut again = cx.clone();
    let (main, read) = read(blocks, cx);
    again.variables.redefined = read.variables.of_nginx();
    if again.variables.redefined.is_empty() {
        return finish(main, read, files);
    }
    // Whatever was read before the definition took the variable for nginx's.
    let (main, read) = self::read(blocks, again);
    finish(main, read, files)
}

/// Reads what is in the blocks.
fn read(blocks: &[Block], mut cx: Reading) -> (MainBuild, Reading) {
    cx.compat = early(blocks, b"compat", |word| {
        Compat::named(&String::from_utf8_lossy(word))
    })
    .unwrap_or_default();
    cx.jit = early(blocks, b"pcre_jit", |word| {
        Some(word.eq_ignore_ascii_case(b"on"))
    })
    .unwrap_or_default();
    let mut main = MainBuild::default();
    for block in blocks {
        each(block, MAIN, &mut cx, |cx, directive| {
            main.take(cx, directive)
        });
    }
    if !main.events && !failed(&cx) {
        let message = "no \"events\" section in configuration";
        cx.faults.push(
            Fault::emerg(message, None).with_hint("\"events {}\" is enough, but it must be there"),
        );
    }
    (main, cx)
}

fn finish(main: MainBuild, mut cx: Reading, files: Vec<SourceFile>) -> Result<Config, Faults> {
    let settled = match main.written.settle(&mut cx) {
        Ok(settled) => Some(settled),
        Err(reject) => {
            cx.faults.extend(settle_fault(reject));
            None
        }
    };
    cx.faults.extend(arguments::unknown_pool(&cx));
    let few = settled
        .as_ref()
        .and_then(|settled| too_few(settled, main.http.as_ref()));
    cx.faults.extend(few);
    cx.faults.extend(cx.zones.fault());
    match settled {
        Some(settled) if !failed(&cx) => Ok(Config {
            main: settled,
            http: main.http,
            files,
            log_files: cx.log_files,
            warnings: cx.faults,
            without_effect: cx.without_effect,
            compat: cx.compat,
            compat_is_written: main.compat,
            prefix: cx.prefix,
        }),
        _ => Err(Faults::new(cx.faults, files)),
    }
}

/// Each listening socket takes a connection, and the channel of a worker does (`ngx_event_init_conf`).
fn too_few(main: &Main, http: Option<&Http>) -> Option<Fault> {
    let sockets = http.map_or(0, Http::socket_count);
    let count = main.worker_connections;
    let text = format!("{count} worker_connections are not enough for {sockets} listening sockets");
    (count <= sockets).then(|| Fault::emerg(text, None))
}

/// A default that does not read is a mistake in the table; tests read them all.
fn settle_fault(reject: Reject) -> Option<Fault> {
    let place = crate::Place {
        file: std::path::Path::new("default").into(),
        line: 0,
    };
    reject.into_fault("default", &place)
}

/// Whether nginx would have stopped by now.
fn failed(cx: &Reading) -> bool {
    cx.faults.iter().any(|fault| fault.level < Level::Warn)
}

/// The value of a directive that decides how others are read, wherever it stands.
fn early<T>(blocks: &[Block], name: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let items = blocks.iter().rev().flat_map(|block| &block.items);
    items.into_iter().find_map(|item| match item {
        Item::Directive(directive) if directive.name() == name => {
            read(&directive.args().first()?.text)
        }
        _ => None,
    })
}

#[derive(Default)]
struct MainBuild {
    written: WrittenMain,
    events: bool,
    compat: bool,
    pcre_jit: bool,
    /// Modules that were to be loaded.
    modules: Vec<String>,
    http: Option<Http>,
    http_seen: bool,
}

impl MainBuild {
    fn take(&mut self, cx: &mut Reading, directive: &Directive) -> Result<(), Reject> {
        match (directive.name(), &directive.block) {
            (b"events", Some(block)) => {
                once(&mut self.events)?;
                each(block, EVENTS, cx, |cx, directive| self.value(cx, directive));
                Ok(())
            }
            (b"http", Some(block)) => {
                once(&mut self.http_seen)?;
                self.http = http::build(block, cx);
                Ok(())
            }
            (b"compat", _) => {
                once(&mut self.compat)?;
                check_compat(directive)
            }
            (b"load_module", _) => self.load_module(&mut call(directive, cx)),
            (b"pcre_jit", _) => {
                once(&mut self.pcre_jit)?;
                flag(&mut call(directive, cx)).map(|_| ())
            }
            _ => self.value(cx, directive),
        }
    }

    fn value(&mut self, cx: &mut Reading, directive: &Directive) -> Result<(), Reject> {
        self.written.put(&mut call(directive, cx)).unwrap_or(Ok(()))
    }
}

impl MainBuild {
    /// `ngx_load_module`. A module that is not there is no fault as long as nothing of it is used: Debian's packages
    /// load theirs for everybody.
    fn load_module(&mut self, call: &mut Call<'_>) -> Result<(), Reject> {
        if self.events || self.http_seen {
            return Err(Reject::directive("is specified too late"));
        }
        let file = call.text(0);
        let module = modules::of_file(&file);
        if self.modules.iter().any(|known| known == module) {
            let text = format!("module \"{module}\" is already loaded");
            return Err(Reject::message(text));
        }
        self.modules.push(module.to_owned());
        if modules::is_built_in(module) {
            return Ok(());
        }
        let text =
            format!("module \"{module}\" is not in weir, ignored: its directives are unknown");
        let fault = Fault::warn(text, call.place);
        call.cx
            .faults
            .push(fault.with_hint(modules::instead(module)));
        Ok(())
    }
}

fn once(seen: &mut bool) -> Result<(), Reject> {
    if std::mem::replace(seen, true) {
        Err(Reject::directive("is duplicate"))
    } else {
        Ok(())
    }
}

fn check_compat(directive: &Directive) -> Result<(), Reject> {
    let word = directive.args().first().map_or(String::new(), |word| {
        String::from_utf8_lossy(&word.text).into_owned()
    });
    match Compat::named(&word) {
        Some(_) => Ok(()),
        None => Err(Reject::message(format!(
            "invalid value \"{word}\" in \"compat\" directive, it must be \"1.22\", \"1.28\" or \"1.31\""
        ))),
    }
}
