"""A workload's request, sent once: whether the answer is right, and how long it is."""

import re
import socket
import ssl

import bed

from .h2load import One

SECONDS = 10


def probe(subject, workload):
    """Sends the workload's request once; checks the answer and notes its size.

    Over HTTP/2 the size is that of the body, and h2load sends the request.
    """
    if workload.http2:
        length = over_http2(subject, workload)
    else:
        answer = exchange(subject, workload)
        head, _, body = answer.partition(b"\r\n\r\n")
        right = head.startswith(b"HTTP/1.1 %d " % subject.status)
        where = f"{workload.name}: {subject.name}"
        bed.check(right, f"{where} answers {head!r}: {subject.proxy.said()}")
        length = len(body)
        subject.answer = len(answer)
    expected = length if workload.body is None else workload.body
    bed.check(length == expected, f"{workload.name}: {subject.name}: body of {length} bytes")


def over_http2(subject, workload):
    """Length of the body; `answer` of the subject becomes the same."""
    with One(subject, workload, "/nonexistent", SECONDS) as load:
        report = load.report()
    where = f"{workload.name}: {subject.name}"
    wrong = report["bad_status"] or report["lost"] or report["requests"] != 1
    bed.check(not wrong, f"{where}: {report}: {subject.proxy.said()}")
    subject.answer, subject.cipher = report["bytes"], report["cipher"]
    return subject.answer


def exchange(subject, workload):
    """The whole answer to the workload's request, sent as the load sends it."""
    host, path = workload.asks[0] if workload.asks else (f"127.0.0.1:{subject.port}", workload.path)
    fields = list(workload.headers)
    if not any(field.startswith("Host:") for field in fields):
        fields.append(f"Host: {host}")
    if workload.post:
        fields.append(f"Content-Length: {workload.post}")
    method = "POST" if workload.post else "GET"
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *fields, "", ""]).encode()
    with connected(subject, workload) as connection:
        connection.sendall(head + b"x" * workload.post)
        return read_answer(connection)


def connected(subject, workload):
    """A connection; over TLS, its cipher suite is noted."""
    connection = socket.create_connection(("127.0.0.1", subject.port), SECONDS)
    if not workload.tls:
        return connection
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    secured = context.wrap_socket(connection)
    subject.cipher, *_ = secured.cipher()
    return secured


def read_answer(connection):
    """Head and body of one answer: by its Content-Length, its last chunk, or the connection's end."""
    parts, size, end = [], 0, None
    while end is None or size < end:
        part = connection.recv(1 << 18)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if end is None and b"\r\n\r\n" in (so_far := b"".join(parts)):
            length = re.search(rb"\r\ncontent-length: *(\d+)", so_far, re.IGNORECASE)
            end = so_far.index(b"\r\n\r\n") + 4 + int(length[1]) if length else None
            chunked = b"\r\ntransfer-encoding: chunked" in so_far.lower()
            if chunked and so_far.endswith(b"\r\n0\r\n\r\n"):
                break
    return b"".join(parts)
