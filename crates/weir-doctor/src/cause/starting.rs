//! What keeps the proxy from starting, or from taking a new configuration.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[
    &NOT_RELOADED,
    &LOG_UNREADABLE,
    &START_PORT,
    &START_PERMISSION,
    &START_ADDRESS,
    &START_NAME,
    &START_CERTIFICATE,
    &START_BUFFERS,
    &START_FILE,
    &START_CONFIGURATION,
    &START_LIMITS,
    &STARTED,
    &STAPLING,
];

/// The port is taken.
pub static START_PORT: Cause = Cause {
    code: "WEIR-START-PORT",
    title: "another process listens on the port",
    severity: Severity::Critical,
    client_sees: "the other process, or nothing",
    meaning: "`bind()` fails with 98: the address is in use.",
    reasons: &[
        "The proxy runs already.",
        "Another server (apache2, caddy, docker-proxy) has the port.",
    ],
    checks: &["`ss -lntp 'sport = :80'` names the process."],
    directives: &["listen"],
    disproof: "`ss` shows nobody on that port.",
};

/// The port may not be taken.
pub static START_PERMISSION: Cause = Cause {
    code: "WEIR-START-PERMISSION",
    title: "the port may not be listened on",
    severity: Severity::Critical,
    client_sees: "nothing",
    meaning: "`bind()` fails with 13: ports below 1024 are for root, or for CAP_NET_BIND_SERVICE.",
    reasons: &[
        "It was started by another user.",
        "SELinux: the port has no `http_port_t` label.",
    ],
    checks: &[
        "`semanage port -l | grep http_port_t`.",
        "`setcap cap_net_bind_service=+ep`, or a port above 1023.",
    ],
    directives: &["listen", "user"],
    disproof: "It was started by root without SELinux.",
};

/// The address is not here.
pub static START_ADDRESS: Cause = Cause {
    code: "WEIR-START-ADDRESS",
    title: "an address of `listen` is not one of this machine",
    severity: Severity::Critical,
    client_sees: "nothing",
    meaning: "`bind()` fails with 99.",
    reasons: &[
        "The address belongs to another machine, or comes up after the proxy starts.",
        "IPv6 is off.",
    ],
    checks: &[
        "`ip addr`.",
        "The service's unit: `After=network-online.target`.",
    ],
    directives: &["listen"],
    disproof: "`ip addr` shows the address.",
};

/// A name at the start.
pub static START_NAME: Cause = Cause {
    code: "WEIR-START-NAME",
    title: "a name of an upstream cannot be resolved at the start",
    severity: Severity::Critical,
    client_sees: "nothing: it does not start, or goes on with the old configuration",
    meaning: "Names without variables are looked up by the system when the configuration is read, and one that is unknown stops everything.",
    reasons: &[
        "The name is misspelt, or its container does not run yet.",
        "DNS is not up when the proxy starts.",
    ],
    checks: &[
        "`getent ahosts NAME` in the proxy's namespace.",
        "`server NAME resolve;` with a `resolver`, or a variable in `proxy_pass`, asks later.",
    ],
    directives: &["proxy_pass", "server", "resolver"],
    disproof: "`getent` answers at the moment of the start.",
};

/// Certificates.
pub static START_CERTIFICATE: Cause = Cause {
    code: "WEIR-START-CERTIFICATE",
    title: "a certificate or key cannot be loaded",
    severity: Severity::Critical,
    client_sees: "nothing: it does not start, or goes on with the old configuration",
    meaning: "The file is missing or unreadable, is no PEM, or key and certificate do not belong together.",
    reasons: &[
        "Paths of an authority's tool that has not run yet.",
        "The key is another certificate's: \"key values mismatch\".",
        "The chain's order: the server's own certificate comes first.",
    ],
    checks: &[
        "`openssl x509 -noout -pubkey -in CERT | sha256sum` and `openssl pkey -pubout -in KEY | sha256sum` are equal.",
    ],
    directives: &["ssl_certificate", "ssl_certificate_key"],
    disproof: "OpenSSL reads both, and their public keys are equal.",
};

/// The three sizes.
pub static START_BUFFERS: Cause = Cause {
    code: "WEIR-START-BUFFERS",
    title: "the sizes of upstream buffers contradict each other",
    severity: Severity::Critical,
    client_sees: "nothing: it does not start, or goes on with the old configuration",
    meaning: "`proxy_busy_buffers_size` must be at least the larger of `proxy_buffer_size` and one of `proxy_buffers`, and at least one buffer smaller than all `proxy_buffers`.",
    reasons: &["`proxy_buffer_size` was raised alone."],
    checks: &["With `proxy_buffer_size 16k`: `proxy_buffers 8 16k; proxy_busy_buffers_size 32k;`."],
    directives: &[
        "proxy_busy_buffers_size",
        "proxy_buffer_size",
        "proxy_buffers",
    ],
    disproof: "The inequality holds in every location.",
};

