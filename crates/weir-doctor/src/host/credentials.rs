//! Whom the proxy's workers run as, and what they may use.

use std::fs;

use nix::unistd::{Gid, Uid, geteuid, getgroups, setfsgid, setfsuid, setgroups};

/// Whom a process runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The effective user.
    pub user: u32,
    /// The effective group.
    pub group: u32,
    /// The other groups.
    pub groups: Vec<u32>,
}

/// Those of a process.
pub fn of(pid: u32) -> Option<Credentials> {
    read(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn read(status: &str) -> Option<Credentials> {
    let numbers = |name: &str| -> Option<Vec<u32>> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace()
            .map(|word| word.parse().ok())
            .collect()
    };
    Some(Credentials {
        // Real, effective, saved, of files.
        user: *numbers("Uid:")?.get(1)?,
        group: *numbers("Gid:")?.get(1)?,
        groups: numbers("Groups:")?,
    })
}

impl Credentials {
    /// Does something with the rights over files that these have; `None`: only root can, and this is not root.
    pub fn lent<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        if !geteuid().is_root() {
            return None;
        }
        let before = getgroups().ok()?;
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        setgroups(&groups).ok()?;
        // Of this thread alone; with its user go root's rights over files.
        let group = setfsgid(Gid::from_raw(self.group));
        let user = setfsuid(Uid::from_raw(self.user));
        let done = act();
        setfsuid(user);
        setfsgid(group);
        // Whoever gave them up may take them back.
        let _root_again = setgroups(&before);
        Some(done)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_kernel_s_words_are_read() {
        let status =
            "Name:\tnginx\nUid:\t0\t33\t33\t33\nGid:\t0\t34\t34\t34\nGroups:\t33 4 \nNgid:\t0\n";
        let own = Credentials {
            user: 33,
            group: 34,
            groups: vec![33, 4],
        };
        assert_eq!(read(status), Some(own));
        assert_eq!(read("Name:\tx\n"), None);
        assert!(of(std::process::id()).is_some());
    }

    #[test]
    fn rights_over_files_are_lent_and_given_back() {
        let folder = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        let nobody = Credentials {
            user: 65_534,
            group: 65_534,
            groups: Vec::new(),
        };
        let private = fs::Permissions::from_mode(0o700);
        assert!(fs::set_permissions(folder.path(), private).is_ok());
        let seen = nobody.lent(|| fs::read_dir(folder.path()).is_ok());
        assert_ne!(seen, Some(true));
        assert!(fs::read_dir(folder.path()).is_ok());
    }
}
