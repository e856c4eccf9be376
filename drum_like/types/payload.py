"""The bytes of a request, what is known about them, and the charsets of text."""

from dataclasses import dataclass, field

from drum_like.errors import CharsetError, SizeError

CSV = "text/csv"
"""The media type of bodies and files that do not say what they are."""

_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-8-sig": "utf-8-sig",
    "utf-16": "utf-16",
    "utf16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    "iso-8859-1": "latin-1",
    "iso8859-1": "latin-1",
    "iso-8859-15": "iso8859-15",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "us-ascii": "ascii",
    "ascii": "ascii",
}


def python_codec(charset: str | None) -> str:
    """Return Python's codec for a charset parameter, UTF-8 without one.

    Raises:
        CharsetError: the charset is not on the list.
    """
    if charset is None:
        return "utf-8"
    found = _CHARSETS.get(charset.strip().strip("\"'").lower().replace("_", "-"))
    if found is None:
        raise CharsetError(
            "the charset of the Content-Type is not one of those that are read: "
            "utf-8, utf-16, latin-1, iso-8859-15, windows-1252, us-ascii; send UTF-8"
        )
    return found


_ROWS_OF_A_BYTE = 16
"""Rows that a byte may stand for.

An entry of a matrix takes 8 to 12 bytes, and one row of a hundred may have one. Where each row is
sent, it takes a bit at the least.
"""

_CELLS_OF_A_ROW = 60
"""Cells for each row that may be declared: one entry makes a row of 10,000 columns."""

_CELLS_OF_A_NAMED_ONE = 200
"""Cells that may be left out for each cell that rows of JSON name: 50 of 10,000 columns will do."""

_VALUES_OF_A_ROW = 10
"""Values of an answer for each row that may be declared without being sent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the size that a payload may declare before memory is taken for it.

    Attributes:
        columns: Columns of any format.
        rows: Rows of any format.
        cells: Rows x columns that a format may declare without sending them (sparse and dense
            Matrix Market, null, run-end or dictionary encoded Arrow), and values of an answer. A
            payload with more bytes than this may hold as many cells as it has bytes.
        empty_rows: Rows that a format may declare without a byte for them.
    """

    columns: int = 10_000
    rows: int = 10_000_000
    cells: int = 50_000_000
    empty_rows: int = 50_000

    def check_columns(self, n_columns: int) -> None:
        """Refuse more columns than the limit, before anything is made of them.

        Raises:
            SizeError: too many.
        """
        if n_columns > self.columns:
            raise SizeError(
                f"the payload has {n_columns} columns, the limit is {self.columns}; "
                "send fewer, or start the server with a higher --max-columns"
            )

    def check_rows(self, n_rows: int) -> None:
        """Refuse more rows than the limit.

        Raises:
            SizeError: too many.
        """
        if n_rows > self.rows:
            raise SizeError(
                f"the payload has {n_rows} rows, the limit is {self.rows}; "
                "send fewer, or start the server with a higher --max-rows"
            )

    def check_declared(self, n_rows: int, n_bytes: int) -> None:
        """Refuse more rows than a body of that size is likely to mean, sparse as it may be.

        Raises:
            SizeError: too many.
        """
        self.check_rows(n_rows)
        if n_rows > self._declarable(n_bytes):
            raise SizeError(
                f"the payload declares {n_rows} rows in {n_bytes} bytes, the limit is "
                f"{self.empty_rows} and {_ROWS_OF_A_BYTE} for each byte; send fewer rows, or start "
                "the server with a higher --max-empty-rows"
            )

    def declared_cells(self, n_bytes: int) -> int:
        """Return the most cells that a body of that size may declare."""
        likely = _CELLS_OF_A_ROW * self._declarable(n_bytes)
        return max(n_bytes, min(self.cells, likely))

    def check_filled(self, n_rows: int, n_columns: int, n_sent: int) -> None:
        """Refuse rows that leave out more cells than may be declared.

        Args:
            n_rows: How many there are.
            n_columns: The columns that any of them names, and those of the model.
            n_sent: The cells that they hold.

        Raises:
            SizeError: they do, or there are too many rows.
        """
        self.check_rows(n_rows)
        likely = _CELLS_OF_A_ROW * self.empty_rows + _CELLS_OF_A_NAMED_ONE * n_sent
        most = max(n_sent, min(self.cells, likely))
        if n_rows * n_columns > most:
            raise SizeError(
                f"{n_rows} rows of {n_columns} columns hold {n_sent} cells; those that they leave "
                f"out count, too, and the limit is {most} cells; send fewer rows, or start the "
                "server with a higher --max-cells and --max-empty-rows"
            )

    def check_answer(self, n_rows: int, n_values: int, n_bytes: int) -> None:
        """Refuse rows whose answer would be out of proportion to their payload.

        Args:
            n_rows: Rows of the payload.
            n_values: Values of the answer to one row.
            n_bytes: Bytes of the payload.

        Raises:
            SizeError: the answer would be too large.
        """
        free = _VALUES_OF_A_ROW * self.empty_rows
        likely = free + n_bytes * max(n_values, _ROWS_OF_A_BYTE)
        most = min(likely, max(self.cells, n_bytes))
        if n_rows * n_values > most:
            raise SizeError(
                f"the answer to {n_rows} rows would have {n_rows * n_values} values, the limit for "
                f"{n_bytes} bytes is {most}; send fewer rows, or start the server with a higher "
                "--max-cells and --max-empty-rows"
            )

    def _declarable(self, n_bytes: int) -> int:
        return self.empty_rows + _ROWS_OF_A_BYTE * n_bytes


def unsupported(media_type: str | None) -> str:
    """Return DRUM's message for a media type that is not supported."""
    return (
        f"payload format `{media_type}` is not supported by predictor/transformer. Make "
        "DRUM support the format or implement `read_input_data` hook to read the data. "
    )


@dataclass(frozen=True, slots=True)
class Payload:
    """One request body.

    Attributes:
        body: The bytes as received.
        media_type: Lower-case media type, the key of the codec: CSV for an untyped body.
        charset: The charset parameter of the Content-Type as sent, None without one.
        columns: Names sent beside a sparse matrix (DRUM's X.colnames), else None.
        mimetype: For hooks: the media type as sent, "" if the caller sent none, None
            for a CSV form part.
        limits: Sizes beyond which a decoder refuses.
        from_file: Whether it was read from a file: DRUM's `score` tells hooks no charset.
    """

    body: bytes
    media_type: str = CSV
    charset: str | None = None
    columns: tuple[str, ...] | None = None
    mimetype: str | None = None
    limits: Limits = field(default_factory=Limits)
    from_file: bool = False
