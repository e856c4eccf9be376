"""Interface of one model, which every contract uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from drum_like.errors import LoadError, NotLoadedError, SettingsError, UnsupportedError
from drum_like.inference.chat import ChunkStream
from drum_like.inference.tensors import Tensors
from drum_like.inference.transformation import Transformed
from drum_like.inference.unstructured import HookReply
from drum_like.system.marks import MARKS
from drum_like.types.explanation import Contributions, Intervals, Kind
from drum_like.types.frame import Frame
from drum_like.types.payload import Payload
from drum_like.types.prediction import Prediction
from drum_like.types.schema import Schema
from drum_like.types.target import Target

Json = Mapping[str, Any]
"""Something that a contract writes as a JSON object."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Identity of a model.

    Attributes:
        name: From the metadata, else the directory's name.
        version: "1" for a directory given at start.
        framework: The predicting framework, as /info/ names it; None where hooks do everything.
        sha256: Of the artifact, hexadecimal; None without one.
        target: Name of the target column.
        uuid: Of a version in the store; None for a directory given at start.
        output: Name of its numbers in another product's description of the model; None without.
    """

    name: str
    version: str
    framework: str | None
    sha256: str | None
    target: str
    uuid: str | None = None
    output: str | None = None


class Service(Protocol):
    """One model behind all contracts; used by several threads at once."""

    @property
    def info(self) -> ModelInfo:
        """Identity of the model."""

    @property
    def target(self) -> Target:
        """The target of the model."""

    @property
    def schema(self) -> Schema | None:
        """The columns that it knows; None if it takes any."""

    @property
    def inputs(self) -> Schema | None:
        """The columns that callers send, hooks taken into account; None if they are unknown."""

    @property
    def streams(self) -> bool:
        """Whether rows may be scored block by block with the same result."""

    @property
    def reads_any_type(self) -> bool:
        """Whether a read_input_data hook takes bodies of all media types."""

    @property
    def is_unstructured(self) -> bool:
        """Whether there is a score_unstructured hook."""

    @property
    def can_chat(self) -> bool:
        """Whether there is a chat hook."""

    @property
    def contribution_kinds(self) -> tuple[Kind, ...]:
        """Kinds of contributions that the model gives; empty if it gives none."""

    @property
    def has_intervals(self) -> bool:
        """Whether the model gives prediction intervals."""

    @property
    def tensors(self) -> Tensors | None:
        """The model by its named tensors; None if it has none, or hooks run per request."""

    def predict(self, rows: Payload | Frame) -> Prediction:
        """Return predictions of the target, labelled as callers know them."""

    def contributions(self, rows: Frame, kind: Kind) -> Contributions:
        """Return the contribution of each column to the predictions of rows, or of no rows."""

    def intervals(self, rows: Frame, prediction: Prediction) -> Intervals:
        """Return bounds around the predictions of rows, or of no rows."""

    def transform(self, x: Payload, y: Payload | None = None) -> Transformed:
        """Return transformed rows."""

    def predict_unstructured(self, payload: Payload, context: Mapping[str, Any]) -> HookReply:
        """Pass a body to the score_unstructured hook; context is query and headers."""

    def chat(self, params: Json, headers: Any) -> Json | ChunkStream:
        """Return a chat completion, whole or as a stream."""

    def models(self) -> list[Json]:
        """Return the language models behind this directory."""

    def description(self) -> Json:
        """Return the document for /info/."""

    def capabilities(self) -> Json:
        """Return the document for /capabilities/."""


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """A model that did not load, in the place of its service.

    Attributes:
        reason: The error of the load.
        info: Which model it would have been.
    """

    reason: LoadError | SettingsError
    info: ModelInfo

    def error(self) -> NotLoadedError:
        """Return the error of every use.

        A new object each time: raising one object in many threads would mix their tracebacks.
        """
        return NotLoadedError(str(self.reason), self.info.name)


class Resolver(Protocol):
    """Finds services by name and version; a request holds what it got for its life."""

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service, the only or default one without a name.

        Raises:
            UnsupportedError: there is none of that name or version.
            NotFoundError: as above, of many.
            LoadError: it does not load; a NotLoadedError if the server was started for it.
        """

    def default(self) -> Service | None:
        """Return the service that the server was started for; None for a catalog alone.

        Raises:
            NotLoadedError: it did not load.
        """

    def names(self) -> tuple[str, ...]:
        """Return the names of all models, sorted."""

    def in_memory(self, name: str) -> Service | None:
        """Return the service of one of these names if it is loaded; loads none."""

    def index(self) -> Mapping[str, tuple[str, ...]]:
        """Return the versions of all models that can be asked for, the oldest first, by `names`."""


class SingleService:
    """The one model of a server without a catalog.

    Args:
        own: Its service.
    """

    def __init__(self, own: Service | NotLoaded) -> None:
        self._own = own

    def resolve(self, name: str | None = None, version: str | None = None) -> Service:
        """Return the service, by its own name or without one; raises as Resolver."""
        own, info = self._own, self._own.info
        if name not in (None, info.name):
            raise UnsupportedError(f"this server serves {info.name!r} only")
        if version not in (None, info.version):
            raise UnsupportedError(
                f"this server serves {info.name!r} in version {info.version!r} only"
            )
        MARKS.get().model = info
        if isinstance(own, NotLoaded):
            raise own.error()
        return own

    def default(self) -> Service:
        """Return the service; raises as Resolver."""
        return self.resolve()

    def names(self) -> tuple[str, ...]:
        """Return its name."""
        return (self._own.info.name,)

    def in_memory(self, name: str) -> Service | None:
        """Return the service by its name; None if it did not load."""
        own = self._own
        return None if isinstance(own, NotLoaded) or name != own.info.name else own

    def index(self) -> dict[str, tuple[str, ...]]:
        """Return its version by its name."""
        return {self._own.info.name: (self._own.info.version,)}
