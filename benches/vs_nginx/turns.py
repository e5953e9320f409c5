"""CPU per request of several subjects at once, whose loads run in turns.

On a shared machine a whole run of one proxy sees another machine than the next one does. Turns of
some milliseconds, by SIGSTOP and SIGCONT, let all subjects see the same one.
"""

import time
from contextlib import ExitStack

from . import generators
from .load import ENDING_SECONDS, Load, long_enough


def measure(subjects, workload, directory, seconds, turn):
    """CPU microseconds per request by subject's name.

    Each subject gets `seconds`, in turns of `turn` seconds.
    """

    def run(seconds):
        return run_together(subjects, workload, directory, seconds, turn)

    return long_enough(run, seconds)


def run_together(subjects, workload, directory, seconds, turn):
    """One run of `measure`; `TooShort` where a subject gave no answer."""
    with ExitStack() as running:
        before = {subject.name: subject.cpu_ns() for subject in subjects}
        loads = []
        whole = (seconds + turn) * len(subjects)
        for subject in subjects:
            begun = generators.start(subject, workload, directory, whole)
            load = running.enter_context(begun)
            time.sleep(turn)
            load.pause()
            loads.append(load)
        take_turns(loads, turn, time.monotonic() + seconds * len(loads))
        finish(loads, turn)
        answers = {load.subject.name: load.answers(load.report()) for load in loads}
        used = {subject.name: subject.cpu_ns() - before[subject.name] for subject in subjects}
    return {name: used[name] / 1000 / answers[name] for name in used}


def rotated(subjects, index):
    """The subjects in another order for each `index`: a turn leaves the caches as it used them."""
    first = index % len(subjects)
    return subjects[first:] + subjects[:first]


def take_turns(loads, turn, end):
    """Whole rounds, until the clock says `end`."""
    while time.monotonic() < end:
        for load in loads:
            load.resume()
            time.sleep(turn)
            load.pause()


def finish(loads, turn):
    """Lets each load end in turns of its own, so that none runs beside another."""
    deadline = time.monotonic() + ENDING_SECONDS
    while any(load.running() for load in loads):
        for load in filter(Load.running, loads):
            load.check_ends_by(deadline)
            load.resume()
            if not load.ends(turn):
                load.pause()
