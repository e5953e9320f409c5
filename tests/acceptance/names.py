#!/usr/bin/env python3
"""A name whose addresses change every second under load: names.py [BINARY [SECONDS]].

A name server gives the upstream's name other addresses each second: one stays, the others come and go, and
those that are gone are closed a moment later, as when containers are replaced. No request may fail, and the
connections to the address that stays are kept. BINARY may be a real nginx, whose figures are only shown.
"""

import asyncio
import re
import sys
import time

import bed
from load import Load

CONNECTIONS = 32
NAME = "app.test"
#: The last bytes of the addresses: the first stays.
STAYS, COMING_AND_GOING = 1, list(range(2, 22))
#: How long a server goes on after its address has left the name, as a container does that is told to stop: an
#: answer of this second is used in the next, and what is on its way then ends.
GRACE_SECONDS = 3.5


def conf(port, origin, names):
    return f"""
        daemon off;
        worker_processes 2;
        error_log logs/error.log notice;
        pid proxy.pid;
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            keepalive_requests 1000000;
            resolver 127.0.0.1:{names} valid=1s ipv6=off;
            upstream origin {{
                zone origin 256k;
                server {NAME}:{origin} resolve;
                keepalive 64;
                keepalive_requests 1000000;
            }}
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


class NameServer(asyncio.DatagramProtocol):
    """Answers every question with the addresses of the moment, which hold for a second."""

    def __init__(self):
        self.last_bytes = []
        self.asked = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, query, client):
        self.asked += 1
        end = query.index(b"\0", 12) + 5
        head = query[:2] + b"\x81\x80\0\1" + len(self.last_bytes).to_bytes(2, "big") + bytes(4)
        records = b"".join(
            b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + bytes([127, 0, 0, last]) for last in self.last_bytes
        )
        self.transport.sendto(head + query[12:end] + records, client)


class Conversation(asyncio.Protocol):
    """Answers each request on a connection."""

    def __init__(self, origin):
        self.origin = origin
        self.left = b""

    def connection_made(self, transport):
        self.transport = transport
        self.origin.accepted += 1
        self.origin.open.add(transport)

    def connection_lost(self, _):
        self.origin.open.discard(self.transport)

    def data_received(self, data):
        *heads, self.left = (self.left + data).split(b"\r\n\r\n")
        self.origin.served += len(heads)
        self.transport.write(len(heads) * b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class Origin:
    """An HTTP server on one of the addresses."""

    def __init__(self):
        self.accepted = self.served = 0
        self.open = set()

    async def start(self, last, port):
        loop = asyncio.get_running_loop()
        address = f"127.0.0.{last}"
        self.server = await loop.create_server(
            lambda: Conversation(self), address, port, backlog=512
        )
        return self

    def stop(self):
        """Ends at once, as a killed process does."""
        self.server.close()
        for transport in list(self.open):
            transport.abort()


class Changes:
    """The addresses, second by second."""

    def __init__(self, names, port):
        self.names, self.port = names, port
        self.running = {}
        self.turns = 0

    async def turn(self):
        """Two of those that come and go, others each time."""
        pair = [COMING_AND_GOING[(self.turns * 2 + i) % len(COMING_AND_GOING)] for i in (0, 1)]
        self.turns += 1
        wanted = [STAYS, *pair]
        for last in wanted:
            if last not in self.running:
                self.running[last] = await Origin().start(last, self.port)
        self.names.last_bytes = wanted
        for last in [last for last in self.running if last not in wanted]:
            origin = self.running.pop(last)
            asyncio.get_running_loop().call_later(GRACE_SECONDS, origin.stop)

    async def run(self, seconds):
        for _ in range(seconds):
            await self.turn()
            await asyncio.sleep(1)


async def play(binary, seconds):
    names_port, origin_port, port = bed.free_port(), bed.free_port(), bed.free_port()
    loop = asyncio.get_running_loop()
    _, names = await loop.create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", names_port)
    )
    changes = Changes(names, origin_port)
    await changes.turn()
    stays = changes.running[STAYS]
    with bed.Proxy(binary, conf(port, origin_port, names_port), [port]) as proxy:
        # The name is looked up first of all.
        while names.asked < 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        ends = time.monotonic() + seconds
        load = Load(port, lambda _: time.monotonic() >= ends, lambda *_: None)
        clients = [load.connection(True) for _ in range(CONNECTIONS)]
        await asyncio.gather(changes.run(seconds), *clients)
        log = (proxy.prefix / "logs" / "error.log").read_text(errors="replace")
    return load, changes, names, stays, log


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else str(bed.ROOT / "target/release/weir")
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    bed.own_network()
    load, changes, names, stays, log = asyncio.run(play(binary, seconds))
    print(f"{load.summary()}; {changes.turns} changes, {names.asked} questions")
    print(f"the address that stays: {stays.served} requests over {stays.accepted} connections")
    dead = len(re.findall("no live upstreams", log))
    print(f"lines about no live upstreams: {dead}")
    if "nginx" in binary:
        return
    bed.check(load.good > 100, "hardly a request was sent")
    bed.check(load.lost == 0, f"{load.lost} requests were lost: {log[-2000:]}")
    bed.check(dead == 0, "the pool was empty once")
    bed.check(names.asked >= seconds // 2 - 1, "the name was hardly ever looked up")
    kept = CONNECTIONS + 2 * 2
    bed.check(stays.accepted <= kept, f"{stays.accepted} connections to the address that stays")


if __name__ == "__main__":
    try:
        main()
    except bed.Failed as failed:
        sys.exit(f"names: {failed}")
