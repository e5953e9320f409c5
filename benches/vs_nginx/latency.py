"""Latency at a fixed rate below saturation: h2load over HTTP/1.1."""

import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import bed

from . import generators, turns
from .cores import LOAD_CORE, pinned

NAME = "fixed-rate"
TITLE = "latency at a fixed rate: {rate:,.0f} requests/s, {share:.0%} of nginx's most"
CLIENTS = 16
SHARE_OF_MOST = 0.4
# Long enough to know the most that nginx does.
SATURATED_SECONDS = 1
QUANTILES = {"p50": 0.50, "p99": 0.99, "p999": 0.999}


def measure(bed_of, workload, extent):
    """Percentiles in microseconds by subject and round; the order of subjects rotates."""
    with ExitStack() as stack:
        subjects = stack.enter_context(bed_of.subjects(workload))
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="weir-load-"))
        nginx = next(subject for subject in subjects if subject.name == "nginx")
        saturated = min(SATURATED_SECONDS, extent.rate_seconds)
        rate = SHARE_OF_MOST * most(nginx, workload, directory, saturated)
        rounds = [
            {
                subject.name: at_rate(subject, workload, rate, extent.rate_seconds, directory)
                for subject in turns.rotated(subjects, index)
            }
            for index in range(extent.rate_rounds)
        ]
    title = TITLE.format(rate=rate, share=SHARE_OF_MOST)
    latency = {subject.name: by_quantile(rounds, subject.name) for subject in subjects}
    return {"kind": "latency", "name": NAME, "title": title, "rate": rate, "latency_us": latency}


def by_quantile(rounds, name):
    """One subject's percentiles, each with a figure for each round."""
    return {quantile: [one[name][quantile] for one in rounds] for quantile in QUANTILES}


def most(subject, workload, directory, seconds):
    """Requests per second without a limit."""
    with generators.start(subject, workload, directory, seconds) as load:
        time.sleep(seconds)
        report = load.report()
        return load.answers(report) / (report["us"] / 1e6)


def at_rate(subject, workload, rate, seconds, directory):
    """Percentiles of one run, in microseconds from a request sent to its answer's end."""
    log = Path(directory) / "h2load.log"
    log.unlink(missing_ok=True)
    url = f"http://127.0.0.1:{subject.port}{workload.path}"
    subprocess.run(
        [*pinned(LOAD_CORE), "h2load", "--h1", "-t1", f"-c{CLIENTS}", f"--rps={rate / CLIENTS:.1f}",
         f"-D{seconds}", f"--log-file={log}", url],
        check=True, stdout=subprocess.DEVNULL,
    )
    lines = [line.split("\t") for line in log.read_text().splitlines()]
    statuses = {status for _, status, _ in lines}
    bed.check(statuses == {"200"}, f"{NAME}: {subject.name}: statuses {statuses}")
    times = sorted(int(microseconds) for _, _, microseconds in lines)
    return {name: times[int(share * len(times))] for name, share in QUANTILES.items()}


def medians(result):
    """Median over the rounds, by subject and percentile, in microseconds."""
    return {
        subject: {quantile: statistics.median(times) for quantile, times in quantiles.items()}
        for subject, quantiles in result["latency_us"].items()
    }
