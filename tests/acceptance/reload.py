#!/usr/bin/env python3
"""SIGHUP and SIGQUIT under load lose nothing: reload.py [BINARY [REQUESTS]].

First 100,000 requests over 64 keep-alive connections while the configuration is replaced 20 times,
each with a header that says which one answered. Then SIGQUIT while 64 requests are in flight: every
request that the application received is answered, and the proxy ends with status 0.
"""

import asyncio
import re
import signal

import bed
from load import Load

CONNECTIONS = 64
RELOADS = 20
GENERATION = re.compile(rb"\r\nX-Generation: *(\d+)", re.IGNORECASE)


def conf(port, origin, generation):
    return f"""
        daemon off;
        worker_processes 2;
        error_log logs/error.log notice;
        pid proxy.pid;
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            keepalive_requests 1000000;
            upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; }}
            server {{
                listen 127.0.0.1:{port} backlog=1024;
                location / {{
                    proxy_pass http://origin;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    add_header X-Generation {generation};
                }}
            }}
        }}
    """


class Reloads:
    """At least `requests`, and on until every configuration has answered, within reason.

    Replaces the configuration every so many requests, never before the last one answered.
    """

    def __init__(self, proxy, port, origin, requests):
        self.proxy, self.port, self.origin, self.requests = proxy, port, origin, requests
        self.every = requests // (RELOADS + 1)
        self.asked = 0
        self.seen = set()

    def over(self, load):
        done = load.sent >= self.requests and RELOADS in self.seen
        return done or load.sent >= 3 * self.requests

    def on_answer(self, load, head):
        found = GENERATION.search(head)
        if found:
            self.seen.add(int(found[1]))
        due = load.sent >= self.every * (self.asked + 1)
        if due and self.asked < RELOADS and self.asked in self.seen:
            self.asked += 1
            self.proxy.conf.write_text(conf(self.port, self.origin, self.asked))
            self.proxy.signal(signal.SIGHUP)


def reload_under_load(binary, requests):
    origin, origin_port = bed.python("backend.py")
    port = bed.free_port()
    try:
        with bed.Proxy(binary, conf(port, origin_port, 0), [port]) as proxy:
            reloads = Reloads(proxy, port, origin_port, requests)
            load = Load(port, reloads.over, reloads.on_answer)
            asyncio.run(load.run(CONNECTIONS, reconnect=True))
            print(f"reload: {load.summary()}; {reloads.asked} reloads, {len(reloads.seen)} seen")
            missing = set(range(RELOADS + 1)) - reloads.seen
            bed.check(not missing, f"configurations {sorted(missing)} never answered")
            bed.check(load.lost == 0, f"{load.lost} lost")
    finally:
        bed.stop(origin)


def quit_under_load(binary):
    origin, origin_port = bed.python("backend.py", 50)
    port = bed.free_port()
    try:
        with bed.Proxy(binary, conf(port, origin_port, 0), [port]) as proxy:

            def on_answer(load, _head):
                if load.good == CONNECTIONS * 20:
                    proxy.signal(signal.SIGQUIT)

            load = Load(port, lambda load: False, on_answer)
            asyncio.run(load.run(CONNECTIONS, reconnect=False))
            status = proxy.wait()
            begun = bed.ask(origin)
            print(f"quit: {load.summary()}; {begun} begun; exit status {status}")
            answered = load.good + load.bad
            bed.check(answered == begun, f"{begun - answered} begun requests without an answer")
            bed.check(load.good == begun, f"{load.bad} requests answered with an error")
            # A request may cross the closure of an idle connection; most must have been warned.
            warned = load.silent <= CONNECTIONS // 4
            bed.check(warned, f"{load.silent} answers did not say Connection: close")
            bed.check(status == 0, f"the proxy ended with status {status}")
    finally:
        bed.stop(origin)


def main(binary, arguments):
    reload_under_load(binary, int(arguments[0]) if arguments else 100_000)
    quit_under_load(binary)


if __name__ == "__main__":
    bed.run(main)