/// Files at the start.
pub static START_FILE: Cause = Cause {
    code: "WEIR-START-FILE",
    title: "a file or folder that the start needs cannot be opened",
    severity: Severity::Critical,
    client_sees: "nothing: it does not start, or goes on with the old configuration",
    meaning: "A log, the pid file, an included file, a temporary folder or a file of passwords.",
    reasons: &[
        "The folder does not exist, or belongs to another user.",
        "`include` names a file that is not there.",
    ],
    checks: &["`namei -l PATH`."],
    directives: &[
        "error_log",
        "access_log",
        "pid",
        "include",
        "proxy_temp_path",
    ],
    disproof: "The user that starts it can open the file.",
};

/// Any other fault in the file.
pub static START_CONFIGURATION: Cause = Cause {
    code: "WEIR-START-CONFIGURATION",
    title: "the configuration has a mistake",
    severity: Severity::Critical,
    client_sees: "nothing: it does not start, or goes on with the old configuration",
    meaning: "The line names the file and the line in it. A reload that fails leaves the old configuration in force.",
    reasons: &[
        "A directive is misspelt, in the wrong block, of another version, or of a module that is not there.",
        "A `;` or `}` is missing in a line before.",
    ],
    checks: &["`weir -t -c FILE` shows the place, and what was probably meant."],
    directives: &["include", "load_module"],
    disproof: "`nginx -t` succeeds on the same file.",
};

/// Limits at the start.
pub static START_LIMITS: Cause = Cause {
    code: "WEIR-START-LIMITS",
    title: "more connections are configured than files may be open",
    severity: Severity::Warning,
    client_sees: "nothing until the limit is reached, 500 then",
    meaning: "`worker_connections` is more than the process may have open files.",
    reasons: &["The system's default of 1024 was never raised."],
    checks: &["`worker_rlimit_nofile 65535;`"],
    directives: &["worker_rlimit_nofile", "worker_connections"],
    disproof: "The limit of the running worker is higher.",
};

/// What a proxy says of itself.
pub static STARTED: Cause = Cause {
    code: "WEIR-NOTE-LIFE",
    title: "the proxy starts, ends, or reads its configuration anew",
    severity: Severity::Note,
    client_sees: "nothing",
    meaning: "Signals, workers that begin and end, logs that are opened anew.",
    reasons: &["An operator, or the service manager."],
    checks: &["Nothing, unless nobody has asked for it."],
    directives: &["worker_shutdown_timeout"],
    disproof: "It is no failure in itself.",
};

/// OCSP.
pub static STAPLING: Cause = Cause {
    code: "WEIR-OCSP",
    title: "the certificate's authority could not be asked about it (OCSP)",
    severity: Severity::Warning,
    client_sees: "nothing: the handshake goes on without the staple",
    meaning: "`ssl_stapling` asks the authority's responder; the answer is missing, or none.",
    reasons: &[
        "The certificate has no responder any more: authorities end OCSP.",
        "No `resolver`, or the responder cannot be reached from here.",
        "The issuer's certificate is not in the file.",
    ],
    checks: &[
        "`openssl x509 -noout -ocsp_uri -in CERT`.",
        "`ssl_stapling off;` where the authority has none.",
    ],
    directives: &["ssl_stapling", "resolver", "ssl_trusted_certificate"],
    disproof: "`openssl ocsp` gets an answer from here.",
};

/// The file is newer than what runs; told by the doctor.
pub static NOT_RELOADED: Cause = Cause {
    code: "WEIR-NOT-RELOADED",
    title: "the configuration was changed and has not been loaded",
    severity: Severity::Warning,
    client_sees: "what the old configuration says",
    meaning: "A file of the configuration is newer than the process that should obey it.",
    reasons: &[
        "It was edited and not reloaded.",
        "A reload failed, so that the old one stays in force: the error log says why.",
    ],
    checks: &["`nginx -t`, then `nginx -s reload`."],
    directives: &["include"],
    disproof: "The file was touched and not changed.",
};

/// A log cannot be read; told by the doctor.
pub static LOG_UNREADABLE: Cause = Cause {
    code: "WEIR-LOG-UNREADABLE",
    title: "a log cannot be read, so most of what fails cannot be seen",
    severity: Severity::Error,
    client_sees: "nothing",
    meaning: "The log that the configuration names is missing, forbidden to this user, or broken.",
    reasons: &[
        "Debian's logs are for root and the group adm.",
        "The path is another one: the running process was started with other options.",
    ],
    checks: &[
        "Run the doctor with sudo, or as a member of the group adm: `sudo usermod -aG adm USER`.",
        "`--log FILE` names another one.",
    ],
    directives: &["error_log", "access_log"],
    disproof: "`tail` reads it as this user.",
};
