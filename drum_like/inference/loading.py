"""From settings to the service of their model directory."""

import logging
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Any

from drum_like.api import Predictor, TargetChecker, TensorPredictor
from drum_like.config.settings import Settings
from drum_like.errors import CustomCodeError, LoadError, PluginError, SettingsError
from drum_like.inference import labels, link, pipeline, transformation, warm_up
from drum_like.inference.explain.capabilities import Capabilities, find_capabilities
from drum_like.inference.explain.context import ExplainContext
from drum_like.inference.link import Conversion
from drum_like.inference.model_service import ModelService
from drum_like.inference.pipeline import Limiter, Pipeline
from drum_like.inference.service import ModelInfo
from drum_like.inference.tensors import Tensors
from drum_like.inference.transformation import Transform
from drum_like.model import input_schema, output_requirements
from drum_like.model.artifact import (
    Artifact,
    artifact_kinds,
    find_artifact,
    load_artifact,
    predictor_for,
)
from drum_like.model.configuration import configured
from drum_like.model.directory import ModelDirectory
from drum_like.model.hooks import Hooks, call_at_load, load_hooks
from drum_like.model.metadata import Metadata, read_metadata
from drum_like.system import cgroup
from drum_like.system.semaphore import FairSemaphore
from drum_like.types.schema import Schema
from drum_like.types.target import ModelTarget, Target, TargetType

logger = logging.getLogger(__name__)

LOAD_MODEL_FAILED = "'load_model' hook failed to load the model. Exception:"

MODEL_VERSION = "1"
"""The version of a directory that was given at start, not uploaded."""


@dataclass(frozen=True, slots=True)
class _Model:
    """Content of a model directory, loaded.

    Attributes:
        directory: Where it lies.
        hooks: The hooks of custom.py.
        artifact: The file it was read from; None if load_model read it.
        value: The framework's object, or what load_model returned.
        predictor: Wraps the object where no hook scores; else None.
    """

    directory: ModelDirectory
    hooks: Hooks
    artifact: Artifact | None
    value: Any
    predictor: Predictor | None


def open_service(
    settings: Settings, *, limiter: Limiter | None = None, otherwise: TargetType | None = None
) -> ModelService:
    """Load the model directory that settings name.

    Args:
        settings: Every knob.
        limiter: Entered around each prediction; None makes one for this model alone.
        otherwise: Target type of a model that has none of its own; its output is not held to it
            before the first request for predictions.

    Raises:
        LoadError: the directory does not become a model.
        SettingsError: settings and metadata do not go together, or lack what the model itself
            does not tell.
    """
    complete = configured(settings)
    metadata = read_metadata(complete.code_dir)
    model = _load(complete)
    told = complete.target_type or (model.predictor and model.predictor.target.type)
    complete = replace(complete, target_type=told or otherwise)
    schema = _schema(model, metadata)
    limiter = limiter or predict_limiter(complete)
    service = _service(model, metadata, complete, (schema, limiter))
    if told is None:
        return replace(service, notes=(warm_up.about(service, schema),))
    notes = warm_up.notes(service, schema)
    found = _explanations(service, schema, metadata, (complete, limiter))
    return replace(service, notes=notes, explanations=found)


def _service(
    model: _Model,
    metadata: Metadata | None,
    settings: Settings,
    parts: tuple[Schema | None, Limiter],
) -> ModelService:
    schema, predict_limiter_of = parts
    target = _target(settings, model.predictor)
    _check_hooks(model.hooks, target)
    _check_target(model, target)
    conversion = _conversion(model, target, metadata)
    limiter = _hook_limiter(model.hooks, settings)
    return ModelService(
        info=_info(model, metadata, target),
        target=target,
        hooks=model.hooks,
        model=model.value,
        predictor=model.predictor,
        pipeline=_pipeline(model, schema, (target, conversion), (limiter, predict_limiter_of)),
        transformer=_transformer(model, schema, target),
        output_schema=_output_schema(metadata),
        limiter=limiter,
        inputs=_inputs(model.hooks, schema, metadata),
        tensors=_tensors(model, predict_limiter_of),
        about=_about(settings, metadata),
        notes=(),
    )


def _load(settings: Settings) -> _Model:
    directory = ModelDirectory(settings.code_dir)
    directory.check(artifact_kinds(), settings.language)
    custom_py = directory.custom_py
    # Where no code of the directory may run, nothing of it may be found by an import, either.
    without_code = custom_py is None and settings.no_pickle
    hooks = Hooks() if without_code else load_hooks(custom_py, directory.path, settings.target_type)
    _check_unstructured(hooks, settings.target_type)
    if hooks.init is not None:
        call_at_load(hooks.init, custom_py, "", code_dir=str(directory.path))
    try:
        artifact, value = _load_value(directory, hooks, settings)
        predictor = _predictor(hooks, settings.target_type, value, artifact)
    except LoadError as error:
        text = f"An error occurred when loading your artifact: {error}"
        plain = error.plain and f"An error occurred when loading your artifact: {error.plain}"
        raise type(error)(text, error.hint, plain=plain) from error
    return _Model(directory, hooks, artifact, value, predictor)


