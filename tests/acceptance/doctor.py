#!/usr/bin/env python3
"""Whether the doctor's first finding is right: doctor.py [BINARY [NGINX]] [--show NAME].

Each broken set-up is made twice, behind a stock nginx and behind BINARY; `BINARY doctor` looks at it from outside, and
the first thing that it says has to be what was broken. A healthy one has to have nothing.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import bed

FORMAT = (
    "log_format up '$remote_addr \"$request\" $status $upstream_addr $upstream_status $upstream_response_time';"
)


# Below those that the system gives connections: nothing else has had them.
CLIENT_PORTS = itertools.count(20_000)


class Backend:
    """A server of TCP whose every connection is handled by `serve(socket)`."""

    def __init__(self, serve, address="127.0.0.1", port=0, context=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.create_server((address, port), family=family)
        self.port = self.socket.getsockname()[1]
        self.serve, self.context = serve, context
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.serve(connection)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def head(connection):
    """Reads a request with its body; the head."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            raise OSError("gone")
        data += part
    return data


def answer(extra=b"", body=b"ok"):
    def serve(connection):
        while True:
            head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), extra, body))

    return serve


def close_at_once(connection):
    head(connection)


def cut_body(connection):
    head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf")


def slow(seconds):
    def serve(connection):
        head(connection)
        time.sleep(seconds)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    return serve


def closes_idle(connection):
    """Answers, and closes the connection a moment before the next request is sent: the request meets a reset."""
    head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    head(connection)


def one_bad_url(connection):
    while True:
        if b"GET /bad" in head(connection):
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def certificate(folder, name, days=30, expired=False):
    """A certificate and its key, in one file."""
    path = Path(folder) / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(path), "-out", f"{path}.crt", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    if expired:
        command += ["-not_before", "20200101000000Z", "-not_after", "20210101000000Z"]
    else:
        command += ["-days", str(days)]
    made = subprocess.run(command, capture_output=True)
    if made.returncode != 0 and expired:
        # OpenSSL 3.0 has no -not_after: an authority of one's own can say when.
        made = subprocess.run(expired_by_ca(folder, name, path), shell=True, capture_output=True)
    bed.check(made.returncode == 0, made.stderr.decode())
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    os.chmod(path, 0o644)
    return path


def expired_by_ca(folder, name, path):
    conf = Path(folder) / "ca.conf"
    conf.write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n"
    )
    (Path(folder) / "index").write_text("")
    (Path(folder) / "serial").write_text("01\n")
    return (
        f"openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {path} -out {path}.csr -subj /CN={name} && "
        f"openssl ca -batch -config {conf} -selfsign -keyfile {path} -in {path}.csr -out {path}.crt -notext "
        "-startdate 20200101000000Z -enddate 20210101000000Z"
    )


