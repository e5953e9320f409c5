//! What keeps a connection to an upstream from standing.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[
    &REFUSED,
    &OTHER_ADDRESS,
    &OWN_LOOPBACK,
    &ADDRESS_FAMILY,
    &STALE_NAME,
    &CONNECT_TIMEOUT,
    &UNREACHABLE,
    &SOCKET_MISSING,
    &PERMISSION,
    &SELINUX,
    &APPARMOR,
    &BACKLOG,
    &NO_LIVE,
    &DISABLED,
    &PORTS,
    &BIND,
];

/// `connect()` says 111.
pub static REFUSED: Cause = Cause {
    code: "WEIR-502-REFUSED",
    title: "nobody listens at the upstream's address",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The machine answers, and refuses the connection: nothing listens on that port of that address. \
              `$upstream_connect_time` is `-`.",
    reasons: &[
        "The application is down, still starting, or restarting.",
        "It listens on another port, or on another address than the one that is asked: on 127.0.0.1 inside a container, or on ::1 only.",
        "A name such as `localhost` stands for ::1 and for 127.0.0.1, and it listens on one of them.",
        "A `unix:` socket file is left over, and nobody listens behind it.",
    ],
    checks: &[
        "`ss -lntp` on the upstream's machine, in its own network namespace: which address and port does it listen on?",
        "Its own log, and its service manager: `systemctl status`, `docker ps`.",
    ],
    directives: &["proxy_pass", "server", "proxy_next_upstream"],
    disproof: "A connection from the proxy's own machine and namespace to that address and port succeeds.",
};

/// A container's 127.0.0.1.
pub static OWN_LOOPBACK: Cause = Cause {
    code: "WEIR-502-OWN-LOOPBACK",
    title: "127.0.0.1 is the proxy's own container, and the upstream is outside of it",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "A container has a network of its own, and 127.0.0.1 in it is the container itself: what listens on the machine, or in \
              another container, is not there.",
    reasons: &[
        "The configuration was written for a proxy on the machine itself.",
        "Both run in containers, and each has its own 127.0.0.1.",
    ],
    checks: &[
        "Name the other container, on a network that both are in: `proxy_pass http://app:8080;`.",
        "For what runs on the machine: `host.docker.internal` (Linux: `--add-host host.docker.internal:host-gateway`), and let it listen on \
         that address as well.",
        "`--network host` gives the proxy the machine's network, and takes its own.",
    ],
    directives: &["proxy_pass", "server"],
    disproof: "`nsenter -t PID -n ss -lnt` shows the port as listening.",
};

/// `connect()` takes too long.
pub static CONNECT_TIMEOUT: Cause = Cause {
    code: "WEIR-504-CONNECT",
    title: "the upstream's address does not answer a connection",
    severity: Severity::Error,
    client_sees: "504",
    meaning: "Neither yes nor no came to the attempt to connect within `proxy_connect_timeout` (60 s by default). A system \
              gives up by itself after about two minutes, so that a longer time-out changes nothing.",
    reasons: &[
        "A firewall or security group drops the packets.",
        "The address is another machine's by now, or nobody's: names in the configuration are looked up at the start only.",
        "The application does not accept: its accept queue is full because it is stuck or overloaded.",
        "There is no way back: a route is missing on the upstream's machine.",
    ],
    checks: &[
        "`ss -lnt` on the upstream's machine: is Recv-Q at Send-Q, so that the queue is full? `nstat -az TcpExtListenOverflows` counts.",
        "A connection from the proxy's machine and another one: who gets no answer?",
        "What the name stands for now, against the address in the log.",
    ],
    directives: &["proxy_connect_timeout", "proxy_next_upstream", "resolver"],
    disproof: "Connections to that address stand in milliseconds while the line is written.",
};

/// `connect()` says 101, 113.
pub static UNREACHABLE: Cause = Cause {
    code: "WEIR-502-UNREACHABLE",
    title: "there is no way to the upstream's address",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The system knows no route to the address, or a router said that there is none.",
    reasons: &[
        "The machine is off, or its address has changed.",
        "The name also stands for an IPv6 address, and this machine or its container has no IPv6.",
        "A firewall rejects with `icmp-host-prohibited`.",
        "A container's network was removed.",
    ],
    checks: &[
        "`ip route get ADDRESS` in the proxy's namespace.",
        "Whether only addresses of one family fail: `resolver … ipv6=off`, or no AAAA record, is the cure then.",
    ],
    directives: &["resolver", "proxy_pass", "server"],
    disproof: "`ip route get` shows a route and the machine answers.",
};

/// A `unix:` socket that is not there.
pub static SOCKET_MISSING: Cause = Cause {
    code: "WEIR-502-SOCKET-MISSING",
    title: "the upstream's unix socket does not exist",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "There is no file at the path behind `unix:`, as this process sees files.",
    reasons: &[
        "The application is not running; most remove their socket when they end.",
        "It creates its socket at another path, or relative to another folder.",
        "It runs with a private /tmp (systemd's `PrivateTmp=`) or in a container, so that its path is another one here.",
    ],
    checks: &[
        "`ls -l PATH`, as the proxy's user.",
        "`ss -lxp` shows which sockets are listened on, and by whom.",
    ],
    directives: &["proxy_pass", "server"],
    disproof: "The file is there when the line is written.",
};

