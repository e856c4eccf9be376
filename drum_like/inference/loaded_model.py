"""From a model directory to its model object, hooks and metadata."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from drum_like.api import IndependentRows, Predictor, TargetChecker
from drum_like.config.model_settings import LoadSettings, ModelSettings
from drum_like.errors import CustomCodeError, LoadError, PluginError
from drum_like.inference import labels, link, transformation
from drum_like.inference.link import Conversion
from drum_like.model import input_schema
from drum_like.model.artifact import (
    Artifact,
    artifact_kinds,
    find_artifact,
    load_artifact,
    predictor_for,
)
from drum_like.model.directory import ModelDirectory
from drum_like.model.hooks import Hooks, call_at_load, load_hooks
from drum_like.model.manifests import Manifest, has_manifest, read_manifest
from drum_like.model.metadata import Metadata, read_metadata
from drum_like.types.frame import Frame
from drum_like.types.schema import Column, Schema
from drum_like.types.target import ModelTarget, Target, TargetType

logger = logging.getLogger(__name__)

LOAD_MODEL_FAILED = "'load_model' hook failed to load the model. Exception:"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Content of a model directory, loaded.

    Attributes:
        directory: Where it lies.
        metadata: The content of model-metadata.yaml; None without that file.
        hooks: The hooks of custom.py.
        artifact: The file it was read from; None if load_model read it.
        value: The framework's object, or what load_model returned.
        predictor: Wraps the object where no hook scores; else None.
        manifest: The description of the model by another product; None without one.
    """

    directory: ModelDirectory
    metadata: Metadata | None
    hooks: Hooks
    artifact: Artifact | None
    value: Any
    predictor: Predictor | None
    manifest: Manifest | None = None

    @property
    def known_target(self) -> ModelTarget:
        """The target as the model's own file describes it, or what describes that file."""
        known = ModelTarget() if self.predictor is None else self.predictor.target
        return known if self.manifest is None else self.manifest.target(known)

    def schema(self) -> Schema | None:
        """Return the columns that the model takes, with types for those that it leaves open.

        Raises:
            LoadError: another product describes other columns, and the metadata declares none.
        """
        schema = None if self.predictor is None else self.predictor.schema
        if self.manifest and self.predictor and not self._declared and not self.hooks.transform:
            schema = self.manifest.schema(schema)
        if schema is None or self.metadata is None:
            return schema
        schema = replace(schema, unseen_is_missing=self.metadata.unseen_categories == "missing")
        if self.hooks.transform is not None:  # what callers send is not what the model gets
            return schema
        return input_schema.typed(schema, self._declared, self.metadata.type_schema)

    @property
    def _declared(self) -> tuple[Column, ...]:
        """The columns of the metadata's inputSchema, empty without one."""
        raw = None if self.metadata is None else self.metadata.raw.get("inputSchema")
        return input_schema.read_input_schema(raw)

    def inputs(self, schema: Schema | None) -> Schema | None:
        """Return the columns that callers send, None if neither metadata nor model name them.

        Args:
            schema: The columns that the model takes.
        """
        metadata, hooks = self.metadata, self.hooks
        hooked = hooks.transform is not None or hooks.score is not None
        told = () if self.manifest is None else self.manifest.inputs.columns
        declared = self._declared or (told if hooked else ())
        inputs = input_schema.callers_columns(declared, schema, hooked=hooked)
        if inputs is None:
            return None
        may_lack = metadata is not None and metadata.missing_fields == "na"
        inputs = replace(inputs, absent_is_missing=may_lack)
        return schema if inputs == schema else inputs

    def completion(self, schema: Schema | None) -> Callable[[Frame], Frame] | None:
        """Return the function that adds columns that callers may leave out; None without any.

        Args:
            schema: The columns that the model takes.
        """
        if self.manifest is None or schema is None or self.hooks.score is not None:
            return None
        return self.manifest.inputs.completion(schema)

    def check_target(self, target: Target) -> None:
        """Refuse a model that cannot answer its target, as far as its own file shows.

        Raises:
            LoadError: the labels are not the model's, or the predictor refuses the target.
        """
        predictor: object = self.predictor
        if isinstance(predictor, TargetChecker) and self.hooks.post_process is None:
            predictor.check_target(target)
        if self.predictor is not None:
            labels.check(self.predictor.target, target)
            if self.manifest is not None:
                self.manifest.check(self.predictor)

    def dependence(self, schema: Schema | None, target: Target) -> str | None:
        """Return why rows of different requests are not predicted together; None if they are.

        Args:
            schema: The columns that the model takes.
            target: Target of the predictions.
        """
        asked = None if self.metadata is None else self.metadata.batching
        if asked is False:
            return "model-metadata.yaml says 'batching: false'"
        if not target.type.predicts_rows or self.hooks.read_input_data is not None:
            return "rows are no table with one prediction a row"
        if self.predictor is None or self.hooks.sees_rows:
            return None if asked and self.hooks.sees_rows else "hooks of custom.py get the rows"
        return self._dependence(self.predictor, schema, target, is_trusted=bool(asked))

    @staticmethod
    def _dependence(
        predictor: object, schema: Schema | None, target: Target, *, is_trusted: bool
    ) -> str | None:
        """Return why a predictor's rows are not joined; one that is trusted is not asked."""
        if schema is None:
            return "the model does not tell its columns"
        if is_trusted:
            return None
        if not isinstance(predictor, IndependentRows):
            return "the predictor does not tell whether rows depend on each other"
        return predictor.dependence(target)

    def conversion(self, target: Target) -> Conversion:
        """Return the conversion of the model's output to probabilities.

        Raises:
            LoadError: the output is known to be none, or what is asked for does not fit it.
            SettingsError: what is asked for does not fit the target.
        """
        metadata, predictor, asked = self.metadata, self.predictor, Conversion()
        if metadata is not None:
            asked = Conversion(metadata.link, metadata.normalize_probabilities)
        if predictor is not None:
            link.check(predictor, target, asked, hooked=self.hooks.post_process is not None)
        elif asked != Conversion():
            logger.warning("link and normalize_probabilities have no effect: a hook scores")
        return asked


