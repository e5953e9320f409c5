"""ab, ApacheBench: a connection, and a full TLS handshake, for each request."""

import re
from pathlib import Path

from .load import ENDLESS_SECONDS, Load, arguments, url

# More than any run has; ab reserves memory for each.
REQUESTS = 1_000_000
NUMBERS = {
    "requests": r"^Complete requests: +(\d+)",
    "failed": r"^Failed requests: +(\d+)",
    "bad_status": r"^Non-2xx responses: +(\d+)",
    "bytes": r"^Total transferred: +(\d+)",
}


class Ab(Load):
    """A running ab. It speaks HTTP/1.0, offers no session, and counts failed handshakes."""

    NAME = "ab"

    def command(self, directory, _seconds):
        self.times = Path(directory) / f"ab-{self.subject.port}.csv"
        self.times.unlink(missing_ok=True)
        return [
            "ab", "-q", "-f", "TLS1.3", f"-c{self.workload.connections}", f"-t{ENDLESS_SECONDS}",
            f"-n{REQUESTS}", "-e", str(self.times), *arguments(self.workload.headers),
            url(self.subject, self.workload),
        ]

    def read(self, output):
        found = {name: re.search(text, output, re.MULTILINE) for name, text in NUMBERS.items()}
        count = {name: int(match[1]) if match else 0 for name, match in found.items()}
        seconds = re.search(r"^Time taken for tests: +([\d.]+) seconds", output, re.MULTILINE)
        return {
            "requests": count["requests"],
            "bytes": count["bytes"],
            "us": float(seconds[1]) * 1e6 if seconds else 0,
            "bad_status": count["bad_status"],
            "lost": count["failed"],
            **self.percentiles(),
        }

    def percentiles(self):
        """The table of ab's has a line for each, in milliseconds; 0 where requests are few."""
        if not self.times.exists():
            return {}
        lines = dict(line.split(",") for line in self.times.read_text().splitlines()[1:])
        wanted = {"p50": "50", "p90": "90", "p99": "99"}
        times = {name: float(lines.get(row, 0)) * 1000 for name, row in wanted.items()}
        return {name: time for name, time in times.items() if time}
