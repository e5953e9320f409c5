"""A load on one subject: a process that is stopped, continued, ended, and asked what it counted."""

import ctypes
import signal
import subprocess
import time

import bed

from .cores import LOAD_CORE, pinned

# Longer than any run of what is ended by a signal.
ENDLESS_SECONDS = 3600
ASKING_SECONDS, ENDING_SECONDS = 0.05, 15
# Of a run's seconds, until there is an answer.
DOUBLINGS = 4
# Of the bytes that as many answers have: connections that were cut, and fields that vary.
TOLERANCE = 0.01


def url(subject, workload):
    scheme = "https" if workload.tls else "http"
    return f"{scheme}://127.0.0.1:{subject.port}{workload.path}"


def arguments(headers):
    """Header fields as options of wrk, h2load and ab."""
    return [argument for header in headers for argument in ("-H", header)]


def die_with_parent():
    """In a new process: the kernel ends it when its parent is gone, stopped as it may be."""
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


class TooShort(bed.Failed):
    """A run ended before its first answer."""


class Broke(bed.Failed):
    """The program that loads came to no proper end.

    ab counts up in its signal's handler, and may find malloc in the middle of something: it then dies or waits
    for ever.
    """


def long_enough(run, seconds):
    """What `run(seconds)` returns, with more time where a busy machine did not come to an answer."""
    for _ in range(DOUBLINGS):
        try:
            return run(seconds)
        except TooShort:
            seconds *= 2
        except Broke as broke:
            print(f"again: {broke}", flush=True)
    return run(seconds)


class Load:
    """A running program that loads one subject; a context manager that ends it.

    `seconds` is how long it is meant to run by the clock, for programs that no signal ends.
    `timed` asks for percentiles where those have a price.
    """

    def __init__(self, subject, workload, directory, seconds, timed=False):
        self.subject, self.workload, self.timed = subject, workload, timed
        subject.loads += 1
        self.process = subprocess.Popen(
            [*pinned(LOAD_CORE), *self.command(directory, seconds)],
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent,
        )

    def command(self, directory, seconds):
        """The command line."""
        raise NotImplementedError

    def read(self, output):
        """What its output counts: requests, bytes, bad_status, lost; us, p50, p90, p99 in µs."""
        raise NotImplementedError

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
        """Asks it to end, and whether it did within `seconds`.

        A signal that reaches wrk's thread with the connections ends that one only: ask again.
        """
        self.ask_to_end()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ask_to_end(self):
        self.process.send_signal(signal.SIGINT)

    def report(self):
        """Ends it; what it counted."""
        deadline = time.monotonic() + ENDING_SECONDS
        while not self.ends(ASKING_SECONDS):
            self.check_ends_by(deadline)
        if self.process.returncode < 0:
            raise Broke(f"{self.NAME} died of signal {-self.process.returncode}")
        return self.read(self.process.stdout.read())

    def check_ends_by(self, deadline):
        """Fails when it has been asked to end for too long."""
        if time.monotonic() >= deadline:
            raise Broke(f"{self.NAME} does not end")

    def answers(self, report):
        """How many answers came, the last ones in part.

        A request that has no whole answer yet has cost something, too: for long answers that
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
        right = -slack <= unfinished <= self.workload.at_once + slack
        bed.check(right, f"{where}: not the length of the probe, {self.subject.answer} bytes")
        return answers
