//! The main thread while workers serve: it obeys signals and looks after the workers.

mod reload;

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use nix::sys::resource::rlim_t;
use nix::unistd::geteuid;
use tokio::sync::{mpsc, oneshot};
use weir_log::{Level, LogFile, OpenError, emit};
use weir_proxy::plan::Plan;

use crate::configuration;
use crate::daemon;
use crate::flags::Flags;
use crate::limits::{self, OpenFiles};
use crate::pid_file::PidFile;
use crate::privileges::Account;
use crate::signals::{Meaning, Received, Signals};
use crate::sockets::Sockets;
use crate::start::Opened;
use crate::system_error::SystemError;
use crate::workers::{Assignment, Order, Process, WorkerThread};

/// Descriptors of a worker's runtime: epoll, its double, the eventfd that wakes it.
const WORKER_FILES: usize = 3;

/// How long workers may take to end once they were told to; longer than a worker gives its
/// connections. One that is stuck ends with the process.
const END_LIMIT: Duration = Duration::from_secs(3);

/// How long workers may take to do what they are told at once: write their lines, go over to
/// another configuration. Nobody else shall wait for one that is stuck.
const ORDER_LIMIT: Duration = Duration::from_secs(1);

/// What is said instead of starting another binary.
const NO_OTHER_BINARY: &str = "the binary cannot be changed while weir runs, it goes on as it is: \
                               start the new one after SIGQUIT";

/// A running weir.
pub(crate) struct Service {
    /// It has left the terminal. Only a start decides that.
    daemonized: bool,
    flags: Flags,
    plan: Arc<Plan>,
    /// Logs of earlier configurations, which requests under way may still write to.
    older_logs: Vec<Weak<LogFile>>,
    sockets: Sockets,
    /// Position is the number by which sockets are shared out.
    workers: Vec<WorkerThread>,
    /// Those that were told to end.
    retired: Vec<WorkerThread>,
    next_id: u64,
    process: Process,
    ended: mpsc::UnboundedReceiver<u64>,
    pid_file: PidFile,
    /// Who the process has become, if it was root's: root's master would look after files for them.
    account: Option<Account>,
    /// Root's rights were given up, as the configuration asked.
    unprivileged: bool,
    open_files: OpenFiles,
    /// Descriptors that are open without workers.
    own_files: rlim_t,
    /// No worker shall follow one that ends.
    leaving: bool,
    /// The workers need not finish what they do.
    stopping: bool,
}

/// Why a log is not opened anew. Displays nginx's words.
#[derive(Debug, thiserror::Error)]
enum ReopenFault {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Own(#[from] SystemError),
}

impl Service {
    /// No worker is started yet.
    pub(crate) fn new(opened: Opened, pid_file: PidFile) -> Self {
        let Opened {
            flags,
            account,
            plan,
            sockets,
            open_files,
        } = opened;
        let (send_ended, ended) = mpsc::unbounded_channel();
        let process = Process {
            statistics: Arc::default(),
            // Connection numbers begin with 1, as nginx's do.
            numbers: Arc::new(AtomicU64::new(1)),
            ended: send_ended,
        };
        Self {
            daemonized: plan.config().main.daemon,
            flags,
            plan,
            older_logs: Vec::new(),
            sockets,
            workers: Vec::new(),
            retired: Vec::new(),
            next_id: 0,
            process,
            ended,
            pid_file,
            unprivileged: account.is_some() && !geteuid().is_root(),
            account,
            open_files,
            own_files: 0,
            leaving: false,
            stopping: false,
        }
    }

