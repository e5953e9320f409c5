//! The process under test.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::conf::Preamble;
use super::prefix::Prefix;
use crate::version::Version;

/// A binary that takes `-p PREFIX -c CONF`, and what it is.
#[derive(Clone, Debug)]
pub struct Binary {
    path: PathBuf,
    /// Set for nginx itself, which plays one version only and knows no `compat`.
    nginx: Option<String>,
}

/// What was given is no proxy.
#[derive(Debug, thiserror::Error)]
pub enum NoBinary {
    /// It could not be asked for its version.
    #[error("cannot run {} -v: {source}", path.display())]
    Run {
        /// As given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is neither weir nor nginx: -v says {said:?} ({status})", path.display())]
    Other {
        /// As given.
        path: PathBuf,
        /// What it said.
        said: String,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Directories of modules that play no part; compiled-in ones belong to the system.
const OTHER_TEMP_PATHS: &str =
    "fastcgi_temp_path fastcgi_temp; uwsgi_temp_path uwsgi_temp; scgi_temp_path scgi_temp;";

/// A started proxy.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    /// The master's process group holds its workers too.
    group: Pid,
}

/// What a run that ends by itself left.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; none if a signal ended it.
    pub exit: Option<i32>,
    /// What it said.
    pub stderr: Vec<u8>,
}

/// Why a proxy did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The binary cannot be run.
    #[error("cannot run the binary: {0}")]
    Spawn(#[from] io::Error),
    /// It ended, most likely because it refused its configuration.
    #[error("it ended with {status}: {stderr}")]
    Exited {
        /// How.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// A weir in this process refused its configuration.
    #[error("{0}")]
    Embedded(String),
    /// It runs, but is not ready.
    #[error("no pid file within {0:?}")]
    Silent(Duration),
}

const START_LIMIT: Duration = Duration::from_secs(5);
const STOP_LIMIT: Duration = Duration::from_secs(3);

impl Binary {
    /// Asks the binary for its version; only nginx answers `nginx/VERSION` and is called nginx.
    ///
    /// # Errors
    /// It cannot be run, or names neither nginx nor weir.
    pub fn ask(path: &Path) -> Result<Self, NoBinary> {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let output = std::process::Command::new(&absolute).arg("-v").output();
        let output = output.map_err(|source| NoBinary::Run {
            path: path.to_owned(),
            source,
        })?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if !["nginx", "weir"].iter().any(|name| text.contains(name)) {
            return Err(NoBinary::Other {
                path: path.to_owned(),
                said: text.trim().to_owned(),
                status: output.status,
            });
        }
        let is_nginx = absolute.file_name().is_some_and(|name| name == "nginx");
        let version = text
            .split("nginx/")
            .nth(1)
            .map(|rest| rest.split_whitespace().next());
        let version = version.flatten().unwrap_or("unknown").to_owned();
        Ok(Self {
            path: absolute,
            nginx: is_nginx.then_some(version),
        })
    }

    /// Its own version, for nginx itself.
    pub fn nginx(&self) -> Option<&str> {
        self.nginx.as_deref()
    }

    /// Whether it is nginx itself, which has every directive.
    pub fn is_nginx(&self) -> bool {
        self.nginx.is_some()
    }

    /// What its configuration needs besides.
    pub fn preamble(&self, version: Version) -> Preamble {
        if self.is_nginx() {
            Preamble {
                first: "",
                http: OTHER_TEMP_PATHS,
            }
        } else {
            Preamble {
                first: version.compat_directive(),
                http: "",
            }
        }
    }

    /// Starts it and returns once its pid file is there.
    pub async fn start(&self, prefix: &Prefix) -> Result<Proxy, StartError> {
        let mut child = self.command(prefix.path()).spawn()?;
        let id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .unwrap_or_default();
        let pid_file = prefix.pid_file();
        let ready = async {
            loop {
                if std::fs::metadata(&pid_file).is_ok_and(|file| file.len() > 0) {
                    return Ok(());
                }
                if let Some(status) = child.try_wait()? {
                    let stderr = read_stderr(&mut child).await;
                    let stderr = String::from_utf8_lossy(&stderr).trim().to_owned();
                    return Err(StartError::Exited { status, stderr });
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(START_LIMIT, ready)
            .await
            .unwrap_or(Err(StartError::Silent(START_LIMIT)))?;
        Ok(Proxy {
            child,
            group: Pid::from_raw(id),
        })
    }

    /// Runs it with `-t` and waits for its end.
    pub async fn test(&self, prefix: &Prefix) -> io::Result<Ended> {
        let mut child = self.command(prefix.path()).arg("-t").spawn()?;
        let stderr = read_stderr(&mut child).await;
        let status = timeout(START_LIMIT, child.wait()).await??;
        Ok(Ended {
            exit: status.code(),
            stderr,
        })
    }

    fn command(&self, prefix: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command
            .arg("-p")
            .arg(prefix)
            .args(["-c", "conf/nginx.conf"]);
        if self.is_nginx() {
            // Packages compile a path of the system in, which is opened before the file is read.
            command.args(["-e", "logs/error.log"]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command
    }
}

impl Proxy {
    /// Stops it with SIGTERM, and its whole group with SIGKILL if need be; says how it ended.
    pub async fn stop(mut self) -> io::Result<String> {
        nix::sys::signal::kill(self.group, Signal::SIGTERM)?;
        match timeout(STOP_LIMIT, self.child.wait()).await {
            Ok(status) => Ok(status?.to_string()),
            Err(_elapsed) => {
                killpg(self.group, Signal::SIGKILL)?;
                self.child.wait().await?;
                Ok(format!("not ended {STOP_LIMIT:?} after SIGTERM"))
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Only a proxy that was not stopped still has an id.
        if self.child.id().is_some() {
            let _gone = killpg(self.group, Signal::SIGKILL);
        }
    }
}

async fn read_stderr(child: &mut Child) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(stderr) = &mut child.stderr {
        // Whatever arrived before a fault is still worth showing.
        let _partial = stderr.read_to_end(&mut text).await;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The complaint about `binary`.
    fn check(binary: &str, expected: &str) {
        let fault = Binary::ask(Path::new(binary)).unwrap_err().to_string();
        assert!(fault.starts_with(expected), "{fault}");
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        let expected = "/bin/true is neither weir nor nginx: -v says \"\" (exit status: 0)";
        check("/bin/true", expected);
        check("/nowhere/weir", "cannot run /nowhere/weir -v: ");
    }
}
