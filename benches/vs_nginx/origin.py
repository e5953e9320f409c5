"""The server behind the proxies: nginx on the load's core."""

import random
import socket
import subprocess
import tempfile
from contextlib import contextmanager
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
        server {{
            listen 127.0.0.1:{secure} ssl backlog=4096;
            ssl_certificate {files}/origin.crt;
            ssl_certificate_key {files}/origin.key;
            location / {{ return 200 "{body}"; }}
        }}
    }}
"""


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


def certify(files):
    """Puts a certificate that nobody vouches for into `files`, and its key."""
    subprocess.run(
        ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=origin", "-keyout", files / "origin.key", "-out", files / "origin.crt"),
        check=True, capture_output=True,
    )


@contextmanager
def running(nginx, pinned):
    """The ports of an origin that runs for as long as the context lasts, plain and with TLS; `pinned`
    starts it."""
    port, inner, secure = bed.free_port(), bed.free_port(), bed.free_port()
    with tempfile.TemporaryDirectory(prefix="weir-origin-") as directory:
        files = Path(directory)
        files.chmod(0o755)
        (files / "100k").write_bytes(b"x" * 100_000)
        (files / "page.html").write_text(page())
        (files / "10m").write_bytes(b"x" * 10 * MB)
        certify(files)
        conf = CONF.format(port=port, inner=inner, secure=secure, files=files, body="x" * KIB)
        with bed.Proxy(nginx, conf, [port, inner, secure], command=pinned):
            yield port, secure


@contextmanager
def refusing_port():
    """A TCP port of 127.0.0.1 that refuses connections for as long as the context lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
