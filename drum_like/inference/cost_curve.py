"""The cost of a prediction by its rows, learned while serving."""

MOST_ROWS = 1000
"""Rows of a batch, at most."""

LARGEST = 100
"""Rows of a request, at most, that waits for others: a larger one is predicted alone."""

_FORGET = 0.98
"""Weight of a measured batch after the next one: some fifty batches tell the cost."""

_WORTH = 9.0
"""Fixed cost over the cost of all rows, times this, where further rows save a tenth of a row."""

_FEWEST = 8
"""Measured predictions before which the cost of a row is not known."""

_SPREAD = 0.05
"""Spread of the sizes, over their mean, below which the cost of a row is not known."""

_LONG_S = 0.0005
"""Mean CPU time of a measured prediction or batch above which requests are read, and joined, while
it runs."""


class CostCurve:
    """The cost of a prediction by its rows, a + b·n, learned from batches.

    Attributes:
        size: Rows of a batch beyond which another row costs hardly less than alone.
        spare: Rows that are worth a further place: they cost more than the call itself.
        is_long: Whether requests are worth reading, and joining, while a prediction runs; so it is
            until the cost is known.
    """

    __slots__ = ("_n", "_nn", "_ns", "_s", "_weight", "is_long", "size", "spare")

    def __init__(self) -> None:
        self._weight = self._n = self._nn = self._s = self._ns = 0.0
        self.is_long = True
        self._set_size(MOST_ROWS)

    def note(self, n_rows: int, seconds: float) -> None:
        """Learn from a batch.

        Args:
            n_rows: Its rows.
            seconds: Its CPU time.
        """
        self._weight = self._weight * _FORGET + 1
        self._n = self._n * _FORGET + n_rows
        self._nn = self._nn * _FORGET + n_rows * n_rows
        self._s = self._s * _FORGET + seconds
        self._ns = self._ns * _FORGET + n_rows * seconds
        self._set_size(self._learned())
        self.is_long = self.size > 1 and self._s > _LONG_S * self._weight

    def _learned(self) -> int:
        """Return the size that the measured batches suggest; the largest, until sizes vary."""
        mean, mean_s = self._n / self._weight, self._s / self._weight
        spread = self._nn / self._weight - mean * mean
        if self._weight < _FEWEST or spread < (_SPREAD * mean) ** 2:
            return MOST_ROWS
        each_s = (self._ns / self._weight - mean * mean_s) / spread
        fixed_s = max(0.0, mean_s - each_s * mean)
        if each_s * MOST_ROWS <= _WORTH * fixed_s:
            return MOST_ROWS
        return max(1, int(_WORTH * fixed_s / each_s))

    def _set_size(self, size: int) -> None:
        self.size, self.spare = size, max(1, size // 3)