def _load_value(
    directory: ModelDirectory, hooks: Hooks, settings: Settings
) -> tuple[Artifact | None, Any]:
    """Return the model object, from the load_model hook or else from the artifact."""
    if hooks.load_model is None:
        artifact = find_artifact(directory)
        alone = directory.custom_py is None
        return artifact, load_artifact(artifact, no_pickle=settings.no_pickle, alone=alone)
    value = call_at_load(
        hooks.load_model, directory.custom_py, LOAD_MODEL_FAILED, str(directory.path)
    )
    if value is None:
        raise CustomCodeError("'load_model' hook failed to load model, None is returned.")
    return None, value


def _predictor(
    hooks: Hooks, target_type: TargetType | None, value: Any, artifact: Artifact | None
) -> Predictor | None:
    """Return the predictor for the work that no hook does, None if hooks do it all."""
    if target_type is TargetType.UNSTRUCTURED:
        return None
    if target_type is not TargetType.TRANSFORM:
        does_all = hooks.score is not None or hooks.chat is not None
        return None if does_all else predictor_for(value, artifact)
    if hooks.transform is not None:
        return None
    try:
        return predictor_for(value, artifact)
    except PluginError as error:
        raise LoadError(transformation.NO_TRANSFORM) from error


def _target(settings: Settings, predictor: Predictor | None) -> Target:
    """Return the target: from settings, and where they leave it open from the model itself.

    Raises:
        SettingsError: the type or the labels are unknown, in DRUM's words.
    """
    known = ModelTarget() if predictor is None else predictor.target
    target_type = settings.target_type or known.type
    if target_type is None:
        raise SettingsError(
            "Target type is missing. It must be provided in --target-type argument, "
            "TARGET_TYPE env var or model config file."
        )
    if target_type.needs_target_name and not settings.target_name:
        raise SettingsError(
            "Unexpected empty target name for text generation, vector database, or agentic "
            "workflow target."
        )
    name = settings.target_name or "target"
    found = _labels(settings, target_type, known)
    return Target(target_type, found, name, settings.legacy_label_order)


def _labels(settings: Settings, target_type: TargetType, known: ModelTarget) -> tuple[str, ...]:
    if target_type is TargetType.BINARY:
        return _binary_labels(settings, known)
    if not target_type.is_classification:
        return ()
    found = settings.class_labels or tuple(map(str, known.classes))
    if not found:
        raise SettingsError(
            "Class labels are missing. They must be provided with either one: "
            "--class-labels/--class-labels-file arguments, environment variables, "
            "model config file."
        )
    return found


def _binary_labels(settings: Settings, known: ModelTarget) -> tuple[str, str]:
    positive, negative = settings.positive_class_label, settings.negative_class_label
    if positive is not None and negative is not None:
        return positive, negative
    if len(known.classes) == 2 and positive is None and negative is None:
        return str(known.classes[1]), str(known.classes[0])
    raise SettingsError(
        "Positive/negative class labels are missing. They must be provided with either one: "
        "--positive-class-label/--negative-class-label arguments, environment variables, "
        "model config file."
    )


def _check_unstructured(hooks: Hooks, target_type: TargetType | None) -> None:
    if target_type is TargetType.UNSTRUCTURED and hooks.score_unstructured is None:
        raise LoadError("In 'unstructured' mode hook 'score_unstructured' must be provided.")


def _check_hooks(hooks: Hooks, target: Target) -> None:
    if target.type is TargetType.TRANSFORM and hooks.score is not None:
        logger.warning("the score hook is not used: the target type is transform")


def _check_target(model: _Model, target: Target) -> None:
    """Refuse a model that cannot answer its target, as far as its own file shows.

    Raises:
        LoadError: the labels are not the model's, or the predictor refuses the target.
    """
    predictor: object = model.predictor
    if isinstance(predictor, TargetChecker) and model.hooks.post_process is None:
        predictor.check_target(target)
    if model.predictor is not None:
        labels.check(model.predictor.target, target)


def _hook_limiter(hooks: Hooks, settings: Settings) -> Limiter:
    """Return the limiter that serialises calls into custom.py, as DRUM's users expect."""
    return _limiter(settings.hook_threads) if hooks.any_per_request else nullcontext()


