"""The chart of the README: how often drum-like answers beside the others."""

from benchmarks.plan import Results


def draw(results: Results) -> str:
    """Return an SVG image."""
    raise NotImplementedError(results)
