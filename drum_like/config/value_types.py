"""The kinds of values that settings have, and the parsers of their texts."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from drum_like.config.environment import boolean
from drum_like.errors import CharsetError
from drum_like.types.payload import python_codec
from drum_like.types.target import TargetType

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 6789

UNIX = "unix:"
"""The beginning of an address that is the path of a unix socket."""

SHORTEST_SECRET = 8
"""Characters of a passphrase."""

DASH = Path("-")
"""The name of standard input and standard output."""

_NAME = re.compile(r"[^\s\[\]:/?#@*\\]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[^\s\[\]:/?#@*\\]+)(:\d{1,5})?")
_AGO = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Address(NamedTuple):
    """The address on which a server listens; port 0 is any free one.

    The host of a unix socket is unix:PATH.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    @property
    def path(self) -> str:
        """The path of a unix socket, empty for others."""
        return self.host.removeprefix(UNIX) if self.host.startswith(UNIX) else ""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the host; of names that is localhost alone.

        Not so a unix socket: who calls there is a proxy, mostly, and hands on what others send.
        """
        try:
            return ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        """Return host:port, an IPv6 host in brackets, or unix:PATH."""
        if self.path:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ValueType(NamedTuple):
    """A kind of value: the parser of its text, and its placeholder in help texts.

    `parse` raises ValueError with a reason that follows the name of the flag or the variable.
    """

    parse: Callable[[str], Any]
    metavar: str = ""


def integer(low: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `low` on."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError as error:
            raise ValueError("must be a whole number") from error
        if number < low:
            raise ValueError("must be > 0" if low == 1 else f"must be >= {low}")
        return number

    return parse


def target_type(text: str) -> TargetType:
    """Return a target type by DRUM's name of it."""
    try:
        return TargetType(text)
    except ValueError as error:
        raise ValueError(f"is wrong: '{text}' is not a valid TargetType") from error


def address(text: str) -> Address:
    """Return the host and the port of "host:port", "host", ":port", "[::1]:port" or "::1".

    "unix:PATH" with a slash in the path is a unix socket; gunicorn's "unix://PATH" as well.
    """
    if text.startswith(UNIX) and "/" in text:
        path = Path(text.removeprefix(UNIX).removeprefix("//")).expanduser()
        return Address(f"{UNIX}{path.absolute()}", 0)
    bare_ipv6 = text.count(":") > 1 and not text.startswith("[")
    host, colon, port = text.rpartition(":")
    if not colon or bare_ipv6 or text.endswith("]"):
        host, port = text, str(DEFAULT_PORT)
    return Address(host.strip("[]") or DEFAULT_HOST, port_number(port))


def port_number(text: str) -> int:
    """Return a TCP port; 0 is any free one."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise ValueError("must be host:port, with a port between 0 and 65535, or unix:/PATH")
    return int(text)


def existing_file(text: str) -> Path:
    """Return the absolute path of a file that is there."""
    path = Path(text)
    if not path.is_file():
        raise ValueError(f"is wrong: The file {text} does not exist!")
    return path.resolve()


def renewed_file(text: str) -> Path:
    """Return the absolute path of a file that may be replaced: its links are followed later."""
    path = Path(text).expanduser()
    if not path.is_file():
        raise ValueError(f"is wrong: there is no file {text}; name one that the server may read")
    return path.absolute()


def readable(text: str) -> Path:
    """Return the absolute path of an input file; `-` stays, for standard input."""
    path = Path(text)
    if path != DASH and (path.is_dir() or not path.exists()):
        raise ValueError(f"is wrong: The file {text} does not exist!")
    return path.resolve() if path.is_file() else path


def delimiter(text: str) -> str:
    """Return the character between the fields of a CSV; `tab` stands for a tab."""
    found = {"tab": "\t", r"\t": "\t"}.get(text, text)
    if len(found) != 1 or found in '"\r\n' or not (found.isprintable() or found == "\t"):
        raise ValueError("must be one character, such as ; or | or tab")
    return found


def charset(text: str) -> str:
    """Return the name of a text encoding that is read."""
    try:
        python_codec(text)
    except CharsetError as error:
        raise ValueError(
            "must be one of utf-8, utf-16, latin-1, iso-8859-15, windows-1252, us-ascii"
        ) from error
    return text


def secret(text: str) -> str:
    """Return a secret that a header can carry, and that is not guessed in a minute."""
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise ValueError("must be printable text without blanks at its ends")
    if len(text) < SHORTEST_SECRET:
        raise ValueError(
            f"must have at least {SHORTEST_SECRET} characters: a shorter one is soon guessed"
        )
    return text


def existing_path(text: str) -> Path:
    """Return the absolute path of a file or a directory that is there."""
    path = Path(text).expanduser()
    if not path.exists():
        raise ValueError(f"is wrong: there is no file or directory {text}")
    return path.resolve()


def existing_directory(text: str) -> Path:
    """Return the absolute path of a directory that is there."""
    path = Path(text).expanduser()
    if not path.is_dir():
        raise ValueError(f"is wrong: there is no directory {text}")
    return path.resolve()


def own_directory(text: str) -> Path:
    """Return the absolute path of a directory that is made when it is missing."""
    path = Path(text).expanduser()
    if path.exists() and not path.is_dir():
        raise ValueError(f"is wrong: {text} is no directory")
    return path.resolve()


def web_address(text: str) -> str:
    """Return the address of a server, without its last slash."""
    if not text.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return text.rstrip("/")


def moment(text: str) -> datetime:
    """Return a time: ISO 8601, in this machine's zone if it names none, or an age: 90s, 15m."""
    ago = _AGO.fullmatch(text)
    if ago:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            "must be a time such as 2026-01-31T12:00, or how long ago: 90s, 15m, 12h, 7d"
        ) from error


