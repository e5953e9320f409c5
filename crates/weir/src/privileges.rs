//! Giving root's rights up once everything that needs them is open (`ngx_worker_process_init`).
//!
//! nginx's master stays root, and opens on reload what its workers may not: low ports, logs in
//! root's folders, keys that only root may read. weir is one process: all of it becomes the user's,
//! its main thread keeps the few rights that those things need, and its workers keep none.

use std::ffi::CString;
use std::fs::{Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::sys::prctl;
use nix::unistd::{Gid, Group, Uid, User, chown, geteuid, initgroups, setgid, setuid};
use weir_conf::Config;

use crate::system_error::SystemError;

/// Who weir runs as once it has started.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    name: CString,
    user: Uid,
    group: Gid,
}

/// Why there is no account to run as. Displays nginx's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountFault {
    /// The system knows no such user.
    #[error("getpwnam(\"{0}\") failed")]
    User(String),
    /// The system knows no such group.
    #[error("getgrnam(\"{0}\") failed")]
    Group(String),
}

/// nginx's own choice without a `user` directive, and the two names that systems give its group.
const NOBODY: &str = "nobody";
const NOBODY_GROUPS: [&str; 2] = ["nobody", "nogroup"];

impl Account {
    /// The account of the `user` directive, or nobody's; `None` if this process stays whose it is: if it
    /// is not root's, or if no master process parts from its workers.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, AccountFault> {
        if !geteuid().is_root() || !config.main.master_process {
            return Ok(None);
        }
        let (name, group) = match &config.main.user {
            Some((name, group)) => (name.as_str(), Some(group.as_deref().unwrap_or(name))),
            None => (NOBODY, None),
        };
        let fault = || AccountFault::User(name.to_owned());
        let user = User::from_name(name).ok().flatten().ok_or_else(fault)?;
        let group = group.map_or_else(nobody_group, named_group)?;
        let name = CString::new(name).map_err(|_| fault())?;
        Ok(Some(Self {
            name,
            user: user.uid,
            group: group.gid,
        }))
    }

    /// User and group, as folders for temporary files want them.
    pub(crate) fn ids(&self) -> (u32, u32) {
        (self.user.as_raw(), self.group.as_raw())
    }

    /// Gives a log to the user, who may read and write it, as nginx's master does on USR1
    /// (`ngx_reopen_files`). What is no file is left alone.
    pub(crate) fn own(&self, log: &Path) -> Result<(), SystemError> {
        let Some(about) = about_file(log) else {
            return Ok(());
        };
        if about.uid() != self.user.as_raw() {
            change_owner(log, self.user, None)?;
        }
        let mode = about.mode() & 0o7777;
        if mode & OWNER_READS_AND_WRITES == OWNER_READS_AND_WRITES {
            return Ok(());
        }
        std::fs::set_permissions(log, Permissions::from_mode(mode | OWNER_READS_AND_WRITES))
            .map_err(|error| SystemError::new(format_args!("chmod() \"{}\"", log.display()), error))
    }

    /// Gives to root what was just made, as if root's master had made it: this process is the user's
    /// and its group's. A group that comes from the folder stays.
    pub(crate) fn leave_to_root(&self, made: &Path) -> Result<(), SystemError> {
        let Some(about) = about_file(made) else {
            return Ok(());
        };
        let ours = about.gid() == self.group.as_raw();
        change_owner(made, Uid::from_raw(0), ours.then_some(Gid::from_raw(0)))
    }

    /// Becomes this account for good. Must run before any thread starts.
    pub(crate) fn assume(&self) -> Result<(), SystemError> {
        setgid(self.group)
            .map_err(|error| SystemError::new(format_args!("setgid({})", self.group), error))?;
        initgroups(&self.name, self.group).map_err(|error| {
            let name = self.name.to_string_lossy();
            SystemError::new(format_args!("initgroups({name}, {})", self.group), error)
        })?;
        if self.user.is_root() {
            return Ok(());
        }
        prctl::set_keepcaps(true)
            .map_err(|error| SystemError::new("prctl(PR_SET_KEEPCAPS, 1)", error))?;
        setuid(self.user)
            .map_err(|error| SystemError::new(format_args!("setuid({})", self.user), error))?;
        keep_rights()?;
        // Or /dev/stdout could not be opened again, and no core file would be written.
        prctl::set_dumpable(true).map_err(|error| SystemError::new("prctl(PR_SET_DUMPABLE)", error))
    }
}

