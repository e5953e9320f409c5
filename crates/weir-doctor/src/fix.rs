//! Changes of configurations, tried before anybody is given them.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use weir_conf::{LoadOptions, SourceFile, load_changed};

use crate::configuration::Configuration;
use crate::finding::Finding;

/// The changes that findings propose, as far as a configuration that has them all still loads. Of one with directives that weir
/// does not have, only what each directive says by itself is checked, not whether they go together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fixes {
    /// Those that hold, as `diff -u` writes them.
    pub good: Vec<String>,
    /// Those that do not, and why.
    pub left_out: Vec<(String, String)>,
    /// Whether the configuration did not load before either.
    pub in_part: bool,
}

impl Fixes {
    /// Tries one after the other, each on top of those before it; each is tried once.
    pub fn of(configuration: &Configuration, findings: &[Finding]) -> Self {
        let mut fixes = Self {
            in_part: !configuration.faults.is_empty(),
            ..Self::default()
        };
        let mut changed = HashMap::new();
        let mut tried = HashSet::new();
        let cures = findings.iter().flat_map(|finding| &finding.cures);
        for diff in cures.filter_map(|cure| cure.diff.as_deref()) {
            if !tried.insert(diff) {
                continue;
            }
            match with(configuration, &changed, diff) {
                Ok((path, text)) => {
                    changed.insert(path, text);
                    fixes.good.push(diff.to_owned());
                }
                Err(why) => fixes.left_out.push((diff.to_owned(), why)),
            }
        }
        fixes
    }
}

/// The file that a change changes, with it, if the configuration still loads as it did; or why not.
fn with(
    configuration: &Configuration,
    changed: &HashMap<PathBuf, String>,
    diff: &str,
) -> Result<(PathBuf, String), String> {
    let name = diff
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("--- a/"));
    let path = PathBuf::from(format!("/{}", name.unwrap_or_default()));
    let own = |file: &&PathBuf| file.canonicalize().is_ok_and(|file| file == path);
    let path = configuration.files.iter().find(own).cloned();
    let path = path.ok_or("its file is none of the configuration's")?;
    let before = match changed.get(&path) {
        Some(text) => text.clone(),
        None => std::fs::read_to_string(&path).map_err(|error| error.to_string())?,
    };
    let after = applied(diff, &before).ok_or("it does not fit behind the changes before it")?;
    let mut all = changed.clone();
    all.insert(path.clone(), after.clone());
    match new_fault(configuration, &all) {
        Some(fault) => Err(fault),
        None => Ok((path, after)),
    }
}

/// The first fault that the configuration has with these files and not without.
fn new_fault(configuration: &Configuration, changed: &HashMap<PathBuf, String>) -> Option<String> {
    let options = LoadOptions {
        prefix: configuration.prefix.clone(),
        conf_path: configuration.path.clone(),
        globals: None,
    };
    let files = changed.iter().map(|(path, text)| SourceFile {
        path: path.clone(),
        text: text.as_bytes().into(),
    });
    let Err(faults) = load_changed(&options, files.collect()) else {
        return None;
    };
    let known: HashSet<String> = configuration
        .faults
        .iter()
        .map(|text| placeless(text))
        .collect();
    let words = faults.all().iter();
    let mut grave = words.filter(|fault| fault.level < weir_conf::Level::Warn);
    let new = grave.find(|fault| !known.contains(&placeless(&fault.to_string())));
    new.map(ToString::to_string)
}

/// A fault's words without its line, which moves.
fn placeless(fault: &str) -> String {
    let end = fault.trim_end_matches(|letter: char| letter.is_ascii_digit());
    end.to_owned()
}

/// A text with a change that [`crate::patch`] has written; `None`: what it changes is not there.
fn applied(diff: &str, text: &str) -> Option<String> {
    let hunk = diff.lines().skip(3);
    let (mut old, mut new): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for line in hunk {
        let (mark, rest) = line.split_at_checked(1)?;
        match mark {
            " " => {
                old.push(rest);
                new.push(rest);
            }
            "-" => old.push(rest),
            "+" => new.push(rest),
            _ => return None,
        }
    }
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .windows(old.len().max(1))
        .position(|window| window == old)?;
    let mut out: Vec<&str> = lines[..at].to_vec();
    out.extend(new);
    out.extend(&lines[at + old.len()..]);
    Some(out.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::REFUSED;
    use crate::configuration::Place;
    use crate::patch;

    /// What becomes of lines that are to be put behind `proxy_pass`, each in a change of its own, with this in `http`.
    fn fixes(more: &str, lines: &[&str]) -> (usize, Vec<String>) {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join("nginx.conf");
        let text = "events {}\nhttp {\n MORE\n server {\n  location / {\n   proxy_pass http://127.0.0.1:81;\n  }\n }\n}\n";
        let text = text.replace("MORE", more);
        std::fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
        let configuration = Configuration::read(&path, folder.path());
        let place = Place {
            file: path.display().to_string(),
            line: 6,
        };
        let mut finding = Finding::of(&REFUSED);
        for line in lines.iter().rev() {
            let diff = patch::insert_behind(&place, &[(*line).to_owned()]);
            assert!(diff.is_some());
            finding.cure_first("Do:", diff);
        }
        let fixes = Fixes::of(&configuration, &[finding]);
        let why = fixes.left_out.into_iter().map(|(_, why)| why);
        (fixes.good.len(), why.collect())
    }

    #[test]
    fn a_change_has_to_load_whatever_else_does_not() {
        for more in ["", "unheard_of on;"] {
            assert_eq!(fixes(more, &["proxy_read_timeout 5s;"]), (1, vec![]));
            let lines = ["proxy_read_timeout nonsense;", "proxy_buffering off;"];
            let (good, why) = fixes(more, &lines);
            assert_eq!((good, why.len()), (1, 1));
            assert!(why[0].contains("proxy_read_timeout"), "{why:?}");
        }
        let (good, why) = fixes("", &["proxy_buffer_size 64k;"]);
        assert_eq!((good, why.len()), (0, 1), "the other two sizes do not fit");
    }

    #[test]
    fn a_change_has_to_fit_behind_those_before_it() {
        let (good, why) = fixes("", &["proxy_read_timeout 5s;", "proxy_buffering off;"]);
        assert_eq!((good, why.len()), (1, 1));
        assert!(why[0].contains("does not fit"), "{why:?}");
    }
}
