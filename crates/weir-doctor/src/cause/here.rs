//! What this machine, or the configuration, is at fault for.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[
    &DESCRIPTORS,
    &CONNECTIONS,
    &CONNECTIONS_SCARCE,
    &MEMORY,
    &OUT_OF_MEMORY,
    &DISK,
    &FILE_FORBIDDEN,
    &FILE_MISSING,
    &FILE_FAILED,
    &TARGET_URL,
    &REWRITE_CYCLE,
    &VARIABLE,
    &CRASH,
    &CACHE,
    &COMPRESSION,
    &LOGGING,
    &OWN_FAULT,
];

/// EMFILE, ENFILE.
pub static DESCRIPTORS: Cause = Cause {
    code: "WEIR-500-DESCRIPTORS",
    title: "the proxy has no file descriptors left",
    severity: Severity::Critical,
    client_sees: "500, or a connection that nobody accepts",
    meaning: "A proxied request takes two descriptors, one to each side, and a third for a temporary file. The limit of the process is reached.",
    reasons: &[
        "The limit is the system's default of 1024, below what `worker_connections` needs.",
        "Connections pile up because an upstream is slow.",
    ],
    checks: &[
        "`grep 'open files' /proc/$(cat /run/nginx.pid)/limits`.",
        "`worker_rlimit_nofile 65535;`, or `LimitNOFILE=` in the service's unit.",
    ],
    directives: &["worker_rlimit_nofile", "worker_connections"],
    disproof: "The worker's /proc/PID/fd has far fewer entries than its limit.",
};

/// All connections are taken.
pub static CONNECTIONS: Cause = Cause {
    code: "WEIR-500-CONNECTIONS",
    title: "all of `worker_connections` are taken",
    severity: Severity::Critical,
    client_sees: "500, or a connection that is closed at once",
    meaning: "Each worker has so many places (512 by default), for clients and upstreams together: a proxied request takes two, and listening sockets take some.",
    reasons: &[
        "The number is too small for the load, or for WebSockets and streams that stay.",
        "An upstream is slow, so that requests pile up.",
    ],
    checks: &[
        "`worker_connections 4096;` with `worker_rlimit_nofile` at least twice that.",
        "`stub_status`: Active connections.",
    ],
    directives: &[
        "worker_connections",
        "worker_rlimit_nofile",
        "keepalive_timeout",
    ],
    disproof: "`stub_status` shows far fewer connections than workers times `worker_connections`.",
};

/// Few places are left.
pub static CONNECTIONS_SCARCE: Cause = Cause {
    code: "WEIR-CONNECTIONS-SCARCE",
    title: "`worker_connections` are nearly used up: idle ones are closed to make room",
    severity: Severity::Warning,
    client_sees: "kept connections end earlier than `keepalive_timeout` says",
    meaning: "Fewer than a sixteenth of the places are free, so connections that only wait are reused.",
    reasons: &["The number is too small for the load."],
    checks: &["`worker_connections`, against `stub_status`'s Active connections."],
    directives: &["worker_connections"],
    disproof: "The line does not come again.",
};

/// Shared memory is full.
pub static MEMORY: Cause = Cause {
    code: "WEIR-ZONE-FULL",
    title: "a shared zone has no room left",
    severity: Severity::Warning,
    client_sees: "503 or 500 where `limit_conn` or a zone of an upstream has no room",
    meaning: "The `size` of a zone (limits, caches' keys, TLS sessions, upstreams) is used up.",
    reasons: &[
        "More clients or keys than the zone was made for: a megabyte holds about 16,000 states of `limit_req`.",
    ],
    checks: &["A larger size in the zone's directive."],
    directives: &[
        "limit_req_zone",
        "limit_conn_zone",
        "zone",
        "ssl_session_cache",
        "proxy_cache_path",
    ],
    disproof: "The line does not come again.",
};

/// ENOSPC.
pub static DISK: Cause = Cause {
    code: "WEIR-500-DISK",
    title: "the disk is full, or cannot be written",
    severity: Severity::Critical,
    client_sees: "500, or answers that are cut; logs lack lines",
    meaning: "A temporary file, a cache file or a log could not be written.",
    reasons: &[
        "The file system is full, by bytes or by inodes: large bodies that are buffered, logs, caches.",
        "It is mounted read-only.",
    ],
    checks: &[
        "`df -h` and `df -i` for the path in the line.",
        "Deleted files that are still open: `lsof +L1`.",
    ],
    directives: &[
        "proxy_temp_path",
        "client_body_temp_path",
        "proxy_max_temp_file_size",
        "access_log",
    ],
    disproof: "`df` shows room for the path of the line.",
};

