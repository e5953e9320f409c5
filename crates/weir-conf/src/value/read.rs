//! Readers: the arguments of a directive into a value.

mod client;
mod filters;
mod limits;
mod logs;
mod matches;
mod plain;
mod proxy;
mod replies;
mod resolver;
mod scripts;
mod sticky;
mod syslog;
mod tls;
mod upstream_tls;
mod user_id;
mod variables;
mod zones;

use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::compat::Differences;
use crate::model::{Charsets, LogBuffer, LogDestination, LogFormat, VariableSource, WithoutEffect};
use crate::pattern::{Case, Pattern};
use crate::table::arguments::ThreadPool;
use crate::template::{Digits, TemplateFault};
use crate::text::Word;
use crate::value::{Redirect, ResolverSpec, Types};
use crate::variable::is_taken;
use crate::{Compat, Fault, Place, Settings, Template, Variable};

pub(crate) use client::{
    access_rule, keepalive_timeout, parse_cidr, real_ip_header, temp_path, trusted,
};
pub(crate) use filters::{
    charset, gzip_disable, gzip_hash, gzip_level, gzip_window, media_types, sub_filter,
};
pub(crate) use limits::{limit_conn, limit_req, status_of_refusal};
pub(crate) use logs::{access_log, error_log, log_format, open_log_file_cache};
pub(crate) use matches::Matches;
pub(crate) use plain::{
    between, bits, buffers, bytes, conf_file, conf_path_or_none, conf_paths, count, env, flag,
    flags, header_name, keyword, mark, memory_size, number, offset, path, rate, size, template,
    template_or_off, text, text_if_any, text_or_none, text_or_off, texts_or_off, time, user, word,
    worker_connections, worker_processes,
};
pub(crate) use proxy::{
    bind, cookie_domain, cookie_flags, cookie_path, http_version, late_text, redirect, set_header,
};
pub(crate) use replies::{
    add_header, add_trailer, alias, disable_symlinks, error_page, expires, index, predicates,
    return_, root, server_tokens, try_files,
};
pub(crate) use resolver::{resolver, starts_unresolved};
pub(crate) use scripts::{
    address_and_variable, auth_request_set, condition, methods, rewrite, set, text_and_variable,
};
pub(crate) use sticky::{route, sticky};
pub(crate) use tls::{
    ciphers, conf_command, dh_parameters, groups, passwords, seconds, server_credential,
    session_cache, upstream_conf_command, versions,
};
pub(crate) use upstream_tls::{certificate_cache, tls_path, upstream_credential};
pub(crate) use user_id::{
    user_id_domain, user_id_expires, user_id_flags, user_id_mark, user_id_p3p, user_id_path,
};
pub(crate) use variables::DefinedVariables;
pub(crate) use zones::{Zones, group_zone, limit_conn_zone, limit_req_zone};

/// What readers know of the rest of the configuration, and where they leave what they find.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// Base of relative paths of data and logs; ends without a slash.
    pub(crate) prefix: PathBuf,
    /// Base of relative paths of configuration files.
    pub(crate) conf_dir: PathBuf,
    pub(crate) compat: Compat,
    /// Faults and warnings in the order met.
    pub(crate) faults: Vec<Fault>,
    pub(crate) without_effect: Vec<WithoutEffect>,
    pub(crate) log_formats: Vec<Arc<LogFormat>>,
    /// Files of the logs that directives name.
    pub(crate) log_files: Vec<PathBuf>,
    /// Buffered access logs, which must agree wherever they are named.
    pub(crate) log_buffers: HashMap<LogDestination, LogBuffer>,
    /// The variables that the configuration defines.
    pub(crate) variables: DefinedVariables,
    /// What the location being read has said about `proxy_pass` so far.
    pub(crate) proxy_pass: ProxyPassSeen,
    /// Faults that nginx finds after all others of the `http` block.
    pub(crate) late: Vec<Fault>,
    /// Locations of one name, which nginx finds once all settings are settled.
    pub(crate) duplicates: Vec<Fault>,
    /// What the locations settled last obey.
    pub(crate) recent_settings: VecDeque<Arc<Settings>>,
    /// nginx's own media types, for blocks without `types`.
    pub(crate) types: Arc<Types>,
    /// Whether the process may listen on ports below 1024.
    pub(crate) privileged: bool,
    /// The resolvers so far.
    pub(crate) resolvers: Vec<Arc<ResolverSpec>>,
    /// The zones of shared memory.
    pub(crate) zones: Zones,
    /// The `match` blocks.
    pub(crate) matches: Matches,
    /// Pools of threads that are defined or named.
    pub(crate) thread_pools: Vec<ThreadPool>,
    /// Words of sets that the block being read has named, by directive.
    pub(crate) words: HashMap<String, Vec<String>>,
    /// `pcre_jit`, wherever it stands.
    pub(crate) jit: bool,
    /// The character sets that are named.
    pub(crate) charsets: Charsets,
    /// From which of them to which some location recodes.
    pub(crate) needed_recodings: Vec<(usize, usize)>,
}

