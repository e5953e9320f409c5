"""Records in which order a real nginx tries peers, as `orders.txt` for `tests/orders.rs`.

Usage: python3 record.py [NGINX [sticky]] > nginx-VERSION.txt

All cases are `upstream` blocks of one nginx with one worker. A request carries, in a header, what
each backend shall do with it, so the backends have no state. Time is nginx's: every step runs
within one wall-clock second, because nginx compares whole seconds.

With `sticky`, requests may want a certain peer, and peers may be drained.
"""

import asyncio
import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time

BACKENDS = [19001, 19002, 19003, 19004, 19005]
FRONT = 18980
CASES, STEPS = 64, 9


def server_id(port):
    """What requests call a peer that has no route."""
    return hashlib.md5(f"127.0.0.1:{port}".encode()).hexdigest()


def random_case(rng, sticky):
    """One upstream block; methods that hash allow no backups."""
    method = rng.choice(["", "", "", "least_conn;", "least_conn;", "ip_hash;", "hash $arg_k;",
                         "hash $arg_k;", "hash $arg_k consistent;", "hash $arg_k consistent;"])
    servers = []
    for i, port in enumerate(BACKENDS[:rng.choice([1, 2, 2, 3, 3, 4, 5])]):
        words = [f"server 127.0.0.1:{port}"]
        if rng.random() < 0.5:
            words.append(f"weight={rng.choice([1, 2, 3, 5, 10])}")
        if rng.random() < 0.7:
            words.append(f"max_fails={rng.choice([0, 1, 1, 2, 2, 3, 4])}")
        words.append(f"fail_timeout={rng.choice([1, 1, 2, 3, 10])}s")
        if rng.random() < 0.3:
            words.append(f"max_conns={rng.choice([1, 1, 2])}")
        if sticky and rng.random() < 0.5:
            words.append(f"route={rng.choice([port, port, port, 19001, 19002])}")
        if sticky and rng.random() < 0.2:
            words.append("drain")
        elif i and rng.random() < 0.1:
            words.append("down")
        elif i and method in ("", "least_conn;") and rng.random() < 0.25:
            words.append("backup")
        servers.append(" ".join(words) + ";")
    stays = "sticky route $arg_w;" if sticky else ""
    return " ".join(f"{method} {stays} {' '.join(servers)}".split())


def random_request(rng, number, sticky):
    """Key, client address, and per backend: fail (close), 404 (next peer, no blame), or answer."""
    sick = rng.choice([0.0, 0.2, 0.5, 0.9])
    does = {p: rng.choice(["fail", "fail", "404"]) for p in BACKENDS if rng.random() < sick}
    return {
        "id": f"r{number}",
        "k": rng.choice(["", "a", "b", "foo", "bar", "/x?y=1"] + [str(rng.randrange(1000))] * 4),
        "from": f"127.{rng.randrange(200)}.{rng.randrange(250)}.1",
        "w": wanted(rng) if sticky else "",
        "does": does,
        "hold": rng.random() < 0.25,
    }


def wanted(rng):
    """Nothing, a route or the hash of an address; mostly the first peers, so that some get far ahead."""
    port = rng.choice(BACKENDS[:2] * 3 + BACKENDS)
    return rng.choice(["", str(port), server_id(port), str(port), server_id(port), "nobody"])


