"""The workloads, as data: what is asked, how it is proxied, and the bar."""

from dataclasses import dataclass, field

from .certificates import P256, RSA
from .handshakes import FULL, RESUMED

KIB = 1024
MB = 1_000_000

PLAIN_LOG = "access_log logs/access.log;"
BUFFERED_LOG = "access_log logs/access.log combined buffer=64k flush=1s;"

KEPT = """
    proxy_pass http://origin;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
"""
NOT_KEPT = """
    proxy_pass http://origin_once;
    proxy_http_version 1.1;
    proxy_set_header Connection close;
"""
LARGE_BUFFERS = "proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;"

FORWARDED = KEPT + """
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header X-Original-URI $request_uri;
"""

# Ten values, six tests of which one holds, four expressions of which one matches.
STEPS = """
    set $client $remote_addr;
    set $site $host;
    set $kind page;
    set $port $server_port;
    set $label "$site:$port";
    if ($request_method = POST) { set $kind form; }
    if ($http_user_agent ~* "(bot|crawler|spider)") { set $kind bot; }
    if ($http_cookie ~ "session=([0-9a-f]+)") { set $client $1; }
    if ($arg_debug) { set $kind debug; }
    if ($http_x_forwarded_proto = https) { set $port 443; }
    if (-f /nonexistent/maintenance) { return 503; }
    rewrite ^/old/shop/(.*)$ /$1;
    rewrite ^/img/([a-z]+)/(\\d+)$ /images/$2/$1;
    rewrite ^/user/(\\d+)/profile$ /profile?id=$1;
    rewrite ^/feed\\.xml$ /rss;
    set $cache "$site$uri";
    set $theme light;
    set $trace "$client-$connection";
    set $key "$kind:$theme";
    set $limit "$label $key";
"""

BROWSER = (
    "Host: shop.example",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: de,en-US;q=0.7,en;q=0.3",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Referer: https://shop.example/catalogue?page=3",
    "Cookie: session=6f1c2a9be0d74a35; theme=dark; consent=2026-11-02; cart=17.4.9",
    "Upgrade-Insecure-Requests: 1",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: same-origin",
    "Priority: u=0, i",
)

# What handshakes.py reads.
HANDSHAKE_LOG = """
    log_format handshakes "$ssl_protocol $ssl_session_reused $status";
    access_log logs/access.log handshakes;
"""

HAPROXY_KEPT = "http-reuse always\nserver origin 127.0.0.1:{origin}"
HAPROXY_TO_TLS = "http-reuse always\nserver origin 127.0.0.1:{origin_tls} ssl verify none"
HAPROXY_LOG = "option httplog"
# HANDSHAKE_LOG's words.
HAPROXY_HANDSHAKE_LOG = 'log-format "%sslv %[ssl_fc_is_resumed,iif(r,.)] %ST"'
HAPROXY_FORWARDED = """
    option forwardfor
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Original-URI %[pathq]
"""
# Its turn comes round to the refusing peer for every request, the other one taking the retry.
HAPROXY_RETRY = """
    retries 1
    option redispatch 1
    http-reuse always
    balance roundrobin
    server gone 127.0.0.1:{refused}
    server origin 127.0.0.1:{origin}
"""


@dataclass(frozen=True)
class Haproxy:
    """The same for haproxy: its log, lines of its backend and of `global`, the status it answers."""

    backend: str = HAPROXY_KEPT
    log: str = HAPROXY_LOG
    limits: str = ""
    status: int = 200


@dataclass(frozen=True)
class Workload:
    """One line of the table.

    `bar` is the greatest weir/nginx that is good enough, in CPU per request. `body` is the length
    of the answer's body in bytes, None where it is the proxy's own page; `post` is that of the
    request's body. `locations` stand in the proxy's only server, `servers` beside it (PORT is the
    proxy's port). `asks` are (host, path) pairs that requests take in turn instead of `path`.
    `longer` runs are for long bodies: what the proxy holds of them at the end would weigh too
    much in short ones.

    With `tls` clients speak TLS to a certificate of that name (certificates.py); `handshakes` says
    of what kind all of theirs are. `generator` is the program that loads, with `streams` requests
    at once on each HTTP/2 connection.
    """

    name: str
    title: str
    bar: float
    locations: str = f"location / {{ {KEPT} }}"
    servers: str = ""
    http: str = ""
    log: str = PLAIN_LOG
    path: str = "/1k"
    connections: int = 64
    headers: tuple = ()
    post: int = 0
    asks: tuple = ()
    status: int = 200
    body: int | None = KIB
    haproxy: Haproxy | None = field(default_factory=Haproxy)
    floor: bool = True
    longer: int = 1
    # weir's answer may be no longer than nginx's.
    compressed: bool = False
    tls: str = ""
    handshakes: str = ""
    http2: bool = False
    generator: str = "wrk"
    streams: int = 1

    @property
    def at_once(self):
        """Requests that are under way at a time."""
        return self.connections * self.streams

    @property
    def asks_tls(self):
        """Whether the origin is to speak TLS."""
        return "https://" in self.locations