/// EACCES on a file.
pub static FILE_FORBIDDEN: Cause = Cause {
    code: "WEIR-403-FILE",
    title: "a file or folder may not be opened",
    severity: Severity::Error,
    client_sees: "403 for content, 500 for a temporary file",
    meaning: "The worker's user lacks the right to read or write the file, or to pass through a folder on the way.",
    reasons: &[
        "A folder on the way has a mode such as 0700: home folders.",
        "Temporary folders belong to another user after a change of `user`.",
        "SELinux: the file's label is not one that web servers may read.",
    ],
    checks: &["`namei -l PATH`.", "`ls -Z PATH`, `restorecon -v PATH`."],
    directives: &["root", "user", "proxy_temp_path", "client_body_temp_path"],
    disproof: "`sudo -u USER cat PATH` works.",
};

/// ENOENT on a file.
pub static FILE_MISSING: Cause = Cause {
    code: "WEIR-404-FILE",
    title: "a file was asked for that does not exist",
    severity: Severity::Warning,
    client_sees: "404, or 403 for a folder without an index",
    meaning: "No file is at that path. For requests that should reach an application, the location that was chosen is not the one that proxies.",
    reasons: &[
        "A client asks for something that is not there.",
        "`root` is inherited or wrong; `alias` was meant.",
        "The request met another location than intended: regular expressions come before prefixes without `^~`.",
    ],
    checks: &[
        "The path in the line, against the files.",
        "Which location has the request.",
    ],
    directives: &["root", "alias", "try_files", "location"],
    disproof: "The file is there, as the worker's user sees it.",
};

/// Another failure with a file.
pub static FILE_FAILED: Cause = Cause {
    code: "WEIR-500-FILE",
    title: "a file could not be used",
    severity: Severity::Error,
    client_sees: "500, or an answer that is cut",
    meaning: "The system refused to open, read, rename or map a file; the number in the line says why.",
    reasons: &[
        "A folder in the place of a file, a name that is too long, a file system with errors, a file that was truncated while it was sent.",
    ],
    checks: &["The system's error in the line, and `dmesg`."],
    directives: &["root", "proxy_temp_path", "proxy_cache_path"],
    disproof: "The file can be read as the worker's user.",
};

/// A `proxy_pass` that comes out wrong.
pub static TARGET_URL: Cause = Cause {
    code: "WEIR-500-TARGET",
    title: "the variables of `proxy_pass` do not make a URL",
    severity: Severity::Error,
    client_sees: "500",
    meaning: "What `proxy_pass` comes to for this request has no scheme, no host, no port where one is needed, or an address that is none.",
    reasons: &[
        "A variable is empty for this request: a `map` without a default, an argument that is missing.",
        "The scheme is inside the variable for some requests only.",
    ],
    checks: &["The text in the line, and where its variables are set."],
    directives: &["proxy_pass", "map", "set"],
    disproof: "The text in the line is a whole URL.",
};

/// Too many rewrites.
pub static REWRITE_CYCLE: Cause = Cause {
    code: "WEIR-500-CYCLE",
    title: "the request goes round in the configuration",
    severity: Severity::Error,
    client_sees: "500",
    meaning: "After ten internal redirects or rewrites nginx ends it.",
    reasons: &[
        "`try_files $uri /index.html;` where /index.html does not exist either.",
        "A `rewrite` without `break` whose result it matches again.",
        "An `error_page` whose own page fails the same way.",
    ],
    checks: &[
        "Whether the last argument of `try_files` exists, or is `=404`.",
        "`rewrite_log on;` with `error_log … notice`.",
    ],
    directives: &["try_files", "rewrite", "error_page", "index"],
    disproof: "The line names a URI that no rule leads back to.",
};

