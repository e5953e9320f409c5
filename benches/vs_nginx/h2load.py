"""h2load: HTTP/2 with many streams at once. It ends by its own clock."""

import re
from pathlib import Path

import bed

from .load import Load, arguments, url

NUMBERS = {
    "requests": r"^requests: .* (\d+) done,",
    "succeeded": r"^requests: .* (\d+) succeeded,",
    "failed": r"^requests: .* (\d+) failed,",
    "timeouts": r"^requests: .* (\d+) timeout",
    "redirects": r"^status codes: .* (\d+) 3xx,",
    "refusals": r"^status codes: .* (\d+) 4xx,",
    "faults": r"^status codes: .* (\d+) 5xx",
    "bytes": r"^traffic: .* \((\d+)\) data",
}
PROTOCOLS = {True: "h2", False: "h2c"}
QUANTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


class H2load(Load):
    """A running h2load. Its `bytes` are those of bodies: heads are compressed, and vary."""

    NAME = "h2load"

    def command(self, directory, seconds):
        self.seconds = seconds
        self.log = Path(directory) / f"h2load-{self.subject.port}.log"
        self.log.unlink(missing_ok=True)
        return [
            "h2load", "-t1", f"-c{self.workload.connections}", f"-m{self.workload.streams}",
            *self.extent(seconds), *([f"--log-file={self.log}"] if self.timed else ()),
            *arguments(map(as_field, self.workload.headers)), url(self.subject, self.workload),
        ]

    def extent(self, seconds):
        return [f"-D{seconds * 1000:.0f}ms"]

    def ask_to_end(self):
        """Nothing but time ends it with a report."""

    def read(self, output):
        where = f"{self.workload.name}: {self.subject.name}"
        found = {name: re.search(text, output, re.MULTILINE) for name, text in NUMBERS.items()}
        bed.check(all(found.values()), f"{where}: h2load says {output}")
        count = {name: int(match[1]) for name, match in found.items()}
        protocol = re.search(r"^Application protocol: (.*)", output, re.MULTILINE)
        cipher = re.search(r"^Cipher: (.*)", output, re.MULTILINE)
        expected = PROTOCOLS[bool(self.workload.tls)]
        bed.check(protocol and protocol[1] == expected, f"{where}: not {expected}: {output}")
        return {
            "requests": count["requests"],
            "bytes": count["bytes"],
            "us": self.seconds * 1e6,
            # Heads are counted as they come, so that there may be more 2xx than requests done.
            "bad_status": count["redirects"] + count["refusals"] + count["faults"],
            "lost": count["requests"] - count["succeeded"] + count["failed"] + count["timeouts"],
            "cipher": cipher and cipher[1],
            **self.percentiles(),
        }

    def percentiles(self):
        """From the log of every request, where there is one."""
        if not self.timed:
            return {}
        times = sorted(int(line.split("\t")[2]) for line in self.log.read_text().splitlines())
        return {name: times[int(share * len(times))] for name, share in QUANTILES.items() if times}


class One(H2load):
    """One request, to see what the answer is."""

    def extent(self, _seconds):
        return ["-n1"]

    def command(self, directory, seconds):
        line = super().command(directory, seconds)
        return [re.sub(r"^-c\d+$", "-c1", re.sub(r"^-m\d+$", "-m1", part)) for part in line]


def as_field(header):
    """A line of HTTP/1 as one of HTTP/2: names are small, `Host` is `:authority`."""
    name, _, value = header.partition(":")
    name = ":authority" if name == "Host" else name.lower()
    return f"{name}:{value}"
