#!/usr/bin/env python3
"""Debian's /etc/nginx, as the package lays it down, starts, serves and reloads: debian.py [BINARY].

A proxied site is added, as an administrator does it. The files are copied, and what they name of the
system's (the pid file, the logs, the folder itself) is named anew. As root in a network namespace of its
own, so that port 80 is free; real nginx passes as well.
"""

import gzip
import http.client
import os
import shutil
import signal
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import bed

INSTALLED = Path("/etc/nginx")
PAGE = Path("/var/www/html/index.nginx-debian.html")
PORT = 80
APPLICATION = 3000
SITE = """
upstream app { server 127.0.0.1:%d; }
server {
    listen 80;
    server_name app.example www.app.example;
    access_log %s/app.log;
    location / {
        proxy_pass http://app;
        include proxy_params;
    }
    location /static/ { alias /var/www/html/; expires 1h; }
}
"""
RELOAD_SECONDS = 10


class Application(BaseHTTPRequestHandler):
    """Answers with the fields that proxy_params adds."""

    def do_GET(self):
        names = ("Host", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto")
        body = "\n".join(f"{name}: {self.headers[name]}" for name in names).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Installed(bed.Proxy):
    """The copied configuration, started as Debian's unit starts it."""

    def __init__(self, binary, folder):
        self.folder = folder
        super().__init__(binary, folder / "nginx.conf", [PORT])

    def command_line(self, binary):
        log = f"{self.folder}/log/error.log"
        globals = "daemon off; master_process on;"
        return [binary, "-p", f"{self.folder}/", "-c", str(self.conf), "-e", log, "-g", globals]


def copy(folder):
    """Copies the configuration to `folder`; names in it that are the system's become its own."""
    shutil.copytree(INSTALLED, folder, symlinks=False, ignore_dangling_symlinks=True, dirs_exist_ok=True)
    (folder / "log").mkdir()
    for file in folder.rglob("*"):
        if file.is_file():
            text = file.read_bytes()
            for old, new in (
                (b"/etc/nginx/", f"{folder}/".encode()),
                (b"/run/nginx.pid", f"{folder}/nginx.pid".encode()),
                (b"/var/log/nginx/", f"{folder}/log/".encode()),
                (b"load_module modules/", b"load_module /usr/lib/nginx/modules/"),
            ):
                text = text.replace(old, new)
            file.write_bytes(text)


def get(host, path="/", headers=None):
    """Status, fields and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def default_site():
    status, fields, body = get("localhost")
    bed.check((status, body) == (200, PAGE.read_bytes()), f"/: {status}, {body!r}")
    bed.check(fields["Content-Type"] == "text/html", f"/: {fields}")
    status, fields, body = get("localhost", headers={"Accept-Encoding": "gzip"})
    bed.check(fields["Content-Encoding"] == "gzip", f"gzip on: {fields}")
    bed.check(gzip.decompress(body) == PAGE.read_bytes(), "the compressed page is another one")
    status, _, _ = get("localhost", "/nothing")
    bed.check(status == 404, f"try_files … =404: {status}")


def proxied_site():
    expected = "Host: app.example\nX-Real-IP: 127.0.0.1\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: http"
    status, _, body = get("app.example", "/cart?id=1")
    bed.check((status, body.decode()) == (200, expected), f"app.example: {status}, {body!r}")
    _, fields, _ = get("www.app.example", f"/static/{PAGE.name}")
    bed.check(fields["Cache-Control"] == "max-age=3600", f"expires 1h: {fields}")


def await_site(proxy):
    """The added site answers once the new workers do."""
    deadline = time.monotonic() + RELOAD_SECONDS
    while b"X-Forwarded-Proto" not in get("app.example")[2]:
        bed.check(time.monotonic() < deadline, f"the reload brings no new site: {proxy.said()}")
        time.sleep(0.02)


def run(binary, folder):
    copy(folder)
    with Installed(binary, folder) as proxy:
        default_site()
        site = folder / "sites-available/app"
        site.write_text(SITE % (APPLICATION, folder / "log"))
        (folder / "sites-enabled/app").symlink_to(site)
        pid = int((folder / "nginx.pid").read_text())
        bed.check(pid == proxy.process.pid, f"the pid file says {pid}")
        os.kill(pid, signal.SIGHUP)
        await_site(proxy)
        default_site()
        proxied_site()
        site.write_text("server { listen 80; proxy_pas http://app; }")
        os.kill(pid, signal.SIGHUP)
        proxied_site()
        os.kill(pid, signal.SIGQUIT)
        bed.check(proxy.wait() == 0, proxy.said())
    lines = (folder / "log/app.log").read_text().splitlines()
    bed.check(any('"GET /cart?id=1 HTTP/1.1" 200' in line for line in lines), f"app.log: {lines}")


def main(binary, _arguments):
    for needed in (INSTALLED / "nginx.conf", PAGE):
        bed.check(needed.exists(), f"{needed} is not there: install Debian's package nginx-light")
    bed.check(os.geteuid() == 0, "root is needed, for port 80")
    bed.own_network()
    server = ThreadingHTTPServer(("127.0.0.1", APPLICATION), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="weir-debian-") as directory:
        folder = Path(directory)
        folder.chmod(0o755)
        run(binary, folder)
    print("Debian's configuration: starts, serves, compresses, gets a site by a reload, keeps it over a bad one, ends")


if __name__ == "__main__":
    bed.run(main)
