"""Says how two answers differ, None where they mean the same.

JSON is compared as values: a number of DRUM carries ten decimals, or ten digits outside
1e-15 … 1e16, so numbers are equal up to that cut. Other bodies are compared by their meaning
(tables, Matrix Market, multipart parts, event streams), and where they have none, by bytes.
"""

import json
import re
from collections.abc import Sequence

from tests.parity.multipart import Parts, parse_multipart
from tests.parity.tables import compare_tables
from tests.parity.values import Answer, Finished

ABSOLUTE_TOLERANCE = 6e-11
RELATIVE_TOLERANCE = 1e-9
HEADERS = ("x-drum-version", "x_request_id", "x-drum-user-http-error", "allow")
TIMES = frozenset({"x-ms-run-fn-exec-ms"})
ORDERED_KEYS = frozenset({"predictions", "data"})
# Identifiers and times made for a request, and addresses of objects in messages.
FRESH = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|0x[0-9a-f]{8,}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00"
)


def compare_answers(drum: Answer, ours: Answer, headers: Sequence[str] = ()) -> str | None:
    """Return the first difference between two answers, None where there is none."""
    if drum.followed is not None and ours.followed is not None:
        return compare_answers(drum.followed, ours.followed, headers)
    return _compare_parts_of(drum, ours, (*HEADERS, *headers))


def compare_replies(theirs: Answer, ours: Answer, headers: Sequence[str] = ()) -> str | None:
    """Return the first difference between another product's answer and ours, None without one.

    Numbers are equal to their last digit, and headers of DRUM do not count.
    """
    found = _compare_parts_of(theirs, ours, ("allow", *headers))
    return found or _compare_digits(theirs.body, ours.body)


def _compare_parts_of(theirs: Answer, ours: Answer, headers: Sequence[str]) -> str | None:
    if theirs.status != ours.status:
        return f"status {theirs.status} against {ours.status}"
    return (
        _compare_headers(theirs, ours, headers)
        or _compare_content_types(theirs, ours)
        or _compare_bodies(theirs, ours)
    )


def _compare_digits(theirs: bytes, ours: bytes) -> str | None:
    try:
        texts = [json.dumps(json.loads(body), sort_keys=True) for body in (theirs, ours)]
    except ValueError:  # the bytes have been compared
        return None
    same = FRESH.sub("", texts[0]) == FRESH.sub("", texts[1])
    return None if same else f"numbers of {texts[0][:200]} against {texts[1][:200]}"


def compare_shapes(drum: Answer, ours: Answer) -> str | None:
    """Return the first difference in status, keys or types, None where there is none."""
    if drum.status != ours.status:
        return f"status {drum.status} against {ours.status}"
    return compare_json(_shape(drum.json()), _shape(ours.json()))


def compare_finished(drum: Finished, ours: Finished, says: Sequence[str]) -> str | None:
    """Return the first difference between two runs of a command, None where there is none."""
    if drum.exit_code != ours.exit_code:
        return f"exit code {drum.exit_code} against {ours.exit_code}"
    if drum.serving != ours.serving:
        return f"serving: {drum.serving} against {ours.serving}"
    for text in says:
        if text not in drum.said:
            return f"DRUM does not say {text!r}"
        if text not in ours.said:
            return f"drum-like does not say {text!r}"
    return _compare_files(dict(drum.files), dict(ours.files))


def compare_json(
    drum: object, ours: object, where: str = "$", *, ordered: bool = False
) -> str | None:
    """Return the first difference between two JSON values, None where there is none.

    Args:
        drum: A parsed JSON value.
        ours: The value in its place.
        where: Path of these values, for the text.
        ordered: The order of the keys counts, as it does for the labels of a prediction.
    """
    if isinstance(drum, dict) and isinstance(ours, dict):
        return _compare_objects(drum, ours, where, ordered=ordered)
    if isinstance(drum, list) and isinstance(ours, list):
        return _compare_arrays(drum, ours, where, ordered=ordered)
    if where.endswith(".created") or _same_value(drum, ours):
        return None  # `created` is the clock of a chat
    return f"{where}: {drum!r} against {ours!r}"


def _same_value(drum: object, ours: object) -> bool:
    if type(drum) is not type(ours):
        return False
    if isinstance(drum, float) and isinstance(ours, float):
        return _close(drum, ours)
    if isinstance(drum, str) and isinstance(ours, str):
        return FRESH.sub("<fresh>", drum) == FRESH.sub("<fresh>", ours)
    return drum == ours


