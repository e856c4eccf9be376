"""From the settings of a model to its service."""

import logging
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from drum_like.api import TensorPredictor
from drum_like.config.model_settings import LoadSettings, ModelSettings
from drum_like.inference import hook_steps, link, pipeline, rehearsal, transformation
from drum_like.inference.batching import Gathering
from drum_like.inference.cost_curve import LARGEST
from drum_like.inference.explain.capabilities import Capabilities, find_capabilities
from drum_like.inference.explain.context import ExplainContext
from drum_like.inference.link import Conversion
from drum_like.inference.loaded_model import LoadedModel, load_model
from drum_like.inference.model_service import ModelService
from drum_like.inference.pipeline import Limiter, Pipeline
from drum_like.inference.service import ModelInfo
from drum_like.inference.tensors import Tensors
from drum_like.inference.transformation import Transform
from drum_like.model import output_requirements
from drum_like.model.configuration import configured, find_target
from drum_like.model.manifests import Manifest
from drum_like.system import cgroup
from drum_like.system.cpus import FairSemaphore, PredictLimiter, TimedLock
from drum_like.types.schema import Schema
from drum_like.types.target import Target, TargetType

logger = logging.getLogger(__name__)

MODEL_VERSION = "1"
"""The version of a directory that was given at start, not uploaded."""


def open_service(
    settings: ModelSettings,
    load: LoadSettings | None = None,
    *,
    limiter: PredictLimiter | None = None,
    otherwise: TargetType | None = None,
) -> ModelService:
    """Load the model directory that settings name.

    Args:
        settings: The model.
        load: The way in which it is loaded; None for the usual one.
        limiter: Entered around each prediction; None makes one for this model alone.
        otherwise: Target type of a model that has none of its own; its output is not held to it
            before the first request for predictions.

    Raises:
        LoadError: the directory does not become a model.
        SettingsError: settings and metadata do not go together, or lack what the model itself
            does not tell.
    """
    complete, load = configured(settings), load or LoadSettings()
    model = load_model(complete, load)
    told = complete.target_type or model.known_target.type
    complete = replace(complete, target_type=told or otherwise)
    builder = ServiceBuilder.of(model, complete, load, limiter or predict_limiter())
    service = _named(builder.service(), complete.model_name)
    if told is None:
        return replace(service, notes=(rehearsal.about(service, builder.schema),))
    notes = rehearsal.notes(service, builder.schema)
    return replace(service, notes=notes, explanations=builder.explanations(service))


def _named(service: ModelService, name: str | None) -> ModelService:
    """Return a service under the name that settings give to its model, if they give one."""
    return service if name is None else replace(service, info=replace(service.info, name=name))


