#!/usr/bin/env python3
"""Mixed reloads under load change nothing but the configuration: mixed.py [BINARY [RELOADS]].

150 reloads, each of another kind in turn (locations, workers, upstreams, listens), under 48 keep-alive
connections. No request may be lost, and none that was begun after a reload was reported may be answered
under an older configuration: each answer says which one made it. Afterwards descriptors, threads and
memory are what they were after the first round, and no connection is left to an origin that the
configuration no longer names.

What reports a reload is the line `reconfigured` of the error log. nginx writes none; there the first
answer of a new configuration is taken instead, and older answers after it are counted but allowed, as are
requests that cross the closure of a connection which its old workers held to be idle.
"""

import asyncio
import re
import signal
import time
from pathlib import Path

import bed
from load import Load

CONNECTIONS = 48
RELOADS = 150
KINDS = ("locations", "workers", "upstreams", "listens")
# Settings of each kind, taken in turn; their numbers have no common divisor.
LOCATIONS = ("location /", "location = /", "location ~ ^/$", "location ^~ /")
WORKERS = (3, 1, 4, 2, 1)
UPSTREAMS = ((0,), (1,), (0, 1), (2,), (2, 0), (1, 2), (0, 1, 2))
LISTENS = ((), ("before",), ("before", "after"), ("after",), ("before", "wide"), ("wide",))
# After so many reloads every setting has been in force.
ROUND = 28
ORIGIN_DELAYS = (0, 0, 20)
REPORT_SECONDS = 10
# Between two reloads so many requests are sent at least.
REQUESTS_APART = 150
SETTLE_SECONDS = 15
GENERATION = re.compile(rb"\r\nX-Generation: *(\d+)", re.IGNORECASE)


class Site:
    """The configuration, reload by reload."""

    def __init__(self, origins):
        self.origins = origins
        self.port, self.before, self.after, self.wide = (bed.free_port() for _ in range(4))
        self.turns = dict.fromkeys(KINDS, 0)
        self.generation = 0

    def go_on(self):
        """The next configuration differs in one kind."""
        self.turns[KINDS[self.generation % len(KINDS)]] += 1
        self.generation += 1

    def start_over(self):
        """The next configuration is that of the beginning, but for its number."""
        self.turns = dict.fromkeys(KINDS, 0)
        self.generation += 1

    def setting(self, kind, settings):
        return settings[self.turns[kind] % len(settings)]

    def named_origins(self):
        return [self.origins[index] for index in self.setting("upstreams", UPSTREAMS)]

    def conf(self):
        listens = self.setting("listens", LISTENS)

        def server(name, address):
            return f"server {{ listen {address}; return 204; }}" if name in listens else ""

        return f"""
            daemon off;
            worker_processes {self.setting("workers", WORKERS)};
            error_log logs/error.log notice;
            pid proxy.pid;
            events {{ worker_connections 1024; }}
            http {{
                access_log logs/access.log;
                keepalive_requests 1000000;
                upstream origin {{
                    {"".join(f"server 127.0.0.1:{port};" for port in self.named_origins())}
                    keepalive {8 + len(listens)};
                }}
                {server("before", f"127.0.0.1:{self.before}")}
                server {{
                    listen 127.0.0.1:{self.port} backlog=1024;
                    {self.setting("locations", LOCATIONS)} {{
                        proxy_pass http://origin;
                        proxy_http_version 1.1;
                        proxy_set_header Connection "";
                        add_header X-Generation {self.generation};
                    }}
                }}
                {server("after", f"127.0.0.1:{self.after}")}
                {server("wide", str(self.wide))}
            }}
        """


