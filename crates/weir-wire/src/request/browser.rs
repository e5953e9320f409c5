//! Browsers with defects that nginx works around.

use memchr::memmem::find;

/// What `User-Agent` gives away (ngx_http_process_user_agent).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Browser {
    /// Internet Explorer: error pages are padded, refresh may replace redirects.
    pub msie: bool,
    /// Internet Explorer 4, 5, or 6 before service pack 2: no keep-alive after POST by default.
    pub msie6: bool,
    /// Opera.
    pub opera: bool,
    /// Firefox and its kin.
    pub gecko: bool,
    /// Chrome.
    pub chrome: bool,
    /// Safari on macOS.
    pub safari: bool,
    /// Konqueror.
    pub konqueror: bool,
}

impl Browser {
    /// Adds what one `User-Agent` line says.
    #[must_use]
    pub fn with_user_agent(mut self, agent: &[u8]) -> Self {
        if let Some(at) = find(agent, b"MSIE ").filter(|at| at + 7 < agent.len()) {
            self.msie = true;
            self.msie6 |= agent[at + 6] == b'.'
                && match agent[at + 5] {
                    b'4' | b'5' => true,
                    b'6' => find(&agent[at + 8..], b"SV1").is_none(),
                    _ => false,
                };
        }
        if find(agent, b"Opera").is_some() {
            self.opera = true;
            self.msie = false;
            self.msie6 = false;
        }
        if !self.msie && !self.opera {
            if find(agent, b"Gecko/").is_some() {
                self.gecko = true;
            } else if find(agent, b"Chrome/").is_some() {
                self.chrome = true;
            } else if find(agent, b"Safari/").is_some() && find(agent, b"Mac OS X").is_some() {
                self.safari = true;
            } else if find(agent, b"Konqueror").is_some() {
                self.konqueror = true;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Browser;

    #[test]
    fn user_agents() {
        let check = |agent: &str, expected: Browser| {
            assert_eq!(
                Browser::default().with_user_agent(agent.as_bytes()),
                expected,
                "{agent}"
            );
        };
        let none = Browser::default();
        let msie = Browser { msie: true, ..none };
        check("curl/8.5.0", none);
        check("MSIE 6", none);
        check(
            "Mozilla/4.0 (compatible; MSIE 6.0; Windows)",
            Browser {
                msie6: true,
                ..msie
            },
        );
        check("Mozilla/4.0 (compatible; MSIE 6.0; Windows; SV1)", msie);
        check("Mozilla/4.0 (compatible; MSIE 7.0; Windows)", msie);
        check(
            "MSIE 6.0; Opera 9",
            Browser {
                opera: true,
                ..none
            },
        );
        check(
            "Mozilla/5.0 Gecko/2010 Firefox/1",
            Browser {
                gecko: true,
                ..none
            },
        );
        check(
            "(Mac OS X) Chrome/1 Safari/1",
            Browser {
                chrome: true,
                ..none
            },
        );
        check(
            "(Mac OS X) Safari/1",
            Browser {
                safari: true,
                ..none
            },
        );
        check("(Windows) Safari/1", none);
        check(
            "Konqueror/3",
            Browser {
                konqueror: true,
                ..none
            },
        );
    }
}
