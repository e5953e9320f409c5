//! Texts with armour (`PEM_read_bio`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What certificates are called.
pub(crate) const CERTIFICATES: [&str; 3] =
    ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// A thing in armour.
#[derive(Debug)]
pub(crate) struct Block {
    /// What it is called, as `CERTIFICATE`.
    pub(crate) label: String,
    pub(crate) der: Vec<u8>,
    /// It says that it is encrypted.
    pub(crate) encrypted: bool,
    /// And how, in armour of old.
    pub(crate) how: Option<String>,
}

/// Why a text that begins as armour is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PemFault {
    /// Nothing ends it.
    NoEnd,
    /// What is in it is no base64.
    Base64,
}

impl PemFault {
    /// OpenSSL's words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NoEnd => "error:04800066:PEM routines::bad end line",
            Self::Base64 => "error:04800064:PEM routines::bad base64 decode",
        }
    }
}

/// All that is in armour in `text`; whatever stands between is left out.
pub(crate) fn blocks(text: &[u8]) -> impl Iterator<Item = Result<Block, PemFault>> {
    let text = String::from_utf8_lossy(text).into_owned();
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let mut lines = lines.into_iter();
    std::iter::from_fn(move || {
        let begin = lines.find_map(|line| label(&line, "-----BEGIN "))?;
        Some(body(begin, &mut lines))
    })
}

fn label(line: &str, before: &str) -> Option<String> {
    let label = line.strip_prefix(before)?.strip_suffix("-----")?;
    Some(label.to_owned())
}

fn body(begin: String, lines: &mut impl Iterator<Item = String>) -> Result<Block, PemFault> {
    let mut encoded = String::new();
    let mut encrypted = begin.starts_with("ENCRYPTED ");
    let mut how = None;
    for line in lines {
        if let Some(end) = label(&line, "-----END ") {
            let der = STANDARD.decode(&encoded).map_err(|_| PemFault::Base64)?;
            return match end == begin {
                true => Ok(Block {
                    label: begin,
                    der,
                    encrypted,
                    how,
                }),
                false => Err(PemFault::NoEnd),
            };
        }
        if line.starts_with("-----") {
            break;
        }
        if let Some(rest) = line.strip_prefix("DEK-Info:") {
            how = Some(rest.trim().to_owned());
            continue;
        }
        match line.contains(':') {
            true => encrypted |= line.starts_with("Proc-Type:") && line.ends_with("ENCRYPTED"),
            false => encoded.push_str(&line),
        }
    }
    Err(PemFault::NoEnd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown: Vec<_> = blocks(text.as_bytes())
            .map(|block| match block {
                Ok(block) => format!("{}={:?}", block.label, block.der),
                Err(fault) => format!("{fault:?}"),
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{text}");
    }

    #[test]
    fn armour_is_found_wherever_it_stands() {
        check("", "");
        check("words\n", "");
        check("-----BEGIN A-----\nAAEC\n-----END A-----\n", "A=[0, 1, 2]");
        check(
            "x\r\n-----BEGIN A B-----\r\nAA\r\nEC\r\n-----END A B-----\r\ny\n-----BEGIN C-----\n-----END C-----",
            "A B=[0, 1, 2] C=[]",
        );
        check("-----BEGIN A-----\n!!\n-----END A-----\n", "Base64");
        check("-----BEGIN A-----\nAAEC\n-----END B-----\n", "NoEnd");
        check("-----BEGIN A-----\nAAEC\n", "NoEnd");
    }
}
