"""The bytes of a request, and what is known about them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """What a payload may declare before memory is taken for it.

    Attributes:
        columns: Columns of any format.
        cells: Rows x columns that a format may declare without sending them (sparse and dense
            Matrix Market, null, run-end or dictionary encoded Arrow). A payload with more bytes
            than this may hold as many cells as it has bytes.
    """

    columns: int = 10_000
    cells: int = 50_000_000


def unsupported(media_type: str | None) -> str:
    """Return DRUM's words for a media type that nobody reads."""
    return (
        f"payload format `{media_type}` is not supported by predictor/transformer. Make "
        "DRUM support the format or implement `read_input_data` hook to read the data. "
    )


@dataclass(frozen=True, slots=True)
class Payload:
    """One request body.

    Attributes:
        body: The bytes as received.
        media_type: Lower-case media type, the key of the decoder: "text/csv" for an untyped body.
        charset: The charset parameter of the Content-Type as sent, None without one.
        columns: Names sent beside a sparse matrix (DRUM's X.colnames), else None.
        mimetype: What hooks are told: the media type as sent, "" if the caller sent none, None
            for a CSV form part.
        limits: Sizes beyond which a decoder refuses.
        from_file: Whether it was read from a file: DRUM's `score` tells hooks no charset.
    """

    body: bytes
    media_type: str = "text/csv"
    charset: str | None = None
    columns: tuple[str, ...] | None = None
    mimetype: str | None = None
    limits: Limits = field(default_factory=Limits)
    from_file: bool = False
