"""The subjects of a workload: weir, nginx, nginx again, haproxy and the floor, one core each."""

import re
import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bed

SECONDS = 10
PROXY_CORE, LOAD_CORE = 0, 1

NGINX = """
daemon off;
worker_processes {workers};
worker_rlimit_nofile 20000;
error_log logs/error.log;
pid proxy.pid;
events {{ worker_connections 4096; }}
http {{
    {http}
    {log}
    keepalive_requests 1000000000;
    upstream origin {{ server 127.0.0.1:{origin}; keepalive 512; keepalive_requests 1000000000; }}
    upstream origin_once {{ server 127.0.0.1:{origin}; }}
    upstream origin_tls {{ server 127.0.0.1:{secure}; keepalive 512; keepalive_requests 1000000000; }}
    upstream refused {{ server 127.0.0.1:{refused}; }}
    upstream retry {{
        server 127.0.0.1:{refused} max_fails=0;
        server 127.0.0.1:{origin} backup;
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        {locations}
    }}
    {servers}
}}
"""

HAPROXY = """
global
    nbthread 1
    maxconn 4096
    log stdout format raw local0
    {limits}
defaults
    mode http
    log global
    option httplog
    timeout connect 60s
    timeout client 60s
    timeout server 60s
frontend clients
    bind 127.0.0.1:{port} backlog 4096
    default_backend origin
backend origin
    {backend}
"""


class Haproxy(bed.Proxy):
    """haproxy; its access log goes to the file that holds its output."""

    def command_line(self, binary):
        return [binary, "-db", "-f", str(self.conf)]


class Floor(bed.Proxy):
    """benches/floor.rs; its whole configuration is two addresses."""

    def command_line(self, binary):
        return [binary, *self.conf.read_text().split()]


class Subject:
    """A running proxy, its port, and the answer that it gives to the workload's request."""

    def __init__(self, name, proxy, port, status):
        self.name, self.proxy, self.port, self.status = name, proxy, port, status
        # Bytes of one whole answer, head and body.
        self.answer = 0

    def cpu_ns(self):
        """CPU time that all threads of all its processes have used, in nanoseconds."""
        return sum(task_ns(pid) for pid in self.proxy.pids())

    def probe(self, workload):
        """Sends the workload's request once; checks the answer and notes its size."""
        answer = exchange(self.port, workload)
        head, _, body = answer.partition(b"\r\n\r\n")
        right = head.startswith(b"HTTP/1.1 %d " % self.status)
        bed.check(right, f"{workload.name}: {self.name} answers {head!r}: {self.proxy.said()}")
        expected = len(body) if workload.body is None else workload.body
        bed.check(len(body) == expected, f"{workload.name}: {self.name}: body of {len(body)} bytes")
        self.answer = len(answer)


def task_ns(pid):
    """CPU nanoseconds of all threads of one process."""
    total = 0
    for tasks in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(tasks.read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            # The thread has ended since it was listed.
            continue
    return total


def exchange(port, workload):
    """The whole answer to the workload's request, sent as wrk sends it."""
    host, path = workload.asks[0] if workload.asks else (f"127.0.0.1:{port}", workload.path)
    fields = list(workload.headers)
    if not any(field.startswith("Host:") for field in fields):
        fields.append(f"Host: {host}")
    if workload.post:
        fields.append(f"Content-Length: {workload.post}")
    method = "POST" if workload.post else "GET"
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *fields, "", ""]).encode()
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(head + b"x" * workload.post)
        return read_answer(connection)


def read_answer(connection):
    """Head and body of one answer: by its Content-Length, its last chunk, or the connection's end."""
    parts, size, end = [], 0, None
    while end is None or size < end:
        part = connection.recv(1 << 18)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if end is None and b"\r\n\r\n" in (so_far := b"".join(parts)):
            length = re.search(rb"\r\ncontent-length: *(\d+)", so_far, re.IGNORECASE)
            end = so_far.index(b"\r\n\r\n") + 4 + int(length[1]) if length else None
            chunked = b"\r\ntransfer-encoding: chunked" in so_far.lower()
            if chunked and so_far.endswith(b"\r\n0\r\n\r\n"):
                break
    return b"".join(parts)


def pinned(*cores):
    """The start of a command line that keeps a program on `cores`."""
    return "taskset", "-c", ",".join(map(str, cores))


class Bed:
    """Where proxies are started: the programs, and the ports of the origin, plain and with TLS, and of
    nobody."""

    def __init__(self, programs, origins, refused):
        self.programs, self.refused = programs, refused
        self.origin, self.secure = origins

    def nginx_conf(self, workload, port, workers=1):
        """The configuration that weir and nginx both read."""
        return NGINX.format(
            workers=workers, http=workload.http, log=workload.log, port=port, origin=self.origin,
            secure=self.secure, refused=self.refused, locations=workload.locations,
            servers=workload.servers.replace("PORT", str(port)),
        )

    def haproxy_conf(self, workload, port):
        backend = workload.haproxy.backend.format(origin=self.origin, refused=self.refused)
        return HAPROXY.format(limits=workload.haproxy.limits, backend=backend, port=port)

    def like_nginx(self, name, binary, workload, workers=1, cores=(PROXY_CORE,)):
        """weir or nginx, running."""
        port = bed.free_port()
        conf = self.nginx_conf(workload, port, workers)
        proxy = bed.Proxy(binary, conf, [port], command=pinned(*cores))
        return Subject(name, proxy, port, workload.status)

    def haproxy(self, workload):
        port = bed.free_port()
        conf = self.haproxy_conf(workload, port)
        proxy = Haproxy(self.programs.haproxy, conf, [port], command=pinned(PROXY_CORE))
        return Subject("haproxy", proxy, port, workload.haproxy.status)

    def floor(self, workload):
        port = bed.free_port()
        addresses = f"127.0.0.1:{port} 127.0.0.1:{self.origin}"
        proxy = Floor(self.programs.floor, addresses, [port], command=pinned(PROXY_CORE))
        return Subject("floor", proxy, port, workload.status)

    @contextmanager
    def subjects(self, workload):
        """All subjects of a workload, running and each found to answer rightly."""
        with ExitStack() as running:
            found = list(self._started(running, workload))
            for subject in found:
                subject.probe(workload)
            if workload.compressed:
                weir, nginx = found[0].answer, found[1].answer
                bed.check(weir <= nginx, f"{workload.name}: {weir} bytes, nginx has {nginx}")
            yield found

    def _started(self, running, workload):
        def keep(subject):
            running.enter_context(subject.proxy)
            return subject

        yield keep(self.like_nginx("weir", self.programs.weir, workload))
        yield keep(self.like_nginx("nginx", self.programs.nginx, workload))
        yield keep(self.like_nginx("nginx again", self.programs.nginx, workload))
        if workload.haproxy and self.programs.haproxy:
            yield keep(self.haproxy(workload))
        if workload.floor:
            yield keep(self.floor(workload))