/// Values of variables.
pub static VARIABLE: Cause = Cause {
    code: "WEIR-500-VARIABLE",
    title: "a variable's value cannot be used",
    severity: Severity::Error,
    client_sees: "500, or as if the value were not there",
    meaning: "A variable has no value, a value that is no number, or refers to itself.",
    reasons: &[
        "`set` or `map` does not reach this location.",
        "A capture of a regular expression that did not match.",
    ],
    checks: &["The name in the line, and where it is set."],
    directives: &["set", "map"],
    disproof: "The variable has a value in this location.",
};

/// A worker died.
pub static CRASH: Cause = Cause {
    code: "WEIR-CRASH",
    title: "a worker process of the proxy died",
    severity: Severity::Critical,
    client_sees: "all connections of that worker break",
    meaning: "The worker ended by a signal: 9 is the system's (out of memory) or an operator's, 11 and 6 are faults in the program or in a module.",
    reasons: &[
        "Signal 9: the kernel's out-of-memory killer.",
        "Signal 11: a third-party module, or one that was built for another version.",
    ],
    checks: &[
        "`dmesg | grep -i -e oom -e segfault`.",
        "The modules of `load_module`, one at a time.",
    ],
    directives: &["load_module", "worker_processes"],
    disproof: "Somebody has killed it.",
};

/// Cache files.
pub static CACHE: Cause = Cause {
    code: "WEIR-CACHE",
    title: "a cache entry cannot be used",
    severity: Severity::Warning,
    client_sees: "nothing: the upstream is asked",
    meaning: "The file of an entry is of another version, too short, or its key is another one's.",
    reasons: &[
        "The cache was written by another version of nginx, or its disk has errors.",
        "The key's buffer is too small: the line says to what it should be increased.",
    ],
    checks: &["The file that is named; it may be removed at any time."],
    directives: &["proxy_cache_path", "proxy_cache_key", "proxy_buffer_size"],
    disproof: "It does not come again for the same file.",
};

/// gzip, gunzip.
pub static COMPRESSION: Cause = Cause {
    code: "WEIR-200-COMPRESSION",
    title: "a body cannot be compressed or decompressed",
    severity: Severity::Error,
    client_sees: "an answer that is cut",
    meaning: "`gunzip` was given what is not gzip, or memory for compression ran out.",
    reasons: &[
        "The upstream says `Content-Encoding: gzip` of a body that is not, or compresses twice.",
    ],
    checks: &["`curl -H 'Accept-Encoding: gzip' … | gzip -t`."],
    directives: &["gunzip", "gzip"],
    disproof: "`gzip -t` accepts the body.",
};

/// Logs.
pub static LOGGING: Cause = Cause {
    code: "WEIR-LOGGING",
    title: "a log line did not reach its log",
    severity: Severity::Warning,
    client_sees: "nothing",
    meaning: "The log's file or syslog server could not take it.",
    reasons: &[
        "The disk is full, or the folder is gone or may not be written.",
        "The syslog server is down.",
    ],
    checks: &[
        "`df`, and the folder's owner.",
        "The syslog server's socket.",
    ],
    directives: &["access_log", "error_log"],
    disproof: "The log has the lines of that time.",
};

/// The program's own.
pub static OWN_FAULT: Cause = Cause {
    code: "WEIR-INTERNAL",
    title: "the proxy met something that should not be",
    severity: Severity::Error,
    client_sees: "500, or a connection that ends",
    meaning: "A check inside the proxy failed, or a system call that does not fail otherwise.",
    reasons: &[
        "A fault of the program or of a module.",
        "A system that lacks something: a container's seccomp profile, an old kernel.",
    ],
    checks: &["The release notes of newer versions for the text of the line."],
    directives: &["load_module"],
    disproof: "It does not come again after an update.",
};

/// ENOMEM, EAGAIN of fork().
pub static OUT_OF_MEMORY: Cause = Cause {
    code: "WEIR-500-MEMORY",
    title: "the system gave the proxy no more memory, or no more processes",
    severity: Severity::Critical,
    client_sees: "500, connections that end, or nothing at all",
    meaning: "A call for memory or for a process failed.",
    reasons: &[
        "A limit of the container or the service's unit (`MemoryMax=`, `TasksMax=`).",
        "The machine is out of memory.",
        "A zone in the configuration is larger than what there is.",
    ],
    checks: &["`dmesg | grep -i oom`, `free -m`, `systemctl show -p MemoryMax -p TasksMax nginx`."],
    directives: &["worker_processes", "proxy_buffers", "zone"],
    disproof: "The machine and the service's limits have room.",
};
