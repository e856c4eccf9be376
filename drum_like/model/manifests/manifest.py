"""Descriptions of models by other products, and whether a model is the one that they describe."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from drum_like.api import Predictor, TensorPredictor
from drum_like.errors import ArtifactError, LoadError
from drum_like.model.artifact import Artifact
from drum_like.model.pickles import SKOPS
from drum_like.model.signature import Inputs, Told
from drum_like.types.column import Column, DataType
from drum_like.types.names import Names, listed
from drum_like.types.schema import Schema
from drum_like.types.target import ModelTarget, TargetType

Group = Literal["numbers", "text", "times", "bytes"]

_GROUPS: dict[DataType, Group] = {
    DataType.STR: "text",
    DataType.TIME64: "times",
    DataType.BYTES: "bytes",
}
_INSTEAD = (
    "save the model again together with its description, or declare the columns as inputSchema in "
    "model-metadata.yaml, which goes before it"
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of a model by another product, in its own file beside the model file.

    Attributes:
        file: Name of that file, for messages.
        artifact: The model file; None if the description names none.
        inputs: The inputs.
        tensors: The inputs as tensors, where the model has to have these and no others.
        output: The type of the one output; None if there are several, or it is not told.
        output_name: Name of the one output of floats.
        open: Reads the model in place of `artifact`; None for model files.
        wrap: Makes the predictor of what `open` returns; None for those of model files.
        code: Folder of modules that the model imports.
        name: Name of the model.
        version: Its version.
        target_type: Type of its target, where the description tells that.
    """

    file: str
    artifact: Artifact | None = None
    inputs: Inputs = field(default_factory=Inputs)
    output: DataType | None = None
    output_name: str | None = None
    tensors: tuple[Told, ...] = ()
    open: Callable[[], Any] | None = None
    wrap: Callable[[Any], Predictor] | None = None
    code: Path | None = None
    name: str | None = None
    version: str | None = None
    target_type: TargetType | None = None

    def allow_code(self, *, no_pickle: bool) -> None:
        """Let the model import its modules, unless no code of the directory may run.

        Raises:
            ArtifactError: it cannot be loaded without.
        """
        if no_pickle and self.open is not None:
            raise ArtifactError(
                f"{self.file} describes a model that runs code when it is loaded, and --no-pickle "
                "is set; save it by the flavour of a framework whose files are data"
            )
        if self.code is not None and not no_pickle and str(self.code) not in sys.path:
            sys.path.insert(0, str(self.code))

    def trusted(self, types: Names | None) -> Artifact | None:
        """Return the model file, one of skops with the types that the operator trusts.

        Args:
            types: Those; None leaves it to the directory.
        """
        found = self.artifact
        if found is None or found.kind is not SKOPS or types is None:
            return found
        return replace(found, trusted=types, is_vouched=True)

    def schema(self, known: Schema | None) -> Schema | None:
        """Return the columns of a model, with the types and examples of the description.

        Args:
            known: The columns that the model knows, None if it takes any.

        Raises:
            LoadError: the two disagree.
        """
        told = self.inputs
        if not told.columns or known is None:
            return Schema(told.columns, named=told.named) if told.columns else known
        pairs = tuple(self._by_name(known) if told.named and known.named else self._in_turn(known))
        fault = next((found for pair in pairs if (found := _fault(*pair))), None)
        if fault is not None:
            raise LoadError(f"{self.file} and the model disagree: {fault}; {_INSTEAD}")
        columns = tuple(_refined(column, given) for column, given in pairs)
        if told.named and not known.named:
            both = zip(columns, told.columns, strict=True)
            columns = tuple(replace(column, name=given.name) for column, given in both)
        return replace(known, columns=columns)

    def target(self, known: ModelTarget) -> ModelTarget:
        """Return the target of a model; a regression where only a float is described."""
        if self.target_type is not None:
            return ModelTarget(self.target_type)
        if known.type is None and self.output is not None and self.output.is_float:
            return replace(known, type=TargetType.REGRESSION)
        return known

    def check(self, predictor: Predictor) -> None:
        """Refuse a model that is not the one described, as far as its columns do not show it.

        Raises:
            LoadError: it has other tensors, or gives text for numbers, or numbers for text.
        """
        self._check_output(predictor.target)
        if not self.tensors or not isinstance(predictor, TensorPredictor):
            return
        known = {tensor.name: tensor.dtype.name for tensor in predictor.inputs}
        told = {name: "object" if dtype == "str" else dtype for name, dtype, _ in self.tensors}
        if known != told:
            raise LoadError(
                f"{self.file} and the model disagree: the inputs {_spelled(told)} are described, "
                f"but the model has {_spelled(known)}; save the model again with its description"
            )

    def _check_output(self, known: ModelTarget) -> None:
        words = {isinstance(label, str) for label in known.classes}
        numbers = known.type is not None and known.type.is_numeric
        if self.output is None or known.implied or not (words or numbers):
            return
        # Floats may be probabilities of any classes.
        is_text = self.output is DataType.STR
        if is_text is (True in words) or (self.output.is_float and not numbers):
            return
        raise LoadError(
            f"{self.file} and the model disagree: the output is described as "
            f"{self.output.value}, but the model gives {'text' if True in words else 'numbers'}; "
            "save the model again together with its description"
        )

    def _by_name(self, known: Schema) -> Iterator[tuple[Column, Column]]:
        told = self.inputs.columns
        spelled = known.as_known(tuple(column.name for column in told))
        by_name = dict(zip(spelled, told, strict=True))
        missing = [name for name in known.names if name not in by_name]
        if missing:
            raise LoadError(
                f"{self.file} and the model disagree: the model was trained on columns that the "
                f"file does not name: {listed(missing)}; {_INSTEAD}"
            )
        yield from ((column, by_name[column.name]) for column in known.columns)

    def _in_turn(self, known: Schema) -> Iterator[tuple[Column, Column]]:
        told, width = self.inputs.columns, len(known.columns)
        if len(told) != width:
            raise LoadError(
                f"{self.file} and the model disagree: the file tells {len(told)} columns, the "
                f"model takes {width}; {_INSTEAD}"
            )
        yield from zip(known.columns, told, strict=True)


def _spelled(tensors: Mapping[str, str]) -> str:
    return listed([f"{name} ({dtype})" for name, dtype in tensors.items()])


def _fault(column: Column, given: Column) -> str | None:
    known, told = _group(column), _group(given)
    if None in (known, told) or known == told:
        return None
    return f"column {column.name[:100]!r} is described as {told}, but the model takes {known} there"


def _group(column: Column) -> Group | None:
    """Return the group of a column's cells, None if it is not known."""
    if column.times:
        return "times"
    if column.originals or not column.is_typed:
        return None
    return _GROUPS.get(column.dtype, "numbers")


def _refined(column: Column, given: Column) -> Column:
    """Return a column of a model, typed as described where the model leaves that open."""
    if column.kind == "any" and column.stored is None:
        return replace(given, name=column.name)
    stored, width = column.stored, column.width
    if column.kind == "number" and stored is None:
        stored, width = given.stored, given.width
    return replace(column, stored=stored, width=width, example=column.example or given.example)
