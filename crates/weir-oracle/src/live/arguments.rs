//! The command line of a test without the test harness.

/// Options of the test harness whose value is the next word.
const WITH_VALUE: [&str; 7] = [
    "--color",
    "--format",
    "--logfile",
    "--shuffle-seed",
    "--skip",
    "--test-threads",
    "-Z",
];

/// The first word that is neither an option of the test harness nor the value of one.
pub fn filter(arguments: impl IntoIterator<Item = String>) -> Option<String> {
    let mut arguments = arguments.into_iter();
    while let Some(word) = arguments.next() {
        if WITH_VALUE.contains(&word.as_str()) {
            arguments.next();
        } else if !word.starts_with('-') {
            return Some(word);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<&str>) {
        let words = line.split_whitespace().map(str::to_owned);
        assert_eq!(filter(words).as_deref(), expected, "{line}");
    }

    #[test]
    fn values_of_options_select_nothing() {
        check("", None);
        check("retries", Some("retries"));
        check("--nocapture retries", Some("retries"));
        check("--test-threads 4", None);
        check("--test-threads=4 retries", Some("retries"));
        check("--format pretty --color never retries", Some("retries"));
        check("--test-threads", None);
    }
}
