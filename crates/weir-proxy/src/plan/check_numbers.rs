//! Which number a check has: the same one before and after a reload, as peers remember by it what was found.

use weir_conf::{HealthCheck, Http, ListenAddress, Location, LocationKind, Server};
use weir_upstream::{CheckId, CheckSet};

/// What makes a check the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CheckKey {
    upstream: String,
    server_names: Vec<String>,
    addresses: Vec<ListenAddress>,
    location: (LocationKind, String),
    uri: Box<[u8]>,
    /// Name of the `match` block.
    tests: Option<String>,
    port: Option<u16>,
}

/// A check's number, and whether it had it before a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CheckNumber {
    pub(super) id: CheckId,
    pub(super) is_known: bool,
}

impl CheckKey {
    pub(super) fn new(
        http: &Http,
        server: &Server,
        location: &Location,
        rules: &HealthCheck,
        upstream: usize,
    ) -> Self {
        let addresses = http.addresses_of(server).into_iter();
        Self {
            upstream: http.upstreams[upstream].name.clone(),
            server_names: server.names.clone(),
            addresses: addresses.cloned().collect(),
            location: (location.kind, location.name.clone()),
            uri: rules.uri.clone(),
            tests: rules.tests.map(|index| http.matches[index].name.clone()),
            port: rules.port,
        }
    }

    /// Whether it is the same but for where its server listens.
    fn is_moved(&self, before: &Self) -> bool {
        let own = Self {
            addresses: before.addresses.clone(),
            ..self.clone()
        };
        own == *before
    }
}

/// Numbers the checks, of which each upstream counts its own. Those that were there `before` keep their numbers, each
/// handed on once; new ones get numbers that none had before, as far as there are any, because what an old one finds
/// to its end is not theirs. `None`: the upstream has no more numbers.
pub(super) fn number(
    checks: &[CheckKey],
    before: &[(&CheckKey, CheckId)],
) -> Vec<Option<CheckNumber>> {
    let mut numbers = known(checks, before);
    for (index, check) in checks.iter().enumerate() {
        if numbers[index].is_some() {
            continue;
        }
        let same = |other: &CheckKey| other.upstream == check.upstream;
        let others = checks.iter().zip(&numbers).filter(|(other, _)| same(other));
        let taken = set(others.filter_map(|(_, number)| number.map(|number| number.id)));
        let earlier = before.iter().filter(|(other, _)| same(other));
        let earlier = set(earlier.map(|(_, id)| *id));
        let fresh = taken.union(earlier).first_missing();
        let id = fresh.or_else(|| taken.first_missing());
        numbers[index] = id.map(|id| CheckNumber {
            id,
            is_known: false,
        });
    }
    numbers
}

/// The numbers of those that were there before.
fn known(checks: &[CheckKey], before: &[(&CheckKey, CheckId)]) -> Vec<Option<CheckNumber>> {
    let mut left = before.to_vec();
    let mut numbers = vec![None; checks.len()];
    // Servers of one name may differ in where they listen: first all that do not.
    for same in [CheckKey::eq, CheckKey::is_moved] {
        let unknown = checks.iter().zip(&mut numbers);
        for (check, number) in unknown.filter(|(_, number)| number.is_none()) {
            let at = left.iter().position(|(other, _)| same(check, other));
            *number = at.map(|at| CheckNumber {
                id: left.remove(at).1,
                is_known: true,
            });
        }
    }
    numbers
}

