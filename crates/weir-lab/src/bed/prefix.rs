//! The prefix directory of one run: configuration, pages, logs, temporary files.

use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where a proxy runs.
#[derive(Debug)]
pub struct Prefix {
    path: PathBuf,
}

/// Pages under `html`, as the records were made with.
const PAGES: [(&str, &str); 2] = [("index.html", "index\n"), ("50x.html", "custom fifty-x\n")];

/// 2020-01-01T00:00:00Z, which shows in Last-Modified and ETag.
const PAGE_TIME: Duration = Duration::from_secs(1_577_836_800);

impl Prefix {
    /// Clears `path` and lays out a prefix there with this configuration.
    pub fn lay_out(path: PathBuf, conf: &str) -> io::Result<Self> {
        let prefix = Self::clear(path)?;
        prefix.configure(conf)?;
        Ok(prefix)
    }

    /// Clears `path` and lays out a prefix there, still without a configuration.
    pub fn clear(path: PathBuf) -> io::Result<Self> {
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        for directory in ["conf", "logs", "html"] {
            fs::create_dir_all(path.join(directory))?;
        }
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        for (name, text) in PAGES {
            let file = path.join("html").join(name);
            fs::write(&file, text)?;
            let time = SystemTime::UNIX_EPOCH + PAGE_TIME;
            File::options()
                .write(true)
                .open(file)?
                .set_times(FileTimes::new().set_modified(time))?;
        }
        Ok(Self { path })
    }

    /// Writes `conf/nginx.conf`.
    pub fn configure(&self, conf: &str) -> io::Result<()> {
        fs::write(self.path.join("conf/nginx.conf"), conf)
    }

    /// The configuration as it was written.
    pub fn conf(&self) -> io::Result<String> {
        fs::read_to_string(self.path.join("conf/nginx.conf"))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the proxy says that it runs.
    pub fn pid_file(&self) -> PathBuf {
        self.path.join("logs/nginx.pid")
    }

    /// Names of the files among the logs, in order.
    pub fn logs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path.join("logs")).into_iter().flatten();
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// A log's bytes; a log that does not exist yet is empty.
    pub fn log(&self, name: &str) -> Vec<u8> {
        fs::read(self.path.join("logs").join(name)).unwrap_or_default()
    }
}
