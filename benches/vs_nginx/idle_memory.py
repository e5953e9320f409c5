"""Resident memory that idle keep-alive connections add, as tests/acceptance/idle.py measures it."""

import idle

NAME = "idle"
TITLE = "{count:,} idle keep-alive connections: added memory each"
# Bytes per connection.
BAR = 1536


def measure(bed_of, _workload, extent):
    """Bytes that each connection adds, by subject."""
    count = extent.idle_connections
    added = {}
    for name, binary in (("weir", bed_of.programs.weir), ("nginx", bed_of.programs.nginx)):
        before, after = idle.added_memory(binary, count)
        added[name] = (after - before) / count
    title = TITLE.format(count=count)
    return {"kind": "idle", "name": NAME, "title": title, "bar": BAR, "bytes_each": added}
