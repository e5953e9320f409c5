#!/usr/bin/env python3
"""A zone under attack keeps its size, and its limits: limits.py [BINARY [KEYS]].

A million requests, each with a key of its own, come down pipelined connections against zones of 1 MiB for
`limit_req` and `limit_conn`. Every one is answered; what is resident grows by less than 8 MiB; whoever asks
too often in the meantime is refused, and afterwards, too.
"""

import socket

import bed

KEYS = 1_000_000
BATCH = 500
LIMIT = 8 << 20


def conf(port):
    return f"""
        daemon off;
        worker_processes 2;
        error_log logs/error.log crit;
        pid proxy.pid;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            keepalive_requests 100000000;
            limit_req_zone $arg_key zone=requests:1m rate=1r/m;
            limit_conn_zone $arg_key zone=connections:1m;
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    limit_req zone=requests;
                    limit_conn connections 1;
                    limit_req_status 429;
                    empty_gif;
                }}
            }}
        }}
    """


def request(key):
    return f"HEAD /?key={key} HTTP/1.1\r\nHost: h\r\n\r\n".encode()


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.data = b""

    def statuses(self, keys):
        """Asks with each of the keys, one behind the other; how often each status came."""
        keys = list(keys)
        self.socket.sendall(b"".join(map(request, keys)))
        found = {}
        for _ in keys:
            while b"\r\n\r\n" not in self.data:
                more = self.socket.recv(1 << 16)
                bed.check(more, "the connection ended")
                self.data += more
            head, _, self.data = self.data.partition(b"\r\n\r\n")
            status = head.split()[1].decode()
            found[status] = found.get(status, 0) + 1
        return found


def attack(client, watched, total):
    """Every key is served once; one that comes again and again is refused."""
    watched.statuses(["again"])
    for start in range(0, total, BATCH):
        found = client.statuses(f"{number:x}" for number in range(start, start + BATCH))
        bed.check(found == {"200": BATCH}, f"keys from {start}: {found}")
        found = watched.statuses(["again"])
        bed.check(found == {"429": 1}, f"after {start}: {found}")


def main(binary, arguments):
    keys = int(arguments[0]) if arguments else KEYS
    port = bed.free_port()
    with bed.Proxy(binary, conf(port), [port]) as proxy:
        client, watched = Client(port), Client(port)
        client.statuses(f"before{number}" for number in range(BATCH))
        before = proxy.resident()
        attack(client, watched, keys)
        grown = proxy.resident() - before
        print(f"{keys:,} keys against 1 MiB: {grown / (1 << 20):.1f} MiB more than before")
        bed.check(grown < LIMIT, f"grown by {grown} bytes")
        found = Client(port).statuses(["last", "last"])
        bed.check(found == {"200": 1, "429": 1}, f"afterwards: {found}")


if __name__ == "__main__":
    bed.run(main)
