//! Builds nginx 1.28.3 into a directory and prints the binary's path.
//!
//!     cargo run --manifest-path tests/nginx/Cargo.toml -- DIRECTORY
//!
//! The sources come inside the crate `nginx-src`; nothing is downloaded. A directory that holds a
//! finished build is used as it is.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// What the build compiles against, and the package of each.
const NEEDED: [(&str, &str); 3] = [
    (
        "#define PCRE2_CODE_UNIT_WIDTH 8\n#include <pcre2.h>",
        "libpcre2-dev",
    ),
    ("#include <zlib.h>", "zlib1g-dev"),
    ("#include <openssl/ssl.h>", "libssl-dev"),
];

/// Set for the process that builds; the other one keeps its output apart.
const MARK: &str = "WEIR_NGINX_BUILD";

/// Written last, with the modules in it, so that a build that was cut off or lacks one is done again.
const DONE: &str = "built";

/// Modules of nginx's own that are compiled in besides those that the crate chooses: those that
/// Debian's package has.
const MODULES: &str = "--with-http_addition_module --with-http_auth_request_module \
    --with-http_dav_module --with-http_flv_module --with-http_gunzip_module \
    --with-http_gzip_static_module --with-http_mp4_module --with-http_random_index_module \
    --with-http_secure_link_module --with-http_slice_module --with-http_ssl_module \
    --with-http_stub_status_module --with-http_sub_module --with-http_v2_module";

/// Packages are missing.
const MISSING: u8 = 3;

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("usage: weir-test-nginx DIRECTORY");
        return 2.into();
    };
    let done = match std::env::var_os(MARK) {
        Some(_) => build(directory.as_ref()),
        None => {
            let missing = missing();
            if !missing.is_empty() {
                println!("{}", missing.join(" "));
                return MISSING.into();
            }
            built(directory)
        }
    };
    match done {
        Ok(path) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("nginx cannot be built: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// The binary in `directory`, built first when it is not there.
fn built(directory: OsString) -> io::Result<PathBuf> {
    let directory = std::path::absolute(PathBuf::from(directory))?;
    let nginx = directory.join("nginx");
    let done = directory.join(DONE);
    if fs::read_to_string(&done).is_ok_and(|modules| modules == MODULES) {
        return Ok(nginx);
    }
    fs::create_dir_all(&directory)?;
    let log = directory.join("build.log");
    let output = File::create(&log)?;
    let status = Command::new(std::env::current_exe()?)
        .arg(&directory)
        .env(MARK, "1")
        // -O2, as packages have it; nginx's own default is -O1.
        .env("NGX_CFLAGS", "-O2")
        .env("NGX_CONFIGURE_ARGS", MODULES)
        .env_remove("NGX_VERSION")
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output)
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("{status}, see {}", log.display())));
    }
    fs::write(done, MODULES)?;
    Ok(nginx)
}

fn build(directory: &Path) -> io::Result<PathBuf> {
    nginx_src::build(directory)?;
    Ok(directory.join("nginx"))
}

/// Packages that have to be installed first.
fn missing() -> Vec<&'static str> {
    let mut missing = Vec::new();
    if !runs("make") {
        missing.push("make");
    }
    if !compiles("") {
        missing.push("gcc");
        missing.push("libc6-dev");
    }
    missing.extend(
        NEEDED
            .iter()
            .filter(|(text, _)| !compiles(text))
            .map(|(_, package)| *package),
    );
    missing
}

fn runs(program: &str) -> bool {
    let version = Command::new(program).arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

fn compiles(text: &str) -> bool {
    let compile = || -> io::Result<bool> {
        let mut cc = Command::new("cc")
            .args(["-xc", "-fsyntax-only", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = cc.stdin.take() {
            stdin.write_all(text.as_bytes())?;
        }
        Ok(cc.wait()?.success())
    };
    compile().unwrap_or(false)
}
