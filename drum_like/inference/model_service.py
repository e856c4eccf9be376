"""The service of a model that loaded."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from drum_like import __version__, codecs
from drum_like.api import Predictor
from drum_like.errors import EndpointError, OutputSchemaError, UnsupportedError
from drum_like.inference import chat, transformation, unstructured
from drum_like.inference.chat import ChunkStream
from drum_like.inference.explain.capabilities import Capabilities
from drum_like.inference.pipeline import Limiter, Pipeline, decode, decode_step
from drum_like.inference.service import Json, ModelInfo
from drum_like.inference.tensors import Tensors
from drum_like.inference.transformation import Transform, Transformed
from drum_like.inference.unstructured import HookReply
from drum_like.model.datarobot_alias import RuntimeParameters
from drum_like.model.hooks import Hooks
from drum_like.system.marks import MARKS, model_time
from drum_like.types.explanation import Contributions, Intervals, Kind
from drum_like.types.frame import Frame
from drum_like.types.payload import Payload
from drum_like.types.prediction import Prediction
from drum_like.types.schema import Schema, output_columns
from drum_like.types.target import Target, TargetType

DRUM_VERSION = "1.18.1"
"""The level of DRUM's behaviour that is answered with."""


@dataclass(frozen=True, slots=True)
class ModelService:
    """A model that loaded.

    Attributes:
        info: Identity of the model.
        target: Target of the predictions.
        hooks: The hooks of custom.py.
        model: The framework's object, or what load_model returned.
        predictor: Wraps the model where no hook scores; else None.
        pipeline: The path of structured requests; None for unstructured and transform models.
        transformer: The path of transform models; None for all others.
        output_schema: Says what is wrong with transformed data, by the model's typeSchema.
        limiter: Entered around custom code outside the pipeline.
        inputs: The columns that callers send, hooks taken into account; None if unknown.
        tensors: The model by its named tensors; None if it has none, or hooks run per request.
        about: The static part of /info/.
        notes: Lines for the operator at start.
        explanations: The explanations that the model offers.
        schema: The columns that the model knows, None if it takes any or hooks take them.
        streams: Whether no hook sees rows and each cell is read alone, whatever else a block holds.
        reads_any_type: Whether there is a read_input_data hook.
        is_unstructured: Whether there is a score_unstructured hook.
        can_chat: Whether there is a chat hook.
    """

    info: ModelInfo
    target: Target
    hooks: Hooks
    model: Any
    predictor: Predictor | None
    pipeline: Pipeline | None
    transformer: Transform | None
    output_schema: transformation.Check
    limiter: Limiter
    inputs: Schema | None
    tensors: Tensors | None
    about: Json
    notes: tuple[str, ...]
    explanations: Capabilities = Capabilities()  # noqa: RUF009 - a frozen value

    schema: Schema | None = field(init=False)
    streams: bool = field(init=False)
    reads_any_type: bool = field(init=False)
    is_unstructured: bool = field(init=False)
    can_chat: bool = field(init=False)

    def __post_init__(self) -> None:
        """Precompute the facts that requests ask for."""
        schema, hooks = None if self.predictor is None else self.predictor.schema, self.hooks
        readers = None if schema is None or self.pipeline is None else schema.readers
        alone = readers is not None and not hooks.sees_rows and None not in readers
        object.__setattr__(self, "schema", schema)
        object.__setattr__(self, "streams", alone)
        object.__setattr__(self, "reads_any_type", hooks.read_input_data is not None)
        object.__setattr__(self, "is_unstructured", hooks.score_unstructured is not None)
        object.__setattr__(self, "can_chat", hooks.chat is not None)

    @property
    def contribution_kinds(self) -> tuple[Kind, ...]:
        """Kinds of contributions that the model gives; empty if it gives none."""
        return self.explanations.kinds

    @property
    def has_intervals(self) -> bool:
        """Whether the model gives prediction intervals."""
        return self.explanations.has_intervals

    def predict(self, rows: Payload | Frame) -> Prediction:
        """Return predictions of the target.

        Raises:
            EndpointError: the model does not predict rows.
            DrumLikeError: as Pipeline.run.
        """
        if self.pipeline is None:
            raise EndpointError(
                "This model has only a chat hook, use the /chat/completions endpoint."
                if self.can_chat
                else f"a model of target type '{self.target.type.value}' does not predict rows"
            )
        prediction = self.pipeline.run(rows)
        MARKS.get().rows += len(prediction.values)
        return prediction

    def contributions(self, rows: Frame, kind: Kind) -> Contributions:
        """Return the contribution of each column to the predictions of rows, or of no rows.

        Raises:
            UnsupportedError: the model has none.
            DrumLikeError: as Capabilities.contributions.
        """
        with model_time():
            return self.explanations.contributions(rows, kind)

    def intervals(self, rows: Frame, prediction: Prediction) -> Intervals:
        """Return bounds around the predictions of rows, or of no rows.

        Raises:
            UnsupportedError: there are none.
            DrumLikeError: as Capabilities.bounded.
        """
        with model_time():
            return self.explanations.bounded(rows, prediction)

    def transform(self, x: Payload, y: Payload | None = None) -> Transformed:
        """Return transformed rows.

        Raises:
            UnsupportedError: the model does not transform.
            OutputSchemaError: the result breaks the model's typeSchema.
            DrumLikeError: as transformation.apply.
        """
        if self.transformer is None:
            raise UnsupportedError("this model does not transform")
        with self.limiter if self.reads_any_type else nullcontext():
            frame = decode_step(self.hooks)(x)
        target = None if y is None else decode(y).pandas
        with self.limiter, model_time():
            result = transformation.apply(self.transformer, frame, target)
        faults = self.output_schema(result.x)
        if faults:
            raise OutputSchemaError(f"schema validation failed for output:\n {faults}")
        return result

    def predict_unstructured(self, payload: Payload, context: Mapping[str, Any]) -> HookReply:
        """Pass a body to the score_unstructured hook and return its answer.

        Raises:
            UnsupportedError: there is no such hook.
            DrumLikeError: as unstructured.run.
        """
        hook = self.hooks.score_unstructured
        if hook is None:
            raise UnsupportedError("this model has no score_unstructured hook")
        with self.limiter, model_time():
            return unstructured.run(hook, self.model, payload, context)

    def chat(self, params: Json, headers: Any) -> Json | ChunkStream:
        """Return a chat completion, whole or as a stream.

        Raises:
            UnsupportedError: there is no chat hook.
            DrumLikeError: as chat.run.
        """
        if self.hooks.chat is None:
            raise UnsupportedError("this model has no chat hook")
        with model_time():
            return chat.run(self.hooks.chat, self.model, params, headers, self.limiter)

    def models(self) -> list[Json]:
        """Return the language models behind this directory.

        Raises:
            HookError: get_supported_llm_models raised.
        """
        known = RuntimeParameters.has("LLM_ID")
        llm_id = str(RuntimeParameters.get("LLM_ID") or "") if known else None
        with self.limiter:
            return chat.models(self.hooks.get_supported_llm_models, self.model, llm_id)

    def description(self) -> Json:
        """Return the document for /info/: DRUM's keys, then ours."""
        labels: dict[str, Any] = {}
        if self.target.type is TargetType.BINARY:
            positive, negative = self.target.labels
            labels = {"positiveClassLabel": positive, "negativeClassLabel": negative}
        elif self.target.type is TargetType.MULTICLASS:
            labels = {"classLabels": list(self.target.labels)}
        return {
            **self.about,
            "drumServer": "flask",
            "drumVersion": DRUM_VERSION,
            "predictor": self.info.framework if self.pipeline is not None else None,
            "targetType": self.target.type.value,
            **labels,
            "drumLikeVersion": __version__,
            "modelName": self.info.name,
            "modelVersion": self.info.version,
            "sha256": self.info.sha256,
            "targetName": self.target.name,
            "schema": self._schema(),
            "explanations": self.explanations.described(),
        }

    def _schema(self) -> Json:
        """Return the columns in and out; null for unknown inputs."""
        fields = None
        if self.inputs is not None:
            fields = [column.described() | {"type": column.type} for column in self.inputs.columns]
        outputs = [column.described() for column in output_columns(self.target)]
        return {"inputFields": fields, "outputFields": outputs}

    def capabilities(self) -> Json:
        """Return the payload formats with their versions, and whether chat works."""
        return {
            "supported_methods": {"chat": self.can_chat},
            "supported_payload_formats": codecs.installed().versions(),
        }
