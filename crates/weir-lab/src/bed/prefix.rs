//! The prefix directory of one run: configuration, pages, logs, temporary files.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use serde::{Deserialize, Serialize};

/// Where a proxy runs.
#[derive(Debug)]
pub struct Prefix {
    path: PathBuf,
}

/// Pages under `html`, as the records were made with.
const PAGES: [(&str, &str); 2] = [("index.html", "index\n"), ("50x.html", "custom fifty-x\n")];

/// 2020-01-01T00:00:00Z, which shows in Last-Modified and ETag.
const PAGE_TIME: Duration = Duration::from_secs(1_577_836_800);

/// Something below the prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LaidOut {
    /// A file of this text, or a folder.
    Text(String),
    /// A symbolic link.
    Link {
        /// What it leads to.
        link: PathBuf,
    },
}

fn set_time(path: &Path) -> io::Result<()> {
    let time = SystemTime::UNIX_EPOCH + PAGE_TIME;
    File::open(path)?.set_times(FileTimes::new().set_modified(time))
}

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
            set_time(&file)?;
        }
        Ok(Self { path })
    }

    /// Lays out files and folders of these names; one that ends with a slash is a folder.
    pub fn lay(&self, files: &BTreeMap<String, LaidOut>) -> io::Result<()> {
        for (name, file) in files {
            let path = self.path.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            match file {
                LaidOut::Text(_) if name.ends_with('/') => fs::create_dir_all(&path)?,
                LaidOut::Text(text) => fs::write(&path, text)?,
                LaidOut::Link { link } => {
                    symlink(link, &path)?;
                    let time = TimeSpec::from_duration(PAGE_TIME);
                    utimensat(
                        AT_FDCWD,
                        &path,
                        &time,
                        &time,
                        UtimensatFlags::NoFollowSymlink,
                    )?;
                }
            }
        }
        // Folders last: what is put into one changes its time.
        for name in files.keys() {
            let path = self.path.join(name);
            // A link may lead nowhere.
            if path.exists() {
                set_time(&path)?;
            }
            for folder in Path::new(name).ancestors().skip(1) {
                set_time(&self.path.join(folder))?;
            }
        }
        Ok(())
    }

    /// Writes `conf/nginx.conf`.
    ///
    /// One that speaks of `certs/` finds there what it needs for backends with TLS.
    pub fn configure(&self, conf: &str) -> io::Result<()> {
        if conf.contains("certs/") {
            let folder = self.path.join("conf/certs");
            fs::create_dir_all(&folder)?;
            for (name, text) in crate::tls::files() {
                fs::write(folder.join(name), text)?;
            }
        }
        fs::write(self.path.join("conf/nginx.conf"), conf)
    }

    /// Shows the certificates below the directory itself as well: a configuration that is given as a text has no folder of its
    /// own.
    pub(super) fn show_certificates(&self) -> io::Result<()> {
        let (kept, shown) = (self.path.join("conf/certs"), self.path.join("certs"));
        match kept.exists() && !shown.exists() {
            true => symlink(kept, shown),
            false => Ok(()),
        }
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