def tls(path, name=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if name:

        def wants(_socket, told, _context):
            return None if told == name else ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

        context.sni_callback = wants
    return context


class SetUp:
    """A proxy with what is behind it; `code` is what the doctor has to say first, None: nothing."""

    def __init__(self, name, code):
        self.name, self.code = name, code
        self.backends, self.undo = [], []
        self.folder = Path(tempfile.mkdtemp(prefix="weir-doctor-"))
        self.folder.chmod(0o755)
        self.location = self.http = self.server = self.main = ""
        self.events = "worker_connections 64;"
        self.requests = [("GET", "/")]
        self.before = self.after = None
        self.user = "nobody" if os.geteuid() == 0 else None
        self.doctor_user = None
        self.level = "error"
        self.local_port = 0
        # Before the proxy's own command line; where it listens beside its port; what the doctor is asked about.
        self.command = self.client = self.url = None
        self.options = []

    def backend(self, serve, **more):
        backend = Backend(serve, **more)
        self.backends.append(backend)
        return backend.port

    def close(self):
        for backend in self.backends:
            with contextlib.suppress(OSError):
                backend.close()
        for undo in reversed(self.undo):
            undo()
        shutil.rmtree(self.folder, ignore_errors=True)

    def conf(self, port):
        user = f"user {self.user} nogroup;" if self.user else ""
        return (
            f"daemon off; {user} worker_processes 1; error_log logs/error.log {self.level}; pid proxy.pid; {self.main}\n"
            f"events {{ {self.events} }}\nhttp {{\n{FORMAT}\naccess_log logs/access.log up;\n"
            f"client_body_temp_path body; proxy_temp_path proxied;\n{self.http}\n"
            f"server {{\nlisten 127.0.0.1:{port}; server_name shop;\n{self.server}\nlocation / {{\n{self.location}\n}}\n}}\n}}\n"
        )


def connection(port, local_port, path):
    """To a port from any or this local one, or to a unix socket."""
    if path is None:
        return socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.1", local_port))
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def ask(port, method, uri, local_port=0, path=None):
    """The status of an answer; 0 if there is none."""
    with contextlib.suppress(OSError), connection(port, local_port, path) as client:
        client.settimeout(10)
        body = b"Content-Length: 3\r\n\r\nabc" if method == "POST" else b"\r\n"
        client.sendall(b"%s %s HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n%s" % (method.encode(), uri.encode(), body))
        data = b""
        while part := client.recv(65536):
            data += part
        words = data.split(b" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return 0


def passed(port, scheme="http"):
    return f"proxy_pass {scheme}://127.0.0.1:{port};"


def refused(setup):
    setup.location = passed(bed.free_port())


def wrong_port(setup):
    right = setup.backend(answer())
    wrong = right + 1 if right < 65535 else right - 1
    setup.location = passed(wrong)


def loopback_only(setup):
    port = setup.backend(answer())
    setup.location = f"proxy_pass http://127.0.0.2:{port};"


def dead_socket(setup):
    path = setup.folder / "app.sock"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    path.chmod(0o666)
    setup.location = f"proxy_pass http://unix:{path}:/;"


def missing_socket(setup):
    setup.location = f"proxy_pass http://unix:{setup.folder}/none.sock:/;"


def unreadable_socket(setup):
    inner = setup.folder / "private"
    inner.mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(inner / "app.sock"))
    listener.listen(8)
    inner.chmod(0o700)
    setup.undo.append(listener.close)
    setup.location = f"proxy_pass http://unix:{inner}/app.sock:/;"


def full_backlog(setup):
    path = setup.folder / "full.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(0)
    path.chmod(0o666)
    waiting = []
    for _ in range(4):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.connect(str(path))
        waiting.append(client)
    setup.undo += [listener.close, *(client.close for client in waiting)]
    setup.location = f"proxy_pass http://unix:{path}:/;"


def slow_at_a_clock(setup):
    port = setup.backend(slow(3))
    setup.location = passed(port) + " proxy_read_timeout 500ms;"


def crash_before_head(setup):
    setup.location = passed(setup.backend(close_at_once))


def crash_in_body(setup):
    setup.location = passed(setup.backend(cut_body))


def big_head(setup):
    cookies = b"Set-Cookie: session=%s\r\n" % (b"x" * 9000)
    setup.location = passed(setup.backend(answer(cookies)))


def tls_to_plain(setup):
    def refuses(connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    setup.location = passed(setup.backend(refuses), "https")


def plain_to_tls(setup):
    context = tls(certificate(setup.folder, "app.test"))
    setup.location = passed(setup.backend(answer(), context=context))


def missing_name(setup):
    context = tls(certificate(setup.folder, "app.test"), "app.test")
    port = setup.backend(answer(), context=context)
    setup.http = f"upstream app {{ server 127.0.0.1:{port}; }}"
    setup.location = "proxy_pass https://app;"


def expired_certificate(setup):
    path = certificate(setup.folder, "app.test", expired=True)
    port = setup.backend(answer(), context=tls(path))
    setup.location = (
        passed(port, "https")
        + f" proxy_ssl_verify on; proxy_ssl_name app.test; proxy_ssl_server_name on; proxy_ssl_trusted_certificate {path};"
    )


def hosts(setup, *lines):
    """Lines of /etc/hosts, of this program's own copy."""
    path = Path("/etc/hosts")
    before = path.read_text()
    setup.undo.append(lambda: path.write_text(before))
    kept = [line for line in before.splitlines() if "doctor.test" not in line]
    path.write_text("\n".join([*kept, *lines, ""]))


def stale_name(setup):
    port = setup.backend(answer())
    hosts(setup, "127.0.0.3 app.doctor.test")
    setup.location = f"proxy_pass http://app.doctor.test:{port};"
    setup.before = lambda _proxy: hosts(setup, "127.0.0.1 app.doctor.test")


def unknown_name(setup):
    """A name server that knows nothing."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                question, client = server.recvfrom(512)
                server.sendto(question[:2] + b"\x81\x83" + question[4:6] + b"\0\0\0\0\0\0" + question[12:], client)

    threading.Thread(target=serve, daemon=True).start()
    setup.undo.append(server.close)
    setup.location = (
        f"resolver 127.0.0.1:{server.getsockname()[1]}; set $app backend.internal; proxy_pass http://$app:8080;"
    )


def dead_family(setup):
    port = setup.backend(answer())
    hosts(setup, "::1 app.doctor.test", "127.0.0.1 app.doctor.test")
    setup.location = f"proxy_pass http://app.doctor.test:{port};"
    setup.requests = [("GET", "/")] * 4


def idle_closed(setup):
    port = setup.backend(closes_idle)
    setup.http = f"upstream app {{ server 127.0.0.1:{port} max_fails=0; keepalive 4; }}"
    setup.location = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://app;'
    setup.requests = [("POST", "/order")] * 6


def one_url_fells_all(setup):
    ports = [setup.backend(one_bad_url) for _ in range(2)]
    servers = "".join(f"server 127.0.0.1:{port};" for port in ports)
    setup.http = f"upstream app {{ {servers} }}"
    setup.location = "proxy_pass http://app;"
    setup.requests = [("GET", "/good"), ("GET", "/bad")] + [("GET", "/good")] * 5


def rate_limited(setup):
    port = setup.backend(answer())
    setup.http = "limit_req_zone $binary_remote_addr zone=all:1m rate=1r/m;"
    setup.location = "limit_req zone=all; " + passed(port)
    setup.requests = [("GET", "/")] * 5


def connections_spent(setup):
    port = setup.backend(slow(2))
    setup.events = "worker_connections 8;"
    setup.location = passed(port)

    def before(proxy):
        clients = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(10)]
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        time.sleep(0.3)
        setup.undo.extend(client.close for client in clients)

    setup.before = before


def ports_spent(setup):
    port = setup.backend(answer())
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    before = path.read_text()
    setup.location = passed(port)

    def spend(_proxy):
        path.write_text("61000 61001")
        setup.undo.insert(0, lambda: path.write_text(before))
        held = []
        for number in (61000, 61001):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(("0.0.0.0", number))
            client.connect(("127.0.0.1", port))
            held.append(client)
        setup.undo.extend(client.close for client in held)

    setup.before = spend
    setup.local_port = next(CLIENT_PORTS)


def unreadable_log(setup):
    setup.location = passed(setup.backend(answer()))
    setup.doctor_user = "nobody"
    setup.after = lambda proxy: (proxy.prefix / "logs").chmod(0o700)


def not_reloaded(setup):
    setup.location = passed(setup.backend(answer()))

    def edit(proxy):
        now = time.time() + 30
        proxy.conf.write_text(proxy.conf.read_text() + "# edited\n")
        os.utime(proxy.conf, (now, now))

    setup.after = edit


def reloaded(setup):
    """As before, but that it was loaded. Times of files and processes are compared by seconds."""
    not_reloaded(setup)

    def edit(proxy):
        time.sleep(3)
        proxy.conf.write_text(proxy.conf.read_text().replace("return 204", "return 205"))
        proxy.signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while ask(proxy.port, "GET", "/version") != 205:
            bed.check(time.monotonic() < deadline, "the configuration was not loaded")
            time.sleep(0.02)

    setup.server = "location /version { return 204; }"
    setup.after = edit


def too_large_body(setup):
    setup.location = "client_max_body_size 2; " + passed(setup.backend(answer()))
    setup.requests = [("POST", "/upload")]


def no_resolver(setup):
    setup.location = "set $app backend.internal; proxy_pass http://$app:8080;"


def log_of_the_server(setup):
    refused(setup)
    setup.server = "error_log logs/shop.log;"


def level_hides_errors(setup):
    refused(setup)
    setup.level = "alert"


def address_beside_a_name(setup):
    port = bed.free_port()
    setup.server = f"location /a {{ proxy_pass http://localhost:{port}; }}"
    setup.location = f"proxy_pass http://127.0.0.7:{port};"


def own_loopback(setup):
    """The proxy has a network of its own, as in a container: what listens here is not there."""
    port = setup.backend(answer())
    path = setup.folder / "proxy.sock"
    setup.location = passed(port)
    setup.server = f"listen unix:{path};"
    setup.command = ["unshare", "--net", "--mount", sys.executable, "-c", IN_OWN_NETWORK]
    setup.client = path


# The rest of its arguments is what runs there.
IN_OWN_NETWORK = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
os.execv(sys.argv[1], sys.argv[1:])
"""


def asked_by_url(setup):
    """Nothing has been asked of the proxy yet: the doctor asks what it would."""
    setup.location = passed(setup.backend(answer(b"Set-Cookie: session=%s\r\n" % (b"x" * 9000))))
    setup.requests = []
    setup.url = "/shop?token=secret"


def url_answers(setup):
    setup.location = passed(setup.backend(answer()))
    setup.url = "/shop"


def idle_measured(setup):
    """Nothing has failed yet: the upstream closes connections that are idle for half a second."""

    def serve(connection):
        connection.settimeout(0.5)
        answer()(connection)

    port = setup.backend(serve)
    setup.http = f"upstream app {{\nserver 127.0.0.1:{port};\nkeepalive 4;\n}}"
    setup.location = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://app;'
    setup.options = ["--measure-idle=3s"]


def places_nearly_spent(setup):
    """Nothing has failed yet: of 32 places 28 are taken."""
    port = setup.backend(answer())
    setup.events = "worker_connections 32;"
    setup.location = passed(port)

    def hold(proxy):
        clients = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(24)]
        setup.undo.extend(client.close for client in clients)
        time.sleep(0.3)

    setup.after = hold


def healthy(setup):
    setup.location = passed(setup.backend(answer()))
    setup.requests = [("GET", "/")] * 5


SETUPS = {
    "refused": (refused, "WEIR-502-REFUSED"),
    "wrong port": (wrong_port, "WEIR-502-REFUSED"),
    "loopback only": (loopback_only, "WEIR-502-OTHER-ADDRESS"),
    "dead unix socket": (dead_socket, "WEIR-502-REFUSED"),
    "missing unix socket": (missing_socket, "WEIR-502-SOCKET-MISSING"),
    "unreadable unix socket": (unreadable_socket, "WEIR-502-PERMISSION"),
    "full backlog": (full_backlog, "WEIR-502-BACKLOG"),
    "slow at a clock": (slow_at_a_clock, "WEIR-504-READ"),
    "crash before the head": (crash_before_head, "WEIR-502-CLOSED"),
    "crash in the body": (crash_in_body, "WEIR-200-CUT"),
    "big cookie head": (big_head, "WEIR-502-HEADER-SIZE"),
    "TLS to a plain port": (tls_to_plain, "WEIR-502-TLS-PLAIN"),
    "plain to TLS": (plain_to_tls, "WEIR-502-PLAIN-TO-TLS"),
    "missing server name": (missing_name, "WEIR-502-TLS-SNI"),
    "expired certificate": (expired_certificate, "WEIR-502-TLS-UNTRUSTED"),
    "stale name": (stale_name, "WEIR-502-STALE-NAME"),
    "resolver that cannot know": (unknown_name, "WEIR-502-NAME"),
    "no resolver": (no_resolver, "WEIR-502-NO-RESOLVER"),
    "dead family": (dead_family, "WEIR-502-ADDRESS-FAMILY"),
    "idle connections closed": (idle_closed, "WEIR-502-IDLE-CLOSED"),
    "one URL fells all": (one_url_fells_all, "WEIR-502-CLOSED"),
    "rate limit": (rate_limited, "WEIR-503-RATE"),
    "body too large": (too_large_body, "WEIR-413"),
    "connections spent": (connections_spent, "WEIR-500-CONNECTIONS"),
    "local ports spent": (ports_spent, "WEIR-502-PORTS"),
    "unreadable log": (unreadable_log, "WEIR-LOG-UNREADABLE"),
    "not reloaded": (not_reloaded, "WEIR-NOT-RELOADED"),
    "reloaded": (reloaded, None),
    "log of the server": (log_of_the_server, "WEIR-502-REFUSED"),
    "level hides errors": (level_hides_errors, "WEIR-5XX-UNEXPLAINED"),
    "address beside a name": (address_beside_a_name, "WEIR-502-REFUSED"),
    "idle connections measured": (idle_measured, "WEIR-502-IDLE-CLOSED"),
    "places nearly spent": (places_nearly_spent, {"nginx": "WEIR-CONNECTIONS-SCARCE"}),
    "own loopback": (own_loopback, "WEIR-502-OWN-LOOPBACK"),
    "asked by URL": (asked_by_url, "WEIR-502-HEADER-SIZE"),
    "URL answers": (url_answers, None),
    "healthy": (healthy, None),
}
# What needs root, and namespaces of its own.
PRIVILEGED = {"stale name", "dead family", "local ports spent", "unreadable unix socket", "unreadable log", "own loopback"}


def await_path(path):
    deadline = time.monotonic() + 10
    while not path.exists():
        bed.check(time.monotonic() < deadline, f"{path} is not there")
        time.sleep(0.02)


def examine(binary, kind, proxy_binary, name, show):
    make, code = SETUPS[name]
    if isinstance(code, dict):
        # weir's workers are threads of one process, whose sockets cannot be told apart.
        code = code.get(kind)
    setup = SetUp(name, code)
    try:
        make(setup)
        port = bed.free_port()
        ports = [] if setup.client else [port]
        with bed.Proxy(proxy_binary, setup.conf(port), ports, setup.command or ()) as proxy:
            proxy.port = port
            if setup.client:
                await_path(setup.client)
            if setup.before:
                setup.before(proxy)
            statuses = [ask(port, method, uri, setup.local_port, setup.client) for method, uri in setup.requests]
            time.sleep(0.05)
            if setup.after:
                setup.after(proxy)
            command = [binary, "doctor", "-c", str(proxy.conf), "-p", str(proxy.prefix), *setup.options]
            if setup.url:
                command.append(f"http://shop:{port}{setup.url}")
            if setup.doctor_user:
                command = ["setpriv", "--reuid", setup.doctor_user, "--regid", "nogroup", "--clear-groups", *command]
            if show:
                print(subprocess.run(command, capture_output=True, text=True).stdout)
            said = subprocess.run([*command, "--json"], capture_output=True, text=True)
            bed.check(said.stdout, said.stderr)
            report = json.loads(said.stdout)
            told = [one for one in report["findings"] if one["severity"] != "note"]
            first = told[0]["code"] if told else None
            if first != code:
                return f"{name}: {first} instead of {code}, after {statuses}\n{proxy.said()}"
            fails = any(one["severity"] in ("error", "critical") for one in told)
            bed.check(said.returncode == int(fails), f"{name}: exit status {said.returncode}")
            return None
    finally:
        setup.close()


def watches(binary, proxy_binary):
    """`--watch` tells what is new in the log at once, and once."""
    setup = SetUp("watch", None)
    try:
        gone, right = bed.free_port(), setup.backend(answer())
        setup.server = f"location /gone {{ {passed(gone)} }} location /cut {{ {passed(setup.backend(close_at_once))} }}"
        setup.location = passed(right)
        port = bed.free_port()
        with bed.Proxy(proxy_binary, setup.conf(port), [port]) as proxy:
            ask(port, "GET", "/gone")
            command = [binary, "doctor", "-c", str(proxy.conf), "-p", str(proxy.prefix), "--watch", "--json"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as doctor:
                first = json.loads(doctor.stdout.readline())
                bed.check(first["findings"][0]["code"] == "WEIR-502-REFUSED", f"{first['findings']}")
                ask(port, "GET", "/gone")
                ask(port, "GET", "/cut")
                new = json.loads(doctor.stdout.readline())
                bed.check(new["code"] == "WEIR-502-CLOSED", f"{new}")
                doctor.terminate()
    finally:
        setup.close()


def fixes(binary, proxy_binary):
    """`--fix` writes what `patch` takes, and the proxy serves with it."""
    setup = SetUp("fix", None)
    try:
        big_head(setup)
        port = bed.free_port()
        with bed.Proxy(proxy_binary, setup.conf(port), [port]) as proxy:
            bed.check(ask(port, "GET", "/") == 502, "the head fits")
            change = setup.folder / "change.diff"
            command = [binary, "doctor", "-c", str(proxy.conf), "-p", str(proxy.prefix), "--fix", str(change)]
            subprocess.run(command, stdout=subprocess.DEVNULL)
            applied = subprocess.run(
                ["git", "apply", "--unsafe-paths", "--directory=/", "-p1", str(change)], cwd="/", capture_output=True, text=True
            )
            bed.check(applied.returncode == 0, applied.stdout + applied.stderr)
            proxy.signal(signal.SIGHUP)
            deadline = time.monotonic() + 10
            while ask(port, "GET", "/") != 200:
                bed.check(time.monotonic() < deadline, "it does not serve with the change")
                time.sleep(0.05)
    finally:
        setup.close()


def main(binary, arguments):
    show = None
    if "--show" in arguments:
        at = arguments.index("--show")
        show = arguments[at + 1]
        del arguments[at : at + 2]
    nginx = shutil.which(arguments[0] if arguments else "nginx") or shutil.which("/usr/sbin/nginx")
    proxies = [("weir", binary)] + ([("nginx", nginx)] if nginx else [])
    wrong, right, left_out = [], 0, 0
    # What some set-ups change of the machine, they change for themselves.
    bed.own_network()
    own = tempfile.NamedTemporaryFile(mode="w", prefix="hosts-")
    own.write(Path("/etc/hosts").read_text())
    own.flush()
    os.chmod(own.name, 0o644)
    is_private = bed.own_hosts(own.name)
    for name in [show] if show else SETUPS:
        for kind, proxy in proxies:
            if name in PRIVILEGED and not is_private:
                left_out += 1
                continue
            said = examine(binary, kind, proxy, name, show)
            right += said is None
            if said is not None:
                wrong.append(f"behind {kind}: {said}")
    if not show:
        for _, proxy in proxies:
            watches(binary, proxy)
            fixes(binary, proxy)
    for text in wrong:
        print(f"WRONG  {text}\n")
    kinds = " and ".join(kind for kind, _ in proxies)
    print(f"{len(SETUPS)} set-ups behind {kinds}: the first finding is right in {right}, wrong in {len(wrong)}, {left_out} need root")
    bed.check(not wrong, "the doctor's first finding is wrong")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    bed.run(main)