/// `connect()` says 13 or 1.
pub static PERMISSION: Cause = Cause {
    code: "WEIR-502-PERMISSION",
    title: "the proxy may not connect to the upstream",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The system forbids the connection. For a `unix:` socket, the worker's user needs the right to write to the socket and to \
              pass through every folder on the way; for TCP, SELinux or AppArmor forbids it.",
    reasons: &[
        "The worker's user is not in the group that owns the socket.",
        "A folder on the way to the socket does not let it pass (mode 0700, often a home folder).",
        "SELinux: `httpd_can_network_connect` is off, or the port has no label that web servers may connect to.",
        "AppArmor: the profile lacks the path.",
    ],
    checks: &[
        "`namei -l PATH` shows owner and mode of every folder; compare with the `user` directive.",
        "`ausearch -m avc -ts recent`, or `journalctl -k | grep -i denied`.",
        "Safest cure: let the application create the socket with the proxy's group and mode 0660 (php-fpm: `listen.group`).",
        "With SELinux: `semanage port -a -t http_port_t -p tcp PORT` opens one port, `setsebool -P httpd_can_network_connect 1` all.",
    ],
    directives: &["user", "proxy_pass", "server"],
    disproof: "The worker's user can connect: `sudo -u USER nc -U PATH`.",
};

/// SELinux forbids.
pub static SELINUX: Cause = Cause {
    code: "WEIR-502-SELINUX",
    title: "SELinux keeps the proxy from the upstream",
    severity: Severity::Error,
    client_sees: "502, or 403 for a file",
    meaning: "The policy lets a web server connect to ports of certain labels only, and open files of certain labels: whatever modes and \
              owners say, `connect()` or `open()` ends in 13.",
    reasons: &[
        "The upstream's port has no label that web servers may connect to, and `httpd_can_network_connect` is off.",
        "A socket or file lies where its label is not a web server's: in a home folder, below /srv or /opt.",
    ],
    checks: &[
        "`ausearch -m avc -ts recent -c nginx`: what was denied; `sealert` explains it.",
        "`semanage port -l | grep PORT`: the port's label. `ls -Z PATH`, `restorecon -v PATH` for a file or socket.",
        "Where upstreams are on many ports: `setsebool -P httpd_can_network_connect 1` opens them all.",
    ],
    directives: &["proxy_pass", "server"],
    disproof: "`ausearch -m avc -c nginx` has no line of that second.",
};

/// AppArmor forbids.
pub static APPARMOR: Cause = Cause {
    code: "WEIR-502-APPARMOR",
    title: "AppArmor keeps the proxy from the upstream",
    severity: Severity::Error,
    client_sees: "502, or 403 for a file",
    meaning: "The proxy's profile does not name the socket, file or kind of network: whatever modes and owners say, the call ends in 13.",
    reasons: &["The profile was made for other paths than those of this configuration."],
    checks: &[
        "`journalctl -k | grep 'apparmor=\"DENIED\"'`: which path, which right.",
        "Add the path to /etc/apparmor.d/local/, with `rw` for a socket, then `apparmor_parser -r` the profile.",
    ],
    directives: &["proxy_pass", "server", "root"],
    disproof: "The kernel's log has no denial of that second.",
};

/// `connect()` to a unix socket says 11.
pub static BACKLOG: Cause = Cause {
    code: "WEIR-502-BACKLOG",
    title: "the upstream's accept queue is full",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "As many connections as the unix socket's queue takes wait for the application to accept them. (A full queue of TCP \
              drops packets instead: that shows as a time-out while connecting.)",
    reasons: &[
        "The application has too few workers for its requests, or they are stuck.",
        "Its backlog is small: php-fpm's `listen.backlog`, and the system's `net.core.somaxconn`, which bounds it.",
    ],
    checks: &[
        "`ss -lx`: Recv-Q is the queue, Send-Q its limit.",
        "How many of the application's workers are busy, and with what.",
    ],
    directives: &["proxy_next_upstream", "keepalive"],
    disproof: "`ss -lx` shows an empty queue while the line is written.",
};

/// No peer is left.
pub static NO_LIVE: Cause = Cause {
    code: "WEIR-502-NO-LIVE",
    title: "every server of the group is out",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "All servers are marked down or taken out after failures; none was asked, and `$upstream_addr` is the name of the group. The \
              cause is in the lines before: this is what follows from it.",
    reasons: &[
        "Each server has failed `max_fails` times (1 by default) within `fail_timeout` (10 s by default): one slow or crashing URL is enough.",
        "All servers are marked `down`, have as many connections as `max_conns` allows, or fail their health checks.",
    ],
    checks: &[
        "The lines before, next to \"upstream server temporarily disabled\": what failed first?",
        "`max_fails=0` for a group whose servers fail by single requests, or a higher number; `proxy_next_upstream` without `timeout`.",
    ],
    directives: &["server", "max_fails", "fail_timeout", "proxy_next_upstream"],
    disproof: "No failure of a server of this group precedes it.",
};