def load_model(settings: ModelSettings, load: LoadSettings) -> LoadedModel:
    """Load the hooks, the model object and the metadata of a model directory.

    Args:
        settings: The model, completed from its metadata.
        load: The way in which it is loaded.

    Raises:
        LoadError: the directory does not become a model.
        SettingsError: its metadata is wrong.
    """
    metadata = read_metadata(settings.code_dir)
    directory = ModelDirectory(settings.code_dir)
    described = has_manifest(directory.path)
    if not described:
        directory.check(artifact_kinds(), load.language)
    hooks = _hooks(directory, settings.target_type, load)
    manifest = read_manifest(directory.path) if described and hooks.load_model is None else None
    try:
        artifact, value = _load_value(directory, hooks, load, manifest)
        wrap = (manifest and manifest.wrap) or partial(predictor_for, artifact=artifact)
        predictor = _predictor(hooks, settings.target_type, partial(wrap, value))
    except LoadError as error:
        text = f"An error occurred when loading your artifact: {error}"
        plain = error.plain and f"An error occurred when loading your artifact: {error.plain}"
        raise type(error)(text, error.hint, plain=plain) from error
    return LoadedModel(directory, metadata, hooks, artifact, value, predictor, manifest)


def _hooks(directory: ModelDirectory, target_type: TargetType | None, load: LoadSettings) -> Hooks:
    """Return the hooks of custom.py, after its init hook was called."""
    custom_py = directory.custom_py
    # Where no code of the directory may run, nothing of it may be found by an import, either.
    without_code = custom_py is None and load.no_pickle
    hooks = Hooks() if without_code else load_hooks(custom_py, directory.path, target_type)
    if target_type is TargetType.UNSTRUCTURED and hooks.score_unstructured is None:
        raise LoadError("In 'unstructured' mode hook 'score_unstructured' must be provided.")
    if hooks.init is not None:
        call_at_load(hooks.init, custom_py, "", code_dir=str(directory.path))
    return hooks


def _load_value(
    directory: ModelDirectory, hooks: Hooks, load: LoadSettings, manifest: Manifest | None
) -> tuple[Artifact | None, Any]:
    """Return the model object: from the load_model hook, as described, or from the artifact."""
    if manifest is not None:
        manifest.allow_code(no_pickle=load.no_pickle)
        if manifest.open is not None:
            return None, manifest.open()
    if hooks.load_model is None:
        artifact = (manifest and manifest.trusted(load.skops_types)) or find_artifact(directory)
        alone = directory.custom_py is None
        return artifact, load_artifact(artifact, no_pickle=load.no_pickle, alone=alone)
    value = call_at_load(
        hooks.load_model, directory.custom_py, LOAD_MODEL_FAILED, str(directory.path)
    )
    if value is None:
        raise CustomCodeError("'load_model' hook failed to load model, None is returned.")
    return None, value


def _predictor(
    hooks: Hooks, target_type: TargetType | None, wrap: Callable[[], Predictor]
) -> Predictor | None:
    """Return the predictor for the work that no hook does, None if hooks do it all."""
    if target_type is TargetType.UNSTRUCTURED:
        return None
    if target_type is not TargetType.TRANSFORM:
        does_all = hooks.score is not None or hooks.chat is not None
        return None if does_all else wrap()
    if hooks.transform is not None:
        return None
    try:
        return wrap()
    except PluginError as error:
        raise LoadError(transformation.NO_TRANSFORM) from error