/// What nginx sees to that the owner of a log may do.
const OWNER_READS_AND_WRITES: u32 = 0o600;

fn about_file(path: &Path) -> Option<Metadata> {
    std::fs::metadata(path).ok().filter(Metadata::is_file)
}

fn change_owner(path: &Path, user: Uid, group: Option<Gid>) -> Result<(), SystemError> {
    chown(path, Some(user), group).map_err(|error| {
        SystemError::new(format_args!("chown(\"{}\", {user})", path.display()), error)
    })
}

/// Whether this process will be able to open what is root's once it is root no more; a container may
/// not have granted that.
pub(crate) fn opens_files_of_root() -> bool {
    permitted().is_ok_and(|granted| granted & DAC_OVERRIDE != 0)
}

fn named_group(name: &str) -> Result<Group, AccountFault> {
    Group::from_name(name)
        .ok()
        .flatten()
        .ok_or_else(|| AccountFault::Group(name.to_owned()))
}

fn nobody_group() -> Result<Group, AccountFault> {
    let [first, second] = NOBODY_GROUPS;
    named_group(first).or_else(|_| named_group(second))
}

/// The kernel's `struct __user_cap_header_struct`.
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: libc::c_int,
}

/// The kernel's `struct __user_cap_data_struct`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`: two data words.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// `CAP_DAC_OVERRIDE`.
const DAC_OVERRIDE: u32 = 1 << 1;

/// The rights of the main thread: `CAP_CHOWN`, to give logs away; `CAP_DAC_OVERRIDE` and `CAP_FOWNER`,
/// to open, create and remove files as root's master does; `CAP_NET_BIND_SERVICE`, to bind ports below
/// 1024.
const MAIN_RIGHTS: u32 = 1 | DAC_OVERRIDE | 1 << 3 | 1 << 10;

/// Leaves this thread, and those that it starts, no right beyond [`MAIN_RIGHTS`]; a container may
/// not have granted them all.
fn keep_rights() -> Result<(), SystemError> {
    let granted = permitted().map_err(|error| SystemError::new("capget()", error))?;
    capset(granted & MAIN_RIGHTS).map_err(|error| SystemError::new("capset()", error))
}

/// Gives this thread's rights up. Without effect if it has none, or if the process is root's.
pub(crate) fn drop_rights() -> Result<(), SystemError> {
    if geteuid().is_root() {
        return Ok(());
    }
    capset(0).map_err(|error| SystemError::new("capset()", error))
}

/// The capabilities that this thread may use, of the first 32.
fn permitted() -> std::io::Result<u32> {
    let mut header = CapabilityHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let mut data = [CapabilityData::default(); 2];
    // SAFETY: both structures have the layout that version 3 prescribes and outlive the call.
    #[expect(unsafe_code, reason = "libc has no wrapper for capget")]
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) };
    if result == 0 {
        Ok(data[0].permitted)
    } else {
        Err(std::io::Error::last_os_error())
    }
}

fn capset(mask: u32) -> std::io::Result<()> {
    let header = CapabilityHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let wanted = CapabilityData {
        effective: mask,
        permitted: mask,
        inheritable: 0,
    };
    let data = [wanted, CapabilityData::default()];
    // SAFETY: as in `permitted`; the kernel reads only.
    #[expect(unsafe_code, reason = "libc has no wrapper for capset")]
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    if result == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}