    /// Starts the workers and obeys signals until the last of them has ended.
    pub(crate) fn run(mut self) -> Result<(), SystemError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| SystemError::new("epoll_create()", error))?;
        let result = runtime.block_on(self.obey());
        runtime.block_on(self.end_workers());
        self.leave();
        result
    }

    async fn obey(&mut self) -> Result<(), SystemError> {
        let signals = Signals::new()?;
        self.own_files = limits::open_now();
        self.limit_open_files();
        self.start_all()?;
        while !self.is_over() {
            tokio::select! {
                received = signals.next() => match received {
                    Ok(received) => self.on_signal(received).await,
                    Err(error) => return Err(SystemError::new("read() signalfd", error)),
                },
                Some(id) = self.ended.recv() => self.on_end(id)?,
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let all_ended = self.workers.is_empty() && self.retired.is_empty();
        self.stopping || (self.leaving && all_ended)
    }

    async fn on_signal(&mut self, received: Received) {
        self.log(Level::Notice, &received.line(self.daemonized));
        match received.meaning {
            Meaning::Stop => self.stop(),
            Meaning::Quit => self.quit(),
            Meaning::Reload if self.leaving => {}
            Meaning::Reload => self.reload().await,
            Meaning::Reopen => self.reopen().await,
            Meaning::StopAccepting => self.stop_accepting(),
            Meaning::ChangeBinary => self.log(Level::Error, NO_OTHER_BINARY),
        }
    }

    fn stop(&mut self) {
        self.leaving = true;
        self.stopping = true;
        self.close_sockets();
    }

    fn quit(&mut self) {
        self.leaving = true;
        self.close_sockets();
        self.drain_workers();
    }

    /// WINCH: who connects from now on waits in a socket's queue until a reload starts workers. One
    /// process that is all there is (`master_process off`) goes on, as nginx's does.
    fn stop_accepting(&mut self) {
        if self.daemonized && self.plan.config().main.master_process {
            self.drain_workers();
        }
    }

    fn drain_workers(&mut self) {
        let limit = self.plan.config().main.worker_shutdown_timeout;
        for worker in &self.workers {
            worker.tell(Order::Drain(limit));
        }
        self.retired.append(&mut self.workers);
    }

    /// Workers close what they hold of the sockets themselves.
    fn close_sockets(&mut self) {
        let sockets = std::mem::take(&mut self.sockets);
        sockets.remove_paths(None, &|level, text| self.log(level, text));
    }

    /// USR1: all lines so far go into the files that there are, all later ones into new files.
    async fn reopen(&self) {
        self.log(Level::Notice, "reopening logs");
        let workers = self.workers.iter().chain(&self.retired);
        all_done(
            workers
                .map(|worker| worker.order(Order::FlushLines))
                .collect(),
        )
        .await;
        for log in self.plan.log_files() {
            let reopened = log.reopen(|path, made| self.give_away(path, made));
            if let Err(fault) = reopened {
                self.log(Level::Emerg, &fault.to_string());
            }
        }
        let older = self.older_logs.iter().filter_map(Weak::upgrade);
        older.for_each(|log| log.follow());
        self.redirect_stderr();
    }

    /// What is written to stderr goes to the error log that is open now.
    fn redirect_stderr(&self) {
        if let Some(file) = configuration::stderr_file(self.plan.config())
            && let Err(error) = daemon::redirect_stderr(file)
        {
            self.log(Level::Alert, &error.to_string());
        }
    }

    /// Gives a log that was opened anew to the user, as root's master does in nginx.
    fn give_away(&self, log: &Path, made: bool) -> Result<(), ReopenFault> {
        if let Some(account) = &self.account {
            if made {
                account.leave_to_root(log)?;
            }
            account.own(log)?;
        }
        Ok(())
    }

    fn limit_open_files(&self) {
        let main = &self.plan.config().main;
        let workers = main.worker_processes;
        let shares: usize = (0..workers)
            .map(|n| self.sockets.share(n, workers).len())
            .sum();
        let own = self.own_files + (workers * WORKER_FILES + shares) as rlim_t;
        if let Err(error) = self.open_files.settle(main, own) {
            self.log(Level::Alert, &error.to_string());
        }
    }

    fn start_all(&mut self) -> Result<(), SystemError> {
        if self.plan.config().main.master_process {
            self.log(Level::Notice, "start worker processes");
        }
        let wanted = self.plan.config().main.worker_processes;
        while self.workers.len() < wanted {
            let worker = self.start_worker(self.workers.len(), wanted)?;
            self.workers.push(worker);
        }
        Ok(())
    }

    fn start_worker(&mut self, number: usize, wanted: usize) -> Result<WorkerThread, SystemError> {
        let id = self.next_id;
        self.next_id += 1;
        WorkerThread::start(id, self.assignment(number, wanted), self.process.clone())
    }

    fn assignment(&self, number: usize, workers: usize) -> Assignment {
        Assignment {
            plan: self.plan.clone(),
            shares: self.sockets.share(number, workers),
        }
    }

    /// A worker has ended: as it was told, or else another takes its place.
    fn on_end(&mut self, id: u64) -> Result<(), SystemError> {
        if let Some(position) = self.retired.iter().position(|worker| worker.id == id) {
            self.retired.remove(position).join();
            return Ok(());
        }
        let Some(number) = self.workers.iter().position(|worker| worker.id == id) else {
            return Ok(());
        };
        self.log(
            Level::Alert,
            &format!("worker {id} exited unexpectedly and is started again"),
        );
        let worker = self.start_worker(number, self.workers.len())?;
        std::mem::replace(&mut self.workers[number], worker).join();
        Ok(())
    }

    /// Ends the workers that there are, and waits for them as long as [`END_LIMIT`].
    async fn end_workers(&mut self) {
        self.retired.append(&mut self.workers);
        self.retired
            .iter()
            .for_each(|worker| worker.tell(Order::Stop));
        let all = async {
            while !self.retired.is_empty() {
                let Some(id) = self.ended.recv().await else {
                    return;
                };
                if let Some(at) = self.retired.iter().position(|worker| worker.id == id) {
                    self.retired.remove(at).join();
                }
            }
        };
        // Whoever is late is told of below.
        let _ = tokio::time::timeout(END_LIMIT, all).await;
        for worker in std::mem::take(&mut self.retired) {
            let text = format!("worker {} does not end and is left behind", worker.id);
            self.log(Level::Alert, &text);
        }
    }

    /// The last steps, whatever led here.
    fn leave(self) {
        let Self {
            plan,
            sockets,
            pid_file,
            ..
        } = self;
        let log = |level, text: &str| emit(plan.main_sinks(), level, None, text.as_bytes());
        sockets.remove_paths(None, &log);
        if let Err(error) = pid_file.remove() {
            log(Level::Alert, &error.to_string());
        }
        log(Level::Notice, "exit");
    }

    fn log(&self, level: Level, text: &str) {
        emit(self.plan.main_sinks(), level, None, text.as_bytes());
    }
}

/// Waits until every worker has done what it was told, for [`ORDER_LIMIT`] at most; `true` if all have.
async fn all_done(orders: Vec<oneshot::Receiver<()>>) -> bool {
    let all = async {
        for done in orders {
            // A worker that ends meanwhile has nothing left to do.
            let _ = done.await;
        }
    };
    tokio::time::timeout(ORDER_LIMIT, all).await.is_ok()
}
