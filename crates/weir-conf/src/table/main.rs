//! Directives outside all blocks, and those of `events`.

use std::path::PathBuf;
use std::time::Duration;

use super::{Arity, EVENTS, Entry, MAIN, Support, directives};
use crate::model::ErrorLogTarget;
use crate::value::EnvRule;
use crate::value::read::{
    Call, Reading, Reject, env, error_log, flag, number, path, time, user, worker_connections,
    worker_processes,
};

directives! {
    /// What the process as a whole obeys.
    Main from WrittenMain;

    /// Whether the process detaches from its terminal.
    daemon: One<bool> = flag, "on"; in MAIN;
    /// Whether there is a master process. There is none here: one process has the workers as
    /// threads. `off` spares a notice and one of `worker_connections`, as in nginx.
    master_process: One<bool> = flag, "on"; in MAIN;
    /// Number of workers; `auto` = as many as processors are available.
    worker_processes: One<usize> = worker_processes, "1"; in MAIN;
    /// User and group of the workers.
    user: Maybe<(String, Option<String>)> = user; in MAIN, Arity::between(1, 2);
    /// File of the process id.
    pid: One<PathBuf> = path, "logs/nginx.pid"; in MAIN;
    /// Environment of the workers.
    env: Many<EnvRule> = env; in MAIN;
    /// Limit of open files of a worker.
    worker_rlimit_nofile: Maybe<u64> = number; in MAIN;
    /// How long old workers may finish after a reload or stop; without it, as long as it takes.
    worker_shutdown_timeout: Maybe<Duration> = time; in MAIN;
    /// Where error lines go.
    error_log: Many<ErrorLogTarget> = error_log, "logs/error.log error"; in MAIN, Arity::SOME;
    /// Most connections of a worker, upstream ones among them.
    worker_connections: One<usize> = worker_connections, "512"; in EVENTS;
    raw {}
    checked {
        /// Whether a worker accepts all waiting connections at once.
        multi_accept: One<bool> = flag, "off"; in EVENTS;
            because "a worker accepts in turns of 16, between which it serves";
    }
    derived {}
}