def predict_limiter(settings: Settings) -> Limiter:
    """Limit concurrent predictions to this worker's share of the CPUs."""
    cpus = cgroup.cpus()
    return _limiter(max(1, cpus // (settings.max_workers or cpus)))


def _limiter(places: int) -> Limiter:
    """Return a semaphore with this many places; for one place a lock, which is cheaper."""
    return Lock() if places == 1 else FairSemaphore(places)


def _schema(model: _Model, metadata: Metadata | None) -> Schema | None:
    """Return the columns that the model takes; the metadata types those that it does not."""
    schema = None if model.predictor is None else model.predictor.schema
    if schema is None or metadata is None:
        return schema
    schema = replace(schema, unseen_is_missing=metadata.unseen_categories == "missing")
    if model.hooks.transform is not None:  # what callers send is not what the model gets
        return schema
    declared = input_schema.read_input_schema(metadata.raw.get("inputSchema"))
    return input_schema.typed(schema, declared, metadata.type_schema)


def _inputs(hooks: Hooks, schema: Schema | None, metadata: Metadata | None) -> Schema | None:
    """Return the columns that callers send, None if neither metadata nor model name them."""
    hooked = hooks.transform is not None or hooks.score is not None
    raw = None if metadata is None else metadata.raw.get("inputSchema")
    inputs = input_schema.callers_columns(
        input_schema.read_input_schema(raw), schema, hooked=hooked
    )
    if inputs is None:
        return None
    may_lack = metadata is not None and metadata.missing_fields == "na"
    inputs = replace(inputs, absent_is_missing=may_lack)
    return schema if inputs == schema else inputs


def _conversion(model: _Model, target: Target, metadata: Metadata | None) -> Conversion:
    """Return the conversion of the model's output to probabilities.

    Raises:
        LoadError: the output is known to be none, or what is asked for does not fit it.
        SettingsError: what is asked for does not fit the target.
    """
    asked = Conversion()
    if metadata is not None:
        asked = Conversion(metadata.link, metadata.normalize_probabilities)
    if model.predictor is not None:
        link.check(model.predictor, target, asked, hooked=model.hooks.post_process is not None)
    elif asked != Conversion():
        logger.warning("link and normalize_probabilities have no effect: a hook scores")
    return asked


def _pipeline(
    model: _Model,
    schema: Schema | None,
    asked: tuple[Target, Conversion],
    limiters: tuple[Limiter, Limiter],
) -> Pipeline | None:
    hooks, (target, conversion) = model.hooks, asked
    if target.type in (TargetType.UNSTRUCTURED, TargetType.TRANSFORM):
        return None
    if hooks.score is not None:
        score = pipeline.hook_score_step(hooks.score, model.value, target)
    elif model.predictor is not None:
        predict = link.predict_step(model.predictor, target, conversion)
        score = pipeline.predictor_score_step(predict, schema, target, limiters[1])
    else:
        return None
    meaning = link.meaning_of(model.predictor, target)
    return Pipeline(
        decode=pipeline.decode_step(hooks),
        transform=pipeline.transform_step(hooks, model.value),
        score=score,
        finish=pipeline.finish_step(
            hooks, model.value, target, unfinished=link.needs_more(meaning, target, conversion)
        ),
        target=target,
        limiter=limiters[0],
        reads=hooks.read_input_data is not None,
    )


def _explanations(
    service: ModelService,
    schema: Schema | None,
    metadata: Metadata | None,
    parts: tuple[Settings, Limiter],
) -> Capabilities:
    """Return the explanations that the model offers; it has predicted a sample row by now."""
    if service.pipeline is None:
        return Capabilities()
    settings, limiter = parts
    alone = _limiter(settings.hook_threads)
    return find_capabilities(
        ExplainContext(
            hooks=service.hooks,
            model=service.model,
            predictor=service.predictor,
            pipeline=service.pipeline,
            schema=schema,
            inputs=service.inputs,
            hook_limiter=service.limiter if service.hooks.any_per_request else alone,
            predict_limiter=limiter,
            directory=settings.code_dir,
            sha256=service.info.sha256,
            intervals=None if metadata is None else metadata.prediction_intervals,
            no_pickle=settings.no_pickle,
        )
    )


def _tensors(model: _Model, limiter: Limiter) -> Tensors | None:
    predictor: object = model.predictor
    if model.hooks.any_per_request or not isinstance(predictor, TensorPredictor):
        return None
    return Tensors(predictor, limiter)


def _transformer(model: _Model, schema: Schema | None, target: Target) -> Transform | None:
    if target.type is not TargetType.TRANSFORM:
        return None
    return transformation.step(model.hooks.transform, model.value, model.predictor, schema)


def _output_schema(metadata: Metadata | None) -> transformation.Check:
    if metadata is None or not metadata.type_schema.outputs:
        return lambda _: []
    return partial(output_requirements.faults, schema=metadata.type_schema)


def _info(model: _Model, metadata: Metadata | None, target: Target) -> ModelInfo:
    return ModelInfo(
        name=model.directory.path.name if metadata is None else metadata.name,
        version=MODEL_VERSION,
        framework=None if model.predictor is None else model.predictor.framework,
        sha256=None if model.artifact is None else model.artifact.sha256,
        target=target.name,
    )


def _about(settings: Settings, metadata: Metadata | None) -> dict[str, Any]:
    return {
        "codeDir": str(settings.code_dir),
        "language": "python",
        "modelMetadata": None if metadata is None else dict(metadata.raw),
    }