class Reloads:
    """Replaces the configuration again and again, and watches which one answers."""

    def __init__(self, proxy, site):
        self.proxy, self.site = proxy, site
        self.newest = 0  # That has answered.
        self.reported = 0  # That must answer from now on.
        self.reports = None  # Whether the program says so; known after the first reload.
        self.stale = 0
        self.over = False

    def on_answer(self, load, head):
        found = GENERATION.search(head)
        if found:
            generation = int(found[1])
            self.newest = max(self.newest, generation)
            self.stale += generation < load.begun

    async def run(self, load, change, count):
        for _ in range(count):
            change()
            self.proxy.conf.write_text(self.site.conf())
            lines = self.report_lines()
            self.proxy.signal(signal.SIGHUP)
            await self.wait_for_report(lines)
            apart = load.sent + REQUESTS_APART
            await self.until(lambda: load.sent >= apart, "the load stands still")

    async def wait_for_report(self, lines):
        generation = self.site.generation
        if self.reports is not False:
            patience = REPORT_SECONDS if self.reports else 2
            self.reports = await reached(lambda: self.report_lines() > lines, patience)
            if self.reports:
                self.reported = generation
        await self.until(lambda: self.newest == generation, f"{generation} never answered")
        self.reported = generation

    async def until(self, condition, text):
        bed.check(await reached(condition, REPORT_SECONDS), text)

    def report_lines(self):
        """How many reloads the error log has reported."""
        return self.proxy.error_log().count(" reconfigured\n")


async def reached(condition, seconds):
    """Waits until `condition()`; False if that takes longer."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.002)
    return True


def connections_to(port):
    """Established connections to a port of 127.0.0.1."""
    wanted = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return sum(field[2].endswith(wanted) and field[3] == "01" for field in fields)


class Measure:
    """What the proxy holds while nobody asks for anything."""

    def __init__(self, proxy):
        deadline = time.monotonic() + SETTLE_SECONDS
        held = None
        # Old workers of nginx take a moment to end.
        while held != (now := self.held(proxy)) and time.monotonic() < deadline:
            held = now
            time.sleep(0.5)
        self.files, self.threads = now
        self.memory = proxy.resident("Pss")

    def held(self, proxy):
        return proxy.open_files(), proxy.threads()

    def __str__(self):
        return f"{self.files} files, {self.threads} threads, {self.memory / 1e6:.1f} MB"


async def load_through(proxy, site, reloads, change, count):
    """One load over `count` reloads, and back to the first configuration."""

    def over(_):
        return reloads.over

    load = Load(site.port, over, reloads.on_answer, lambda: reloads.reported)
    reloads.over = False
    clients = asyncio.create_task(load.run(CONNECTIONS, reconnect=True))
    try:
        await reloads.run(load, change, count)
        await reloads.run(load, site.start_over, 1)
    finally:
        reloads.over = True
        await clients
    return load


def verdict(name, load, reloads):
    stale = f"{reloads.stale} answered under an older configuration"
    print(f"{name}: {load.summary()}; {stale}")
    allowed = 0 if reloads.reports else load.silent
    bed.check(load.lost == allowed, f"{load.lost} lost")
    bed.check(not reloads.reports or reloads.stale == 0, stale)


def reload_all_kinds(binary, count, origins):
    site = Site([port for _, port in origins])
    with bed.Proxy(binary, site.conf(), [site.port]) as proxy:
        reloads = Reloads(proxy, site)
        began = time.monotonic()
        measures = []
        for name, part in (("first round", min(ROUND, count)), ("the rest", count - ROUND)):
            if part <= 0:
                continue
            load = asyncio.run(load_through(proxy, site, reloads, site.go_on, part))
            measures.append(Measure(proxy))
            verdict(f"{name}, {part} reloads", load, reloads)
            print(f"  then {measures[-1]}")
        print(f"  in {time.monotonic() - began:.0f} s")
        check_flat(measures[0], measures[-1])
        named = set(site.named_origins())
        for port in set(site.origins) - named:
            left = connections_to(port)
            bed.check(left == 0, f"{left} connections to an origin that is not named any more")


def check_flat(first, last):
    # Idle connections to the origin come and go, few per worker.
    bed.check(last.files <= first.files + 32, f"open files: {first}, then {last}")
    bed.check(last.threads <= first.threads, f"threads: {first}, then {last}")
    bed.check(last.memory <= first.memory * 1.25 + 1e6, f"memory: {first}, then {last}")


def main(binary, arguments):
    origins = [bed.python("backend.py", delay) for delay in ORIGIN_DELAYS]
    try:
        reload_all_kinds(binary, int(arguments[0]) if arguments else RELOADS, origins)
    finally:
        for process, _ in origins:
            bed.stop(process)


if __name__ == "__main__":
    bed.run(main)