def words(text: str) -> tuple[str, ...]:
    """Return the parts of a list that is separated by commas."""
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def hosts(text: str) -> tuple[str, ...]:
    """Return names or addresses of hosts, an IPv6 address with or without its brackets."""
    found = words(text)
    if not all(map(_is_host, found)):
        raise ValueError(
            "must be names or addresses of hosts, separated by commas, without scheme and port"
        )
    return found


def origins(text: str) -> tuple[str, ...]:
    """Return origins of web pages as browsers name them, in lower case, or `*` for all."""
    found = words(text.lower())
    if not all(one == "*" or _ORIGIN.fullmatch(one) for one in found):
        raise ValueError(
            "must be origins of web pages, separated by commas: https://HOST or https://HOST:PORT "
            "without a path, or * for all"
        )
    return found


def _is_host(text: str) -> bool:
    if ":" not in text:
        return bool(_NAME.fullmatch(text))
    try:
        return bool(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        return False


def share(text: str) -> Fraction:
    """Return a number between 0 and 1, exactly as its decimal text says."""
    try:
        found = Fraction(text) if "/" not in text else Fraction(0)
    except ValueError:
        found = Fraction(0)
    if not 0 < found < 1:
        raise ValueError("must be a number between 0 and 1, for example 0.9")
    return found


def prefix(text: str) -> str:
    """Return a path that every route stands below, without its last slash."""
    if not text.startswith("/"):
        raise ValueError("must start with a slash")
    if not text.isprintable() or any(part in text for part in ("//", "<", ">")):
        raise ValueError("must be a plain path, without //, <, > or control characters")
    return text.rstrip("/")


def megabytes(text: str) -> int:
    """Return a size in MiB; 0 is no limit, which is a limit of one TiB here."""
    return integer(0)(text) or 1024 * 1024


TEXT = ValueType(str, "TEXT")
LABEL = ValueType(str, "LABEL")
SWITCH = ValueType(boolean)
TARGET_TYPE = ValueType(target_type, "TYPE")
DIRECTORY = ValueType(Path, "DIR")
SECRET = ValueType(secret, "TEXT")
FILE = ValueType(existing_file, "FILE")
RENEWED_FILE = ValueType(renewed_file, "FILE")
INPUT = ValueType(readable, "FILE")
DELIMITER = ValueType(delimiter, "CHAR")
CHARSET = ValueType(charset, "NAME")
NEW_FILE = ValueType(Path, "FILE")
UPLOAD = ValueType(existing_path, "FILE")
MODELS_DIRECTORY = ValueType(existing_directory, "DIR")
STORE_DIRECTORY = ValueType(own_directory, "DIR")
WEB_ADDRESS = ValueType(web_address, "URL")
DATABASE = ValueType(str, "URL")
MODEL_NAME = ValueType(str, "NAME")
ALIAS_NAME = ValueType(str, "ALIAS")
ADDRESS = ValueType(address, "HOST:PORT")
CONTRACT = ValueType(str.lower, "NAME")
COLUMN = ValueType(str, "NAME")
SHARE = ValueType(share, "P")
KIND = ValueType(str, "KIND")
PREFIX = ValueType(prefix, "PATH")
NAMES = ValueType(words, "A,B")
HOSTS = ValueType(hosts, "A,B")
ORIGINS = ValueType(origins, "A,B")
MOMENT = ValueType(moment, "TIME")
NUMBER = ValueType(integer(1), "N")
NUMBER_OR_0 = ValueType(integer(0), "N")
SECONDS = ValueType(integer(1), "S")
SECONDS_OR_0 = ValueType(integer(0), "S")
MEGABYTES = ValueType(megabytes, "MB")
