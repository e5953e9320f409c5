//! HUP: going over to another configuration without losing a request (`ngx_init_cycle`).

use std::sync::Arc;

use weir_conf::{Config, Fault};
use weir_log::Level;
use weir_proxy::plan::{Plan, create_temp_folders};

use super::Service;
use crate::configuration;
use crate::panics;
use crate::pid_file::PidFile;
use crate::privileges::Account;
use crate::sockets::Sockets;
use crate::start::{StartFault, listens};
use crate::startup_log::words;
use crate::workers::Order;

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
    pub(super) fn reload(&mut self) {
        weir_log::update_time_zone();
        self.log(Level::Notice, "reconfiguring");
        let config = match configuration::load(&self.flags) {
            Ok(config) => Arc::new(config),
            Err(faults) => return self.log_faults(faults.all()),
        };
        self.log_faults(&config.warnings);
        match self.open_next(&config) {
            Ok(next) => self.go_over(next),
            Err(fault) => self.log(Level::Emerg, &fault.to_string()),
        }
    }

    fn open_next(&self, config: &Arc<Config>) -> Result<Next, StartFault> {
        let account = Account::of(config)?;
        create_temp_folders(config, account.map(|account| account.ids()))?;
        let plan = Plan::new(config.clone(), &self.logs, Some(&self.plan))?;
        let report = |level: Level, text: &str| self.log(level, text);
        let workers = config.main.worker_processes;
        let sockets = Sockets::open(listens(config), workers, Some(&self.sockets), &report)?;
        let moved = self.pid_file.path() != config.main.pid;
        let pid_file = moved.then(|| PidFile::write(&config.main.pid)).transpose();
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

    /// Nothing here can fail for want of anything but threads. The old sockets are closed last:
    /// those that stay are in the new set too.
    fn go_over(&mut self, next: Next) {
        if let Some(pid_file) = next.pid_file {
            let old = std::mem::replace(&mut self.pid_file, pid_file);
            if let Err(error) = old.remove() {
                self.log(Level::Alert, &error.to_string());
            }
        }
        self.plan = next.plan;
        panics::report_to(self.plan.main_sinks());
        let old = std::mem::replace(&mut self.sockets, next.sockets);
        old.remove_paths(Some(&self.sockets), &|level, text| self.log(level, text));
        self.limit_open_files();
        let wanted = self.plan.config().main.worker_processes;
        let kept = wanted.min(self.workers.len());
        let limit = self.plan.config().main.worker_shutdown_timeout;
        for worker in self.workers.drain(kept..) {
            worker.tell(Order::Retire(limit));
            self.retired.push(worker);
        }
        for (number, worker) in self.workers.iter().enumerate() {
            worker.tell(Order::Adopt(self.assignment(number, wanted)));
        }
        if let Err(error) = self.start_all() {
            self.log(Level::Alert, &error.to_string());
            self.share_out();
        }
    }

    /// Lets the workers that there are accept from every socket.
    fn share_out(&self) {
        let count = self.workers.len();
        for (number, worker) in self.workers.iter().enumerate() {
            worker.tell(Order::Adopt(self.assignment(number, count)));
        }
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
