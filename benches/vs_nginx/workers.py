"""Two workers on two cores against one: CPU per request of weir."""

import tempfile
from contextlib import ExitStack

from . import turns
from .proxies import LOAD_CORE, PROXY_CORE

NAME = "two-workers"
TITLE = "two workers on two cores against one"
BAR = 1.03


def measure(bed_of, workload, extent):
    """CPU microseconds per request of weir with two workers, with one, and with one again."""
    weir = bed_of.programs.weir
    wanted = [
        ("two workers", 2, (PROXY_CORE, LOAD_CORE)),
        ("one worker", 1, (PROXY_CORE,)),
        ("one again", 1, (PROXY_CORE,)),
    ]
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-load-"))
        subjects = []
        for name, workers, cores in wanted:
            subject = bed_of.like_nginx(name, weir, workload, workers, cores)
            stack.enter_context(subject.proxy)
            subject.probe(workload)
            subjects.append(subject)
        if extent.warm_up:
            turns.measure(subjects, workload, directory, extent.warm_up, extent.turn)
        pairs = [
            turns.measure(
                turns.rotated(subjects, index), workload, directory, extent.seconds, extent.turn
            )
            for index in range(extent.pairs)
        ]
    cpu = {name: [pair[name] for pair in pairs] for name, _, _ in wanted}
    return {"kind": "workers", "name": NAME, "title": TITLE, "bar": BAR, "cpu_us": cpu}
