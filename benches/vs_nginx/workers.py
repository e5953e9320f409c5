"""Two workers on two cores against one: CPU per request.

The second worker shares its core with the load and the origin, and each finds fewer events at a time.
nginx beside it shows what of the difference is that.
"""

import tempfile
from contextlib import ExitStack

from . import probe, turns
from .cores import LOAD_CORE, PROXY_CORE

NAME = "two-workers"
TITLE = "two workers on two cores against one"
BAR = 1.03


def measure(bed_of, workload, extent):
    """CPU microseconds per request with two workers, with one, and of weir with one again."""
    weir, nginx = bed_of.programs.weir, bed_of.programs.nginx
    both, one = (PROXY_CORE, LOAD_CORE), (PROXY_CORE,)
    wanted = [
        ("two workers", weir, 2, both),
        ("one worker", weir, 1, one),
        ("one again", weir, 1, one),
        ("nginx: two workers", nginx, 2, both),
        ("nginx: one worker", nginx, 1, one),
    ]
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-load-"))
        subjects = []
        for name, binary, workers, cores in wanted:
            subject = bed_of.like_nginx(name, binary, workload, workers, cores)
            stack.enter_context(subject.proxy)
            probe.probe(subject, workload)
            subjects.append(subject)
        if extent.warm_up:
            turns.measure(subjects, workload, directory, extent.warm_up, extent.turn)
        pairs = [
            turns.measure(
                turns.rotated(subjects, index), workload, directory, extent.seconds, extent.turn
            )
            for index in range(extent.pairs)
        ]
    cpu = {name: [pair[name] for pair in pairs] for name, *_ in wanted}
    return {"kind": "workers", "name": NAME, "title": TITLE, "bar": BAR, "cpu_us": cpu}
