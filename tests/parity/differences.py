"""The differences from DRUM that are on purpose: an id, and what both sides must then answer.

A case names the ids it expects. An id excuses nothing by itself: its rule says what DRUM's answer
and drum-like's answer look like where the difference shows.
"""

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.parity.compare import compare_answers, compare_json
from tests.parity.tables import are_close
from tests.parity.values import Answer, Finished, Request


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as sent to drum-like, and both answers: that of the other program, and ours."""

    request: Request
    theirs: Answer
    ours: Answer

    @property
    def answers(self) -> tuple[Answer, Answer]:
        """The two answers."""
        return self.theirs, self.ours


AnswerRule = Callable[[Exchange], bool]
FinishedRule = Callable[[Finished, Finished], bool]

OK = 200
SHORTEST_QUOTE = 3


def used_but_undocumented(pages: Iterable[Path], used: set[str]) -> list[str]:
    """Return the used ids that none of the pages mentions."""
    texts = (page.read_text(encoding="utf-8") for page in pages)
    words = {word for text in texts for word in re.findall(r"[A-Za-z0-9-]+", text)}
    return sorted(used - words)


def _is_error(answer: Answer, *statuses: int) -> bool:
    """Return whether this is an error in DRUM's JSON form with one of these statuses."""
    return answer.status in statuses and answer.message().startswith("ERROR: ")


def _quotes(request: Request, answer: Answer) -> bool:
    """Return whether the message repeats a line of the request's body."""
    lines = request.body.decode("utf-8", "replace").splitlines()[1:]
    said = answer.message()
    return any(line in said for line in lines if len(line) >= SHORTEST_QUOTE)


def _refused(exchange: Exchange, *statuses: int) -> bool:
    return _is_error(exchange.ours, *statuses) and not _quotes(exchange.request, exchange.ours)


def _names_the_row(exchange: Exchange) -> bool:
    drum_fails_or_guesses = exchange.theirs.status in (OK, 500)
    named = re.search(r"\brows? \d+", exchange.ours.message()) is not None
    return drum_fails_or_guesses and named and _refused(exchange, 422)


def _callers_fault(exchange: Exchange) -> bool:
    return exchange.theirs.status == 500 and _refused(exchange, 422, 413, 415)


def _slash_or_json_error(exchange: Exchange) -> bool:
    drum, ours = exchange.theirs, exchange.ours
    if drum.followed is not None:
        return compare_answers(drum.followed, ours) is None
    html = drum.content_type()[0] == "text/html"
    if drum.status == 404 and exchange.request.path.rstrip("?").endswith("/"):
        return html and (ours.status == OK or _is_error(ours, 404))
    same_methods = _methods(drum) == _methods(ours)
    return html and same_methods and _is_error(ours, drum.status)


def _alive(exchange: Exchange) -> bool:
    """A key more, also where DRUM sends the caller on to the path with a slash."""
    return _added_keys(replace(exchange, theirs=exchange.theirs.followed or exchange.theirs))


def _methods(answer: Answer) -> set[str]:
    return set(re.findall(r"[A-Z]+", answer.header("allow") or ""))


def null_for_not_finite(exchange: Exchange) -> bool:
    """Return whether ours is the same JSON, with null for NaN and for the infinities."""
    if {exchange.theirs.status, exchange.ours.status} != {OK}:
        return False
    tokens = json.loads(exchange.theirs.body, parse_constant=lambda _: None)
    return compare_json(tokens, exchange.ours.json()) is None


def _arrow(exchange: Exchange) -> bool:
    """Arrow is read where DRUM refuses it; what is only called `.arrow` is not CSV any more."""
    if exchange.theirs.status == OK:
        return _refused(exchange, 422)
    return _is_error(exchange.theirs, 422) and exchange.ours.status == OK


def _columns_by_name(exchange: Exchange) -> bool:
    if exchange.ours.status == OK:
        return exchange.theirs.status in (OK, 500)
    return "column" in exchange.ours.message() and _refused(exchange, 422)


def _rows_counted(exchange: Exchange) -> bool:
    parsed = exchange.theirs.json()
    rows = parsed.get("predictions") if isinstance(parsed, dict) else None
    if exchange.theirs.status != OK or not isinstance(rows, list):
        return False
    numbers = re.findall(r"\d+", exchange.ours.message())
    return _is_error(exchange.ours, 500) and str(len(rows)) in numbers and len(set(numbers)) > 1


