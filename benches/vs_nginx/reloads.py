"""Latency and losses while the configuration is reloaded every second under load."""

import signal
import tempfile
import time

from . import generators

NAME = "reload"
TITLE = "a reload every second under load, 64 clients"
EVERY_SECONDS = 1


def measure(bed_of, workload, extent):
    """p50 and p99 in microseconds and requests lost, by subject and round, in alternation."""
    programs = bed_of.programs
    names = {"weir": programs.weir, "nginx": programs.nginx}
    rounds = {name: [] for name in names}
    for _ in range(extent.reload_rounds):
        for name, binary in names.items():
            subject = bed_of.like_nginx(name, binary, workload)
            with subject.proxy:
                rounds[name].append(one_round(subject, workload, extent.reload_seconds))
    return {"kind": "reload", "name": NAME, "title": TITLE, "rounds": rounds}


def one_round(subject, workload, seconds):
    with (
        tempfile.TemporaryDirectory(prefix="weir-load-") as directory,
        generators.start(subject, workload, directory, seconds) as load,
    ):
        for _ in range(seconds // EVERY_SECONDS):
            time.sleep(EVERY_SECONDS)
            subject.proxy.signal(signal.SIGHUP)
        report = load.report()
    return {
        "p50": report["p50"],
        "p99": report["p99"],
        "requests": report["requests"],
        "lost": report["lost"] + report["bad_status"],
    }
