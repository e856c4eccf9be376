"""The chart of the README: answers a second of each server, drawn from the results.

Plain SVG, readable on a light and on a dark page: the ground is the page's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from benchmarks.peers.catalogue import OTHERS, OURS
from benchmarks.plan import Results, Setup, middle

WIDTH, BAR, GAP, LABEL, NUMBER, HEAD = 760, 18, 6, 110, 110, 30

STYLE = """
 text { font: 13px system-ui, sans-serif; fill: #57606a; }
 .head { font-weight: 600; }
 .ours { fill: #1f7a8c; }
 .theirs { fill: #9aa5b1; }
 @media (prefers-color-scheme: dark) { text { fill: #c9d1d9; } .theirs { fill: #57606a; } }
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars that belong together.

    Attributes:
        title: What is measured.
        bars: Name of the server and answers a second.
    """

    title: str
    bars: tuple[tuple[str, float], ...]

    @property
    def height(self) -> int:
        """In pixels."""
        return HEAD + len(self.bars) * (BAR + GAP) + GAP


def draw(results: Results) -> str:
    """Return an SVG image of what has been measured; a panel without figures is left out."""
    panels = [panel for panel in _panels(results) if len(panel.bars) > 1]
    height = sum(panel.height for panel in panels) + GAP
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{escape(_summary(panels))}</title>",
        f"<style>{STYLE}</style>",
    ]
    top = 0
    for panel in panels:
        parts.extend(_drawn(panel, top))
        top += panel.height
    return "\n".join([*parts, "</svg>", ""])


def _panels(results: Results) -> Iterable[Panel]:
    yield _panel(results, "1 row, 8 clients: requests a second", ("one-row", 1, 8))
    yield _panel(results, "100 rows, 8 clients: requests a second", ("hundred-rows", 100, 8))
    yield _panel(results, "10,000 rows, one client: rows a second", ("big-csv", 10_000, 1))


def _panel(results: Results, title: str, what: tuple[str, int, int]) -> Panel:
    """Return a panel of all servers with one worker, each with the form that it does best with."""
    part, n_rows, connections = what
    names = (OURS, *(peer.name for peer in OTHERS))
    factor = n_rows if "rows a second" in title else 1
    bars = []
    for name in names:
        found = [
            middle(results.rounds(case, "rps")) or 0.0
            for case in results.cases
            if (case.part, case.n_rows, case.connections) == (part, n_rows, connections)
            and case.setup == Setup(name)
            and case.what != "arrow"
        ]
        if found:
            bars.append((name, max(found) * factor))
    return Panel(title, tuple(bars))


def _drawn(panel: Panel, top: int) -> Iterable[str]:
    longest = max(value for _, value in panel.bars)
    yield f'<text class="head" x="0" y="{top + 20}">{escape(panel.title)}</text>'
    for at, (name, value) in enumerate(panel.bars):
        y = top + HEAD + at * (BAR + GAP)
        width = max(2.0, value / longest * (WIDTH - LABEL - NUMBER))
        kind = "ours" if name == OURS else "theirs"
        yield f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        yield (
            f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>'
        )
        yield f'<text x="{LABEL + width + 8:.1f}" y="{y + 14}">{value:,.0f}</text>'


def _summary(panels: Iterable[Panel]) -> str:
    """Return the chart in words, for those who do not see it."""
    return "; ".join(
        f"{panel.title}: " + ", ".join(f"{name} {value:,.0f}" for name, value in panel.bars)
        for panel in panels
    )
