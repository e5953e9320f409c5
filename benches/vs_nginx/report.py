"""The tables, for the terminal and for the documentation."""

import statistics

from . import latency, verdicts

BEGIN, END = "<!-- figures: benches/vs-nginx --markdown -->", "<!-- end of figures -->"
NOTHING = "–"

CPU_HEAD = (
    "workload", "bar", "weir/nginx", "", "noise", "floor/nginx", "weir/floor", "haproxy/nginx",
    "weir", "nginx", "haproxy", "floor",
)
ALONE_HEAD = (
    "workload", "req/s: weir", "nginx", "haproxy", "p50: weir", "nginx", "haproxy", "p99: weir",
    "nginx", "haproxy",
)
OTHER_HEAD = ("", "weir", "nginx", "haproxy", "bar", "")
PROXIES = ("weir", "nginx", "haproxy")


def number(figure, pattern="{:.2f}"):
    return NOTHING if figure is None else pattern.format(figure)


def noise(found):
    """nginx again / nginx, and the greatest distance from 1 of a pair."""
    return f"{found.chance:.2f} ±{found.spread:.2f}"


def verdict(found):
    equal = "" if found.differs else ", no difference seen"
    return found.mark + equal


def cpu_row(result):
    found = verdicts.ratios(result)
    cost = {name: statistics.median(pairs) for name, pairs in result["cpu_us"].items()}
    costs = [number(cost.get(name), "{:.1f}") for name in (*PROXIES, "floor")]
    ratios = [number(figure) for figure in (found.floor, found.over_floor, found.haproxy)]
    bar = f"≤ {result['bar']:.2f}"
    return [result["title"], bar, number(found.weir), verdict(found), noise(found), *ratios, *costs]


def alone_row(result):
    def each(field, pattern):
        found = (result["alone"].get(name, {}).get(field) for name in PROXIES)
        return [number(figure, pattern) for figure in found]

    return [
        result["title"],
        *each("requests_per_second", "{:,.0f}"), *each("p50", "{:,.0f}"), *each("p99", "{:,.0f}"),
    ]


def other_rows(result):
    return OTHER_ROWS[result["kind"]](result)


def latency_rows(result):
    medians = latency.medians(result)
    marks = verdicts.latency_marks(result)
    for quantile, mark in marks.items():
        figures = [
            number(medians.get(name, {}).get(quantile), "{:,.0f} µs") for name in PROXIES
        ]
        judged = ["nginx's", mark] if quantile in ("p50", "p99") else [NOTHING, ""]
        yield [f"{result['title']}: {quantile}", *figures, *judged]


def reload_rows(result):
    figures = verdicts.reload_figures(result)
    for what, pattern, bar in (
        ("p50", "{:,.0f} µs", NOTHING), ("p99", "{:,.0f} µs", "lower"), ("lost", "{:,}", "0"),
    ):
        found = [pattern.format(figures[name][what]) for name in ("weir", "nginx")]
        mark = "" if bar == NOTHING else reload_mark(what, figures)
        yield [f"{result['title']}: {what}", *found, NOTHING, bar, mark]


def reload_mark(what, figures):
    weir, nginx = figures["weir"][what], figures["nginx"][what]
    met = weir < nginx if what == "p99" else weir == 0
    return verdicts.MET if met else verdicts.MISSED


def idle_rows(result):
    found = [f"{result['bytes_each'][name]:,.0f} bytes" for name in ("weir", "nginx")]
    mark = verdicts.MET if result["bytes_each"]["weir"] <= result["bar"] else verdicts.MISSED
    yield [result["title"], *found, NOTHING, f"≤ {result['bar']:,} bytes", mark]


def workers_rows(result):
    found = verdicts.ratios(result)
    figure = f"{found.weir:.2f} (noise {noise(found)})"
    nginx = verdicts.ratio(result["cpu_us"], "nginx: two workers", "nginx: one worker")
    beside = NOTHING if nginx is None else f"{nginx:.2f}"
    yield [result["title"], figure, beside, NOTHING, f"≤ {result['bar']:.2f}", found.mark]


OTHER_ROWS = {
    "latency": latency_rows, "reload": reload_rows, "idle": idle_rows, "workers": workers_rows,
}


def line(result):
    """One result in a line or more, as it is measured."""
    if result["kind"] != "cpu":
        return "\n".join("  ".join(filter(None, row)) for row in other_rows(result))
    title, bar, ratio, mark, chance, floor, *_ = cpu_row(result)
    return f"{title}: weir/nginx {ratio} (bar {bar}: {mark}; noise {chance}; floor {floor})"


def tables(measured):
    """Titles, heads and rows of what was measured."""
    results = measured["results"]
    requests = [result for result in results if result["kind"] == "cpu"]
    others = [row for result in results if result["kind"] != "cpu" for row in other_rows(result)]
    found = [
        ("CPU per request: ratios, and microseconds", CPU_HEAD, [cpu_row(r) for r in requests]),
        ("Alone: requests per second, and latency in microseconds", ALONE_HEAD,
         [alone_row(r) for r in requests]),
        ("Beside CPU per request", OTHER_HEAD, others),
    ]
    return [table for table in found if table[2]]


def machine(measured):
    facts = measured["machine"]
    names = ("weir", "nginx", "haproxy", "wrk", "h2load", "ab", "openssl")
    versions = ", ".join(f"{name} {facts[name]}" for name in names if facts.get(name))
    return (
        f"{measured['date']}, {facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, "
        f"files on {facts['files_on']}; {measured['pairs']} pairs, {measured['seconds']} s in all. "
        f"{versions}."
    )


def text(measured):
    """The tables with aligned columns."""
    parts = [machine(measured)]
    for title, head, rows in tables(measured):
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        parts.append(f"\n{title}")
        parts += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]
    return "\n".join(parts)


def markdown(measured):
    parts = [machine(measured)]
    for title, head, rows in tables(measured):
        rule = ["---"] + ["---:"] * (len(head) - 1)
        lines = [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
        parts.append(f"**{title}**\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def write_markdown(path, measured):
    """Puts the tables between the markers of `path`; a file without them gets only the tables."""
    before = after = ""
    if path.exists() and BEGIN in (page := path.read_text()):
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{markdown(measured)}\n\n{END}{after or chr(10)}")