@dataclass(frozen=True, slots=True)
class ServiceBuilder:
    """The parts of a service, made from a loaded model.

    Attributes:
        model: The content of the model directory.
        load: The way in which it was loaded.
        schema: The columns that the model takes, None if it takes any.
        target: The target of its predictions.
        conversion: The conversion of its output to probabilities.
        dependence: Why rows of different requests are not predicted together; None if they are.
        hook_limiter: Entered around calls into custom.py.
        predict_limiter: Entered around calls into the framework.
    """

    model: LoadedModel
    load: LoadSettings
    schema: Schema | None
    target: Target
    conversion: Conversion
    dependence: str | None
    hook_limiter: Limiter
    predict_limiter: PredictLimiter

    @classmethod
    def of(
        cls,
        model: LoadedModel,
        settings: ModelSettings,
        load: LoadSettings,
        predict_limiter: PredictLimiter,
    ) -> "ServiceBuilder":
        """Return a builder for a model whose target settings declare, or the model itself.

        Raises:
            LoadError: the model cannot answer its target.
            SettingsError: the target is not known, or does not go with the metadata.
        """
        schema = model.schema()
        target = find_target(settings, model.known_target, legacy=load.legacy_label_order)
        if target.type is TargetType.TRANSFORM and model.hooks.score is not None:
            logger.warning("the score hook is not used: the target type is transform")
        model.check_target(target)
        conversion, dependence = model.conversion(target), model.dependence(schema, target)
        serial = model.hooks.any_per_request
        hook_limiter = FairSemaphore(load.hook_threads) if serial else nullcontext()
        return cls(
            model, load, schema, target, conversion, dependence, hook_limiter, predict_limiter
        )

    def service(self) -> ModelService:
        """Return the service, still without notes and explanations."""
        model = self.model
        return ModelService(
            info=self._info(),
            target=self.target,
            hooks=model.hooks,
            model=model.value,
            predictor=model.predictor,
            pipeline=self._pipeline(),
            transformer=self._transformer(),
            output_schema=self._output_schema(),
            limiter=self.hook_limiter,
            inputs=model.inputs(self.schema),
            tensors=self._tensors(),
            about=self._about(),
            notes=(),
        )

    def explanations(self, service: ModelService) -> Capabilities:
        """Return the explanations that the model offers; it has predicted a sample row by now."""
        if service.pipeline is None:
            return Capabilities()
        model = self.model
        alone = FairSemaphore(self.load.hook_threads)
        return find_capabilities(
            ExplainContext(
                hooks=model.hooks,
                model=model.value,
                predictor=model.predictor,
                pipeline=service.pipeline,
                schema=self.schema,
                inputs=service.inputs,
                hook_limiter=self.hook_limiter if model.hooks.any_per_request else alone,
                predict_limiter=self.predict_limiter,
                directory=model.directory.path,
                sha256=service.info.sha256,
                intervals=None if model.metadata is None else model.metadata.prediction_intervals,
                no_pickle=self.load.no_pickle,
            )
        )

    def _pipeline(self) -> Pipeline | None:
        model, target = self.model, self.target
        hooks, value, predictor = model.hooks, model.value, model.predictor
        if not target.type.predicts_rows:
            return None
        if hooks.score is not None:
            score = hook_steps.hook_score_step(hooks.score, value, target)
        elif predictor is not None:
            predict = link.predict_step(predictor, target, self.conversion)
            limiter = self.predict_limiter
            gathering = Gathering(predict, limiter, 0 if hooks.sees_rows else self._most_rows)
            score = pipeline.predictor_score_step(gathering.predict, self.schema, target)
        else:
            return None
        unfinished = link.needs_more(link.meaning_of(predictor, target), target, self.conversion)
        made = Pipeline(
            decode=pipeline.decode_step(hooks),
            transform=hook_steps.transform_step(hooks, value) or model.completion(self.schema),
            score=score,
            finish=pipeline.finish_step(hooks, value, target, unfinished=unfinished),
            target=target,
            limiter=self.hook_limiter,
            reads=hooks.read_input_data is not None,
            hooked=hooks.transform is not None or hooks.score is not None,
        )
        if not hooks.sees_rows or not isinstance(self.hook_limiter, FairSemaphore):
            return made
        return made.joining(self.hook_limiter, self._most_rows) if self._most_rows else made

    @property
    def _most_rows(self) -> int:
        """The rows of a request that may wait to be predicted with those of others."""
        return LARGEST if self.dependence is None else 0

    def _tensors(self) -> Tensors | None:
        predictor: object = self.model.predictor
        if self.model.hooks.any_per_request or not isinstance(predictor, TensorPredictor):
            return None
        return Tensors(predictor, self.predict_limiter)

    def _transformer(self) -> Transform | None:
        if self.target.type is not TargetType.TRANSFORM:
            return None
        model = self.model
        return transformation.step(model.hooks.transform, model.value, model.predictor, self.schema)

    def _output_schema(self) -> transformation.Check:
        metadata = self.model.metadata
        if metadata is None or not metadata.type_schema.outputs:
            return lambda _: []
        return partial(output_requirements.faults, schema=metadata.type_schema)

    def _info(self) -> ModelInfo:
        model, manifest = self.model, self.model.manifest or Manifest("")
        told = manifest.name if model.metadata is None else model.metadata.name
        return ModelInfo(
            name=told or model.directory.path.name,
            version=manifest.version or MODEL_VERSION,
            framework=None if model.predictor is None else model.predictor.framework,
            sha256=None if model.artifact is None else model.artifact.sha256,
            target=self.target.name,
            output=manifest.output_name,
        )

    def _about(self) -> dict[str, Any]:
        metadata = self.model.metadata
        return {
            "codeDir": str(self.model.directory.path),
            "language": "python",
            "modelMetadata": None if metadata is None else dict(metadata.raw),
            "batching": {"together": self.dependence is None, "reason": self.dependence},
        }


def predict_limiter(max_workers: int | None = None) -> PredictLimiter:
    """Limit concurrent predictions to this worker's share of the CPUs.

    Args:
        max_workers: Processes that share them; None for one a CPU.
    """
    cpus = cgroup.cpus()
    places = max(1, cpus // (max_workers or cpus))
    # A lock is cheaper, and nearly as fair to threads that hold it for a short time.
    return TimedLock() if places == 1 else FairSemaphore(places)
