//! The lines of a file, plain or compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::progress::Progress;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// Why a log cannot be read, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", path.display(), said(source))]
pub struct UnreadableLog {
    /// The file.
    pub path: PathBuf,
    /// The system's, or the decompressor's error.
    pub source: io::Error,
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            "the compressed file is cut off: what was there has been read".to_owned()
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            format!("the compressed file is broken: {error}")
        }
        _ => error.to_string(),
    }
}

/// The lines of a log.
pub struct Lines {
    path: PathBuf,
    input: BufReader<Box<dyn Read>>,
    /// A line that did not fit a block.
    spilled: Vec<u8>,
    progress: Option<Progress>,
    /// Bytes read so far.
    pub bytes: u64,
}

impl Lines {
    /// Opens a log; one whose name ends in `.gz` is decompressed.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is no regular file.
    pub fn open(path: &Path) -> Result<Self, UnreadableLog> {
        let fault = |source| UnreadableLog {
            path: path.to_owned(),
            source,
        };
        let kind = std::fs::metadata(path).map_err(fault)?.file_type();
        // A pipe or a terminal has no end.
        if !kind.is_file() && path != Path::new("/dev/null") {
            let what = if kind.is_dir() {
                "it is a folder"
            } else {
                "it is no regular file"
            };
            return Err(fault(io::Error::other(what)));
        }
        let file = File::open(path).map_err(fault)?;
        let is_compressed = path.extension().is_some_and(|extension| extension == "gz");
        let input: Box<dyn Read> = match is_compressed {
            true => Box::new(MultiGzDecoder::new(file)),
            false => Box::new(file),
        };
        Ok(Self {
            progress: Progress::of(path),
            ..Self::of(path, input)
        })
    }

    /// The lines of standard input.
    pub fn of_stdin() -> Self {
        Self::of(Path::new("standard input"), Box::new(io::stdin()))
    }

    fn of(path: &Path, input: Box<dyn Read>) -> Self {
        Self {
            path: path.to_owned(),
            input: BufReader::with_capacity(BLOCK, input),
            spilled: Vec::new(),
            progress: None,
            bytes: 0,
        }
    }

    /// Shows every line without its line feed, until `see` says that it has seen enough.
    ///
    /// # Errors
    ///
    /// Reading fails in the middle; what came before has been shown.
    pub fn each(&mut self, mut see: impl FnMut(&[u8]) -> bool) -> Result<(), UnreadableLog> {
        loop {
            let block = self.input.fill_buf();
            let block = block.map_err(|source| UnreadableLog {
                path: self.path.clone(),
                source,
            })?;
            if block.is_empty() {
                if !self.spilled.is_empty() {
                    see(&self.spilled);
                }
                return Ok(());
            }
            let length = block.len();
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', block) {
                let part = &block[start..end];
                start = end + 1;
                let goes_on = match self.spilled.is_empty() {
                    true => see(part),
                    false => {
                        self.spilled.extend_from_slice(part);
                        let goes_on = see(&self.spilled);
                        self.spilled.clear();
                        goes_on
                    }
                };
                if !goes_on {
                    return Ok(());
                }
            }
            // A line without an end is no line of a log: it is kept in pieces.
            if self.spilled.len() > BLOCK {
                self.spilled.clear();
            }
            self.spilled.extend_from_slice(&block[start..]);
            self.bytes += length as u64;
            self.input.consume(length);
            if let Some(progress) = &mut self.progress {
                progress.read(self.bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn lines(name: &str, bytes: &[u8]) -> (Vec<String>, Option<String>) {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap_or_else(|fault| panic!("{fault}"));
        let mut seen = Vec::new();
        let mut lines = Lines::open(&path).unwrap_or_else(|fault| panic!("{fault}"));
        let end = lines.each(|line| {
            seen.push(String::from_utf8_lossy(line).into_owned());
            true
        });
        (seen, end.err().map(|fault| said(&fault.source)))
    }

    #[test]
    fn lines_come_whole_also_over_the_ends_of_blocks() {
        let long = "x".repeat(BLOCK - 3);
        let text = format!("{long}\nabcdef\n\nlast");
        assert_eq!(
            lines("a.log", text.as_bytes()),
            (
                vec![long, "abcdef".to_owned(), String::new(), "last".to_owned()],
                None
            )
        );
    }

    #[test]
    fn a_compressed_log_that_is_cut_off_says_so_after_what_was_there() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let text: String = (0..9999).map(|number| format!("line {number}\n")).collect();
        packer
            .write_all(text.as_bytes())
            .unwrap_or_else(|fault| panic!("{fault}"));
        let whole = packer.finish().unwrap_or_else(|fault| panic!("{fault}"));
        let (seen, end) = lines("a.log.gz", &whole);
        assert_eq!((seen.len(), end), (9999, None));
        let (seen, end) = lines("a.log.gz", &whole[..whole.len() / 2]);
        assert!(seen.len() > 1000, "{}", seen.len());
        assert!(end.is_some_and(|end| end.contains("cut off")));
        let (_, end) = lines("a.log.gz", b"this is no gzip");
        assert!(end.is_some_and(|end| end.contains("broken")));
    }
}
