"""A plain HTTP/1.1 origin: `backend.py [DELAY_MS]` prints its port, serves until it is ended.

Every answer waits DELAY_MS. For each line on standard input it prints how many requests it has
received. A request's body, if any, must be framed by Content-Length.
"""

import asyncio
import sys


class Origin(asyncio.Protocol):
    received = 0

    def __init__(self, delay):
        self.delay = delay
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            length = content_length(head)
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            Origin.received += 1
            if self.delay:
                asyncio.get_running_loop().call_later(self.delay, self.answer)
            else:
                self.answer()

    def answer(self):
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")


def content_length(head):
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def tell():
    if sys.stdin.readline():
        print(Origin.received, flush=True)


async def main():
    delay = float(sys.argv[1]) / 1000 if len(sys.argv) > 1 else 0
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, tell)
    server = await loop.create_server(lambda: Origin(delay), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
