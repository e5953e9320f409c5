"""wrk: its script, and what it reports. HTTP/1 over kept connections, plain or TLS.

With `Connection: close` it opens a connection for each request, and offers the session of the one
before it: after the first of each, handshakes are resumed.
"""

import json
from pathlib import Path

from .load import ENDLESS_SECONDS, Load, arguments, url

DONE = """
done = function(summary, latency)
    local errors = summary.errors
    print(string.format(
        '{"requests": %d, "bytes": %d, "us": %d, "p50": %d, "p90": %d, "p99": %d, ' ..
        '"bad_status": %d, "lost": %d}',
        summary.requests, summary.bytes, summary.duration, latency:percentile(50),
        latency:percentile(90), latency:percentile(99), errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
"""

ASKS = """
local asks, next = {}, 0
init = function()
    for _, ask in ipairs(wanted) do
        asks[#asks + 1] = wrk.format("GET", ask[2], {Host = ask[1]})
    end
end
request = function()
    next = next % #asks + 1
    return asks[next]
end
"""


def script(workload):
    """What wrk runs: the requests of `workload`, and a report as JSON."""
    parts = [DONE]
    if workload.post:
        parts.append(f'wrk.method = "POST"\nwrk.body = string.rep("x", {workload.post})')
    if workload.asks:
        asks = ", ".join(f'{{"{host}", "{path}"}}' for host, path in workload.asks)
        parts += [f"local wanted = {{{asks}}}", ASKS]
    return "\n".join(parts)


class Wrk(Load):
    """A running wrk."""

    NAME = "wrk"

    def command(self, directory, _seconds):
        lua = Path(directory) / f"{self.workload.name}.lua"
        lua.write_text(script(self.workload))
        return [
            "wrk", "-t1", f"-c{self.workload.connections}", f"-d{ENDLESS_SECONDS}s", "-s", str(lua),
            *arguments(self.workload.headers), url(self.subject, self.workload),
        ]

    def read(self, output):
        return json.loads(output.strip().splitlines()[-1])
