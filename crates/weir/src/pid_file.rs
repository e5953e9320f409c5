//! The file that tells `-s`, and the system's scripts, whom to signal (`ngx_create_pidfile`).

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use crate::system_error::SystemError;

/// The pid file of this process; there from [`PidFile::write`] to [`PidFile::remove`].
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    file: File,
}

/// Why the pid file does not tell whom to signal. Displays nginx's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// It cannot be read.
    #[error(transparent)]
    System(#[from] SystemError),
    /// It holds no number.
    #[error("invalid PID number \"{text}\" in \"{}\"", path.display())]
    Invalid { text: String, path: PathBuf },
}

impl PidFile {
    /// Writes the number of this process.
    pub(crate) fn write(path: &Path) -> Result<Self, SystemError> {
        let mut file = open(path, true)?;
        writeln!(file, "{}", std::process::id()).map_err(|error| failed("write", path, error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Makes sure that it could be written (`-t`); creates it empty if it is not there, as nginx does.
    pub(crate) fn probe(path: &Path) -> Result<(), SystemError> {
        open(path, false).map(drop)
    }

    /// The process that the file at `path` names.
    pub(crate) fn read(path: &Path) -> Result<Pid, ReadError> {
        let file = File::open(path).map_err(|error| failed("open", path, error))?;
        let mut text = String::new();
        file.take(MAX_DIGITS)
            .read_to_string(&mut text)
            .map_err(|error| failed("read", path, error))?;
        let text = text.trim_end_matches(['\r', '\n']);
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(pid) if digits => Ok(Pid::from_raw(pid)),
            _ => Err(ReadError::Invalid {
                text: text.to_owned(),
                path: path.to_owned(),
            }),
        }
    }

    /// Writes the same number once more, so that the file's time tells when the configuration in force was loaded:
    /// nginx's new workers tell that, weir's threads stay.
    pub(crate) fn renew(&self) {
        let text = format!("{}\n", std::process::id());
        // The descriptor was opened before the privileges went. Nothing hangs on it but what the doctor knows.
        let _ = self.file.write_all_at(text.as_bytes(), 0);
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file. Where the user that weir runs as may not, the file is emptied instead, so
    /// that nobody signals whichever process has the number next.
    pub(crate) fn remove(self) -> Result<(), SystemError> {
        std::fs::remove_file(&self.path).map_err(|error| {
            // The descriptor was opened before the privileges went; without it nothing can be done.
            let _ = self.file.set_len(0);
            failed("unlink", &self.path, error)
        })
    }
}

/// Bytes of the file that are read, as nginx's buffer has it.
const MAX_DIGITS: u64 = 22;

fn open(path: &Path, truncate: bool) -> Result<File, SystemError> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(truncate);
    // A daemon has no umask that would keep others from writing whom `-s` signals.
    let file = options.mode(0o644).open(path);
    file.map_err(|error| failed("open", path, error))
}

fn failed(call: &str, path: &Path, error: std::io::Error) -> SystemError {
    SystemError::new(format_args!("{call}() \"{}\"", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_names_a_process_or_says_what_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        let check = |text: &str, expected: Result<i32, &str>| {
            std::fs::write(&path, text).unwrap();
            let read = PidFile::read(&path)
                .map(Pid::as_raw)
                .map_err(|error| error.to_string());
            let expected = expected.map_err(|words| {
                format!("invalid PID number \"{words}\" in \"{}\"", path.display())
            });
            assert_eq!(read, expected, "{text:?}");
        };
        check("17\n", Ok(17));
        check("17\r\n\n", Ok(17));
        check("", Err(""));
        check("\n", Err(""));
        check("+7", Err("+7"));
        check("1x\n", Err("1x"));
        check("99999999999", Err("99999999999"));
    }

    #[test]
    fn it_lives_from_write_to_remove() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        let file = PidFile::write(&path).unwrap();
        assert_eq!(PidFile::read(&path).unwrap(), Pid::this());
        file.remove().unwrap();
        let gone = PidFile::read(&path).unwrap_err().to_string();
        assert_eq!(
            gone,
            format!(
                "open() \"{}\" failed (2: No such file or directory)",
                path.display()
            )
        );
    }
}
