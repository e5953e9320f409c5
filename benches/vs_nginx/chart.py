"""The chart: a bar for each workload's weir/nginx, beside it haproxy and the floor."""

from html import escape

from . import verdicts

WIDTH, LEFT, TOP, ROW = 900, 370, 64, 30
BAR_HEIGHT = 14
# The axis ends here, in CPU of nginx; what lies beyond is drawn at its end, with its figure.
AXIS_END = 1.3
STEP = 0.25

# Readable on white and on dark pages; no background of its own.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #57606a; }
.title { font-size: 15px; font-weight: 600; }
.grid { stroke: #8b949e; stroke-opacity: 0.35; }
.nginx { stroke: #8b949e; stroke-width: 1.5; }
.met { fill: #2da44e; } .missed { fill: #d9534f; } .noise { fill: #bf8700; }
.goal { stroke: #8250df; stroke-width: 2.5; }
.floor { fill: #24292f; stroke: #ffffff; }
.haproxy { fill: #ffffff; fill-opacity: 0.4; stroke: #0a5cad; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #b1bac4; } .goal { stroke: #b083f0; } .haproxy { stroke: #54aeff; }
  .floor { fill: #f0f6fc; stroke: #0d1117; }
}
"""
CLASSES = {verdicts.MET: "met", verdicts.MISSED: "missed", verdicts.NOISE: "noise"}
LEGEND = (
    ('<rect class="met" x="{x}" y="{top}" width="12" height="12"/>', "bar met"),
    ('<rect class="noise" x="{x}" y="{top}" width="12" height="12"/>', "within noise"),
    ('<rect class="missed" x="{x}" y="{top}" width="12" height="12"/>', "missed"),
    ('<path class="goal" d="M{x} {top}v12"/>', "the bar"),
    ('<circle class="haproxy" cx="{x}" cy="{middle}" r="5"/>', "haproxy"),
    ('<path class="floor" d="M{x} {top}l5 6l-5 6l-5-6z"/>', "bare copy"),
)


def place(ratio):
    """Horizontal place of a ratio, in pixels."""
    return LEFT + min(ratio, AXIS_END) / AXIS_END * (WIDTH - LEFT - 60)


def svg(measured):
    """The chart of all workloads measured in CPU per request."""
    results = [result for result in measured["results"] if result["kind"] == "cpu"]
    height = TOP + ROW * len(results) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>CPU per request, nginx being 1</title>",
        f"<style>{STYLE}</style>",
        '<text class="title" x="8" y="22">CPU per request, nginx being 1; less is better</text>',
        *legend(),
        *axis(TOP + ROW * len(results)),
        *(part for index, result in enumerate(results) for part in row(index, result)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def legend():
    x = LEFT
    for shape, text in LEGEND:
        yield shape.format(x=x, top=34, middle=40)
        yield f'<text x="{x + 16}" y="45">{text}</text>'
        x += 30 + 7 * len(text)


def axis(bottom):
    """Lines at each step, the one at nginx stronger, with their figures below."""
    for index in range(int(AXIS_END / STEP) + 1):
        ratio = index * STEP
        kind = "nginx" if ratio == 1 else "grid"
        yield f'<path class="{kind}" d="M{place(ratio):.1f} {TOP - 6}V{bottom}"/>'
        label = "nginx" if ratio == 1 else f"{ratio:g}"
        yield f'<text text-anchor="middle" x="{place(ratio):.1f}" y="{bottom + 18}">{label}</text>'


def row(index, result):
    """One workload: its title, weir's bar and figure, the goal, haproxy, the floor."""
    found = verdicts.ratios(result)
    top = TOP + index * ROW
    middle = top + BAR_HEIGHT / 2
    end = place(found.weir)
    title = escape(result["title"])
    yield f'<text text-anchor="end" x="{LEFT - 10}" y="{middle + 5}">{title}</text>'
    yield (
        f'<rect class="{CLASSES[found.mark]}" x="{LEFT}" y="{top}" '
        f'width="{end - LEFT:.1f}" height="{BAR_HEIGHT}"/>'
    )
    goal = place(result["bar"])
    yield f'<path class="goal" d="M{goal:.1f} {top - 4}v{BAR_HEIGHT + 8}"/>'
    if found.haproxy:
        at = place(found.haproxy)
        yield f'<circle class="haproxy" cx="{at:.1f}" cy="{middle}" r="5"/>'
        if found.haproxy > AXIS_END:
            label = f'x="{at - 9:.1f}" y="{middle + 5}">{found.haproxy:.2f}</text>'
            yield f'<text text-anchor="end" {label}'
    if found.floor:
        yield f'<path class="floor" d="M{place(found.floor):.1f} {top + 1}l5 6l-5 6l-5-6z"/>'
    yield f'<text x="{WIDTH - 44}" y="{middle + 5}">{found.weir:.2f}</text>'
