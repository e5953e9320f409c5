//! HUP: going over to another configuration without losing a request (`ngx_init_cycle`).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use weir_conf::{Config, Fault};
use weir_log::{Level, Logs};
use weir_proxy::plan::{Plan, create_temp_folders};

use super::{Service, all_done};
use crate::configuration;
use crate::panics;
use crate::pid_file::PidFile;
use crate::privileges::Account;
use crate::sockets::Sockets;
use crate::start::{StartFault, listens};
use crate::startup_log::words;
use crate::workers::{Assignment, Order};

/// Everything that can fail, done.
struct Next {
    plan: Arc<Plan>,
    sockets: Sockets,
    /// Only if it has another path.
    pid_file: Option<PidFile>,
}

/// The warning for those who are not root; here the user has been changed already.
const USER_IN_VAIN: &str = "the \"user\" directive makes sense only if";

impl Service {
    /// Reads the configuration anew. Whatever is wrong with it, the old one stays and the log says
    /// why.
    pub(super) async fn reload(&mut self) {
        weir_log::update_time_zone();
        self.log(Level::Notice, "reconfiguring");
        let config = match configuration::load(&self.flags) {
            Ok(config) => Arc::new(config),
            Err(faults) => return self.log_faults(faults.all()),
        };
        self.log_faults(&config.warnings);
        match self.open_next(&config) {
            Ok(next) => self.go_over(next).await,
            Err(fault) => self.log(Level::Emerg, &fault.to_string()),
        }
    }

    fn open_next(&self, config: &Arc<Config>) -> Result<Next, StartFault> {
        let account = Account::of(config)?;
        create_temp_folders(config, account.map(|account| account.ids()))?;
        // Every log is opened anew: one that was moved away is left to what is under way.
        let logs = Logs::default();
        let plan = Plan::new(config.clone(), &logs, Some(&self.plan));
        logs.take_made()
            .iter()
            .for_each(|log| self.leave_to_root(log));
        let plan = plan?;
        let report = |level: Level, text: &str| self.log(level, text);
        plan.warnings().for_each(|text| report(Level::Warn, text));
        let workers = config.main.worker_processes;
        let sockets = Sockets::open(listens(config), workers, Some(&self.sockets), &report)?;
        let moved = self.pid_file.path() != config.main.pid;
        let pid_file = moved.then(|| PidFile::write(&config.main.pid)).transpose();
        if moved {
            self.leave_to_root(&config.main.pid);
        }
        if pid_file.is_err() {
            // What was opened for nothing leaves nothing behind.
            sockets.remove_paths(Some(&self.sockets), &report);
        }
        Ok(Next {
            plan: Arc::new(plan),
            sockets,
            pid_file: pid_file?,
        })
    }

    /// Gives a file that was made for the new configuration to root, whose master would have made it.
    fn leave_to_root(&self, made: &Path) {
        let left = self
            .account
            .as_ref()
            .map(|account| account.leave_to_root(made));
        if let Some(Err(error)) = left {
            self.log(Level::Alert, &error.to_string());
        }
    }

    /// Nothing here can fail for want of anything but threads. The old sockets are closed after the
    /// workers were told: those that stay are in the new set too.
    async fn go_over(&mut self, next: Next) {
        match next.pid_file {
            Some(pid_file) => {
                let old = std::mem::replace(&mut self.pid_file, pid_file);
                if let Err(error) = old.remove() {
                    self.log(Level::Alert, &error.to_string());
                }
            }
            None => self.pid_file.renew(),
        }
        let old_plan = std::mem::replace(&mut self.plan, next.plan);
        self.older_logs.retain(|log| log.strong_count() > 0);
        self.older_logs
            .extend(old_plan.log_files().iter().map(Arc::downgrade));
        panics::report_to(self.plan.main_sinks());
        self.redirect_stderr();
        let old = std::mem::replace(&mut self.sockets, next.sockets);
        old.remove_paths(Some(&self.sockets), &|level, text| self.log(level, text));
        self.limit_open_files();
        let wanted = self.plan.config().main.worker_processes;
        let limit = old_plan.config().main.worker_shutdown_timeout;
        let mut adopted = self.retire(wanted, limit);
        adopted.extend(self.share_out(wanted));
        if let Err(error) = self.start_all() {
            self.log(Level::Alert, &error.to_string());
            adopted.extend(self.share_out(self.workers.len()));
        }
        drop(old);
        if all_done(adopted).await {
            self.log(Level::Notice, "reconfigured");
        } else {
            self.log(
                Level::Alert,
                "a worker is stuck under the old configuration",
            );
        }
    }

    /// Lets the workers beyond `wanted` end, as those do that an earlier reload has made superfluous.
    /// Clients who may send one more request there are answered under the plan, too.
    fn retire(&mut self, wanted: usize, limit: Option<Duration>) -> Vec<oneshot::Receiver<()>> {
        let surplus = self.workers.split_off(wanted.min(self.workers.len()));
        let assignment = Assignment {
            plan: self.plan.clone(),
            shares: Vec::new(),
        };
        let adopted = (self.retired.iter().chain(&surplus))
            .map(|worker| worker.order(|done| Order::Adopt(assignment.clone(), done)))
            .collect();
        for worker in &surplus {
            worker.tell(Order::Retire(limit));
        }
        self.retired.extend(surplus);
        adopted
    }

    /// Lets the workers that there are serve the plan, and accept from what is theirs if there are
    /// `count` of them.
    fn share_out(&self, count: usize) -> Vec<oneshot::Receiver<()>> {
        let workers = self.workers.iter().enumerate();
        workers
            .map(|(number, worker)| {
                let assignment = self.assignment(number, count);
                worker.order(|done| Order::Adopt(assignment, done))
            })
            .collect()
    }

    fn log_faults(&self, faults: &[Fault]) {
        for fault in faults {
            if self.unprivileged && fault.message.starts_with(USER_IN_VAIN) {
                continue;
            }
            let level = fault.level;
            self.log(level, &words(fault));
            if level == Level::Emerg {
                return;
            }
        }
    }
}