def many_locations():
    """500 locations, 200 of them regexes, and a request for each."""
    prefixes = [f"/section{index}/" for index in range(300)]
    regexes = [rf"^/item{index}/[a-z]+-\d+\.(html|json)$" for index in range(200)]
    lines = [f"location {prefix} {{ {KEPT} }}" for prefix in prefixes]
    lines += [f"location ~ {regex} {{ {KEPT} }}" for regex in regexes]
    asks = [("origin", f"{prefix}page.html") for prefix in prefixes]
    asks += [("origin", f"/item{index}/lamp-{index}.html") for index in range(200)]
    return "\n".join(lines), spread(asks)


def many_servers():
    """1,000 servers beside the default one, each with a name of its own, and a request for each."""
    names = [f"shop{index}.example" for index in range(1000)]
    lines = [
        f"server {{ listen 127.0.0.1:PORT; server_name {name}; location / {{ {KEPT} }} }}"
        for name in names
    ]
    return "\n".join(lines), spread([(name, "/1k") for name in names])


def spread(asks):
    """All of `asks`, neighbours far from each other; the step has no factor in common with them."""
    step = 337
    return tuple(asks[index * step % len(asks)] for index in range(len(asks)))


def small_answers():
    yield Workload("keepalive", "1 KiB, 64 clients, kept connections", 0.75)
    yield Workload("buffered-log", "1 KiB, 64 clients, buffered access log", 0.78, log=BUFFERED_LOG)
    yield Workload("512-clients", "1 KiB, 512 clients", 0.80, connections=512)
    yield Workload(
        "browser", "1 KiB, a browser's 12 headers, 8 proxy_set_header", 0.78,
        locations=f"location / {{ {FORWARDED} }}", headers=BROWSER,
        haproxy=Haproxy(backend=HAPROXY_FORWARDED + HAPROXY_KEPT),
    )


def long_answers():
    buffers = f"location / {{ {KEPT} {LARGE_BUFFERS} }}"
    haproxy = Haproxy(limits="tune.bufsize 65536")
    for name, title, size, default_bar, large_bar, clients, longer in (
        ("100k", "100 KB body", 100_000, 0.43, 0.80, 32, 1),
        ("10m", "10 MB body", 10 * MB, 0.25, 0.65, 4, 3),
    ):
        body = {"path": f"/{name}", "body": size, "connections": clients, "longer": longer}
        yield Workload(name, f"{title}, default buffers", default_bar, **body)
        yield Workload(
            f"{name}-64k", f"{title}, 64k buffers", large_bar,
            locations=buffers, haproxy=haproxy, **body,
        )


def new_connections():
    yield Workload(
        "new-upstream", "new upstream connection per request", 0.82,
        locations=f"location / {{ {NOT_KEPT} }}", floor=False,
        haproxy=Haproxy(backend="option httpclose\nserver origin 127.0.0.1:{origin}"),
    )
    yield Workload(
        "new-client", "new client connection per request", 0.90,
        headers=("Connection: close",), floor=False,
    )


def uploads():
    for name, size, clients, longer in (("16k", 16 * KIB, 64, 1), ("1m", 1024 * KIB, 16, 2)):
        yield Workload(
            f"post-{name}", f"POST of {size // KIB:,} KiB, request buffering", 0.80,
            path="/post", post=size, connections=clients, longer=longer,
            http="client_max_body_size 2m;",
        )


def upstream_failures():
    yield Workload(
        "refused", "refused upstream: a 502 page", 0.75, status=502, body=None, floor=False,
        locations="location / { proxy_pass http://refused; }",
        haproxy=Haproxy(backend="retries 0\nserver gone 127.0.0.1:{refused}", status=503),
    )
    yield Workload(
        "retry", "first peer refused, the second answers", 0.75, floor=False,
        locations=f"location / {{ {KEPT.replace('origin', 'retry')} }}",
        haproxy=Haproxy(backend=HAPROXY_RETRY),
    )
    # haproxy closes the client's connection with such a 502, unannounced: not the same work.
    yield Workload(
        "closed", "upstream closes before the head: a 502 page", 0.75, path="/close", status=502,
        body=None, floor=False, haproxy=None,
    )


