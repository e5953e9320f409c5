"""The server behind the proxies: nginx on the load's core."""

import random
import socket
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bed

from .workloads import KIB, MB

CONF = """
    daemon off;
    worker_processes 1;
    worker_rlimit_nofile 20000;
    error_log logs/error.log crit;
    pid origin.pid;
    events {{ worker_connections 8192; }}
    http {{
        access_log off;
        sendfile on;
        tcp_nopush on;
        keepalive_requests 1000000000;
        keepalive_timeout 600s;
        client_max_body_size 2m;
        client_body_buffer_size 2m;
        root {files};
        upstream itself {{ server 127.0.0.1:{inner}; keepalive 64; keepalive_requests 1000000000; }}
        server {{
            listen 127.0.0.1:{port} backlog=4096;
            location / {{ return 200 "{body}"; }}
            location /100k {{ }}
            location /10m {{ }}
            location /page.html {{ types {{ text/html html; }} }}
            location /close {{ return 444; }}
            # Answers only when the whole body is there, as an application does.
            location /post {{
                proxy_pass http://itself;
                proxy_http_version 1.1;
                proxy_pass_request_body off;
                proxy_set_header Content-Length "";
                proxy_set_header Connection "";
            }}
        }}
        server {{ listen 127.0.0.1:{inner} backlog=4096; location / {{ return 200 "{body}"; }} }}
        {tls}
    }}
"""
# Only where it is asked for: so an nginx without TLS will do for the other workloads.
TLS = """
        server {{
            listen 127.0.0.1:{port} ssl backlog=4096;
            ssl_certificate {file};
            ssl_certificate_key {file};
            location / {{ return 200 "{body}"; }}
        }}
"""


@dataclass(frozen=True)
class Origin:
    """Its ports; nothing listens on that for TLS unless a workload needs it."""

    port: int
    tls_port: int

    @classmethod
    def free(cls):
        """Ports that nothing listens on yet."""
        return cls(bed.free_port(), bed.free_port())


def page():
    """A page of 30 KB as a shop has them: rows that are alike, words and numbers that are not."""
    words = "lamp table chair shelf glass wood steel light small large white black green round".split()
    drawn = random.Random(30)
    rows = ["<!DOCTYPE html>\n<html><head><title>Catalogue</title></head><body><table>\n"]
    while sum(map(len, rows)) < 30_000:
        number = drawn.randrange(100_000)
        text = " ".join(drawn.choices(words, k=drawn.randrange(3, 12)))
        rows.append(
            f'<tr class="row"><td><a href="/item/{number}">{text}</a></td>'
            f'<td class="price">{drawn.randrange(100)}.{drawn.randrange(100):02} EUR</td></tr>\n'
        )
    return "".join([*rows, "</table></body></html>\n"])


@contextmanager
def running(nginx, origin, pinned, certificate):
    """Runs the origin for as long as the context lasts; `pinned` starts it.

    It speaks TLS with `certificate`, if there is one.
    """
    inner = bed.free_port()
    body = "x" * KIB
    tls = TLS.format(port=origin.tls_port, file=certificate, body=body) if certificate else ""
    with tempfile.TemporaryDirectory(prefix="weir-origin-") as directory:
        files = Path(directory)
        files.chmod(0o755)
        (files / "100k").write_bytes(b"x" * 100_000)
        (files / "page.html").write_text(page())
        (files / "10m").write_bytes(b"x" * 10 * MB)
        conf = CONF.format(port=origin.port, inner=inner, files=files, body=body, tls=tls)
        ports = [origin.port, inner, *([origin.tls_port] if certificate else ())]
        with bed.Proxy(nginx, conf, ports, command=pinned):
            yield


@contextmanager
def refusing_port():
    """A TCP port of 127.0.0.1 that refuses connections for as long as the context lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