impl Reading {
    pub(crate) fn new(prefix: &Path, conf_path: &Path) -> Self {
        Self {
            prefix: prefix.to_owned(),
            conf_dir: conf_path.parent().unwrap_or(prefix).to_owned(),
            compat: Compat::default(),
            faults: Vec::new(),
            without_effect: Vec::new(),
            log_formats: vec![Arc::new(LogFormat::combined())],
            log_files: Vec::new(),
            log_buffers: HashMap::new(),
            variables: DefinedVariables::default(),
            recent_settings: VecDeque::new(),
            proxy_pass: ProxyPassSeen::None,
            resolvers: Vec::new(),
            zones: Zones::default(),
            matches: Matches::default(),
            thread_pools: Vec::new(),
            words: HashMap::new(),
            jit: false,
            charsets: Charsets::default(),
            needed_recodings: Vec::new(),
            late: Vec::new(),
            duplicates: Vec::new(),
            types: Arc::new(Types::of_nginx()),
            privileged: is_root(),
        }
    }

    pub(crate) fn differences(&self) -> Differences {
        self.compat.differences()
    }

    pub(crate) fn warn(&mut self, message: impl Into<String>, place: &Place) {
        self.faults.push(Fault::warn(message, place));
    }

    /// As [`Self::template`] for a log line, where nginx words one fault differently
    /// (`ngx_http_log_compile_format`).
    pub(crate) fn log_template(&mut self, text: &[u8], place: &Place) -> Result<Template, Reject> {
        self.compile(text, place, Digits::Names)
            .map_err(|reject| match reject {
                Reject::Message(message) if message == TemplateFault::InvalidName.to_string() => {
                    // From the dollar sign that has no name.
                    let text = String::from_utf8_lossy(text);
                    let rest = text
                        .match_indices('$')
                        .map(|(at, _)| &text[at..])
                        .find(|rest| {
                            let name = rest[1..].trim_start_matches('{');
                            !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                        });
                    Reject::message(format!("invalid parameter \"{}\"", rest.unwrap_or(&text)))
                }
                other => other,
            })
    }

    /// `name` under the prefix unless it is absolute (`ngx_conf_full_name`).
    pub(crate) fn under_prefix(&self, name: &[u8]) -> PathBuf {
        self.prefix.join(OsStr::from_bytes(name))
    }

    /// `name` beside the configuration file unless it is absolute (`ngx_conf_full_name`).
    pub(crate) fn under_conf_dir(&self, name: &[u8]) -> PathBuf {
        self.conf_dir.join(OsStr::from_bytes(name))
    }

    /// Compiles a text; unknown variables wait for the end of the `http` block, as in nginx
    /// (`ngx_http_variables_init_vars`).
    pub(crate) fn template(&mut self, text: &[u8], place: &Place) -> Result<Template, Reject> {
        self.compile(text, place, Digits::Groups)
    }

    fn compile(&mut self, text: &[u8], place: &Place, digits: Digits) -> Result<Template, Reject> {
        let compiled =
            Template::compile_with(text, digits, &mut |name| Ok(self.variable(name, place)));
        compiled.map_err(|fault| Reject::message(fault.to_string()))
    }

    /// The variable called `name`, which `place` uses (`ngx_http_get_variable_index`).
    pub(crate) fn variable(&mut self, name: &str, place: &Place) -> Variable {
        let lower = name.to_ascii_lowercase();
        let redefined = self.variables.redefined.contains(&lower);
        match Variable::named(name) {
            Ok(variable) if !redefined && !self.compat.lacks_variable(&lower) => variable,
            _ => Variable::Defined(self.variables.used(&lower, place)),
        }
    }
}

