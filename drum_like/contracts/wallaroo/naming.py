"""What models, workspaces and pipelines may be called in this contract: labels of the DNS."""

import re

from drum_like.errors import PayloadError

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_MOST_CHARACTERS = 255


def check_label(name: str, what: str) -> str:
    """Return a name that is a label of the DNS.

    Raises:
        PayloadError: it is none.
    """
    if _LABEL.fullmatch(name) is None:
        raise PayloadError(
            f"the name of a {what} must be DNS compliant: 1 to 63 lower-case ASCII letters, digits "
            "and dashes, with a letter or digit at both ends"
        )
    return name


def check_file_name(name: str) -> str:
    """Return the name of an uploaded file, which is kept as it is and never used as a path.

    Raises:
        PayloadError: it is empty or long, names a folder, or holds control characters.
    """
    is_plain = name.isprintable() and not {"/", "\\"} & set(name) and name not in (".", "..")
    if not name or len(name) > _MOST_CHARACTERS or not is_plain:
        raise PayloadError(
            f"the file name must have 1 to {_MOST_CHARACTERS} printable characters and no slashes"
        )
    return name
