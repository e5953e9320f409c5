//! Signals as events, with who sent them.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tokio::io::unix::AsyncFd;

use crate::system_error::SystemError;

/// What a signal means (`ngx_signal_handler`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// TERM, INT: end at once.
    Stop,
    /// QUIT: answer what is under way, then end.
    Quit,
    /// HUP.
    Reload,
    /// USR1.
    Reopen,
    /// WINCH: the workers end as after QUIT, their sockets stay.
    StopAccepting,
    /// USR2: nginx would start another binary on its sockets.
    ChangeBinary,
}

/// A signal that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) meaning: Meaning,
    signal: Signal,
    /// 0 if the kernel sent it.
    sender: u32,
}

/// The signals that weir obeys, in the order of their meanings.
const SIGNALS: [(Signal, Meaning); 7] = [
    (Signal::SIGTERM, Meaning::Stop),
    (Signal::SIGINT, Meaning::Stop),
    (Signal::SIGQUIT, Meaning::Quit),
    (Signal::SIGHUP, Meaning::Reload),
    (Signal::SIGUSR1, Meaning::Reopen),
    (Signal::SIGUSR2, Meaning::ChangeBinary),
    (Signal::SIGWINCH, Meaning::StopAccepting),
];

/// Holds the signals back until [`Signals`] reads them; later threads inherit that. Must run before
/// any thread starts, and before anybody can learn the process's number.
pub(crate) fn hold_back() -> Result<(), SystemError> {
    set()
        .thread_block()
        .map_err(|error| SystemError::new("sigprocmask()", error))
}

/// The signals held back, as they come.
#[derive(Debug)]
pub(crate) struct Signals(AsyncFd<SignalFd>);

impl Signals {
    /// Must run inside the runtime.
    pub(crate) fn new() -> Result<Self, SystemError> {
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let failed = |error| SystemError::new("signalfd()", error);
        let signals = SignalFd::with_flags(&set(), flags).map_err(failed)?;
        // SAFETY: `SignalFd` owns its descriptor and keeps it open, unchanged, for as long as it lives.
        #[expect(unsafe_code, reason = "tokio offers no safe registration")]
        let registered = unsafe { AsyncFd::register(signals) };
        registered
            .map(Self)
            .map_err(|error| SystemError::new("epoll_ctl()", error.into_parts().1))
    }

    /// The next signal.
    pub(crate) async fn next(&self) -> io::Result<Received> {
        loop {
            let mut ready = self.0.readable().await?;
            match self.0.get_ref().read_signal().map_err(io::Error::from)? {
                Some(info) => {
                    if let Some(received) = received(info.ssi_signo, info.ssi_pid) {
                        return Ok(received);
                    }
                }
                None => ready.clear_ready(),
            }
        }
    }
}

impl Received {
    /// nginx's line about it. Whoever has not left the terminal takes WINCH for what it was made for:
    /// the terminal's window has another size.
    pub(crate) fn line(self, daemonized: bool) -> String {
        let action = match self.meaning {
            Meaning::Stop => ", exiting",
            Meaning::Quit => ", shutting down",
            Meaning::Reload => ", reconfiguring",
            Meaning::Reopen => ", reopening logs",
            Meaning::StopAccepting if daemonized => ", stop accepting connections",
            Meaning::StopAccepting => "",
            Meaning::ChangeBinary => ", ignoring",
        };
        let (number, name) = (self.signal as i32, self.signal.as_str());
        match self.sender {
            0 => format!("signal {number} ({name}) received{action}"),
            sender => format!("signal {number} ({name}) received from {sender}{action}"),
        }
    }
}

fn set() -> SigSet {
    SIGNALS.iter().map(|(signal, _)| *signal).collect()
}

fn received(number: u32, sender: u32) -> Option<Received> {
    let (signal, meaning) = SIGNALS
        .iter()
        .find(|(signal, _)| *signal as u32 == number)?;
    Some(Received {
        meaning: *meaning,
        signal: *signal,
        sender,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_signal_sender_and_action() {
        let check = |signal: Signal, sender, expected: &str| {
            let received = received(signal as u32, sender).unwrap();
            assert_eq!(received.line(true), expected);
        };
        check(
            Signal::SIGHUP,
            7,
            "signal 1 (SIGHUP) received from 7, reconfiguring",
        );
        check(Signal::SIGTERM, 0, "signal 15 (SIGTERM) received, exiting");
        check(
            Signal::SIGUSR1,
            1,
            "signal 10 (SIGUSR1) received from 1, reopening logs",
        );
        check(
            Signal::SIGUSR2,
            7,
            "signal 12 (SIGUSR2) received from 7, ignoring",
        );
        let winch = "signal 28 (SIGWINCH) received from 7";
        let accepting = format!("{winch}, stop accepting connections");
        check(Signal::SIGWINCH, 7, &accepting);
        let received_winch = received(Signal::SIGWINCH as u32, 7).unwrap();
        assert_eq!(received_winch.line(false), winch);
        assert!(received(Signal::SIGCHLD as u32, 1).is_none());
    }
}
