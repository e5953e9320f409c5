//! Why a try failed, in the words of `docs/failures.md`.

/// The page.
const PAGE: &str = include_str!("../../../../docs/failures.md");

/// What the page says of the failure `token`: its first paragraph and its list, as lines.
pub(super) fn of(token: &str) -> Option<Vec<&'static str>> {
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
            lines.push(line);
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_without_its_log_lines() {
        let lines = of("connection_refused").unwrap();
        assert!(lines[0].starts_with("The machine answers"), "{}", lines[0]);
        assert!(lines.iter().any(|line| line.starts_with("- ")));
        assert!(!lines.iter().any(|line| line.contains("[error]")));
        assert_eq!(of("no_such_failure"), None);
    }
}