fn set(ids: impl Iterator<Item = CheckId>) -> CheckSet {
    let mut set = CheckSet::default();
    ids.for_each(|id| set.insert(id));
    set
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::checks::Checks;

    /// The checks of a configuration with these servers, after those of another: location, number, and whether it
    /// is known.
    fn after(before: &str, now: &str) -> Vec<(String, usize, bool)> {
        let before = checks(before, None);
        let now = checks(now, Some(&before));
        let number = |id| {
            let mut ids = (0..32).map(weir_upstream::CheckId::new);
            ids.position(|other| other == Some(id)).unwrap()
        };
        let all = now.all().iter();
        all.map(|check| {
            let name = check.location.name.clone();
            (name, number(check.id), check.is_known)
        })
        .collect()
    }

    fn checks(servers: &str, before: Option<&Checks>) -> Checks {
        let text = format!(
            "events {{}} http {{ upstream u {{ zone u 64k; server 127.0.0.1:1; }}
             upstream v {{ zone v 64k; server 127.0.0.1:1; }} match m {{ status 200; }} {servers} }}"
        );
        let config = weir_conf::load_str(&text, Path::new("/weir")).unwrap();
        Checks::of(config.http.as_ref().unwrap(), before)
    }

    fn location(name: &str, check: &str) -> String {
        format!("location {name} {{ proxy_pass http://u; health_check {check}; }}")
    }

    fn server(lines: &[String]) -> String {
        format!("server {{ listen 80; {} }}", lines.concat())
    }

    #[test]
    fn a_check_keeps_its_number_wherever_it_moves() {
        let [a, b, c] = ["/a", "/b", "/c"].map(|name| location(name, "uri=/up"));
        let before = server(&[a.clone(), b.clone()]);
        let found = |now: &[&String]| {
            let now: Vec<String> = now.iter().map(|line| line.to_string()).collect();
            after(&before, &server(&now))
        };
        let of = |name: &str, number, known| (name.to_owned(), number, known);
        assert_eq!(found(&[&b]), [of("/b", 1, true)]);
        assert_eq!(
            found(&[&c, &a, &b]),
            [of("/a", 0, true), of("/b", 1, true), of("/c", 2, false)]
        );
        assert_eq!(
            found(&[&c, &b]),
            [of("/b", 1, true), of("/c", 2, false)],
            "the number of the one that is gone is not given away at once"
        );
    }

    #[test]
    fn what_is_asked_and_of_whom_makes_a_check_another_one() {
        let before = server(&[location("/a", "uri=/up match=m port=8080")]);
        for (line, known) in [
            (
                location("/a", "uri=/up match=m port=8080 interval=1s"),
                true,
            ),
            (location("/a", "uri=/down match=m port=8080"), false),
            (location("/a", "uri=/up port=8080"), false),
            (location("/a", "uri=/up match=m"), false),
            (location("= /a", "uri=/up match=m port=8080"), false),
            (
                location("/a", "uri=/up match=m port=8080").replace("//u", "//v"),
                false,
            ),
        ] {
            let found = after(&before, &server(std::slice::from_ref(&line)));
            assert_eq!(found[0].2, known, "{line}");
        }
    }

    #[test]
    fn servers_of_one_name_are_told_apart_by_where_they_listen() {
        let on = |port: u16| {
            let line = location("/", "");
            format!("server {{ listen {port}; server_name x; {line} }}")
        };
        let number = |before: &[u16], now: &[u16]| -> Vec<(usize, bool)> {
            let text = |ports: &[u16]| ports.iter().map(|port| on(*port)).collect::<String>();
            let found = after(&text(before), &text(now)).into_iter();
            found.map(|(_, number, known)| (number, known)).collect()
        };
        assert_eq!(number(&[80, 443], &[443]), [(1, true)]);
        assert_eq!(number(&[80, 443], &[443, 80]), [(1, true), (0, true)]);
        assert_eq!(
            number(&[80, 443], &[81, 80, 443]),
            [(2, false), (0, true), (1, true)]
        );
        assert_eq!(number(&[80, 443], &[81, 443]), [(0, true), (1, true)]);
    }

    #[test]
    fn there_are_numbers_for_as_many_new_checks_as_there_may_be() {
        let all = |prefix: &str| {
            let names = (0..32).map(|number| location(&format!("/{prefix}{number:02}"), ""));
            server(&names.collect::<Vec<_>>())
        };
        let found = after(&all("a"), &all("b"));
        let numbers: Vec<usize> = found.iter().map(|(_, number, _)| *number).collect();
        assert_eq!(numbers, (0..32).collect::<Vec<_>>());
        assert!(found.iter().all(|(_, _, known)| !known));
    }
}