def _statistics(exchange: Exchange) -> bool:
    drum, ours = exchange.theirs.json(), exchange.ours.json()
    both = isinstance(drum, dict) and isinstance(ours, dict)
    same_status = exchange.theirs.status == exchange.ours.status == OK
    return same_status and both and _keys_within(drum, ours)


def _keys_within(drum: object, ours: object) -> bool:
    if not isinstance(drum, dict) or not isinstance(ours, dict):
        return not isinstance(drum, dict)
    return all(key in ours and _keys_within(value, ours[key]) for key, value in drum.items())


def _charset_and_case(exchange: Exchange) -> bool:
    if exchange.theirs.status != OK:
        return _is_error(exchange.theirs, 422, 500) and exchange.ours.status == OK
    types = [value for name, value in exchange.request.headers if name == "Content-Type"]
    told_apart_by_case = any(kind != kind.lower() for kind in types)
    return _refused(exchange, 415) or (told_apart_by_case and exchange.ours.status == OK)


def _coded_body(exchange: Exchange) -> bool:
    return _is_error(exchange.theirs, 422, 500) and exchange.ours.status == OK


def _form_encoded(exchange: Exchange) -> bool:
    says_header = "content-type" in exchange.ours.message().lower()
    if not _is_error(exchange.theirs, 422):
        return False
    return exchange.ours.status == OK or (says_header and _refused(exchange, 422))


def _json_rows(exchange: Exchange) -> bool:
    if not _is_error(exchange.theirs, 422):
        return False
    return exchange.ours.status == OK or _refused(exchange, 422)


def _keeps_alive(exchange: Exchange) -> bool:
    drum, ours = exchange.theirs, exchange.ours
    closes = (drum.header("connection") or "").lower() == "close"
    return closes and ours.header("connection") != "close" and compare_answers(drum, ours) is None


def _too_large(exchange: Exchange) -> bool:
    return _is_error(exchange.theirs, 500) and _is_error(exchange.ours, 413)


def _labels_swapped(exchange: Exchange) -> bool:
    drum, ours = _predictions(exchange.theirs), _predictions(exchange.ours)
    return bool(drum) and compare_json([_swap(row) for row in drum], ours) is None


def _predictions(answer: Answer) -> list[dict[str, float]]:
    parsed = answer.json()
    rows = parsed.get("predictions", []) if isinstance(parsed, dict) else []
    return [row for row in rows if isinstance(row, dict)]


def _swap(row: dict[str, float]) -> dict[str, float]:
    return dict(zip(row, reversed(row.values()), strict=True))


def _exit_answered(exchange: Exchange) -> bool:
    html = exchange.theirs.content_type()[0] == "text/html"
    return exchange.theirs.status == 500 and html and _is_error(exchange.ours, 500)


def _right_endpoint_named(exchange: Exchange) -> bool:
    return (
        exchange.theirs.status == 500
        and "/predict/" in exchange.ours.message()
        and (_refused(exchange, 422))
    )


def _metadata_as_loaded(exchange: Exchange) -> bool:
    drum, ours = exchange.theirs.json(), exchange.ours.json()
    if not isinstance(drum, dict) or not isinstance(ours, dict):
        return False
    edited, loaded = drum.pop("modelMetadata", None), ours.pop("modelMetadata", None)
    return edited != loaded and _within(drum, ours)


def _added_keys(exchange: Exchange) -> bool:
    return exchange.theirs.status == exchange.ours.status == OK and _within(
        exchange.theirs.json(), exchange.ours.json()
    )


def _within(drum: object, ours: object) -> bool:
    """Return whether ours holds everything that DRUM's JSON holds, and maybe more keys."""
    if isinstance(drum, dict) and isinstance(ours, dict):
        return all(key in ours and _within(value, ours[key]) for key, value in drum.items())
    return compare_json(drum, ours) is None


def _framework_text_withheld(exchange: Exchange) -> bool:
    said = exchange.theirs.message().removeprefix("ERROR: ").rpartition("Exception: ")[2]
    withheld = bool(said) and said not in exchange.ours.message()
    same_status = exchange.theirs.status == exchange.ours.status
    return withheld and same_status and _is_error(exchange.ours, 500, 513)


def _media_type_of_chat(exchange: Exchange) -> bool:
    return _is_error(exchange.theirs, 500) and exchange.ours.status == 415


def _nothing_for_no_rows(exchange: Exchange) -> bool:
    transformed = exchange.ours.content_type()[0] == "multipart/form-data"
    nothing = transformed or exchange.ours.json() == {"predictions": []}
    return exchange.theirs.status == 500 and exchange.ours.status == OK and nothing


