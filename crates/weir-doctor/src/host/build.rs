//! How a running nginx was built: what `nginx -V` says, read out of the binary. Nothing is run for it, as root might be asking and
//! the binary be anybody's.

use std::fs;
use std::path::PathBuf;

use memchr::memmem;

/// A larger file is no nginx: bytes.
const LARGEST: u64 = 128 << 20;
/// A longer list of options is none: bytes.
const LONGEST: usize = 64 << 10;

/// How an nginx was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// `1.22.1`.
    pub version: Option<String>,
    /// `--prefix`.
    pub prefix: Option<PathBuf>,
    /// `--conf-path`.
    pub conf: Option<PathBuf>,
    /// `--error-log-path`, if it is a file.
    pub error_log: Option<PathBuf>,
}

/// How the nginx that this process runs was built.
pub fn of(pid: u32) -> Option<Build> {
    let path = format!("/proc/{pid}/exe");
    let size = fs::metadata(&path).ok()?.len();
    (size <= LARGEST).then(|| read(&fs::read(&path).unwrap_or_default()))
}

fn read(binary: &[u8]) -> Build {
    let path = |name: &str| option(binary, name).map(PathBuf::from);
    Build {
        version: version(binary),
        prefix: path("--prefix="),
        conf: path("--conf-path="),
        error_log: path("--error-log-path=").filter(|path| path.is_absolute()),
    }
}

/// The digits and points behind the first `nginx/` that has some.
fn version(binary: &[u8]) -> Option<String> {
    memmem::find_iter(binary, b"nginx/").find_map(|at| {
        let rest = &binary[at + "nginx/".len()..];
        let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let length = rest
            .iter()
            .take(12)
            .take_while(|byte| is_part(byte))
            .count();
        let text = std::str::from_utf8(&rest[..length]).ok()?;
        (text.bytes().filter(|byte| *byte == b'.').count() == 2).then(|| text.to_owned())
    })
}

/// What stands behind an option of the configure script, in the text that the binary keeps of them all.
fn option<'a>(binary: &'a [u8], name: &str) -> Option<&'a str> {
    memmem::find_iter(binary, name.as_bytes()).find_map(|at| {
        // The options stand in one text, behind spaces; messages may name them otherwise.
        let is_option = at > 0 && matches!(binary[at - 1], b' ' | b'\0');
        let rest = &binary[at + name.len()..];
        let rest = &rest[..rest.len().min(LONGEST)];
        let length = memchr::memchr2(b' ', b'\0', rest)?;
        let text = std::str::from_utf8(&rest[..length]).ok()?;
        let text = text.trim_matches('\'');
        (is_option && !text.is_empty()).then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_in_a_binary() {
        let binary = b"\x7fELF\0x--prefix=no \0nginx/%s\0nginx/1.22.1\0 --with-cc-opt='-g -O2' --prefix=/usr/share/nginx \
                       --conf-path=/etc/nginx/nginx.conf --error-log-path=stderr --pid-path=/run/nginx.pid\0";
        let build = read(binary);
        assert_eq!(build.version.as_deref(), Some("1.22.1"));
        assert_eq!(build.prefix, Some(PathBuf::from("/usr/share/nginx")));
        assert_eq!(build.conf, Some(PathBuf::from("/etc/nginx/nginx.conf")));
        assert_eq!(build.error_log, None);
        assert_eq!(read(b""), Build::default());
    }
}
