"""Resident memory that idle connections add, as tests/acceptance/idle.py measures it."""

from dataclasses import dataclass

import bed
import idle

from .certificates import P256


@dataclass(frozen=True)
class Kind:
    """What clients speak, and the most bytes that a connection of it may add."""

    name: str
    title: str
    bar: int
    client: str

    def client_of(self, bed_of):
        """Of idle.py."""
        return idle.Client(self.client, bed_of.certificates[P256])

    def conf(self, bed_of):
        """What `measure` will have weir and nginx read, but for ports."""
        return idle.conf(bed.free_port(), bed_of.origin.port, 1, self.client_of(bed_of))

    def measure(self, bed_of, _workload, extent):
        """Bytes that each connection adds, by subject."""
        count = extent.idle_connections
        added = {}
        for name, binary in (("weir", bed_of.programs.weir), ("nginx", bed_of.programs.nginx)):
            before, after = idle.added_memory(binary, count, self.client_of(bed_of))
            added[name] = (after - before) / count
        title = self.title.format(count=count)
        named = {"kind": "idle", "name": self.name, "title": title}
        return {**named, "bar": self.bar, "bytes_each": added}


KINDS = (
    Kind("idle", "{count:,} idle keep-alive connections: added memory each", 1536, idle.PLAIN),
    Kind("idle-tls", "{count:,} idle TLS connections: added memory each", 6500, idle.TLS),
    Kind("idle-h2", "{count:,} idle HTTP/2 connections: added memory each", 3000, idle.HTTP2),
)
