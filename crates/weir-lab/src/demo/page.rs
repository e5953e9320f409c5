//! What the demonstration answers at `/`: its URLs, for a browser.

use std::fmt::Write;

use super::exhibit::Exhibit;

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<title>weir demo</title>
<style>
body { font-family: sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }
td { padding: .2em 1em .2em 0; vertical-align: top }
</style>
</head>
<body>
<h1>weir demo</h1>
<p>Behind each link is a backend that misbehaves. The terminal where <code>weir demo</code> was started
shows the error line of each, explained.</p>
";

/// The page, by phase: a link, what is wrong with the backend, what nginx answers.
pub(super) fn html(exhibits: &[Exhibit]) -> String {
    let mut page = HEAD.to_owned();
    let mut phase = None;
    for exhibit in exhibits {
        let fault = exhibit.fault;
        if phase.replace(fault.phase) != Some(fault.phase) {
            let end = if page.ends_with("</tr>\n") {
                "</table>\n"
            } else {
                ""
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                page,
                "{end}<h2>{}</h2>\n<table>",
                escaped(fault.phase.title())
            );
        }
        let again = match exhibit.requests {
            1 => "",
            _ => " (reload it at once: the second request shows it)",
        };
        let _ = writeln!(
            page,
            "<tr><td><a href=\"/{0}\">{0}</a></td><td>{1}</td><td>{2}{again}</td></tr>",
            fault.name,
            escaped(&fault.summary),
            escaped(&fault.answer),
        );
    }
    page + "</table>\n</body>\n</html>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::exhibit;

    #[test]
    fn every_exhibit_has_a_link() {
        let exhibits = exhibit::all();
        let page = html(&exhibits);
        for exhibit in &exhibits {
            assert!(page.contains(&format!("<a href=\"/{}\">", exhibit.fault.name)));
        }
        assert_eq!(
            page.matches("<table>").count(),
            page.matches("</table>").count()
        );
    }

    #[test]
    fn texts_are_no_markup() {
        assert_eq!(escaped("a<b> & c"), "a&lt;b&gt; &amp; c");
    }
}
