//! The configuration of the demonstration.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use weir_log::record::FORMAT;

use super::exhibit::Exhibit;
use crate::bed::DEFAULT_BACKEND;
use crate::bed::names::Names;
use crate::socket::Address;

/// One location per exhibit; the groups of servers that they need, each under a name of its own.
/// `addresses` are those of each exhibit's backends.
pub(super) fn configuration(
    exhibits: &[Exhibit],
    addresses: Vec<BTreeMap<String, Address>>,
    folder: &Path,
) -> String {
    let (mut groups, mut locations) = (String::new(), String::new());
    for (exhibit, addresses) in exhibits.iter().zip(addresses) {
        let names = Names::of_backends(addresses);
        let name = &exhibit.fault.name;
        let conf = &exhibit.fault.config;
        let http = conf.http.as_deref().unwrap_or_default();
        let pass = conf.pass.clone();
        let pass = pass.unwrap_or_else(|| format!("http://{DEFAULT_BACKEND}"));
        let server = conf.server.as_deref().unwrap_or_default();
        let location = conf.location.as_deref().unwrap_or_default();
        let (http, pass) = rename_groups(http, &pass, name);
        // Writing to a String cannot fail.
        let _ = writeln!(groups, "{}", names.resolve(&http));
        let pass = names.resolve(&pass);
        let _ = writeln!(
            locations,
            "location = /{name} {{ proxy_pass {pass}; {server} {location} }}"
        );
    }
    let folder = folder.display();
    format!(
        "error_log {folder}/logs/error.log notice;
events {{ worker_connections 1024; }}
http {{
log_format demo {FORMAT};
access_log {folder}/logs/access.log demo;
default_type text/plain;
{groups}
server {{
listen 127.0.0.1:8080;
server_name demo;
location / {{ return 404 \"no such fault: / lists all URLs\\n\"; }}
location = / {{ root {folder}/html; }}
location = /index.html {{ root {folder}/html; default_type text/html; }}
{locations}
}}
}}
"
    )
}

/// Two exhibits may call different groups by one name, so each gets its exhibit's name, too.
fn rename_groups(http: &str, pass: &str, exhibit: &str) -> (String, String) {
    let words: Vec<&str> = http.split_whitespace().collect();
    let groups = words
        .windows(2)
        .filter_map(|pair| (pair[0] == "upstream").then_some(pair[1]));
    let (mut http, mut pass) = (http.to_owned(), pass.to_owned());
    for group in groups {
        let own = format!("{group}.{exhibit}");
        http = http.replace(&format!("upstream {group} "), &format!("upstream {own} "));
        if let Some(rest) = pass.strip_prefix(&format!("http://{group}"))
            && !rest.starts_with([':', '.'])
        {
            pass = format!("http://{own}{rest}");
        }
    }
    (http, pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(http: &str, pass: &str, expected: (&str, &str)) {
        let (http, pass) = rename_groups(http, pass, "x");
        assert_eq!((http.as_str(), pass.as_str()), expected);
    }

    #[test]
    fn groups_have_names_of_their_own() {
        check(
            "upstream app { server app:1; }",
            "http://app",
            ("upstream app.x { server app:1; }", "http://app.x"),
        );
        check("", "http://app:1", ("", "http://app:1"));
        check(
            "upstream app { server app:1; }",
            "http://app:1/y",
            ("upstream app.x { server app:1; }", "http://app:1/y"),
        );
    }
}
