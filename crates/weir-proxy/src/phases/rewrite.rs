//! The rewrite module's statements, carried out for one request.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use weir_conf::{
    Assigned, FileKind, If, MatchFault, Pattern, Return, Rewrite, RewriteEnd, Script, Step,
    Template, Test, Variable, parse_size,
};
use weir_log::Level;
use weir_wire::uri::{Unescape, unescape};

use super::find_config;
use crate::facts::{Outcome, Session};
use crate::report::error_log::{self, Message};
use crate::report::variables::{self, Groups};

/// How statements end a request.
pub(crate) enum End {
    /// `return`.
    Return(Arc<Return>),
    /// A redirect, or 500.
    Outcome(Outcome),
}

/// Whether the path is another than before, so that it wants a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathIs {
    Same,
    Changed,
}

/// Carries out the server's own statements. The error ends the request; a new path has no location yet that
/// it could leave.
pub(crate) fn of_server(session: &mut Session) -> Result<(), End> {
    let server = session.req.state.server.as_ref();
    let Some(server) = server.filter(|own| own.default.script.is_some()).cloned() else {
        return Ok(());
    };
    match &server.default.script {
        Some(script) => run(session, script).map(|_| ()),
        None => Ok(()),
    }
}

/// Carries out the statements of the location that was found (`ngx_http_rewrite_handler`). The error ends
/// the request.
pub(crate) fn of_location(session: &mut Session) -> Result<PathIs, End> {
    let location = session.req.state.location.as_ref();
    let Some(location) = location.filter(|own| own.script.is_some()).cloned() else {
        return Ok(PathIs::Same);
    };
    match &location.script {
        Some(script) => run(session, script),
        None => Ok(PathIs::Same),
    }
}

/// Assigns `text` (`ngx_http_script_set_var_code`, `ngx_http_script_var_set_handler_code`).
pub(super) fn assign(session: &mut Session, variable: Assigned, text: &[u8]) {
    let req = &mut *session.req;
    match variable {
        Assigned::Defined(index) => req.values.get_mut().assign(index, text),
        Assigned::Args => {
            req.args.clear();
            req.args.extend_from_slice(text);
            req.state.args_known = true;
            req.state.target_is_raw = false;
        }
        Assigned::LimitRate => match parse_size(text) {
            Some(rate) => req.response.limit_rate = Some(rate as u64),
            None => {
                let line = [b"invalid $limit_rate \"", text, b"\""].concat();
                error_log::error(session.view(), Message::bytes(&line));
            }
        },
    }
}

fn run(session: &mut Session, script: &Script) -> Result<PathIs, End> {
    let room = std::mem::take(&mut session.req.script_room);
    let view = session.view();
    let tells = view.settings().rewrite_log || error_log::is_enabled(view, Level::Debug);
    let mut run = Run {
        session,
        text: room,
        tells,
        path_changed: false,
    };
    let end = match run.steps(script) {
        Flow::Next | Flow::Exit if run.path_changed => Ok(PathIs::Changed),
        Flow::Next | Flow::Exit => Ok(PathIs::Same),
        Flow::End(end) => Err(end),
    };
    let mut room = run.text;
    room.clear();
    session.req.script_room = room;
    end
}

/// What follows a statement.
enum Flow {
    /// The next one.
    Next,
    /// Nothing more.
    Exit,
    /// Nor the request.
    End(End),
}

impl Flow {
    fn outcome(outcome: Outcome) -> Self {
        Self::End(End::Outcome(outcome))
    }
}

/// One run of a script.
struct Run<'a> {
    session: &'a mut Session,
    /// Room for a text that is looked at.
    text: Vec<u8>,
    /// `rewrite_log` is on, or everything is logged, as it was at the beginning.
    tells: bool,
    /// A `rewrite` has changed the path (`uri_changed`).
    path_changed: bool,
}

