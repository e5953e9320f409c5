//! A log that is still being written.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// So much is read at once: bytes.
const BLOCK: usize = 64 << 10;
/// A longer line is none of a log: bytes.
const LONGEST: usize = 1 << 20;

/// A log from where it ended when this began; one that is put aside or emptied is followed to its successor.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    file: Option<File>,
    inode: u64,
    position: u64,
    /// A line without its end.
    part: Vec<u8>,
}

impl Follower {
    /// From the end of what there is.
    pub fn of(path: &Path) -> Self {
        let mut follower = Self {
            path: path.to_owned(),
            file: None,
            inode: 0,
            position: 0,
            part: Vec::new(),
        };
        follower.open();
        if let Some(data) = follower.file.as_ref().and_then(|file| file.metadata().ok()) {
            follower.position = data.len();
        }
        follower
    }

    fn open(&mut self) {
        self.file = File::open(&self.path).ok();
        let data = self.file.as_ref().and_then(|file| file.metadata().ok());
        self.inode = data.as_ref().map_or(0, Metadata::ino);
        self.position = 0;
        self.part.clear();
    }

    /// Shows the lines that have been written since the last time.
    ///
    /// # Errors
    ///
    /// Reading fails.
    pub fn more(&mut self, mut see: impl FnMut(&[u8])) -> io::Result<()> {
        self.read(&mut see)?;
        let now = self.path.metadata().ok();
        let is_other = now.as_ref().map(Metadata::ino) != Some(self.inode);
        let is_emptied = now.as_ref().is_some_and(|data| data.len() < self.position);
        if now.is_some() && (is_other || is_emptied) {
            self.open();
            self.read(&mut see)?;
        }
        Ok(())
    }

    fn read(&mut self, see: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.seek(SeekFrom::Start(self.position))?;
        let mut block = vec![0; BLOCK];
        loop {
            let count = file.read(&mut block)?;
            if count == 0 {
                return Ok(());
            }
            self.position += count as u64;
            let mut rest = &block[..count];
            while let Some(end) = memchr::memchr(b'\n', rest) {
                self.part.extend_from_slice(&rest[..end]);
                see(&self.part);
                self.part.clear();
                rest = &rest[end + 1..];
            }
            if self.part.len() < LONGEST {
                self.part.extend_from_slice(rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn seen(follower: &mut Follower) -> Vec<String> {
        let mut lines = Vec::new();
        let read = follower.more(|line| lines.push(String::from_utf8_lossy(line).into_owned()));
        assert!(read.is_ok());
        lines
    }

    #[test]
    fn what_is_written_later_is_seen_also_in_a_new_file() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("error.log");
        fs::write(&path, "old\n")?;
        let mut follower = Follower::of(&path);
        assert_eq!(seen(&mut follower), [""; 0]);
        let mut file = File::options().append(true).open(&path)?;
        file.write_all(b"one\ntw")?;
        assert_eq!(seen(&mut follower), ["one"]);
        file.write_all(b"o\n")?;
        assert_eq!(seen(&mut follower), ["two"]);
        fs::rename(&path, folder.path().join("error.log.1"))?;
        file.write_all(b"three\n")?;
        fs::write(&path, "four\n")?;
        assert_eq!(seen(&mut follower), ["three", "four"]);
        fs::write(&path, "5\n")?;
        assert_eq!(seen(&mut follower), ["5"]);
        Ok(())
    }
}
