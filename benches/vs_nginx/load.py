"""wrk: its script, its processes, and what it reports."""

import ctypes
import json
import signal
import subprocess
import time
from pathlib import Path

import bed

from .proxies import LOAD_CORE, pinned

# Longer than any run; a run ends by SIGINT.
WRK_SECONDS = 3600
ASKING_SECONDS, ENDING_SECONDS = 0.05, 30
# Of a run's seconds, until there is an answer.
DOUBLINGS = 4
# Of the bytes that as many answers have: connections that were cut, and fields that vary.
TOLERANCE = 0.01

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


def die_with_parent():
    """In a new process: the kernel ends it when its parent is gone, stopped as it may be."""
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


class TooShort(bed.Failed):
    """A run ended before its first answer."""


def long_enough(run, seconds):
    """What `run(seconds)` returns, with more time where a busy machine did not come to an answer."""
    for _ in range(DOUBLINGS):
        try:
            return run(seconds)
        except TooShort:
            seconds *= 2
    return run(seconds)


class Load:
    """A running wrk on one subject; a context manager that ends it."""

    def __init__(self, subject, workload, directory):
        self.subject, self.workload = subject, workload
        lua = Path(directory) / f"{workload.name}.lua"
        lua.write_text(script(workload))
        headers = [argument for header in workload.headers for argument in ("-H", header)]
        command = [
            *pinned(LOAD_CORE), "wrk", "-t1", f"-c{workload.connections}", f"-d{WRK_SECONDS}s",
            "-s", str(lua), *headers, f"http://127.0.0.1:{subject.port}{workload.path}",
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running():
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def running(self):
        return self.process.poll() is None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def ends(self, seconds):
        """Asks wrk to end, and whether it did within `seconds`.

        A signal that reaches the thread with the connections ends that one only: ask again.
        """
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def report(self):
        """Ends wrk; what it counted by the names of `DONE`, times in microseconds."""
        deadline = time.monotonic() + ENDING_SECONDS
        while not self.ends(ASKING_SECONDS):
            bed.check(time.monotonic() < deadline, "wrk does not end")
        output = self.process.stdout.read()
        return json.loads(output.strip().splitlines()[-1])

    def answers(self, report):
        """How many answers came, the last ones in part.

        A request that wrk has no whole answer to has cost something, too: for long answers that
        matters. Fails unless every answer was right.
        """
        where = f"{self.workload.name}: {self.subject.name}: {report}"
        bed.check(report["lost"] == 0, f"{where}: connections failed")
        wrong = self.subject.status >= 400
        bed.check(report["bad_status"] == (report["requests"] if wrong else 0), f"{where}: status")
        if report["bytes"] == 0:
            raise TooShort(f"{where}: no answer")
        answers = report["bytes"] / self.subject.answer
        unfinished = answers - report["requests"]
        slack = TOLERANCE * report["requests"]
        right = -slack <= unfinished <= self.workload.connections + slack
        bed.check(right, f"{where}: not the length of the probe, {self.subject.answer} bytes")
        return answers
