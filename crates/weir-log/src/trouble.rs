//! Lines that do not reach their log.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::ErrorNumber;

/// Seconds in which a request tells of one failed write at most (`ngx_http_log_write`).
const SILENCE: u64 = 59;

/// Lines that did not reach their log. Displays nginx's words.
#[derive(Debug)]
pub struct WriteFault {
    /// The log.
    pub path: PathBuf,
    /// What became of them.
    pub shortfall: Shortfall,
}

/// What a log did with lines.
#[derive(Debug)]
pub enum Shortfall {
    /// It took nothing.
    Refused(io::Error),
    /// It took the beginning of a line, or of the lines in a buffer.
    Cut {
        /// Bytes that it took.
        written: usize,
        /// Bytes of the line, or of all lines in the buffer.
        wanted: usize,
    },
}

impl fmt::Display for WriteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write() to \"{}\" ", self.path.display())?;
        match &self.shortfall {
            Shortfall::Refused(error) => write!(f, "failed ({})", ErrorNumber::from(error)),
            Shortfall::Cut { written, wanted } => {
                write!(f, "was incomplete: {written} of {wanted}")
            }
        }
    }
}

/// What writes in requests have met.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// The second in which the disk was full; no line is written before it is over.
    full: Option<u64>,
    /// The second in which a fault was told last.
    told: Option<u64>,
    /// To be told now.
    fault: Option<WriteFault>,
}

impl Trouble {
    /// Whether no line is written in this second.
    pub(crate) fn is_full(&self, second: u64) -> bool {
        self.full == Some(second)
    }

    /// Notes a fault, which is to be told if none was for a while (`ngx_http_log_write`).
    pub(crate) fn note(&mut self, fault: WriteFault, second: u64) {
        if let Shortfall::Refused(error) = &fault.shortfall
            && error.kind() == io::ErrorKind::StorageFull
        {
            self.full = Some(second);
        }
        if self.told.is_none_or(|told| second > told + SILENCE) {
            self.told = Some(second);
            self.fault = Some(fault);
        }
    }

    /// What is to be told.
    pub(crate) fn take(&mut self) -> Option<WriteFault> {
        self.fault.take()
    }
}