def _hint_added(exchange: Exchange) -> bool:
    """The same status, and DRUM's message with what to do after it."""
    drum, ours = exchange.theirs.message().rstrip(". "), exchange.ours.message()
    same_status = exchange.theirs.status == exchange.ours.status
    return same_status and bool(drum) and ours.startswith(drum) and ours != drum


def _rows_named(exchange: Exchange) -> bool:
    """The same status and first line; then rows, where DRUM prints their values."""
    drum, ours = exchange.theirs.message(), exchange.ours.message()
    same = exchange.theirs.status == exchange.ours.status and drum.startswith("ERROR: ")
    said = re.search(r"in rows? \d", ours) is not None
    return same and said and drum.splitlines()[0] == ours.splitlines()[0]


def _equal_but_for_rounding(exchange: Exchange) -> bool:
    """The same answer within the rounding of float32."""
    if exchange.theirs.status != OK or exchange.ours.status != OK:
        return False
    drum, ours = (_numbers_in(one.json()) for one in (exchange.theirs, exchange.ours))
    return len(drum) == len(ours) and all(
        math.isclose(one, other, rel_tol=2e-6, abs_tol=1e-6)
        for one, other in zip(drum, ours, strict=True)
    )


def _numbers_in(tree: object) -> list[float]:
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        return [number for part in tree for number in _numbers_in(part)]
    return [float(tree)] if isinstance(tree, int | float) else []


def _labels_told_apart(exchange: Exchange) -> bool:
    drum, ours = exchange.theirs, exchange.ours
    refused = drum.status == 500 and "columns must be unique" in drum.message()
    return refused and ours.status == OK


def _labels_of_all_outputs(exchange: Exchange) -> bool:
    return _is_error(exchange.theirs, 500) and exchange.ours.status == OK


def _value_withheld(exchange: Exchange) -> bool:
    """The same status, and DRUM's message without the value that ends it."""
    drum, ours = exchange.theirs.message(), exchange.ours.message().rstrip(". ")
    same_status = exchange.theirs.status == exchange.ours.status
    return same_status and len(ours) > len("ERROR: ") and drum.startswith(ours) and drum != ours


def _error_named(exchange: Exchange) -> bool:
    """The hook's error, where DRUM says nothing or calls a failed generator a wrong type."""
    drum, ours = exchange.theirs.message(), exchange.ours.message()
    silent = drum == "ERROR: " or "<class 'generator'>" in drum
    return silent and _is_error(exchange.ours, exchange.theirs.status) and ours != drum


def _dense_matrix_market(exchange: Exchange) -> bool:
    return _is_error(exchange.theirs, 500) and exchange.ours.status == OK


def _request_id_replaced(exchange: Exchange) -> bool:
    drum, ours = exchange.theirs.header("x_request_id"), exchange.ours.header("x_request_id")
    replaced = ours is not None and re.fullmatch(r"[A-Za-z0-9._-]{1,128}", ours) is not None
    same_body = exchange.theirs.json() == exchange.ours.json()
    return drum != ours and replaced and same_body


def _relative_paths(exchange: Exchange) -> bool:
    drum, ours = exchange.theirs.message(), exchange.ours.message()
    same_status = exchange.theirs.status == exchange.ours.status
    return same_status and _relative(drum) == ours != drum


def _relative(message: str) -> str:
    """Return a message with its paths relative to the model directory, which is `model`."""
    message = re.sub(r"/\S*?/(drum_)?model/", "", message)
    return re.sub(r"/\S*?/(drum_)?model\b", "model", message)


def _more_suffixes(exchange: Exchange) -> bool:
    """The same beginning; what follows lists the suffixes that each program reads."""
    same_status = exchange.theirs.status == exchange.ours.status
    both_list = all(".onnx" in answer.message() for answer in (exchange.theirs, exchange.ours))
    return same_status and both_list and _beginning(exchange.theirs) == _beginning(exchange.ours)


def _beginning(answer: Answer) -> list[str]:
    lines = _relative(answer.message()).splitlines()
    return [line.strip() for line in lines if line.strip()][:2]


def _only_chats(exchange: Exchange) -> bool:
    return (
        _is_error(exchange.theirs, 500)
        and "chat" in exchange.ours.message()
        and (_refused(exchange, 422))
    )


def _header_behind_blank_lines(exchange: Exchange) -> bool:
    """DRUM takes the blank line for the header, and the cells for an index."""
    shifted = '\\"columns\\": []' in exchange.theirs.body.decode()
    found = '\\"columns\\": [\\"' in exchange.ours.body.decode()
    return exchange.theirs.status == exchange.ours.status == OK and shifted and found


