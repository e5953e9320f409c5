"""A load client that knows the fate of every request."""

import asyncio
import re

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Load:
    """Keep-alive connections that send GET / one after the other.

    They stop once `over(load)` says so; `on_answer(load, head)` sees every answer, and `load.begun` is
    what `mark()` said when its request was sent then.
    Counts: `sent`, `good` (200 and whole), `bad` (anything else that was an answer), `cut` (the
    connection ended within an answer), `silent` (it ended before the first byte of one), `refused`
    (no connection). Each request sent is in exactly one of good, bad, cut and silent.
    """

    def __init__(self, port, over, on_answer, mark=lambda: None):
        self.port = port
        self.mark = mark
        self.begun = None
        self.over = over
        self.on_answer = on_answer
        self.sent = self.good = self.bad = self.cut = self.silent = self.refused = 0

    @property
    def lost(self):
        return self.bad + self.cut + self.silent + self.refused

    def summary(self):
        return (
            f"{self.sent} sent, {self.good} answered 200, {self.bad} answered otherwise, "
            f"{self.cut} cut, {self.silent} without an answer, {self.refused} connections refused"
        )

    async def connection(self, reconnect):
        """One client; with `reconnect`, over as many connections as it takes."""
        while not self.over(self):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.refused += 1
                return
            try:
                await self._requests(reader, writer)
            finally:
                writer.close()
            if not reconnect:
                return

    async def _requests(self, reader, writer):
        while not self.over(self):
            begun = self.mark()
            writer.write(b"GET / HTTP/1.1\r\nHost: load\r\n\r\n")
            self.sent += 1
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError as ended:
                self._count_end(ended.partial)
                return
            except ConnectionError:
                self.silent += 1
                return
            length = LENGTH.search(head)
            try:
                await reader.readexactly(int(length[1]) if length else 0)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.cut += 1
                return
            if head.startswith(b"HTTP/1.1 200 ") and length:
                self.good += 1
            else:
                self.bad += 1
            self.begun = begun
            self.on_answer(self, head)
            if CLOSES.search(head):
                return

    def _count_end(self, partial):
        if partial:
            self.cut += 1
        else:
            self.silent += 1

    async def run(self, connections, reconnect):
        await asyncio.gather(*(self.connection(reconnect) for _ in range(connections)))
