"""Which program loads a workload."""

from .ab import Ab
from .h2load import H2load
from .wrk import Wrk

GENERATORS = {generator.NAME: generator for generator in (Wrk, H2load, Ab)}


def start(subject, workload, directory, seconds, timed=False):
    """The workload's load on `subject`, running."""
    return GENERATORS[workload.generator](subject, workload, directory, seconds, timed)
