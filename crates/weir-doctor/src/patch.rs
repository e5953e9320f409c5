//! Small changes of configuration files, as `diff -u` writes them.

use std::fs;
use std::path::Path;

use crate::configuration::Place;

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// Adds lines behind the one at `place`, indented as it is; `None` if that is no line with one whole directive.
pub fn insert_behind(place: &Place, added: &[String]) -> Option<String> {
    let (text, at) = read(place)?;
    let lines: Vec<&str> = text.lines().collect();
    let line = directive_at(&lines, at)?;
    let indent = &line[..line.len() - line.trim_start().len()];
    let added: Vec<String> = added.iter().map(|text| format!("{indent}{text}")).collect();
    Some(diff(&place.file, &lines, at + 1, &[], &added))
}

/// Writes `to` for `from` in the directive at `place`; `None` if it is not there, or not alone in its line.
pub fn replace(place: &Place, from: &str, to: &str) -> Option<String> {
    let (text, at) = read(place)?;
    let lines: Vec<&str> = text.lines().collect();
    let line = directive_at(&lines, at)?;
    if !line.contains(from) {
        return None;
    }
    let new = line.replacen(from, to, 1);
    Some(diff(&place.file, &lines, at, &[line], &[new]))
}

/// The file of a place, and which line it is, counted from 0. Files that `patch` does not take as they are, are none.
fn read(place: &Place) -> Option<(String, usize)> {
    let text = fs::read_to_string(&place.file).ok()?;
    let at = usize::try_from(place.line).ok()?.checked_sub(1)?;
    (text.ends_with('\n') && !text.contains('\r')).then_some((text, at))
}

/// The line, if it has one directive, whole, and nothing else.
fn directive_at<'a>(lines: &[&'a str], at: usize) -> Option<&'a str> {
    let line = *lines.get(at)?;
    let code = line.split(" #").next().unwrap_or_default().trim_end();
    let alone = code.ends_with(';') && code.matches(';').count() == 1 && !code.contains(['{', '}']);
    alone.then_some(line)
}

/// The change that puts `added` in the place of `removed`, which begins at line `at` counted from 0.
fn diff(file: &str, lines: &[&str], at: usize, removed: &[&str], added: &[String]) -> String {
    let first = at.saturating_sub(CONTEXT);
    let behind = at + removed.len();
    let last = (behind + CONTEXT).min(lines.len());
    // A link is not patched, what it leads to is.
    let file = fs::canonicalize(file).unwrap_or_else(|_| Path::new(file).to_owned());
    let name = file.strip_prefix("/").unwrap_or(&file).display();
    let before = last - first;
    let after = before - removed.len() + added.len();
    let start = first + 1;
    let mut out = format!("--- a/{name}\n+++ b/{name}\n@@ -{start},{before} +{start},{after} @@\n");
    let mut say = |mark: char, line: &str| {
        out.push(mark);
        out.push_str(line);
        out.push('\n');
    };
    lines[first..at].iter().for_each(|line| say(' ', line));
    removed.iter().for_each(|line| say('-', line));
    added.iter().for_each(|line| say('+', line));
    lines[behind..last].iter().for_each(|line| say(' ', line));
    out
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use std::io::Write as _;

    use super::*;

    /// What `patch` makes of the file with the change.
    fn applied(text: &str, change: impl Fn(&Place) -> Option<String>) -> String {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join("x.conf");
        fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
        let place = Place {
            file: path.display().to_string(),
            line: 3,
        };
        let diff = change(&place).unwrap_or_else(|| panic!("no change"));
        let patch = Command::new("git")
            .args(["apply", "--unsafe-paths", "--directory=/", "-p1", "-"])
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn();
        let mut patch = patch.unwrap_or_else(|fault| panic!("{fault}"));
        let input = patch.stdin.take();
        let written = input.map(|mut input| input.write_all(diff.as_bytes()));
        assert!(written.is_some_and(|written| written.is_ok()));
        let status = patch.wait().unwrap_or_else(|fault| panic!("{fault}"));
        assert!(status.success(), "{diff}");
        fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{fault}"))
    }

    #[test]
    fn git_takes_the_changes() {
        let text = "a\n  b\n    proxy_pass http://x;\n  d\ne\nf\n";
        let inserted = applied(text, |place| {
            insert_behind(place, &["one;".to_owned(), "two;".to_owned()])
        });
        assert_eq!(
            inserted,
            text.replace("http://x;\n", "http://x;\n    one;\n    two;\n")
        );
        let replaced = applied(text, |place| replace(place, "http://", "https://"));
        assert_eq!(replaced, text.replace("http://", "https://"));
    }

    #[test]
    fn what_is_not_a_line_of_its_own_is_left_alone() {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join("x.conf");
        let place = Place {
            file: path.display().to_string(),
            line: 1,
        };
        for text in [
            "keepalive\n 4;\n",
            "upstream app { server a; keepalive 4; }\n",
            "proxy_redirect https://x/ http://y/; proxy_pass https://app;\n",
            "keepalive 4;\r\n",
            "keepalive 4;",
        ] {
            fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
            assert_eq!(insert_behind(&place, &["x;".to_owned()]), None, "{text}");
            assert_eq!(replace(&place, "4", "5"), None, "{text}");
        }
    }
}
