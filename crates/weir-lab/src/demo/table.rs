//! What the demonstration prints first: every URL with what to expect.

use std::fmt::Write;
use std::net::SocketAddr;

use super::exhibit::Exhibit;
use weir_doctor::ink::Ink;

/// By phase: the path, what is wrong with the backend, what nginx answers.
pub(super) fn text(exhibits: &[Exhibit], address: SocketAddr, ink: Ink) -> String {
    let width = exhibits.iter().map(|exhibit| path(exhibit).len()).max();
    let width = width.unwrap_or(0);
    let mut out = format!(
        "weir demo: {} broken backends behind http://{address}\n",
        exhibits.len()
    );
    let mut phase = None;
    for exhibit in exhibits {
        let fault = exhibit.fault;
        if phase.replace(fault.phase) != Some(fault.phase) {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "\n{}", ink.bold(fault.phase.title()));
        }
        let path = ink.cyan(&format!("{:<width$}", path(exhibit)));
        let _ = writeln!(out, "  {path}  {}", fault.summary);
        let _ = writeln!(out, "  {:<width$}    -> {}", "", fault.answer);
    }
    let _ = write!(out, "\nTry it in another terminal:\n\n");
    for exhibit in first_of_each_kind(exhibits) {
        let url = format!(" http://{address}/{}", exhibit.fault.name);
        let command = format!("curl -i{}", url.repeat(exhibit.requests));
        let _ = writeln!(out, "  {}", ink.cyan(&command));
    }
    let _ = writeln!(out, "\nOr open http://{address}/ in a browser.");
    out.push_str("\nEach error line appears here, explained. Ctrl-C ends it.\n\n");
    out
}

/// The path; `x2` behind it where the fault shows on the second request of a connection.
fn path(exhibit: &Exhibit) -> String {
    match exhibit.requests {
        1 => format!("/{}", exhibit.fault.name),
        n => format!("/{} x{n}", exhibit.fault.name),
    }
}

/// One that shows at once, and one that needs a kept connection.
fn first_of_each_kind(exhibits: &[Exhibit]) -> impl Iterator<Item = &Exhibit> {
    let at_once = exhibits.iter().find(|exhibit| exhibit.requests == 1);
    let later = exhibits.iter().find(|exhibit| exhibit.requests == 2);
    at_once.into_iter().chain(later)
}