def _metadata_error_explained(exchange: Exchange) -> bool:
    bare = exchange.theirs.message() == "ERROR: 1"
    said = exchange.ours.message()
    return bare and _is_error(exchange.ours, exchange.theirs.status) and "model-metadata" in said


def _models_listed(exchange: Exchange) -> bool:
    ours = exchange.ours.json()
    listed = isinstance(ours, dict) and isinstance(ours.get("models"), list)
    return _is_error(exchange.theirs, 404) and exchange.ours.status == OK and listed


ANSWERS: dict[str, AnswerRule] = {
    "D1": _names_the_row,
    "D2": _callers_fault,
    "D3": _slash_or_json_error,
    "D4": null_for_not_finite,
    "D5": _arrow,
    "D6": _more_suffixes,
    "D7": _columns_by_name,
    "D8": _rows_counted,
    "D10": _statistics,
    "D11": _charset_and_case,
    "D12": _form_encoded,
    "json-rows": _json_rows,
    "D13": _keeps_alive,
    "D15": _callers_fault,
    "D16": _too_large,
    "D17": _labels_swapped,
    "D20": _exit_answered,
    "D21": _right_endpoint_named,
    "D22": _metadata_as_loaded,
    "D24": _added_keys,
    "D25": _only_chats,
    "framework-text": _framework_text_withheld,
    "chat-media-type": _media_type_of_chat,
    "zero-rows": _nothing_for_no_rows,
    "matrix-market-array": _dense_matrix_market,
    "request-id": _request_id_replaced,
    "coded-body": _coded_body,
    "error-hint": _hint_added,
    "error-value": _value_withheld,
    "error-named": _error_named,
    "rows-named": _rows_named,
    "equal-bits": _equal_but_for_rounding,
    "several-labels": _labels_of_all_outputs,
    "labels-by-text": _labels_told_apart,
    "relative-paths": _relative_paths,
    "metadata-error": _metadata_error_explained,
    "leading-blank-line": _header_behind_blank_lines,
    "alive": _alive,
    "model-names": _models_listed,
}


def _broken_model(drum: Finished, ours: Finished) -> bool:
    """Exit 4 and one message, where DRUM exits 1 or 3 or respawns its workers for ever."""
    drum_fails = not drum.serving and drum.exit_code in (None, 1, 3)
    return drum_fails and ours.exit_code == 4 and bool(ours.said.strip())


def _statistics_start(drum: Finished, ours: Finished) -> bool:
    return drum.exit_code == 3 and ours.serving


def _works_as_documented(drum: Finished, ours: Finished) -> bool:
    failed_validation = drum.exit_code == 0 and ours.exit_code == 1 and "FAILED" in ours.said
    drum_fails = not drum.serving and drum.exit_code != 0
    return failed_validation or (drum_fails and (ours.serving or ours.exit_code == 0))


def _settings_refused(drum: Finished, ours: Finished) -> bool:
    """Exit 1 and one message, where DRUM's worker fails to boot or is respawned for ever."""
    drum_fails = not drum.serving and drum.exit_code in (None, 3)
    return drum_fails and ours.exit_code == 1 and bool(ours.said.strip())


def _checked_at_load(drum: Finished, ours: Finished) -> bool:
    """Exit 4 at the start, where DRUM serves and fails with every request, or scores nonsense."""
    goes_on = drum.serving or drum.exit_code == 0
    return goes_on and ours.exit_code == 4 and bool(ours.said.strip())


def _tables_equal_but_for_rounding(drum: Finished, ours: Finished) -> bool:
    """The same tables within the rounding of float64, which the processor decides, too."""
    if drum.exit_code != 0 or ours.exit_code != 0:
        return False
    named = dict(ours.files)
    if {name for name, _ in drum.files} != named.keys():
        return False
    return all(are_close(content, named[name], 1e-12) for name, content in drum.files)


def _language_is_python(drum: Finished, ours: Finished) -> bool:
    """A new model directory without --language, where DRUM demands the flag."""
    return drum.exit_code == 2 and ours.exit_code == 0


COMMANDS: dict[str, FinishedRule] = {
    "D9": _broken_model,
    "D10": _statistics_start,
    "D18": _checked_at_load,
    "D19": _works_as_documented,
    "equal-bits": _tables_equal_but_for_rounding,
    "no-predict-proba": _checked_at_load,
    "target-of-model": _checked_at_load,
    "settings-exit-code": _settings_refused,
    "new-model-language": _language_is_python,
}
