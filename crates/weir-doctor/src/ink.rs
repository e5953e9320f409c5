//! Colours for people at a terminal.

use std::io::IsTerminal;

/// How text is set off: not at all, unless a terminal shows it whose user wants colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Not at all.
    Plain,
    /// In colours.
    Coloured,
}

impl Ink {
    /// For what is written to stdout (<https://no-color.org>).
    pub fn of_stdout() -> Self {
        let variable = |name| std::env::var_os(name);
        let unwanted = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = variable("TERM").is_none_or(|term| term == "dumb");
        match !unwanted && !dumb && std::io::stdout().is_terminal() {
            true => Self::Coloured,
            false => Self::Plain,
        }
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// A name to be typed.
    pub fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    /// What went well.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What wants a look.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// What failed.
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_end_where_the_text_does() {
        assert_eq!(Ink::Plain.red("x"), "x");
        assert_eq!(Ink::Coloured.red("x"), "\x1b[31mx\x1b[0m");
    }
}
