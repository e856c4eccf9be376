"""The doors of a server: one row has one answer, whichever format and contract it comes through."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isclose
from typing import Any
from urllib.parse import quote

import orjson

from drum_like.cli.child_server import Child, ChildServerError, started
from drum_like.cli.doctor.bodies import (
    JSON,
    MATRIX_DOORS,
    TEXT_DOORS,
    Door,
    Rows,
    Tensors,
    instances,
    of_tensors,
)
from drum_like.cli.doctor.examination import Report, flags
from drum_like.cli.doctor.finding import Finding, error
from drum_like.config.file_settings import DoctorSettings
from drum_like.config.options import variables
from drum_like.config.settings import options
from drum_like.config.verbs import DOCTOR, SERVER

_TIMEOUT_S = 600.0
_TOLERANCE = 1e-6
"""Part by which numbers of one row may differ between doors: the width of float32."""


def compared(
    report: Report, settings: DoctorSettings, environ: Mapping[str, str]
) -> tuple[tuple[str, ...], list[Finding]]:
    """Return the doors through which sample rows were sent, and the findings about the answers."""
    try:
        with started(_flags(settings), _plain(environ)) as child:
            return _Comparison(report, child, settings.request_timeout_s or _TIMEOUT_S).run()
    except ChildServerError as fault:
        found = f"the server that was started for the model fails: {fault}"
        return (), [error("server", found, "run `drum-like server` with the same flags, and see")]


_OTHER_ANSWERS = "deployment_config"
"""The setting that gives /predict/ another form."""


def _flags(settings: DoctorSettings) -> list[str]:
    alone = replace(settings, deployment_config=None, max_workers=1)
    return [*flags(alone, SERVER), "--hide-errors"]


def _plain(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what leads requests elsewhere: prefixes, credentials, stores.

    These are the variables of all settings that only a server has.
    """
    only_servers = {
        variable
        for name, option in options().items()
        if name == _OTHER_ANSWERS or (SERVER in option.verbs and DOCTOR not in option.verbs)
        for variable in variables(name, option)
    }
    return {name: value for name, value in environ.items() if name not in only_servers}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The comparison of the answers of one server."""

    report: Report
    child: Child
    timeout_s: float

    def run(self) -> tuple[tuple[str, ...], list[Finding]]:
        """Return the names of the doors, and the findings."""
        first, *others = self._doors()
        expected = self._answer(first, self.report.rows)
        if isinstance(expected, Finding):
            return (first.name,), [expected]
        found = [one for door in others for one in self._differences(door, first, expected)]
        found += self._alone(first, expected)
        return tuple(door.name for door in (first, *others)), found

    def _doors(self) -> list[Door]:
        doors = list(TEXT_DOORS)
        name = quote(self.report.name, safe="")
        doors.append(Door("KServe V1", f"/v1/models/{name}:predict", JSON, instances))
        inputs = self._tensors(f"/v2/models/{name}")
        if inputs:
            path = f"/v2/models/{name}/infer"
            doors.append(Door("KServe V2", path, JSON, Tensors(inputs).body, of_tensors))
        if self._is_matrix:
            doors += MATRIX_DOORS
        return doors

    @property
    def _is_matrix(self) -> bool:
        """Whether the rows can go without names: all cells numbers, and no hook asks for names."""
        kinds = {type(cell) for row in self.report.rows for cell in row}
        return kinds <= {int, float} and not self.report.hooked

    def _tensors(self, path: str) -> list[dict[str, Any]]:
        """Return the description of the model's tensors, empty unless they are the columns."""
        status, answer = self.child.get(path, self.timeout_s)
        inputs: list[dict[str, Any]] = orjson.loads(answer)["inputs"] if status == 200 else []
        names, wide = {one["name"] for one in inputs}, [-1, len(self.report.columns)]
        is_one = len(inputs) == 1 and inputs[0]["shape"] == wide
        return inputs if is_one or names == set(self.report.columns) else []

    def _answer(self, door: Door, rows: Rows) -> Any:
        """Return the predictions for rows, or the finding that they are refused."""
        body = door.body(self.report.columns, rows)
        status, answer = self.child.post(door.path, body, self.timeout_s, door.media_type)
        content = orjson.loads(answer) if answer[:1] == b"{" else {}
        if status == 200:
            return door.read(content)
        said = content.get("message") or content.get("error") or "no message"
        found = f"{door.name} ({door.path}): {len(rows)} rows are answered {status}: {said}"
        return error("door-refuses", found, self._fix())

    def _differences(self, door: Door, first: Door, expected: Any) -> Iterator[Finding]:
        found = self._answer(door, self.report.rows)
        if isinstance(found, Finding):
            yield found
        elif not same(found, expected):
            said = f"the sample rows get other predictions as {door.name} than as {first.name}"
            yield error("doors-differ", said, self._fix())

    def _alone(self, door: Door, expected: Any) -> Iterator[Finding]:
        """Yield the finding that rows have other answers alone than together."""
        if len(self.report.rows) < 2:
            return
        alone: list[Any] = []
        for row in self.report.rows:
            found = self._answer(door, (row,))
            if isinstance(found, Finding):
                yield found
                return
            alone += found
        if not same(alone, expected):
            said = "rows get other predictions alone than together: they depend on their neighbours"
            fix = (
                "let custom.py take means, ranks and the like from the training data, once, and "
                "never from the rows of a request"
            )
            yield error("neighbours", said, fix)

    def _fix(self) -> str:
        if not self.report.typed:
            return (
                "declare the type of each column under inputSchema in model-metadata.yaml; let "
                "hooks take `data`, the DataFrame, and never parse `binary_data` themselves"
            )
        if self.report.hooked:
            return (
                "let the hooks of custom.py take `data`, the DataFrame, and never parse "
                "`binary_data` themselves"
            )
        return (
            "send rows to this model as CSV, and report it with the model as a fault of drum-like"
        )


def same(found: Any, expected: Any) -> bool:
    """Return whether two answers are one, numbers within the width of float32."""
    if isinstance(found, list) and isinstance(expected, list):
        pairs = zip(found, expected, strict=False)
        return len(found) == len(expected) and all(same(*pair) for pair in pairs)
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[k], expected[k]) for k in found)
    if _is_number(found) and _is_number(expected):
        return isclose(found, expected, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(found == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
