//! What `listen` says about a socket (`ngx_configure_listening_sockets`).

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use weir_conf::{Listen, ListenAddress, SocketKeepalive};
use weir_log::Level;

use crate::sockets::{Report, failed};
use crate::system_error::SystemError;

/// `NGX_LISTEN_BACKLOG`.
const BACKLOG: i32 = 511;

/// Seconds a connection may wait for its first byte with `deferred`; the kernel rounds up.
const DEFER_SECONDS: libc::c_int = 1;

/// A socket with what must be set before it is bound.
pub(crate) fn new_socket(listen: &Listen) -> Result<Socket, SystemError> {
    let address = &listen.address;
    let (domain, protocol) = match address {
        ListenAddress::Inet(inet) if listen.options.multipath => {
            (Domain::for_address(*inet), Some(Protocol::MPTCP))
        }
        ListenAddress::Inet(inet) => (Domain::for_address(*inet), Some(Protocol::TCP)),
        // The system has none such, and says so.
        ListenAddress::Unix(_) => {
            let multipath = listen.options.multipath;
            (Domain::UNIX, multipath.then_some(Protocol::MPTCP))
        }
    };
    let socket = Socket::new(domain, Type::STREAM, protocol)
        .map_err(|error| failed("socket()", address, error))?;
    socket
        .set_reuse_address(true)
        .map_err(|error| failed("setsockopt(SO_REUSEADDR)", address, error))?;
    if listen.options.reuseport {
        socket
            .set_reuse_port(true)
            .map_err(|error| failed("setsockopt(SO_REUSEPORT)", address, error))?;
    }
    if domain == Domain::IPV6 {
        socket
            .set_only_v6(listen.options.ipv6only.unwrap_or(true))
            .map_err(|error| failed("setsockopt(IPV6_V6ONLY)", address, error))?;
    }
    socket
        .set_nonblocking(true)
        .map_err(|error| failed("ioctl(FIONBIO)", address, error))?;
    Ok(socket)
}

/// Binds the socket and listens; a unix socket may then be used by everybody, as nginx's may.
pub(crate) fn bind(socket: &Socket, listen: &Listen) -> Result<(), SystemError> {
    let address = &listen.address;
    let bind_failed = |error| failed("bind() to", address, error);
    match address {
        ListenAddress::Inet(inet) => socket.bind(&(*inet).into()).map_err(bind_failed)?,
        ListenAddress::Unix(path) => {
            socket
                .bind(&SockAddr::unix(path).map_err(bind_failed)?)
                .map_err(bind_failed)?;
            open_to_all(path)?;
        }
    }
    listen_again(socket, listen)
}

/// Sets what may be set, and changed by a reload, while the socket listens. Failures are logged and
/// otherwise ignored.
pub(crate) fn configure(socket: &Socket, listen: &Listen, report: Report<'_>) {
    let options = &listen.options;
    let check = |option: &str, result: io::Result<()>| {
        if let Err(error) = result {
            let error = failed(&format!("setsockopt({option})"), &listen.address, error);
            report(Level::Alert, &format!("{error}, ignored"));
        }
    };
    if let Some(bytes) = options.rcvbuf {
        check("SO_RCVBUF", socket.set_recv_buffer_size(bytes));
    }
    if let Some(bytes) = options.sndbuf {
        check("SO_SNDBUF", socket.set_send_buffer_size(bytes));
    }
    if let ListenAddress::Unix(_) = listen.address {
        return;
    }
    if let Some(keepalive) = &options.so_keepalive {
        check("SO_KEEPALIVE", set_keepalive(socket, keepalive));
    }
    if let Some(queue) = options.fastopen {
        check(
            "TCP_FASTOPEN",
            set_tcp_option(socket, libc::TCP_FASTOPEN, queue),
        );
    }
    let defer = if options.deferred { DEFER_SECONDS } else { 0 };
    check(
        "TCP_DEFER_ACCEPT",
        set_tcp_option(socket, libc::TCP_DEFER_ACCEPT, defer),
    );
    // A socket that was kept may have listened with another length.
    if let Err(error) = listen_again(socket, listen) {
        report(Level::Alert, &format!("{error}, ignored"));
    }
}

fn listen_again(socket: &Socket, listen: &Listen) -> Result<(), SystemError> {
    let (address, backlog) = (&listen.address, listen.options.backlog.unwrap_or(BACKLOG));
    socket.listen(backlog).map_err(|error| {
        SystemError::new(
            format_args!("listen() to {address}, backlog {backlog}"),
            error,
        )
    })
}

fn open_to_all(path: &Path) -> Result<(), SystemError> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))
        .map_err(|error| SystemError::new(format_args!("chmod() \"{}\"", path.display()), error))
}

fn set_keepalive(socket: &Socket, keepalive: &SocketKeepalive) -> io::Result<()> {
    if !keepalive.on {
        return socket.set_keepalive(false);
    }
    let mut times = TcpKeepalive::new();
    if let Some(idle) = keepalive.idle {
        times = times.with_time(Duration::from_secs(idle.into()));
    }
    if let Some(interval) = keepalive.interval {
        times = times.with_interval(Duration::from_secs(interval.into()));
    }
    if let Some(count) = keepalive.count {
        times = times.with_retries(count);
    }
    socket.set_tcp_keepalive(&times)
}

fn set_tcp_option(socket: &Socket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: `value` outlives the call and its size is passed.
    #[expect(
        unsafe_code,
        reason = "socket2 has neither TCP_FASTOPEN nor TCP_DEFER_ACCEPT"
    )]
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
