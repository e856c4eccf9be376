"""The service of a model that loaded."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
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
        info: Which model this is.
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

    @property
    def schema(self) -> Schema | None:
        """The columns that the model knows, None if it takes any or hooks take them."""
        return None if self.predictor is None else self.predictor.schema

    @property
    def streams(self) -> bool:
        """Whether no hook sees rows and each cell is read alone, whatever else a block holds."""
        if self.schema is None or self.pipeline is None or self.hooks.sees_rows:
            return False
        return all(reader is not None for reader in self.schema.readers)

    @property
    def reads_any_type(self) -> bool:
        """Whether there is a read_input_data hook."""
        return self.hooks.read_input_data is not None

    @property
    def is_unstructured(self) -> bool:
        """Whether there is a score_unstructured hook."""
        return self.hooks.score_unstructured is not None

    @property
    def can_chat(self) -> bool:
        """Whether there is a chat hook."""
        return self.hooks.chat is not None

    @property
    def contribution_kinds(self) -> tuple[Kind, ...]:
        """Which contributions the model gives; empty if it gives none."""
        return self.explanations.kinds

    @property
    def has_intervals(self) -> bool:
        """Whether the model gives prediction intervals."""
        return self.explanations.has_intervals

    def check(self) -> None:
        """Do nothing: the model loaded."""

    def ready(self) -> bool:
        """Return True: a model that cannot predict a sample row does not load."""
        return True

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
        return self.pipeline.run(rows)

    def contributions(self, rows: Frame, kind: Kind) -> Contributions:
        """Return the contribution of each column to the predictions of rows, or of no rows.

        Raises:
            UnsupportedError: the model has none.
            DrumLikeError: as Capabilities.contributions.
        """
        return self.explanations.contributions(rows, kind)

    def intervals(self, rows: Frame, prediction: Prediction) -> Intervals:
        """Return bounds around the predictions of rows, or of no rows.

        Raises:
            UnsupportedError: there are none.
            DrumLikeError: as Capabilities.bounded.
        """
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
        with self.limiter:
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
        with self.limiter:
            return unstructured.run(hook, self.model, payload, context)

    def chat(self, params: Json, headers: Any) -> Json | ChunkStream:
        """Return a chat completion, whole or as a stream.

        Raises:
            UnsupportedError: there is no chat hook.
            DrumLikeError: as chat.run.
        """
        if self.hooks.chat is None:
            raise UnsupportedError("this model has no chat hook")
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
