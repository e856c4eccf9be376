"""A waterfall of contributions as SVG: from the bias, bar by bar, to the sum."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 760
_LABELS = 240
_NUMBERS = 90
_LINE = 26
_TOP = 62
_BAR = 16
_UP, _DOWN, _ENDS, _TEXT, _FAINT = "#c2452d", "#2d6cc2", "#777777", "#222222", "#bbbbbb"


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of the waterfall.

    Attributes:
        label: The column that it is due to.
        value: How far it goes; negative to the left.
    """

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class _Scale:
    """Converts numbers to horizontal positions.

    Attributes:
        low: The smallest number shown.
        span: From it to the largest.
    """

    low: float
    span: float

    def x(self, value: float) -> float:
        """Return the position of a number in pixels."""
        room = WIDTH - _LABELS - _NUMBERS
        return _LABELS + room * (value - self.low) / self.span


def waterfall(title: str, note: str, bias: float, bars: Sequence[Bar]) -> str:
    """Return an SVG document.

    Args:
        title: First line.
        note: Second line, smaller.
        bias: Where the first bar begins.
        bars: In the order to show them.
    """
    ends = [bias]
    for bar in bars:
        ends.append(ends[-1] + bar.value)
    scale = _Scale(min(ends), (max(ends) - min(ends)) or 1.0)
    height = _TOP + _LINE * (len(bars) + 2) + 14
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" '
        f'fill="{_TEXT}" role="img">'
    )
    parts = [
        head,
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
        f'<text x="16" y="46" font-size="11" fill="{_ENDS}">{escape(note)}</text>',
        *_end("bias", bias, 0, scale),
        *_steps(bars, ends, scale),
        *_end("sum", ends[-1], len(bars) + 1, scale),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _steps(bars: Sequence[Bar], ends: Sequence[float], scale: _Scale) -> Iterator[str]:
    for at, bar in enumerate(bars):
        left, right = sorted((scale.x(ends[at]), scale.x(ends[at + 1])))
        top = _TOP + _LINE * (at + 1)
        colour = _UP if bar.value >= 0 else _DOWN
        yield _line(scale.x(ends[at]), top - _LINE + _BAR, top)
        yield (
            f'<rect x="{left:.1f}" y="{top}" width="{max(right - left, 1):.1f}" height="{_BAR}" '
            f'fill="{colour}"/>'
        )
        yield from _texts(bar.label, f"{bar.value:+.4g}", top, colour)


def _end(label: str, value: float, at: int, scale: _Scale) -> Iterator[str]:
    top = _TOP + _LINE * at
    x = scale.x(value)
    if at:
        yield _line(x, top - _LINE + _BAR, top)
    yield f'<rect x="{x - 1.5:.1f}" y="{top}" width="3" height="{_BAR}" fill="{_ENDS}"/>'
    yield from _texts(label, f"{value:.4g}", top, _ENDS)


def _line(x: float, top: float, bottom: float) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{_FAINT}" '
        'stroke-dasharray="2 2"/>'
    )


def _texts(label: str, number: str, top: int, colour: str) -> Iterator[str]:
    base = top + _BAR - 3
    short = label if len(label) <= 34 else f"{label[:31]}..."
    yield f'<text x="{_LABELS - 12}" y="{base}" text-anchor="end">{escape(short)}</text>'
    yield (
        f'<text x="{WIDTH - 12}" y="{base}" text-anchor="end" fill="{colour}">{escape(number)}'
        "</text>"
    )
