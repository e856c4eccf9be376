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


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the size that a payload may declare before memory is taken for it.

    Attributes:
        columns: Columns of any format.
        cells: Rows x columns that a format may declare without sending them (sparse and dense
            Matrix Market, null, run-end or dictionary encoded Arrow). A payload with more bytes
            than this may hold as many cells as it has bytes.
    """

    columns: int = 10_000
    cells: int = 50_000_000

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