def large_configurations():
    locations, location_asks = many_locations()
    servers, server_asks = many_servers()
    yield Workload(
        "locations", "500 locations, 200 of them regexes", 0.75,
        locations=locations, asks=location_asks, haproxy=None,
    )
    yield Workload(
        "server-names", "1,000 server names", 0.75, servers=servers, asks=server_asks,
        haproxy=None, http="server_names_hash_max_size 4096;",
    )


def scripts():
    regexes = "\n".join(rf"~^/item{index}/[a-z]+-\d+\.html$ {index:04};" for index in range(1000))
    asks = [("origin", f"/item{index}/lamp-{index}.html") for index in range(1000)]
    yield Workload(
        "map", "a map of 1,000 regexes", 0.80, asks=spread(asks), haproxy=None, floor=False,
        http=f"map $uri $section {{ {regexes} }}",
        locations=f"location / {{ {KEPT} proxy_set_header X-Section $section; }}",
    )
    yield Workload(
        "steps", "20 set, if and rewrite", 0.80, path="/old/shop/1k?page=3", headers=BROWSER,
        locations=f"location / {{ {STEPS} {KEPT} proxy_set_header X-Client $client; }}",
        haproxy=None, floor=False,
    )


def filters():
    yield Workload(
        "gzip", "gzip of a 30 KB page", 0.90, path="/page.html", body=None, floor=False,
        headers=("Accept-Encoding: gzip",), http="gzip on;", compressed=True, haproxy=None,
    )


def subrequests():
    asked = """
        location = /auth {
            internal;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            %s
        }
    """ % KEPT.replace("http://origin", "http://origin/1k")
    yield Workload(
        "auth-request", "auth_request on every request", 0.85, haproxy=None, floor=False,
        locations=f"location / {{ auth_request /auth; {KEPT} }} {asked}",
    )


def limits():
    yield Workload(
        "limit-req", "limit_req by address on every request", 0.85, haproxy=None, floor=False,
        http="limit_req_zone $binary_remote_addr zone=clients:10m rate=1000000r/s;",
        locations=f"location / {{ limit_req zone=clients burst=1000 nodelay; {KEPT} }}",
    )


def tls_handshakes():
    log = {"log": HANDSHAKE_LOG, "haproxy": Haproxy(log=HAPROXY_HANDSHAKE_LOG)}
    one = {"headers": ("Connection: close",), "connections": 16, "longer": 2, "floor": False}
    for name, title, certificate, bar in (
        ("p256", "P-256", P256, 0.60), ("rsa", "RSA-2048", RSA, 0.80),
    ):
        yield Workload(
            f"tls-full-{name}", f"full TLS handshake, {title}, 1 KiB, close", bar,
            tls=certificate, handshakes=FULL, generator="ab", **one, **log,
        )
    yield Workload(
        "tls-resumed", "resumed TLS handshake, P-256, 1 KiB, close", 0.60,
        tls=P256, handshakes=RESUMED, **one, **log,
    )


def tls_kept():
    yield Workload(
        "tls-keepalive", "1 KiB over TLS, 64 clients, kept connections", 0.80, tls=P256, longer=2,
        floor=False,
    )
    yield Workload(
        "tls-10m-64k", "10 MB body over TLS, 64k buffers", 0.65, tls=P256, path="/10m", body=10 * MB,
        connections=4, longer=3, floor=False, haproxy=Haproxy(limits="tune.bufsize 65536"),
        locations=f"location / {{ {KEPT} {LARGE_BUFFERS} }}",
    )
    yield Workload(
        "tls-upstream", "1 KiB over TLS to the upstream, kept connections", 0.85, longer=2,
        floor=False, locations=f"location / {{ {KEPT.replace('http://origin', 'https://origin_tls')} }}",
        haproxy=Haproxy(backend=HAPROXY_TO_TLS),
    )


def http2():
    # Longer, since the many streams that are under way when a run ends are not counted.
    shared = {"http2": True, "generator": "h2load", "longer": 2, "floor": False}
    for clients, streams, bar in ((8, 32, 0.60), (64, 1, 0.75), (1, 100, 0.60)):
        yield Workload(
            f"h2-{clients}x{streams}",
            f"HTTP/2: 1 KiB, connections × streams: {clients} × {streams}", bar,
            connections=clients, streams=streams, **shared,
        )
    yield Workload(
        "h2-tls-browser", "HTTP/2 over TLS: a browser's 12 headers, 8 × 32", 0.65,
        tls=P256, headers=BROWSER, connections=8, streams=32, **shared,
    )


WORKLOADS = (
    *small_answers(), *long_answers(), *new_connections(), *uploads(), *upstream_failures(),
    *large_configurations(), *scripts(), *filters(), *subrequests(), *limits(),
    *tls_handshakes(), *tls_kept(), *http2(),
)
