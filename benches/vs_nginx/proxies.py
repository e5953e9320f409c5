"""The subjects of a workload: weir, nginx, nginx again, haproxy and the floor, one core each."""

import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bed

from .cores import PROXY_CORE, pinned
from .probe import probe

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
    upstream origin_tls {{
        server 127.0.0.1:{origin_tls};
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    upstream origin_once {{ server 127.0.0.1:{origin}; }}
    upstream refused {{ server 127.0.0.1:{refused}; }}
    upstream retry {{
        server 127.0.0.1:{refused} max_fails=0;
        server 127.0.0.1:{origin} backup;
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port}{door} backlog=4096;
        {door_settings}
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
    {log}
    timeout connect 60s
    timeout client 60s
    timeout server 60s
frontend clients
    bind 127.0.0.1:{port} backlog 4096{door}
    default_backend origin
backend origin
    {backend}
"""


class LikeNginx(bed.Proxy):
    """weir or nginx."""

    def access_log(self):
        """Lines of its access log."""
        return (self.prefix / "logs" / "access.log").read_text().splitlines()


class Haproxy(bed.Proxy):
    """haproxy; its access log goes to the file that holds its output."""

    def command_line(self, binary):
        return [binary, "-db", "-f", str(self.conf)]

    def access_log(self):
        """Lines of its access log."""
        return (self.prefix / "output").read_text().splitlines()


class Floor(bed.Proxy):
    """benches/floor.rs; its whole configuration is two addresses."""

    def command_line(self, binary):
        return [binary, *self.conf.read_text().split()]


class Subject:
    """A running proxy, its port, and the answer that it gives to the workload's request."""

    def __init__(self, name, proxy, port, status):
        self.name, self.proxy, self.port, self.status = name, proxy, port, status
        # Bytes of one whole answer, head and body; over HTTP/2, of the body.
        self.answer = 0
        # The suite, where TLS is spoken.
        self.cipher = None
        # How many loads were started on it.
        self.loads = 0

    def cpu_ns(self):
        """CPU time that all threads of all its processes have used, in nanoseconds."""
        return sum(task_ns(pid) for pid in self.proxy.pids())


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


def refusal(binary, conf):
    """What `-t` of weir or nginx says against a configuration; None when it takes it."""
    with tempfile.TemporaryDirectory(prefix="weir-conf-") as prefix:
        file = Path(prefix) / "proxy.conf"
        file.write_text(conf)
        (Path(prefix) / "logs").mkdir()
        done = subprocess.run(
            [binary, "-t", "-p", f"{prefix}/", "-c", str(file)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
    return None if done.returncode == 0 else done.stdout.strip()


class Bed:
    """Where proxies are started: the programs, ports of the origin and of nobody, certificates."""

    def __init__(self, programs, origin, refused, certificates):
        self.programs, self.origin, self.refused = programs, origin, refused
        self.certificates = certificates

    def nginx_conf(self, workload, port, workers=1):
        """The configuration that weir and nginx both read."""
        return NGINX.format(
            workers=workers, http=workload.http, log=workload.log, port=port,
            origin=self.origin.port, origin_tls=self.origin.tls_port, refused=self.refused,
            door=" ssl" if workload.tls else "", door_settings=self.door_settings(workload),
            locations=workload.locations,
            servers=workload.servers.replace("PORT", str(port)),
        )

    def door_settings(self, workload):
        """What a server says of its TLS and of HTTP/2."""
        lines = ["http2 on;"] if workload.http2 else []
        if workload.tls:
            file = self.certificates[workload.tls]
            lines += [f"ssl_certificate {file};", f"ssl_certificate_key {file};"]
        return "\n".join(lines)

    def haproxy_conf(self, workload, port):
        door = ""
        if workload.tls:
            # As nginx, which takes the suite that the client names first.
            door = f" ssl crt {self.certificates[workload.tls]} prefer-client-ciphers"
        if workload.http2:
            door += " alpn h2" if workload.tls else " proto h2"
        backend = workload.haproxy.backend.format(
            origin=self.origin.port, origin_tls=self.origin.tls_port, refused=self.refused
        )
        return HAPROXY.format(
            limits=workload.haproxy.limits, log=workload.haproxy.log, backend=backend, port=port,
            door=door,
        )

    def check_accepted(self, confs):
        """Before anything is measured: fails with the `confs`, by name, that are refused."""
        binaries = {"weir": self.programs.weir, "nginx": self.programs.nginx}
        refusals = [
            f"{name} ({binary}) refuses the configuration of {of}: {words}"
            for of, conf in confs.items()
            for name, binary in binaries.items()
            if (words := refusal(binary, conf))
        ]
        bed.check(not refusals, "\n".join(refusals))

    def like_nginx(self, name, binary, workload, workers=1, cores=(PROXY_CORE,)):
        """weir or nginx, running."""
        port = bed.free_port()
        conf = self.nginx_conf(workload, port, workers)
        proxy = LikeNginx(binary, conf, [port], command=pinned(*cores))
        return Subject(name, proxy, port, workload.status)

    def haproxy(self, workload):
        port = bed.free_port()
        conf = self.haproxy_conf(workload, port)
        proxy = Haproxy(self.programs.haproxy, conf, [port], command=pinned(PROXY_CORE))
        return Subject("haproxy", proxy, port, workload.haproxy.status)

    def floor(self, workload):
        port = bed.free_port()
        addresses = f"127.0.0.1:{port} 127.0.0.1:{self.origin.port}"
        proxy = Floor(self.programs.floor, addresses, [port], command=pinned(PROXY_CORE))
        return Subject("floor", proxy, port, workload.status)

    @contextmanager
    def subjects(self, workload):
        """All subjects of a workload, running and each found to answer rightly."""
        with ExitStack() as running:
            found = list(self._started(running, workload))
            for subject in found:
                probe(subject, workload)
            if workload.compressed:
                weir, nginx = found[0].answer, found[1].answer
                bed.check(weir <= nginx, f"{workload.name}: {weir} bytes, nginx has {nginx}")
            ciphers = {subject.name: subject.cipher for subject in found}
            bed.check(len(set(ciphers.values())) == 1, f"{workload.name}: not alike: {ciphers}")
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
