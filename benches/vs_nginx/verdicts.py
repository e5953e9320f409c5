"""Results into figures for the table: ratios, noise, and whether a bar is met."""

import statistics
from dataclasses import dataclass

MET, MISSED, NOISE = "met", "missed", "within noise"


@dataclass(frozen=True)
class Ratios:
    """Medians of the pairs' ratios; None for a subject that was left out.

    `chance` is nginx again / nginx, and `spread` the greatest distance from 1 that it had in any
    pair. `mark` is whether the bar is met; `differs` whether weir and nginx are further apart
    than the spread.
    """

    weir: float
    chance: float
    spread: float
    floor: float | None
    over_floor: float | None
    haproxy: float | None
    mark: str
    differs: bool


def ratio(cpu, over, under):
    """Median of over/under, pair by pair; None when one of them was not measured."""
    if over not in cpu or under not in cpu:
        return None
    return statistics.median(a / b for a, b in zip(cpu[over], cpu[under], strict=True))


def mark(figure, bar, spread):
    """Whether `figure` is at most `bar`, unless chance alone could say so or deny it."""
    if abs(figure / bar - 1) < spread:
        return NOISE
    return MET if figure <= bar else MISSED


def ratios(result):
    """Of a result of kind `cpu` or `workers`."""
    cpu = result["cpu_us"]
    subject, base, again = ("weir", "nginx", "nginx again")
    if result["kind"] == "workers":
        subject, base, again = ("two workers", "one worker", "one again")
    pairs = zip(cpu[again], cpu[base], strict=True)
    spread = max(abs(a / b - 1) for a, b in pairs)
    figure = ratio(cpu, subject, base)
    return Ratios(
        weir=figure,
        chance=ratio(cpu, again, base),
        spread=spread,
        floor=ratio(cpu, "floor", base),
        over_floor=ratio(cpu, subject, "floor"),
        haproxy=ratio(cpu, "haproxy", base),
        mark=mark(figure, result["bar"], spread),
        differs=abs(figure - 1) >= spread,
    )


def latency_marks(result):
    """Mark of each percentile: weir against nginx, round by round.

    The noise is how far nginx again is from nginx in the median round: single rounds differ by more
    than proxies do, and it takes all of them to tell those apart.
    """
    times = result["latency_us"]
    marks = {}
    for quantile in times["nginx"]:
        one = {name: rounds[quantile] for name, rounds in times.items()}
        pairs = zip(one["nginx again"], one["nginx"], strict=True)
        spread = statistics.median(abs(a / b - 1) for a, b in pairs)
        marks[quantile] = mark(ratio(one, "weir", "nginx"), 1, spread)
    return marks


def reload_figures(result):
    """By subject: p50 and p99, medians of the rounds in microseconds, and all requests lost."""
    return {
        name: {
            "p50": statistics.median(one["p50"] for one in rounds),
            "p99": statistics.median(one["p99"] for one in rounds),
            "lost": sum(one["lost"] for one in rounds),
            "requests": sum(one["requests"] for one in rounds),
        }
        for name, rounds in result["rounds"].items()
    }