def _close(drum: float, ours: float) -> bool:
    if drum == ours or (drum != drum and ours != ours):  # noqa: PLR0124 - NaN is not itself
        return True
    return abs(drum - ours) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * abs(ours)


def _compare_objects(
    drum: dict[str, object], ours: dict[str, object], where: str, *, ordered: bool
) -> str | None:
    if drum.keys() != ours.keys() or (ordered and list(drum) != list(ours)):
        return f"{where}: keys {list(drum)} against {list(ours)}"
    for key, value in drum.items():
        # A list of models has a key `object` beside `data`; its entries are no predictions.
        inside = ordered or (where == "$" and key in ORDERED_KEYS and "object" not in drum)
        found = compare_json(value, ours[key], f"{where}.{key}", ordered=inside)
        if found:
            return found
    return None


def _compare_arrays(
    drum: list[object], ours: list[object], where: str, *, ordered: bool
) -> str | None:
    if len(drum) != len(ours):
        return f"{where}: {len(drum)} entries against {len(ours)}"
    pairs = enumerate(zip(drum, ours, strict=True))
    found = (compare_json(a, b, f"{where}[{i}]", ordered=ordered) for i, (a, b) in pairs)
    return next((text for text in found if text), None)


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value[:1]]
    return "number" if isinstance(value, int | float) else type(value).__name__


def _compare_headers(drum: Answer, ours: Answer, names: Sequence[str]) -> str | None:
    for name in names:
        left, right = drum.header(name), ours.header(name)
        if name == "allow":
            left, right = _sorted_words(left), _sorted_words(right)
        if name in TIMES and left and right:
            continue
        if _without_ids(left) != _without_ids(right):
            return f"header {name}: {left!r} against {right!r}"
    return None


def _sorted_words(value: str | None) -> str | None:
    return None if value is None else ", ".join(sorted(re.split(r",\s*", value)))


def _without_ids(value: str | None) -> str | None:
    return None if value is None else FRESH.sub("<fresh>", value)


def _compare_content_types(drum: Answer, ours: Answer) -> str | None:
    left_type, left = drum.content_type()
    right_type, right = ours.content_type()
    left.pop("boundary", None)
    right.pop("boundary", None)
    if (left_type, left) == (right_type, right):
        return None
    found = drum.header("content-type"), ours.header("content-type")
    return f"content type {found[0]!r} against {found[1]!r}"


def _compare_bodies(drum: Answer, ours: Answer) -> str | None:
    media_type, _ = drum.content_type()
    if media_type == "application/json" or media_type.endswith("+json"):
        return _compare_json_bodies(drum.body, ours.body)
    if media_type == "multipart/form-data":
        return _compare_parts(parse_multipart(drum), parse_multipart(ours))
    if media_type == "text/event-stream":
        return _compare_events(drum.body, ours.body)
    return (
        None if drum.body == ours.body else f"body {drum.body[:200]!r} against {ours.body[:200]!r}"
    )


def _compare_json_bodies(drum: bytes, ours: bytes) -> str | None:
    try:
        return compare_json(json.loads(drum), json.loads(ours))
    except ValueError:
        return None if drum == ours else f"body {drum[:200]!r} against {ours[:200]!r}"


def _compare_events(drum: bytes, ours: bytes) -> str | None:
    left, right = drum.split(b"\n\n"), ours.split(b"\n\n")
    if len(left) != len(right):
        return f"{len(left) - 1} events against {len(right) - 1}"
    found = (_compare_json_bodies(_event(a), _event(b)) for a, b in zip(left, right, strict=True))
    return next((text for text in found if text), None)


def _event(text: bytes) -> bytes:
    """Return the data of an event; lines that lack their `data: ` keep a mark."""
    lines = text.split(b"\n")
    return b"\n".join(
        x.removeprefix(b"data: ") if x.startswith(b"data: ") else b"!" + x for x in lines
    )


def _compare_parts(drum: Parts, ours: Parts) -> str | None:
    if list(drum) != list(ours):
        return f"parts {list(drum)} against {list(ours)}"
    for name, part in drum.items():
        if part.headers != ours[name].headers:
            return f"part {name}: headers {part.headers} against {ours[name].headers}"
        found = compare_tables(part.content, ours[name].content)
        if found:
            return f"part {name}: {found}"
    return None


def _compare_files(drum: dict[str, bytes], ours: dict[str, bytes]) -> str | None:
    if drum.keys() != ours.keys():
        return f"files {sorted(drum)} against {sorted(ours)}"
    for name, content in drum.items():
        if name.endswith((".csv", ".txt")):
            found = compare_tables(content, ours[name])
            if found:
                return f"{name}: {found}"
    return None
