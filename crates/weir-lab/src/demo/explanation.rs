//! Why a try failed, in the words of `docs/failures.md`, and of the catalogue where it failed in no
//! way that has a name.

use super::exhibit::Exhibit;

/// The page.
const PAGE: &str = include_str!("../../../../docs/failures.md");

/// How the page gives a time that each exhibit sets for itself.
const DEFAULT: &str = "(60 s by default)";

/// What the page says of the failure `token`: its first paragraph and its list, as lines. Time-outs
/// are those of `exhibit`.
pub(super) fn of(token: &str, exhibit: Option<&Exhibit>) -> Option<Vec<String>> {
    let heading = format!("\n## {token}\n");
    let start = PAGE.find(&heading)? + heading.len();
    let section = &PAGE[start..];
    let section = section.find("\n## ").map_or(section, |end| &section[..end]);
    let mut lines = Vec::new();
    let mut in_code = false;
    for line in section.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if !in_code && !line.is_empty() {
            lines.push(with_own_time(line, exhibit));
        }
    }
    Some(lines)
}

/// What the catalogue says of an exhibit, as lines.
pub(super) fn of_exhibit(exhibit: &Exhibit) -> [String; 3] {
    let fault = exhibit.fault;
    [
        format!("Here: {}.", fault.summary),
        format!("nginx: {}.", fault.answer),
        format!("In the wild: {}.", fault.wild),
    ]
}

/// A line that gives a default time says which time holds here.
fn with_own_time(line: &str, exhibit: Option<&Exhibit>) -> String {
    let own = line
        .split('`')
        .skip(1)
        .step_by(2)
        .find_map(|directive| exhibit?.setting(directive));
    match own {
        Some(time) => line.replace(DEFAULT, &format!("({time} here, 60 s by default)")),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::exhibit;

    #[test]
    fn a_section_without_its_log_lines() {
        let lines = of("connection_refused", None).unwrap();
        assert!(lines[0].starts_with("The machine answers"), "{}", lines[0]);
        assert!(lines.iter().any(|line| line.starts_with("- ")));
        assert!(!lines.iter().any(|line| line.contains("[error]")));
        assert_eq!(of("no_such_failure", None), None);
    }

    #[test]
    fn a_time_is_the_one_that_holds_here() {
        let exhibits = exhibit::all();
        let silent = exhibits
            .iter()
            .find(|one| one.fault.name == "accept-then-silence");
        let text = of("http_response_timeout", silent).unwrap().join(" ");
        let time = silent.unwrap().setting("proxy_read_timeout").unwrap();
        assert!(
            text.contains(&format!(
                "`proxy_read_timeout` ({time} here, 60 s by default)"
            )),
            "{text}"
        );
        let text = of("http_response_timeout", None).unwrap().join(" ");
        assert!(
            text.contains("`proxy_read_timeout` (60 s by default)"),
            "{text}"
        );
    }
}
