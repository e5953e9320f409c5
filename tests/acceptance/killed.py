#!/usr/bin/env python3
"""How many requests a killed server costs: killed.py [BINARY [NGINX]].

One of two servers of an upstream gets SIGKILL under load. What that costs clients is counted for BINARY with
health checks, for BINARY without, and for a real nginx without, where there is one; once with the usual retries,
and once where requests are not retried and failures take no server out (`max_fails=0`), so that only checks can
find out.
"""

import asyncio
import shutil
import time

import bed
from load import Load

CONNECTIONS = 16
# When the server is killed, and when the load ends.
KILLED_AFTER, SECONDS = 0.4, 2.2
CHECK = "health_check interval=50ms fails=1 passes=1;"
# Of what is lost without checks, this part may be lost with them: until the next one.
PART = 1 / 4


def conf(port, origins, check, retries):
    parameters = "" if retries else "max_fails=0"
    servers = "".join(f"server 127.0.0.1:{origin} {parameters};" for origin in origins)
    return f"""
        daemon off;
        worker_processes 2;
        error_log logs/error.log warn;
        pid proxy.pid;
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            keepalive_requests 1000000;
            upstream origin {{ zone origin 64k; {servers} }}
            server {{
                listen 127.0.0.1:{port} backlog=1024;
                location / {{
                    proxy_pass http://origin;
                    proxy_next_upstream {"error timeout" if retries else "off"};
                    {check}
                }}
            }}
        }}
    """


async def load_and_kill(port, victim):
    """A load in which `victim` ends."""
    ends = time.monotonic() + SECONDS
    load = Load(port, lambda load: time.monotonic() > ends, lambda load, head: None)
    clients = asyncio.create_task(load.run(CONNECTIONS, reconnect=True))
    await asyncio.sleep(KILLED_AFTER)
    victim.kill()
    await clients
    return load


def count(binary, check, retries):
    """What clients lose."""
    origins = [bed.python("backend.py") for _ in range(2)]
    port = bed.free_port()
    try:
        text = conf(port, [origin for _, origin in origins], check, retries)
        with bed.Proxy(binary, text, [port]) as proxy:
            load = asyncio.run(load_and_kill(port, origins[0][0]))
            told = proxy.error_log().count("peer is unhealthy")
            return load, told
    finally:
        for process, _ in origins:
            bed.stop(process)


def row(name, binary, check):
    retried, _ = count(binary, check, True)
    plain, told = count(binary, check, False)
    print(f"{name:<22} {retried.sent:>8} {retried.lost:>6} {plain.sent:>12} {plain.lost:>6}")
    return retried, plain, told


def main(binary, arguments):
    nginx = arguments[0] if arguments else "nginx"
    print(f"{'':<22} {'retried':>8} {'failed':>6} {'not retried':>12} {'failed':>6}")
    retried, plain, told = row("with checks", binary, CHECK)
    _, without, _ = row("without", binary, "")
    if shutil.which(nginx):
        row("nginx, without", nginx, "")
    bed.check(told == 1, f"the log says {told} times that a server is unhealthy")
    bed.check(retried.lost == 0, f"{retried.lost} lost in spite of retries")
    bed.check(plain.lost < without.lost * PART, f"{plain.lost} lost in spite of checks")


if __name__ == "__main__":
    bed.run(main)
