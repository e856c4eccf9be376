"""`drum-like explain`: show the columns that made the prediction of each row of a file."""

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drum_like.cli.input_file import input_path, is_csv, template
from drum_like.cli.streams import check, opened
from drum_like.cli.tables import print_json, print_text, table
from drum_like.cli.waterfall import Bar, waterfall
from drum_like.config.file_settings import ExplainSettings
from drum_like.errors import SettingsError
from drum_like.inference.explain.capabilities import Absent, Capabilities
from drum_like.inference.loading import open_service, predict_limiter
from drum_like.inference.model_service import ModelService
from drum_like.inference.pipeline import decode_step
from drum_like.types.cells import is_missing
from drum_like.types.explanation import Contributions, Kind
from drum_like.types.frame import Frame

_CELL_WIDTH = 20


@dataclass(frozen=True, slots=True)
class Part:
    """The contribution of one column to one prediction.

    Attributes:
        feature: The column.
        cell: Its cell as text; "" where the column was not sent.
        value: The contribution.
    """

    feature: str
    cell: str
    value: float


@dataclass(frozen=True, slots=True)
class Explained:
    """The contributions to one output of one row.

    Attributes:
        row: Number of the row, from 1.
        output: Name of the output.
        prediction: The prediction as served.
        bias: The value from which contributions start.
        parts: The contributions of all columns, the largest first.
    """

    row: int
    output: str
    prediction: float
    bias: float
    parts: tuple[Part, ...]

    @property
    def total(self) -> float:
        """The sum of all contributions and the bias."""
        return self.bias + float(np.sum([part.value for part in self.parts]))


def run(settings: ExplainSettings, _environ: MutableMapping[str, str]) -> int:
    """Print contributions as a table or as JSON; draw one row if asked to.

    Raises:
        LoadError: the model does not load.
        SettingsError: the model gives no contributions of that kind, or there is no such row.
        DrumLikeError: the model refuses the rows.
    """
    path = input_path(settings)
    if not is_csv(path):
        raise SettingsError("--input: rows to explain have to be CSV")
    # As scoring does it: one process has all CPUs to itself.
    service = open_service(settings.model, settings.load, limiter=predict_limiter(1))
    kind = _kind(settings, service.explanations)
    frame = decode_step(service.hooks)(replace(template(settings, path), body=path.read_bytes()))
    found = list(_explained(service, frame, kind, settings.row))
    if settings.plot is not None:
        _draw(settings, service, found)
    if settings.json:
        print_json(_as_json(service, kind, found))
    else:
        print_text("\n\n".join(_table(one, settings.top) for one in found) or "no rows")
        print_text(f"\n{_scale(service)}")
    return 0


def _kind(settings: ExplainSettings, explanations: Capabilities) -> Kind:
    if isinstance(explanations.contribution_source, Absent):
        raise SettingsError(
            f"this model has no contributions: {explanations.contribution_source.reason}"
        )
    kind = explanations.kinds[0] if settings.kind is None else Kind(settings.kind)
    if kind not in explanations.kinds:
        known = ", ".join(one.value for one in explanations.kinds)
        raise SettingsError(f"--kind: this model has contributions of the kind {known} only")
    return kind


def _explained(
    service: ModelService, frame: Frame, kind: Kind, row: int | None
) -> Iterator[Explained]:
    """Yield rows and, within a row, outputs in the order of the target's labels."""
    if row is not None and row > frame.n_rows:
        raise SettingsError(f"--row: the file has {frame.n_rows} rows")
    if frame.n_rows == 0:
        return
    prediction = service.predict(frame)
    found = service.contributions(frame, kind)
    cells = _cells(frame, found)
    labels = list(map(str, prediction.labels or ()))
    for at in range(frame.n_rows) if row is None else [row - 1]:
        for group, label in enumerate(found.groups):
            name = service.target.outputs[-1 if label is None else group]
            column = labels.index(label or service.target.order[-1]) if labels else None
            served = prediction.column[at] if column is None else prediction.values[at, column]
            values = found.values[group, at]
            parts = map(Part, found.features, cells[at], values[:-1].tolist())
            ordered = tuple(sorted(parts, key=lambda part: -abs(part.value)))
            yield Explained(at + 1, name, float(served), float(values[-1]), ordered)


def _cells(frame: Frame, found: Contributions) -> Sequence[Sequence[str]]:
    """Return the cells of the columns, row by row; "" for columns that were not sent."""
    names = list(frame.columns or ())
    columns = [
        _texts(frame, names.index(name)) if name in names else [""] * frame.n_rows
        for name in found.features
    ]
    return list(zip(*columns, strict=True)) or [()] * frame.n_rows


def _texts(frame: Frame, at: int) -> list[str]:
    return ["" if is_missing(cell) else str(cell) for cell in frame.cells(at)]


def _table(one: Explained, top: int) -> str:
    shown = one.parts[:top]
    rest = one.parts[top:]
    rows = [("COLUMN", "VALUE", "CONTRIBUTION"), ("(bias)", "", _number(one.bias))]
    rows += [(part.feature, _short(part.cell), _number(part.value)) for part in shown]
    if rest:
        others = float(np.sum([part.value for part in rest]))
        rows.append((f"({len(rest)} others)", "", _number(others)))
    rows.append(("(sum)", "", _number(one.total)))
    title = f"row {one.row}: {one.output} = {one.prediction:.6g}"
    return f"{title}\n{table(rows)}"


def _scale(service: ModelService) -> str:
    """Explain how sums become predictions, and their reference."""
    about = service.explanations.described()["contributions"]
    words = {
        "identity": "the prediction is the sum",
        "log": "the prediction is exp(sum)",
        "logit": "the prediction is 1 / (1 + exp(-sum))",
        "softmax": "the prediction is the softmax of the sums of all classes",
    }
    return f"{words[about['link']]}; contributions are relative to: {about['relativeTo']}"


def _as_json(service: ModelService, kind: Kind, found: Sequence[Explained]) -> dict[str, Any]:
    about = service.explanations.described()["contributions"]
    rows = [
        {
            "row": one.row,
            "output": one.output,
            "prediction": one.prediction,
            "bias": one.bias,
            "sum": one.total,
            "contributions": {part.feature: part.value for part in one.parts},
        }
        for one in found
    ]
    return {"kind": kind.value, "link": about["link"], "relativeTo": about["relativeTo"]} | {
        "rows": rows
    }


def _draw(settings: ExplainSettings, service: ModelService, found: Sequence[Explained]) -> None:
    """Write the picture of the first row: of several classes, the one with the largest chance."""
    if not found or settings.plot is None:
        raise SettingsError("--plot: the file has no row to draw")
    row = [one for one in found if one.row == found[0].row]
    one = max(row, key=lambda candidate: candidate.prediction)
    shown = [Bar(_labelled(part), part.value) for part in one.parts[: settings.top]]
    rest = one.parts[settings.top :]
    if rest:
        others = float(np.sum([part.value for part in rest]))
        shown.append(Bar(f"{len(rest)} others", others))
    title = f"row {one.row}: {one.output} = {one.prediction:.6g}"
    check(settings.plot, "--plot")
    with opened(settings.plot, "--plot") as stream:
        stream.write(waterfall(title, _scale(service), one.bias, shown).encode())


def _labelled(part: Part) -> str:
    return f"{part.feature} = {_short(part.cell)}" if part.cell else part.feature


def _number(value: float) -> str:
    return f"{value:+.6g}"


def _short(text: str) -> str:
    return text if len(text) <= _CELL_WIDTH else f"{text[: _CELL_WIDTH - 3]}..."
