#!/usr/bin/env python3
"""Every file of examples/conf does what its comments say: examples.py [BINARY].

Each is run as written, with applications behind it as it expects them; as root in a network
namespace of its own, so that its ports are free.
"""

import contextlib
import http.client
import os
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

import bed

CONF = bed.ROOT / "examples/conf"
PORT = 8080


class Application(BaseHTTPRequestHandler):
    """Answers GET with the name of its server, and upgrades /chat to an echo."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.client_address, dict(self.headers)))
        if self.path == "/chat":
            self.echo()
            return
        body = self.server.name.encode()
        self.send_response(self.server.status)
        if self.path == "/large":
            self.send_header("Set-Cookie", "c=" + "x" * 20_000)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def echo(self):
        self.send_response(101)
        self.send_header("Upgrade", self.headers["Upgrade"])
        self.send_header("Connection", "upgrade")
        self.end_headers()
        self.close_connection = True
        while data := self.rfile.read1(4096):
            self.wfile.write(data)

    def address_string(self):
        return "client"

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def application(address, name="application", status=200):
    """An application at a port, or at the path of a unix-domain socket."""
    family = socketserver.TCPServer if isinstance(address, int) else socketserver.UnixStreamServer

    class Server(socketserver.ThreadingMixIn, family):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request, client_address):
            """A proxy may close as it likes; what it answered is what counts."""

    server = Server(("127.0.0.1", address) if isinstance(address, int) else address, Application)
    server.name, server.status, server.seen = name, status, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def get(path="/", headers=None):
    """Status, fields and body of an answer from the proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def expect(path, status, body=None, headers=None):
    actual = get(path, headers)
    bed.check(actual[0] == status, f"{path}: {actual[0]} instead of {status}")
    bed.check(body is None or actual[2] == body, f"{path}: {actual[2]!r} instead of {body!r}")
    return actual


def log_text(proxy, name):
    return (proxy.prefix / "logs" / name).read_text()


def demo(proxy):
    expect("/a?b", 200, "Hello from the application. You asked for /a?b\n")
    _, _, page = expect("/broken", 502)
    bed.check("<h1>502 Bad Gateway</h1>" in page, page)
    bed.check("connect() failed (111: Connection refused)" in proxy.said(), "no error line")


def minimal(proxy):
    with application(9000):
        expect("/", 200, "application")
    expect("/", 502)
    bed.check("connect() failed (111" in log_text(proxy, "error.log"), "no error line")


def failover_with_backup(proxy):
    with application(9003, "backup"):
        with application(9002, "second"):
            expect("/", 200, "second")
            expect("/", 200, "second")
            lines = log_text(proxy, "access.log")
            bed.check('upstream="127.0.0.1:9001, 127.0.0.1:9002" status="502, 200"' in lines, lines)
            with application(9001, "first"):
                bodies = {expect("/", 200)[2] for _ in range(4)}
                bed.check(bodies == {"first", "second"}, f"answered by {bodies}")
        expect("/", 200)


def failover_of_503(proxy):
    with application(9001, "sick", 503), application(9002, "second"), application(9003, "backup"):
        for _ in range(6):
            expect("/", 200, "second")
        lines = log_text(proxy, "access.log")
        bed.check('status="503, 200"' in lines, lines)


def payments_are_sent_once(proxy):
    with application(9001, "sick", 503) as sick, application(9002, "sick", 503) as other:
        expect("/payments", 503, "sick")
        seen = len(sick.seen) + len(other.seen)
        bed.check(seen == 1, f"sent {seen} times")


def keepalive(proxy):
    with application(9000) as server:
        for _ in range(20):
            expect("/", 200, "application")
        # Each worker opens its own connections.
        connections = len({address for address, _ in server.seen})
        bed.check(connections <= 1 + len(os.sched_getaffinity(0)), f"{connections} connections")
        bed.check("Connection" not in server.seen[0][1], "Connection was passed on")


def websocket(proxy):
    with application(9000) as server:
        expect("/", 200, "application")
        plain = server.seen[-1][1]
        bed.check("Upgrade" not in plain, f"plain request: {plain}")
        with socket.create_connection(("127.0.0.1", PORT), 10) as client:
            client.sendall(
                b"GET /chat HTTP/1.1\r\nHost: example\r\n"
                b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            )
            reader = client.makefile("rb")
            status = reader.readline()
            bed.check(status.startswith(b"HTTP/1.1 101 "), repr(status))
            while reader.readline() != b"\r\n":
                pass
            for message in (b"one", b"two" * 100_000):
                client.sendall(message)
                bed.check(reader.read(len(message)) == message, "the echo differs")


def unix_socket(proxy):
    path = "/tmp/weir-example.sock"
    expect("/", 502)
    bed.check("(2: No such file or directory)" in log_text(proxy, "error.log"), "no error line")
    with application(path) as server:
        # The workers are another user than root.
        os.chmod(path, 0o666)
        try:
            expect("/", 200, "application", {"Host": "shop.example"})
            host = server.seen[-1][1]["Host"]
            bed.check(host == "shop.example", f"Host: {host}")
        finally:
            os.unlink(path)


def large_headers(proxy):
    with application(9000):
        _, fields, _ = expect("/large", 200)
        bed.check(len(fields["Set-Cookie"]) == 20_002, "the cookie is not whole")
        expect("/", 200, "application", {"Cookie": "c=" + "x" * 20_000})
        expect("/", 400, None, {"Cookie": "c=" + "x" * 40_000})


CHECKS = {
    "demo.conf": [demo],
    "minimal.conf": [minimal],
    "failover-with-backup.conf": [failover_with_backup, failover_of_503, payments_are_sent_once],
    "keepalive.conf": [keepalive],
    "websocket.conf": [websocket],
    "unix-socket.conf": [unix_socket],
    "large-headers.conf": [large_headers],
}


def main(binary, _arguments):
    bed.own_network()
    written = {path.name for path in CONF.iterdir()}
    bed.check(written == set(CHECKS), f"checked are {sorted(CHECKS)}, written {sorted(written)}")
    for name, checks in CHECKS.items():
        for check in checks:
            with bed.Proxy(binary, CONF / name, [PORT]) as proxy:
                try:
                    check(proxy)
                except (bed.Failed, OSError, http.client.HTTPException) as failure:
                    raise bed.Failed(f"{name}, {check.__name__}: {failure!r}\n{proxy.said()}") from None
            print(f"examples: {name}: {check.__name__}: ok", flush=True)


if __name__ == "__main__":
    bed.run(main)
