"""A workload measured whole: CPU in turns, then each subject alone."""

import tempfile
import time

from . import generators, handshakes, turns
from .load import long_enough


def measure(bed_of, workload, extent):
    """The workload's result, as in the JSON: CPU microseconds by subject and pair, and alone."""
    with (
        bed_of.subjects(workload) as subjects,
        tempfile.TemporaryDirectory(prefix="weir-load-") as directory,
    ):
        warm_up, seconds = extent.warm_up * workload.longer, extent.seconds * workload.longer
        if warm_up:
            turns.measure(subjects, workload, directory, warm_up, extent.turn)
        pairs = [
            turns.measure(
                turns.rotated(subjects, index), workload, directory, seconds, extent.turn
            )
            for index in range(extent.pairs)
        ]
        alone = {
            subject.name: run_alone(subject, workload, directory, extent.alone * workload.longer)
            for subject in subjects
        }
        handshakes.check(subjects, workload)
    cpu = {subject.name: [pair[subject.name] for pair in pairs] for subject in subjects}
    return {
        "kind": "cpu",
        "name": workload.name,
        "title": workload.title,
        "bar": workload.bar,
        "cpu_us": cpu,
        "alone": alone,
    }


def run_alone(subject, workload, directory, seconds):
    """Requests per second, and percentiles of latency in microseconds, of an undivided run."""
    def run(seconds):
        with generators.start(subject, workload, directory, seconds, timed=True) as load:
            time.sleep(seconds)
            report = load.report()
            load.answers(report)
        return report

    report = long_enough(run, seconds)
    rate = report["requests"] / (report["us"] / 1e6)
    return {"requests_per_second": rate, **{name: report.get(name) for name in ("p50", "p90", "p99")}}