impl Run<'_> {
    fn steps(&mut self, script: &Script) -> Flow {
        for step in &script.steps {
            match self.step(step) {
                Flow::Next => {}
                end => return end,
            }
        }
        Flow::Next
    }

    fn step(&mut self, step: &Step) -> Flow {
        match step {
            Step::Set { variable, value } => {
                self.evaluate(value);
                assign(self.session, *variable, &self.text);
                Flow::Next
            }
            Step::If(test) => self.conditional(test),
            Step::Rewrite(rule) => self.rewrite(rule),
            Step::Return(rule) => Flow::End(End::Return(Arc::clone(rule))),
            Step::Break => {
                self.stay();
                Flow::Exit
            }
        }
    }

    /// `text` becomes the text of `template`.
    fn evaluate(&mut self, template: &Template) {
        self.text.clear();
        variables::expand(self.session.view(), template, &mut self.text);
    }

    /// `text` becomes the value of `variable`.
    fn look_at(&mut self, variable: &Variable) {
        self.text.clear();
        variables::write(self.session.view(), variable, &mut self.text);
    }

    /// `ngx_http_script_if_code`: where the answer is yes the request goes on under the settings of the `if`.
    fn conditional(&mut self, test: &If) -> Flow {
        match self.holds(&test.test) {
            Ok(true) => {}
            Ok(false) => return Flow::Next,
            Err(outcome) => return Flow::outcome(outcome),
        }
        if let Some(location) = &test.location {
            let location = self.session.client.link().plan.own_location(location);
            self.session.req.state.location = Some(location);
            find_config::apply_location(self.session);
        }
        self.steps(&test.script)
    }

    fn holds(&mut self, test: &Test) -> Result<bool, Outcome> {
        match test {
            Test::True(variable) => {
                self.look_at(variable);
                Ok(!matches!(self.text.as_slice(), b"" | b"0"))
            }
            Test::Equal {
                variable,
                value,
                negated,
            } => {
                self.look_at(variable);
                let middle = self.text.len();
                variables::expand(self.session.view(), value, &mut self.text);
                let (left, right) = self.text.split_at(middle);
                Ok((left == right) != *negated)
            }
            Test::Matches {
                variable,
                pattern,
                negated,
            } => {
                self.look_at(variable);
                Ok(self.matches(pattern)? != *negated)
            }
            Test::File {
                path,
                kind,
                negated,
            } => {
                self.evaluate(path);
                Ok(self.is_file(*kind) != *negated)
            }
        }
    }

    /// Tries `text` with `pattern` (`ngx_http_script_regex_start_code`).
    fn matches(&mut self, pattern: &Pattern) -> Result<bool, Outcome> {
        let found = pattern.captures(&self.text);
        let found = found.map_err(|fault| self.gave_up(&fault))?;
        match &found {
            Some(groups) => self.session.req.note_match(groups, &self.text),
            None => self.session.req.values.get_mut().forget_groups(),
        }
        let words: &[u8] = match found {
            Some(_) => b"\" matches \"",
            None => b"\" does not match \"",
        };
        self.tell(&[b"\"", pattern.source(), words, &self.text, b"\""]);
        Ok(found.is_some())
    }

    fn gave_up(&self, fault: &MatchFault) -> Outcome {
        error_log::alert(self.session.view(), Message::bytes(&fault.line()));
        Outcome::Status(500)
    }

    /// Writes a line if the script tells what it does.
    #[inline]
    fn tell(&self, words: &[&[u8]]) {
        if self.tells {
            let line = words.concat();
            error_log::log(self.session.view(), Level::Notice, Message::bytes(&line));
        }
    }

    /// Whether the path in `text` leads to what is looked for (`ngx_http_script_file_code`).
    fn is_file(&self, kind: FileKind) -> bool {
        match std::fs::metadata(Path::new(OsStr::from_bytes(&self.text))) {
            Ok(found) => is_kind(&found, kind),
            Err(error) => {
                self.tell_of_file(&error);
                false
            }
        }
    }

    fn tell_of_file(&self, error: &io::Error) {
        let absent = [libc::ENOENT, libc::ENOTDIR, libc::ENAMETOOLONG];
        if !absent.map(Some).contains(&error.raw_os_error()) {
            let text = [b"stat() \"", self.text.as_slice(), b"\" failed"].concat();
            error_log::log_call(self.session.view(), true, &text, error);
        }
    }

    /// The path stays with its location, whatever it has become (`ngx_http_script_break_code`).
    fn stay(&mut self) {
        if std::mem::take(&mut self.path_changed) {
            self.session.req.state.location_replaces = false;
        }
    }

    /// `ngx_http_script_regex_start_code` to `ngx_http_script_regex_end_code`.
    fn rewrite(&mut self, rule: &Rewrite) -> Flow {
        self.text.clear();
        self.text.extend_from_slice(&self.session.req.uri);
        match self.matches(&rule.pattern) {
            Ok(true) => {}
            Ok(false) => return Flow::Next,
            Err(outcome) => return Flow::outcome(outcome),
        }
        let state = &mut self.session.req.state;
        state.internal = true;
        state.target_is_raw = false;
        match rule.end {
            RewriteEnd::Redirect(status) => {
                self.redirect(rule);
                return Flow::outcome(Outcome::Status(status));
            }
            RewriteEnd::Break => {
                state.location_replaces = false;
                self.path_changed = false;
            }
            RewriteEnd::Next | RewriteEnd::Last => self.path_changed = true,
        }
        if let Err(outcome) = self.replace(rule) {
            return Flow::outcome(outcome);
        }
        match rule.end {
            RewriteEnd::Next => Flow::Next,
            RewriteEnd::Last | RewriteEnd::Break | RewriteEnd::Redirect(_) => Flow::Exit,
        }
    }

    /// The URL that the client is sent to.
    fn redirect(&mut self, rule: &Rewrite) {
        self.text.clear();
        variables::find_defined(self.session.view(), &rule.path, &mut self.text);
        self.expand_replacement(&rule.path, Quoting::Always);
        let mut location = Vec::with_capacity(self.text.len());
        let read = unescape(&self.text, Unescape::Redirect, &mut location);
        location.extend_from_slice(&self.text[read..]);
        let args = &self.session.req.args;
        if rule.keeps_args && !args.is_empty() {
            location.push(if rule.has_mark { b'&' } else { b'?' });
            location.extend_from_slice(args);
        }
        self.tell(&[b"rewritten redirect: \"", &location, b"\""]);
        self.session.req.response.redirect_to(&location);
    }

    /// The path and the arguments that the request has from then on.
    fn replace(&mut self, rule: &Rewrite) -> Result<(), Outcome> {
        self.text.clear();
        // All values are found before any is written, as in `variables::expand`.
        for template in [Some(&rule.path), rule.args.as_ref()].into_iter().flatten() {
            variables::find_defined(self.session.view(), template, &mut self.text);
        }
        self.expand_replacement(&rule.path, Quoting::Never);
        let path = self.text.len();
        if let Some(args) = &rule.args {
            self.expand_replacement(args, Quoting::Always);
            let own = &self.session.req.args;
            if rule.keeps_args && !own.is_empty() {
                self.text.push(b'&');
                self.text.extend_from_slice(own);
            }
        }
        let req = &mut *self.session.req;
        if rule.args.is_some() {
            req.state.args_known = true;
        }
        if rule.args.is_some() || !rule.keeps_args {
            req.args.clear();
            req.args.extend_from_slice(&self.text[path..]);
        }
        req.uri.clear();
        req.uri.extend_from_slice(&self.text[..path]);
        let req = &self.session.req;
        self.tell(&[
            b"rewritten data: \"",
            &req.uri,
            b"\", args: \"",
            &req.args,
            b"\"",
        ]);
        if path == 0 {
            let text = "the rewritten URI has a zero length";
            error_log::error(self.session.view(), Message::text(text));
            return Err(Outcome::Status(500));
        }
        Ok(())
    }

    /// Appends a part of a replacement. What the groups of a path that came escaped hold is escaped again
    /// where it could be taken for something else (`ngx_http_script_copy_capture_code`).
    fn expand_replacement(&mut self, template: &Template, quoting: Quoting) {
        let head = &self.session.req.head;
        let groups = match quoting {
            Quoting::Always if head.quoted_uri || head.plus_in_uri => Groups::Escaped,
            Quoting::Always | Quoting::Never => Groups::AsTheyAre,
        };
        variables::expand_with(self.session.view(), template, groups, &mut self.text);
    }
}

/// Whether the texts of groups are escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    /// In a URL, and in arguments.
    Always,
    /// In a path.
    Never,
}

/// Whether what was found is of the kind that is looked for.
fn is_kind(found: &Metadata, kind: FileKind) -> bool {
    match kind {
        FileKind::Plain => found.is_file(),
        FileKind::Directory => found.is_dir(),
        FileKind::Any => found.is_file() || found.is_dir(),
        FileKind::Executable => found.permissions().mode() & libc::S_IXUSR != 0,
    }
}
