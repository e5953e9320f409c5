//! The process under test.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::bed::Prefix;
use super::{Options, ReplayError};
use crate::version::Version;

/// The binary, and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    binary: PathBuf,
    /// Set for nginx itself, which plays one version only and knows no `compat`.
    nginx: Option<String>,
}

/// What stands in a configuration because of the binary, not because of the record; no line feeds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Preamble {
    /// Before everything else.
    pub(crate) first: &'static str,
    /// In `http`.
    pub(crate) http: &'static str,
}

/// Directories of modules that play no part; compiled-in ones belong to the system.
const OTHER_TEMP_PATHS: &str =
    "fastcgi_temp_path fastcgi_temp; uwsgi_temp_path uwsgi_temp; scgi_temp_path scgi_temp;";

/// A started proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    child: Child,
    /// The master's process group holds its workers too.
    group: Pid,
}

/// What a run that ends by itself left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Option<i32>,
    pub(crate) stderr: Vec<u8>,
}

/// Why a proxy did not come up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("cannot run the binary: {0}")]
    Spawn(#[from] io::Error),
    #[error("it exited with {exit:?}: {stderr}")]
    Exited { exit: Option<i32>, stderr: String },
    #[error("no pid file within {0:?}")]
    Silent(Duration),
}

const START_LIMIT: Duration = Duration::from_secs(5);
const STOP_LIMIT: Duration = Duration::from_secs(3);

impl Target {
    /// Asks the binary for its version; only nginx answers `nginx/VERSION` and is called nginx.
    pub(crate) fn ask(options: &Options) -> Result<Self, ReplayError> {
        let binary =
            std::path::absolute(&options.binary).unwrap_or_else(|_| options.binary.clone());
        let fault = |source| ReplayError::Binary {
            binary: options.binary.display().to_string(),
            source,
        };
        let output = std::process::Command::new(&binary)
            .arg("-v")
            .output()
            .map_err(fault)?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_nginx = binary.file_name().is_some_and(|name| name == "nginx");
        let version = text
            .split("nginx/")
            .nth(1)
            .map(|rest| rest.split_whitespace().next());
        let version = version.flatten().unwrap_or("unknown").to_owned();
        Ok(Self {
            binary,
            nginx: is_nginx.then_some(version),
        })
    }

    /// Whether records of `version` are for this binary.
    pub(crate) fn plays(&self, options: &Options, version: Version) -> bool {
        let chosen = options.compat.is_none_or(|compat| compat == version);
        match (&self.nginx, options.compat) {
            (Some(own), None) => own == version.as_str(),
            _ => chosen,
        }
    }

    /// Whether it is nginx itself, which has every directive.
    pub(crate) fn is_nginx(&self) -> bool {
        self.nginx.is_some()
    }

    /// What the configuration of a record needs besides.
    pub(crate) fn preamble(&self, version: Version) -> Preamble {
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
    pub(crate) async fn start(&self, prefix: &Prefix) -> Result<Proxy, StartError> {
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
                    return Err(StartError::Exited {
                        exit: status.code(),
                        stderr,
                    });
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
    pub(crate) async fn test(&self, prefix: &Prefix) -> io::Result<Ended> {
        let mut child = self.command(prefix.path()).arg("-t").spawn()?;
        let stderr = read_stderr(&mut child).await;
        let status = timeout(START_LIMIT, child.wait()).await??;
        Ok(Ended {
            exit: status.code(),
            stderr,
        })
    }

    fn command(&self, prefix: &Path) -> Command {
        let mut command = Command::new(&self.binary);
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
    pub(crate) async fn stop(mut self) -> io::Result<String> {
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