/// The `proxy_pass` of the location being read.
#[derive(Clone, Debug)]
pub(crate) enum ProxyPassSeen {
    None,
    /// Without variables; what `proxy_redirect default` means with it.
    Fixed(Box<Redirect>),
    Variable,
}

/// Whether the effective user is root, as the file system sees it.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A directive being read.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) args: &'a [Word],
    pub(crate) place: &'a Place,
    pub(crate) cx: &'a mut Reading,
}

impl<'a> Call<'a> {
    /// Whether nobody has written the directive: its default is read.
    pub(crate) fn is_default(&self) -> bool {
        self.name == DEFAULT_NAME
    }

    /// Argument `index` as bytes; empty when there is none.
    pub(crate) fn bytes(&self, index: usize) -> &'a [u8] {
        self.args.get(index).map_or(&[], |word| &word.text)
    }

    /// Argument `index` for messages and names.
    pub(crate) fn text(&self, index: usize) -> String {
        String::from_utf8_lossy(self.bytes(index)).into_owned()
    }

    pub(crate) fn template(&mut self, text: &[u8]) -> Result<Template, Reject> {
        self.cx.template(text, self.place)
    }

    /// Compiles a regular expression whose groups nobody can name.
    pub(crate) fn nameless_pattern(&self, text: &[u8], case: Case) -> Result<Pattern, Reject> {
        Pattern::compile(text, case, self.cx.jit)
            .map_err(|fault| Reject::message(fault.to_string()))
    }

    /// Compiles a regular expression and makes its named groups known as variables.
    pub(crate) fn pattern(&mut self, text: &[u8], case: Case) -> Result<Pattern, Reject> {
        let pattern = self.nameless_pattern(text, case)?;
        let mut numbers = Vec::new();
        for (name, group) in pattern.group_names() {
            if is_taken(&name, self.cx.compat) {
                return Err(Reject::message(format!(
                    "the duplicate \"{name}\" variable"
                )));
            }
            let name = name.to_ascii_lowercase();
            numbers.push((
                self.cx.variables.define(&name, VariableSource::Group),
                group,
            ));
        }
        Ok(pattern.with_variables(numbers))
    }

    pub(crate) fn warn(&mut self, message: impl Into<String>) {
        self.cx.warn(message, self.place);
    }

    /// Words that the block has named with this directive so far.
    pub(crate) fn words(&mut self) -> &mut Vec<String> {
        self.cx.words.entry(self.name.to_owned()).or_default()
    }

    /// Whether the block has named `word` with this directive before, in whatever case; now it has.
    pub(crate) fn repeats(&mut self, word: &[u8]) -> bool {
        if self.is_default() {
            return false;
        }
        let word = String::from_utf8_lossy(word).to_ascii_lowercase();
        let words = self.words();
        let repeats = words.contains(&word);
        if !repeats {
            words.push(word);
        }
        repeats
    }
}

/// Why a directive is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reject {
    /// The text that follows `"NAME" directive `.
    Directive(String),
    /// The whole message.
    Message(String),
    /// The whole message, about another place or none.
    At(Option<Place>, String),
    /// Reported already.
    Reported,
}

impl Reject {
    pub(crate) fn directive(text: impl Into<String>) -> Self {
        Self::Directive(text.into())
    }

    pub(crate) fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// The fault of a directive called `name` at `place`.
    pub(crate) fn into_fault(self, name: &str, place: &Place) -> Option<Fault> {
        let place = Some(place.clone());
        match self {
            Self::Directive(text) => {
                Some(Fault::emerg(format!("\"{name}\" directive {text}"), place))
            }
            Self::Message(text) => Some(Fault::emerg(text, place)),
            Self::At(place, text) => Some(Fault::emerg(text, place)),
            Self::Reported => None,
        }
    }
}

/// What a default is called instead of a directive.
const DEFAULT_NAME: &str = "default";

/// Reads a default as if it were written.
pub(crate) fn default<T>(
    read: fn(&mut Call<'_>) -> Result<T, Reject>,
    text: &str,
    cx: &mut Reading,
) -> Result<T, Reject> {
    let place = Place {
        file: Path::new("default").into(),
        line: 0,
    };
    let args: Vec<Word> = text.split_whitespace().map(Word::plain).collect();
    read(&mut Call {
        name: DEFAULT_NAME,
        args: &args,
        place: &place,
        cx,
    })
}