/// A peer has been taken out.
pub static DISABLED: Cause = Cause {
    code: "WEIR-502-DISABLED",
    title: "a server was taken out of its group after failures",
    severity: Severity::Warning,
    client_sees: "nothing by itself",
    meaning: "The server has failed `max_fails` times and gets no requests for `fail_timeout`. The failure is the line beside it.",
    reasons: &["See the line of the same connection next to it."],
    checks: &["Which failures precede it, and whether all servers fail alike."],
    directives: &["max_fails", "fail_timeout"],
    disproof: "It is no failure in itself: look at what stands beside it.",
};

/// 99 from `connect()`.
pub static PORTS: Cause = Cause {
    code: "WEIR-502-PORTS",
    title: "this machine has no local port left towards the upstream",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "Every local port towards that address is in use or in TIME_WAIT: about 28,000 connections in a minute use them up when each \
              request opens one.",
    reasons: &[
        "Connections to the upstream are not kept: no `keepalive` in the `upstream` block, or `proxy_http_version 1.0`, or a `Connection` header.",
        "The application closes after each request.",
        "All traffic goes to a single address and port.",
    ],
    checks: &[
        "`ss -s`, and `ss -tan state time-wait dst ADDRESS | wc -l`.",
        "`keepalive 32;` in the upstream block, `proxy_http_version 1.1;` and `proxy_set_header Connection \"\";`.",
        "`sysctl net.ipv4.ip_local_port_range` and `net.ipv4.tcp_tw_reuse`.",
    ],
    directives: &["keepalive", "proxy_http_version", "proxy_bind"],
    disproof: "`ss -s` shows a few hundred TIME_WAIT only.",
};

/// `bind()` before `connect()`.
pub static BIND: Cause = Cause {
    code: "WEIR-500-BIND",
    title: "the local address of `proxy_bind` cannot be used",
    severity: Severity::Error,
    client_sees: "500",
    meaning: "The address that connections to upstreams are to come from is not one of this machine, or may not be used.",
    reasons: &[
        "The address was removed from this machine.",
        "`transparent` without the right to it (CAP_NET_RAW), or a value of variables that is no address.",
    ],
    checks: &["`ip addr` shows the machine's addresses."],
    directives: &["proxy_bind"],
    disproof: "The address is on an interface of the proxy's namespace.",
};

/// Somebody listens on the port at another address; told by the doctor.
pub static OTHER_ADDRESS: Cause = Cause {
    code: "WEIR-502-OTHER-ADDRESS",
    title: "the application listens on another address of this machine than the one that is asked",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The port is right, the address is not: an application that listens on 127.0.0.1 is not reached by the machine's other \
              addresses, nor by ::1, nor from other containers.",
    reasons: &[
        "The application listens on loopback only, its default.",
        "The proxy asks ::1, or the address of an interface, and the application listens on 127.0.0.1.",
    ],
    checks: &[
        "Ask the address that it listens on, if that is on this machine.",
        "Or let the application listen on the address that is asked (0.0.0.0 inside a container, never on an open network without a firewall).",
    ],
    directives: &["proxy_pass", "server"],
    disproof: "`ss -lntp` shows another application on that port.",
};

/// One family of a name's addresses is dead; told by the doctor.
pub static ADDRESS_FAMILY: Cause = Cause {
    code: "WEIR-502-ADDRESS-FAMILY",
    title: "one of the name's addresses is dead, of the other family of IP",
    severity: Severity::Error,
    client_sees: "502, or a slow answer after another try",
    meaning: "The name stands for an IPv6 and an IPv4 address, the application listens on one of them, and both are asked in turn.",
    reasons: &[
        "`localhost` is ::1 and 127.0.0.1, and the application listens on 127.0.0.1.",
        "An AAAA record was published for a machine without IPv6.",
    ],
    checks: &[
        "Write the address in place of the name: 127.0.0.1 for localhost.",
        "`resolver … ipv6=off;` where the name is looked up while running.",
    ],
    directives: &["proxy_pass", "server", "resolver"],
    disproof: "The application answers on both.",
};

/// The name has moved; told by the doctor.
pub static STALE_NAME: Cause = Cause {
    code: "WEIR-502-STALE-NAME",
    title: "the name stands for another address now than when the configuration was read",
    severity: Severity::Error,
    client_sees: "502 or 504",
    meaning: "Names without variables are looked up once, when the configuration is read. The machine or container has moved since.",
    reasons: &[
        "A container was restarted and got another address.",
        "A load balancer in a cloud changed its addresses.",
    ],
    checks: &[
        "A reload looks it up again: `nginx -s reload`.",
        "For good: `resolver …;` with `server NAME:PORT resolve;` and a `zone` in the upstream block (since 1.27.3), or a variable in `proxy_pass`.",
    ],
    directives: &["server", "resolver", "proxy_pass"],
    disproof: "The name still stands for the address in the log.",
};
