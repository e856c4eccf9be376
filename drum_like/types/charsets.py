"""The charsets that a caller may name; never an arbitrary codec, some of which are quadratic."""

from drum_like.errors import CharsetError

_CODECS = {
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


def codec(charset: str | None) -> str:
    """Return Python's codec for a charset parameter, UTF-8 without one.

    Raises:
        CharsetError: the charset is not on the list.
    """
    if charset is None:
        return "utf-8"
    found = _CODECS.get(charset.strip().strip("\"'").lower().replace("_", "-"))
    if found is None:
        raise CharsetError(
            "the charset of the Content-Type is not one of those that are read: "
            "utf-8, utf-16, latin-1, iso-8859-15, windows-1252, us-ascii; send UTF-8"
        )
    return found
