//! What SELinux and AppArmor keep a process from, as files say; nothing is run and nothing changed.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// A module that confines a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// Which one.
    pub module: Module,
    /// The process's label, or its profile.
    pub label: String,
    /// Switches of the policy that are off, and would matter.
    pub off: Vec<&'static str>,
    /// The last lines about what it was denied, the newest last.
    pub denials: Vec<String>,
}

/// Who confines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// SELinux.
    SeLinux,
    /// AppArmor.
    AppArmor,
}

impl Module {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SeLinux => "SELinux",
            Self::AppArmor => "AppArmor",
        }
    }
}

/// Switches of SELinux's policy for web servers that upstreams hang on.
const SWITCHES: [&str; 2] = ["httpd_can_network_connect", "httpd_can_network_relay"];

/// Where denials are logged.
const LOGS: [&str; 5] = [
    "var/log/audit/audit.log",
    "var/log/kern.log",
    "var/log/syslog",
    "var/log/messages",
    "var/log/audit.log",
];

/// So much of the end of a log is looked through: bytes.
const TAIL: u64 = 4 << 20;
/// Denials that are shown.
const SHOWN: usize = 3;

/// What confines a process of this name, on the system below `root`; `None`: nothing does, or only in words.
pub fn of(root: &Path, pid: u32, name: &str) -> Option<Confinement> {
    let text = |path: &str| fs::read_to_string(root.join(path)).ok();
    let label = |path: &str| text(path).map(|text| text.trim_matches(['\0', '\n']).to_owned());
    let own = |attribute: &str| label(&format!("proc/{pid}/attr/{attribute}"));
    if text("sys/fs/selinux/enforce").is_some_and(|text| text.trim() == "1") {
        let label = own("current").unwrap_or_default();
        if label.contains(":unconfined_") {
            return None;
        }
        let is_off = |switch: &&str| {
            text(&format!("sys/fs/selinux/booleans/{switch}"))
                .is_some_and(|text| text.starts_with('0'))
        };
        return Some(Confinement {
            module: Module::SeLinux,
            label,
            off: SWITCHES.into_iter().filter(is_off).collect(),
            denials: denials(root, "avc:", "denied", name),
        });
    }
    let profile = own("apparmor/current").or_else(|| own("current"))?;
    profile.ends_with("(enforce)").then(|| Confinement {
        module: Module::AppArmor,
        label: profile,
        off: Vec::new(),
        denials: denials(root, "apparmor=", "DENIED", name),
    })
}

/// The last lines that have all of this and are about a process of this name.
fn denials(root: &Path, mark: &str, word: &str, name: &str) -> Vec<String> {
    let comm = format!("comm=\"{name}\"");
    for log in LOGS {
        let text = tail(&root.join(log)).unwrap_or_default();
        let is_own = |line: &&str| [mark, word, &comm].iter().all(|part| line.contains(part));
        let mut found: Vec<String> = text.lines().filter(is_own).map(str::to_owned).collect();
        if !found.is_empty() {
            return found.split_off(found.len().saturating_sub(SHOWN));
        }
    }
    Vec::new()
}

/// The end of a file.
fn tail(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let data = file.metadata().ok().filter(fs::Metadata::is_file)?;
    let start = data.len().saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found on a system with these files.
    fn found(files: &[(&str, &str)]) -> Option<Confinement> {
        let root = tempfile::tempdir().unwrap_or_else(|fault| panic!("{fault}"));
        for (path, text) in files {
            let path = root.path().join(path);
            let folder = path.parent().unwrap_or(&path);
            fs::create_dir_all(folder).unwrap_or_else(|fault| panic!("{fault}"));
            fs::write(&path, text).unwrap_or_else(|fault| panic!("{fault}"));
        }
        of(root.path(), 7, "nginx")
    }

    #[test]
    fn selinux_s_switches_and_denials_are_found() {
        let denied = "type=AVC msg=audit(1764540000.1:2): avc:  denied  { name_connect } for  pid=8 comm=\"nginx\" dest=8081 \
                      scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:transproxy_port_t:s0 tclass=tcp_socket permissive=0";
        let log = format!("type=AVC avc:  denied comm=\"sshd\"\n{denied}\n");
        let files = [
            ("sys/fs/selinux/enforce", "1"),
            ("sys/fs/selinux/booleans/httpd_can_network_connect", "0 0"),
            ("sys/fs/selinux/booleans/httpd_can_network_relay", "1 1"),
            ("proc/7/attr/current", "system_u:system_r:httpd_t:s0\0"),
            ("var/log/audit/audit.log", &log),
        ];
        let expected = Confinement {
            module: Module::SeLinux,
            label: "system_u:system_r:httpd_t:s0".to_owned(),
            off: vec!["httpd_can_network_connect"],
            denials: vec![denied.to_owned()],
        };
        assert_eq!(found(&files), Some(expected));
        let permissive = [("sys/fs/selinux/enforce", "0"), files[3]];
        assert_eq!(found(&permissive), None);
    }

    #[test]
    fn apparmor_s_profile_and_denials_are_found() {
        let denied = "audit: type=1400 apparmor=\"DENIED\" operation=\"open\" profile=\"nginx\" name=\"/srv/a\" comm=\"nginx\"";
        let files = [
            ("proc/7/attr/apparmor/current", "nginx (enforce)\n"),
            ("var/log/kern.log", denied),
        ];
        let expected = Confinement {
            module: Module::AppArmor,
            label: "nginx (enforce)".to_owned(),
            off: Vec::new(),
            denials: vec![denied.to_owned()],
        };
        assert_eq!(found(&files), Some(expected));
        assert_eq!(
            found(&[("proc/7/attr/current", "nginx (complain)\n")]),
            None
        );
        assert_eq!(found(&[("proc/7/attr/current", "unconfined\n")]), None);
    }
}
