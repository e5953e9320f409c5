#!/usr/bin/env python3
"""Long bodies do not fill memory: memory.py [BINARY [MEBIBYTES]].

2 GiB down to a client that reads at a fixed pace, 2 GiB up from a client that sends as fast as it
can to an application that reads at that pace; each with buffering (what runs ahead goes to a
temporary file) and without. Every byte is checked. Prints the peak of resident memory of each run;
64 MiB is the limit.
"""

import os
import socket
import threading
import time
import zlib

import bed

MIB = 1 << 20
PIECE = os.urandom(MIB)
PACE = 100 * MIB
LIMIT = 64 * MIB
SECONDS = 600


def conf(port, origin, buffering):
    return f"""
        daemon off;
        worker_processes 1;
        error_log logs/error.log warn;
        pid proxy.pid;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            client_max_body_size 0;
            proxy_temp_path proxy_temp;
            client_body_temp_path body_temp;
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://127.0.0.1:{origin};
                    proxy_http_version 1.1;
                    proxy_buffering {buffering};
                    proxy_request_buffering {buffering};
                }}
            }}
        }}
    """


def send(connection, pieces):
    for _ in range(pieces):
        connection.sendall(PIECE)


def receive(connection, pieces, begun):
    """Checks `pieces` of body, `begun` of which has been read, at the fixed pace."""
    expected = actual = 0
    for _ in range(pieces):
        expected = zlib.crc32(PIECE, expected)
    started, total, buffer = time.monotonic(), 0, bytearray(MIB)
    data = memoryview(begun)
    while True:
        actual = zlib.crc32(data, actual)
        total += len(data)
        if total >= pieces * MIB:
            break
        pause = started + total / PACE - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        count = connection.recv_into(buffer)
        bed.check(count > 0, f"the body ended after {total} bytes of {pieces * MIB}")
        data = memoryview(buffer)[:count]
    bed.check(total == pieces * MIB and actual == expected, "the body is not what was sent")


def read_head(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        bed.check(more, f"no head: {data!r}")
        data += more
    head, _, begun = data.partition(b"\r\n\r\n")
    return head, begun


class Origin(threading.Thread):
    """Serves one connection: a body for GET, a pace for PUT."""

    def __init__(self, pieces):
        super().__init__(daemon=True)
        self.pieces = pieces
        self.failure = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        try:
            connection, _ = self.listener.accept()
            with connection:
                connection.settimeout(SECONDS)
                self.serve(connection)
        except (OSError, bed.Failed) as failure:
            self.failure = failure

    def serve(self, connection):
        head, begun = read_head(connection)
        if head.startswith(b"GET "):
            length = self.pieces * MIB
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
            send(connection, self.pieces)
        else:
            receive(connection, self.pieces, begun)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def download(connection, pieces):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: memory\r\n\r\n")
    head, begun = read_head(connection)
    bed.check(head.startswith(b"HTTP/1.1 200 "), head.decode())
    receive(connection, pieces, begun)


def upload(connection, pieces):
    length = pieces * MIB
    connection.sendall(b"PUT / HTTP/1.1\r\nHost: memory\r\nContent-Length: %d\r\n\r\n" % length)
    send(connection, pieces)
    head, _ = read_head(connection)
    bed.check(head.startswith(b"HTTP/1.1 204 "), head.decode())


def measure(binary, pieces, transfer, buffering):
    origin, port = Origin(pieces), bed.free_port()
    with bed.Proxy(binary, conf(port, origin.port, buffering), [port]) as proxy:
        origin.start()
        with socket.create_connection(("127.0.0.1", port), SECONDS) as client:
            transfer(client, pieces)
        origin.join(SECONDS)
        bed.check(origin.failure is None, f"the application: {origin.failure}")
        peak = max(bed.status_bytes(pid, "VmHWM") for pid in proxy.pids())
    name = f"{transfer.__name__} of {pieces} MiB, buffering {buffering}"
    print(f"memory: {name}: peak {peak / MIB:.1f} MiB", flush=True)
    return peak


def main(binary, arguments):
    pieces = int(arguments[0]) if arguments else 2048
    peaks = [
        measure(binary, pieces, transfer, buffering)
        for transfer in (download, upload)
        for buffering in ("on", "off")
    ]
    bed.check(max(peaks) < LIMIT, f"{max(peaks) / MIB:.1f} MiB of memory")


if __name__ == "__main__":
    bed.run(main)
