#!/usr/bin/env python3
"""Memory that idle keep-alive connections cost: idle.py [BINARY [CONNECTIONS]].

10,000 clients each send one request through to the application and then keep their connection.
Prints the resident memory that each of them added. benches/vs-nginx measures the same of clients
that speak TLS or HTTP/2.
"""

import socket
import ssl
import struct
from dataclasses import dataclass

import bed

BATCH = 100
WARM_UP = 200
# Files beside the connections of clients.
SPARE = 1000


PLAIN, TLS, HTTP2 = "HTTP/1", "HTTP/1 over TLS", "HTTP/2"

# RFC 9113: types of frames, and what their flags say.
DATA, HEADERS, SETTINGS = 0, 1, 4
ACK = END_STREAM = 1
END_HEADERS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# RFC 7541: GET, http, / and `:authority: idle`; and how `:status: 200` begins an answer.
REQUEST_FIELDS = b"\x82\x86\x84\x01\x04idle"
STATUS_200 = b"\x88"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


REQUESTS = {
    PLAIN: b"GET / HTTP/1.1\r\nHost: idle\r\n\r\n",
    TLS: b"GET / HTTP/1.1\r\nHost: idle\r\n\r\n",
    HTTP2: PREFACE + frame(SETTINGS, 0, 0)
    + frame(HEADERS, END_STREAM | END_HEADERS, 1, REQUEST_FIELDS) + frame(SETTINGS, ACK, 0),
}


@dataclass(frozen=True)
class Client:
    """What clients speak; for TLS, the file of the proxy's certificate and its key."""

    kind: str = PLAIN
    certificate: str | None = None

    def door(self):
        """The port's options, and what the server says of them."""
        files = f"ssl_certificate {self.certificate}; ssl_certificate_key {self.certificate};"
        return {PLAIN: ("", ""), TLS: ("ssl", files), HTTP2: ("", "http2 on;")}[self.kind]

    def connect(self, port):
        connection = socket.create_connection(("127.0.0.1", port), 10)
        if self.kind != TLS:
            return connection
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(connection)

    def answered(self, connection):
        """The bare connection, once the whole answer has been read."""
        read = read_http2 if self.kind == HTTP2 else read_http1
        read(connection)
        if self.kind != TLS:
            return connection
        # Without what a client holds for TLS; it says no more, and the proxy does not know.
        return socket.socket(fileno=connection.detach())


def read_http1(connection):
    data = b""
    while not data.endswith(b"\r\n\r\nok\n"):
        more = connection.recv(4096)
        bed.check(more, f"connection closed after {data!r}")
        data += more
    bed.check(data.startswith(b"HTTP/1.1 200 "), repr(data))


def read_http2(connection):
    """All frames up to the answer's end, and the proxy's word that it took the settings."""
    body, ended, settled = b"", False, False
    while not (ended and settled):
        head = exactly(connection, 9)
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        payload = exactly(connection, int.from_bytes(head[:3], "big"))
        if kind == HEADERS:
            bed.check(payload.startswith(STATUS_200), repr(payload))
        body += payload if kind == DATA else b""
        ended |= stream == 1 and kind in (DATA, HEADERS) and bool(flags & END_STREAM)
        settled |= kind == SETTINGS and bool(flags & ACK)
    bed.check(body == b"ok\n", repr(body))


def exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        bed.check(more, f"connection closed after {data!r}")
        data += more
    return data


def conf(port, origin, connections, client=Client()):
    options, settings = client.door()
    return f"""
        daemon off;
        worker_processes 1;
        worker_rlimit_nofile {connections + SPARE};
        error_log logs/error.log warn;
        pid proxy.pid;
        events {{ worker_connections {connections + SPARE}; }}
        http {{
            access_log off;
            keepalive_timeout 600s;
            upstream origin {{ server 127.0.0.1:{origin}; keepalive 16; }}
            server {{
                listen 127.0.0.1:{port} {options} backlog=1024;
                {settings}
                location / {{
                    proxy_pass http://origin;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                }}
            }}
        }}
    """


def idle_connections(port, count, client):
    """Connections on which one request has been answered."""
    connections = []
    for begin in range(0, count, BATCH):
        batch = []
        for _ in range(min(BATCH, count - begin)):
            connection = client.connect(port)
            connection.sendall(REQUESTS[client.kind])
            batch.append(connection)
        connections += map(client.answered, batch)
    return connections


def added_memory(binary, count, client=Client()):
    """Resident bytes before and after `count` connections were opened; all of them still live."""
    bed.allow_files(count + SPARE)
    origin, origin_port = bed.python("backend.py")
    port = bed.free_port()
    try:
        with bed.Proxy(binary, conf(port, origin_port, count, client), [port]) as proxy:
            for connection in idle_connections(port, WARM_UP, client):
                connection.close()
            before = proxy.resident()
            held = idle_connections(port, count, client)
            after = proxy.resident()
            for connection in held:
                connection.setblocking(False)
                try:
                    bed.check(connection.recv(1, socket.MSG_PEEK) == b"never", "an idle connection was closed")
                except BlockingIOError:
                    pass
                connection.close()
    finally:
        bed.stop(origin)
    return before, after


def main(binary, arguments):
    count = int(arguments[0]) if arguments else 10_000
    before, after = added_memory(binary, count)
    print(f"idle: {count} connections add {(after - before) / count:.0f} bytes each to {before} bytes")


if __name__ == "__main__":
    bed.run(main)
