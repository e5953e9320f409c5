"""benches/vs-nginx: the options, and what runs in which order."""

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import bed

from . import certificates, chart, idle_memory, latency, origin, programs, reloads, report, requests
from . import workers
from .cores import LOAD_CORE, PROXY_CORE, pinned
from .proxies import Bed
from .workloads import WORKLOADS

# What is not CPU per request of a workload; all of it proxies the first one's requests.
OTHERS = {
    **{other.NAME: other.measure for other in (workers, latency, reloads)},
    **{kind.name: kind.measure for kind in idle_memory.KINDS},
}
NAMES = (*(workload.name for workload in WORKLOADS), *OTHERS)
FILES = 16_000


@dataclass(frozen=True)
class Extent:
    """How much is measured; durations in seconds.

    `seconds` is a subject's share of one pair, `warm_up` (0 for none) before the first one,
    `alone` its undivided run.
    """

    pairs: int = 5
    turn: float = 0.02
    warm_up: float = 0.2
    seconds: float = 0.6
    alone: float = 0.8
    rate_rounds: int = 15
    rate_seconds: int = 1
    reload_rounds: int = 3
    reload_seconds: int = 10
    idle_connections: int = 10_000


QUICK = Extent(
    warm_up=0.08, seconds=0.12, alone=0.15, rate_rounds=3, rate_seconds=1, reload_rounds=1,
    reload_seconds=4,
)
SMOKE = Extent(
    pairs=1, turn=0.01, warm_up=0, seconds=0.15, alone=0.15, rate_rounds=1, rate_seconds=1,
    reload_rounds=1, reload_seconds=2, idle_connections=200,
)


def options():
    parser = argparse.ArgumentParser(
        prog="benches/vs-nginx",
        description="CPU per request of weir, nginx, haproxy and a bare copy of bytes, in turns.",
    )
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true", help="less of everything: three minutes")
    extent.add_argument("--smoke", action="store_true", help="only that it all runs")
    parser.add_argument("--pairs", type=int, help="pairs of runs that a median is taken of")
    parser.add_argument("--only", metavar="NAME,...", help=f"some of: {', '.join(NAMES)}")
    for name in ("weir", "nginx", "floor"):
        parser.add_argument(f"--{name}", metavar="PATH", help="this binary instead of a built one")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument("--svg", metavar="FILE", help="write the chart")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables, between its markers")
    parser.add_argument("--read", metavar="FILE", help="measure nothing; read what --json wrote")
    return parser.parse_args()


def main():
    # So that what runs is ended by the contexts that started it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    chosen = options()
    try:
        if chosen.read:
            measured = json.loads(Path(chosen.read).read_text())
        else:
            measured = measure(chosen)
    except bed.Failed as failed:
        sys.exit(f"FAILED: {failed}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    publish(measured, chosen)


def publish(measured, chosen):
    print(report.text(measured))
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(measured, indent=1) + "\n")
    if chosen.svg:
        Path(chosen.svg).write_text(chart.svg(measured))
    if chosen.markdown:
        report.write_markdown(Path(chosen.markdown), measured)


def wanted_names(chosen):
    names = chosen.only.split(",") if chosen.only else NAMES
    unknown = set(names) - set(NAMES)
    bed.check(not unknown, f"no workload is called {', '.join(sorted(unknown))}")
    return names


def extent_of(chosen):
    extent = SMOKE if chosen.smoke else QUICK if chosen.quick else Extent()
    return replace(extent, pairs=chosen.pairs) if chosen.pairs else extent


def measure(chosen):
    """Everything that was asked for: the content of the JSON."""
    names, extent = wanted_names(chosen), extent_of(chosen)
    bed.check({PROXY_CORE, LOAD_CORE} <= os.sched_getaffinity(0), "cores 0 and 1 are needed")
    found = programs.find(chosen)
    bed.allow_files(FILES)
    os.sched_setaffinity(0, {LOAD_CORE})
    begun = time.monotonic()
    workloads = [workload for workload in WORKLOADS if workload.name in names]
    others = [measure for name, measure in OTHERS.items() if name in names]
    with certificates.made() as files, origin.refusing_port() as refused:
        ports = origin.Origin.free()
        bed_of = Bed(found, ports, refused, files)
        bed_of.check_accepted(
            {one.name: bed_of.nginx_conf(one, bed.free_port()) for one in workloads}
            | {one.name: one.conf(bed_of) for one in idle_memory.KINDS if one.name in names}
        )
        certificate = files[certificates.P256] if any(one.asks_tls for one in workloads) else None
        with origin.running(found.nginx, ports, pinned(LOAD_CORE), certificate):
            results = list(run_all(bed_of, workloads, others, extent))
    return {
        "machine": programs.facts(found),
        "date": time.strftime("%Y-%m-%d"),
        "pairs": extent.pairs,
        "seconds": round(time.monotonic() - begun),
        "results": results,
    }


def run_all(bed_of, workloads, others, extent):
    """Each result, told about as soon as it is there."""
    for workload in workloads:
        yield told(requests.measure(bed_of, workload, extent))
    for measure_other in others:
        yield told(measure_other(bed_of, WORKLOADS[0], extent))


def told(result):
    print(report.line(result), flush=True)
    return result
