#!/usr/bin/env python3
"""Memory that idle keep-alive connections cost: idle.py [BINARY [CONNECTIONS]].

10,000 clients each send one request through to the application and then keep their connection.
Prints the resident memory that each of them added.
"""

import socket

import bed

BATCH = 100
WARM_UP = 200
# Files beside the connections of clients.
SPARE = 1000


def conf(port, origin, connections):
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
                listen 127.0.0.1:{port} backlog=1024;
                location / {{
                    proxy_pass http://origin;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                }}
            }}
        }}
    """


def idle_connections(port, count):
    """Connections on which one request has been answered."""
    connections = []
    for begin in range(0, count, BATCH):
        batch = []
        for _ in range(min(BATCH, count - begin)):
            connection = socket.create_connection(("127.0.0.1", port), 10)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: idle\r\n\r\n")
            batch.append(connection)
        for connection in batch:
            data = b""
            while not data.endswith(b"\r\n\r\nok\n"):
                more = connection.recv(4096)
                bed.check(more, f"connection closed after {data!r}")
                data += more
            bed.check(data.startswith(b"HTTP/1.1 200 "), repr(data))
        connections += batch
    return connections


def added_memory(binary, count):
    """Resident bytes before and after `count` connections were opened; all of them still live."""
    bed.allow_files(count + SPARE)
    origin, origin_port = bed.python("backend.py")
    port = bed.free_port()
    try:
        with bed.Proxy(binary, conf(port, origin_port, count), [port]) as proxy:
            for connection in idle_connections(port, WARM_UP):
                connection.close()
            before = proxy.resident()
            held = idle_connections(port, count)
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