class Backends:
    """Obeys the `X-Does` header; a held request waits for its event."""

    def __init__(self):
        self.arrived, self.released = {}, {}

    async def serve(self, reader, writer):
        port = writer.get_extra_info("sockname")[1]
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        does = dict(re.findall(r"(\d+)=(\w+)", re.search(r"X-Does: (.*)\r", head)[1]))
        act = does.get(str(port), "ok")
        held = re.search(r"X-Hold: (\S+)\r", head)
        if held and act == "ok":
            self.arrived[held[1]].set()
            await self.released[held[1]].wait()
        if act != "fail":
            status = "404 No" if act == "404" else "200 OK"
            writer.write(f"HTTP/1.0 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()


async def ask(case, request):
    """Sends one request; the ports tried, and `-` at the end if no peer was live."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", FRONT, local_addr=(request["from"], 0))
    does = ",".join(f"{p}={d}" for p, d in request["does"].items()) or "-"
    hold = f"X-Hold: {request['id']}\r\n" if request["hold"] else ""
    writer.write((f"GET /c{case}?k={request['k']}&w={request['w']} HTTP/1.0\r\nHost: {request['id']}\r\n"
                  f"X-Does: {does}\r\n{hold}\r\n").encode())
    head = (await reader.read()).decode()
    writer.close()
    tried = re.search(r"X-Tried: (.*)\r", head)[1].split(", ")
    return [t.removeprefix("127.0.0.1:") if ":" in t else "-" for t in tried]


async def until_second_begins():
    await asyncio.sleep(1.03 - time.time() % 1)
    return int(time.time())


async def run(rng, cases, backends, sticky):
    """Runs all steps; yields per case its lines, a line being a dict."""
    lines = [[] for _ in cases]
    open_requests = [[] for _ in cases]
    number, start = 0, None
    for step in range(STEPS):
        second = await until_second_begins()
        start = start or second
        for case in range(len(cases)):
            at = second - start
            if open_requests[case] and rng.random() < 0.6:
                request, task = open_requests[case].pop(rng.randrange(len(open_requests[case])))
                backends.released[request["id"]].set()
                request["tried"] = await task
                lines[case].append({"at": at, "end": request["id"]})
            for _ in range(rng.choice([2, 3, 4] if sticky else [1, 2, 3])):
                request = random_request(rng, number, sticky)
                number += 1
                request["at"] = at
                lines[case].append(request)
                if not request["hold"]:
                    request["tried"] = await ask(case, request)
                    continue
                arrived = backends.arrived[request["id"]] = asyncio.Event()
                backends.released[request["id"]] = asyncio.Event()
                task = asyncio.create_task(ask(case, request))
                waiter = asyncio.create_task(arrived.wait())
                await asyncio.wait([task, waiter], return_when=asyncio.FIRST_COMPLETED)
                waiter.cancel()
                if task.done():
                    request["tried"], request["hold"] = task.result(), False
                else:
                    open_requests[case].append((request, task))
        if int(time.time()) != second:
            sys.exit("a step took longer than a second; fewer CASES, please")
    for pending in open_requests:
        for request, task in pending:
            backends.released[request["id"]].set()
            request["tried"] = await task
    return lines


def config(prefix, cases):
    upstreams = "\n".join(f"upstream u{i} {{ {c} }}" for i, c in enumerate(cases))
    locations = "\n".join(f"location = /c{i} {{ proxy_pass http://u{i}; }}"
                          for i in range(len(cases)))
    return f"""daemon off; worker_processes 1; pid {prefix}/pid; error_log {prefix}/error.log warn;
events {{ worker_connections 1024; }}
http {{
access_log off; client_body_temp_path {prefix}/t; proxy_temp_path {prefix}/t;
fastcgi_temp_path {prefix}/t; uwsgi_temp_path {prefix}/t; scgi_temp_path {prefix}/t;
proxy_next_upstream error http_404; add_header X-Tried $upstream_addr always;
proxy_set_header Host $http_host;
{upstreams}
server {{ listen 127.0.0.1:{FRONT};
{locations} }} }}
"""


def disabled_by(request, error_log):
    """Peers that nginx logged as temporarily disabled while it served the request."""
    pattern = (r"temporarily disabled.*upstream: \"http://127\.0\.0\.1:(\d+)/.*"
               rf"host: \"{request['id']}\"")
    return re.findall(pattern, error_log)


def show(line, error_log):
    if "end" in line:
        return f"{line['at']} end={line['end']}"
    words = [str(line["at"]), f"k={line['k']}", f"from={line['from']}"]
    words += [f"want={line['w']}"] if line["w"] else []
    words += [f"{port}={does}" for port, does in line["does"].items()]
    words += [f"hold={line['id']}"] if line["hold"] else []
    words += ["->"] + line["tried"]
    words += [f"disabled={port}" for port in disabled_by(line, error_log)]
    return " ".join(words)


async def main():
    nginx = sys.argv[1] if len(sys.argv) > 1 else "nginx"
    sticky = "sticky" in sys.argv[2:]
    rng = random.Random(1)
    cases = [random_case(rng, sticky) for _ in range(CASES)]
    backends = Backends()
    servers = [await asyncio.start_server(backends.serve, "127.0.0.1", p) for p in BACKENDS]
    with tempfile.TemporaryDirectory() as prefix:
        os.chmod(prefix, 0o755)
        with open(f"{prefix}/nginx.conf", "w") as file:
            file.write(config(prefix, cases))
        process = subprocess.Popen([nginx, "-p", prefix, "-c", f"{prefix}/nginx.conf",
                                    "-e", f"{prefix}/error.log"])
        try:
            await until_second_begins()
            lines = await run(rng, cases, backends, sticky)
        finally:
            process.terminate()
            process.wait()
        with open(f"{prefix}/error.log", errors="replace") as file:
            error_log = file.read()
    for server in servers:
        server.close()
    version = subprocess.run([nginx, "-v"], capture_output=True, text=True).stderr.split("/")[1]
    print(f"# Peers tried by nginx {version.split()[0]}; recorded by record.py, replayed by orders.rs.")
    for case, case_lines in zip(cases, lines):
        print(f"\nupstream {case}")
        print("\n".join(show(line, error_log) for line in case_lines))


asyncio.run(main())
