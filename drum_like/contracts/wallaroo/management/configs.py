"""Configurations of versions: shown, and set by adding a newer one."""

from dataclasses import dataclass
from typing import Any

from flask import Response, request

from drum_like.contracts.wallaroo.fields import JsonObject
from drum_like.contracts.wallaroo.inference.arrow_cells import optional_schema
from drum_like.contracts.wallaroo.inference.steps import step_of
from drum_like.contracts.wallaroo.management import serializers
from drum_like.contracts.wallaroo.management.context import (
    WorkspaceLookup,
    read_fields,
    tell_versions,
)
from drum_like.errors import ColumnsError, NotFoundError, PayloadError
from drum_like.http.wire import json_response
from drum_like.store.entities import IMAGE, Config, NewConfig, Status, Version
from drum_like.store.store import Store

_SCHEMAS = ("input_schema", "output_schema")
_SINGLE = "single"


@dataclass(frozen=True, slots=True)
class ConfigViews:
    """The views of `models/…` that are about configurations."""

    lookup: WorkspaceLookup

    @property
    def _store(self) -> Store:
        return self.lookup.store

    def get_by_version(self) -> Response:
        """Show the configuration in force of the newest version of a model, or of a version.

        Both have small numbers for ids. The SDK asks for versions, all others for models, as the
        published page does; an id that is unknown as one is looked up as the other.
        """
        wanted = read_fields(request).integer("model_id")
        of_version, of_model = self._store.configs.latest, self._of_model
        asked = (of_version, of_model) if serializers.is_sdk(request) else (of_model, of_version)
        config = asked[0](wanted) or asked[1](wanted)
        return json_response({"model_config": serializers.config_summary(config)})

    def _of_model(self, model_id: int) -> Config | None:
        versions = self._store.versions.of_model(model_id)
        return self._store.configs.latest(versions[0].id) if versions else None

    def insert(self) -> Response:
        """Set the configuration of a version: schemas that are left out stay as they are."""
        fields = read_fields(request)
        version = self._store.versions.get(fields.integer("model_version_id"))
        tell_versions(version)
        new = read(fields)
        keep = tuple(name for name in _SCHEMAS if not fields.has(name))
        self._check(version, new, keep)
        config = self._store.configs.add(version.id, new, keep)
        self.lookup.registry.catalog.apply_changes()
        shape = serializers.config_full if serializers.is_sdk(request) else serializers.config_page
        return json_response({"model_config": shape(config)})

    def _check(self, version: Version, new: NewConfig, keep: tuple[str, ...]) -> None:
        """Refuse a configuration that does not fit the model, if that is ready and can be asked."""
        if version.status is not Status.READY or version.format == IMAGE:
            return
        before = self._store.configs.latest(version.id)
        kept = {name: None if before is None else getattr(before, name) for name in keep}
        try:
            service = self.lookup.registry.catalog.loaded(version.id).service
        except NotFoundError:  # another worker's catalog has it, this one in a moment
            return
        try:
            step_of(service, _imagined(version, new, kept)).check()
        except ColumnsError as error:
            raise PayloadError(f"the configuration does not fit the model: {error}") from error


def read(fields: JsonObject) -> NewConfig:
    """Return the configuration that an object describes.

    Raises:
        PayloadError: a field is wrong, or two exclude each other.
    """
    batch = fields.optional_text("batch_config")
    if batch not in (None, "None", _SINGLE):
        raise PayloadError(f"field `batch_config` must be null or `{_SINGLE}`")
    batch = None if batch == "None" else batch
    options = _options(fields)
    if batch is not None and options.keys() & {
        "dynamic_batching_config",
        "continuous_batching_config",
    }:
        raise PayloadError("field `batch_config` excludes dynamic and continuous batching")
    return NewConfig(
        tensor_fields=_tensor_fields(fields),
        filter_threshold=fields.optional_number("filter_threshold"),
        input_schema=optional_schema(fields, "input_schema"),
        output_schema=optional_schema(fields, "output_schema"),
        batch_config=batch,
        options=options,
    )


def _tensor_fields(fields: JsonObject) -> tuple[str, ...] | None:
    names = fields.optional_texts("tensor_fields")
    if names is not None and (not all(names) or len(set(names)) < len(names)):
        raise PayloadError("field `tensor_fields` must hold names, none empty and none twice")
    return names or None


def _options(fields: JsonObject) -> dict[str, Any]:
    """Return the options that are stored and shown, and have no effect here."""
    options: dict[str, Any] = {}
    dynamic = fields.optional_object("dynamic_batching_config")
    if dynamic is not None:
        options["dynamic_batching_config"] = {
            "max_batch_delay_ms": dynamic.integer("max_batch_delay_ms"),
            "batch_size_target": dynamic.integer("batch_size_target"),
            "batch_size_limit": dynamic.optional_integer("batch_size_limit"),
        }
    continuous = fields.optional_object("continuous_batching_config")
    if continuous is not None:
        size = continuous.integer("max_concurrent_batch_size")
        options["continuous_batching_config"] = {"max_concurrent_batch_size": size}
    openai = fields.optional_object("openai_config")
    if openai is not None:
        parts = ("completion_config", "chat_completion_config")
        options["openai"] = {"enabled": openai.flag("enabled")}
        options["openai"] |= {part: openai.raw(part) for part in parts}
    return options


def _imagined(version: Version, new: NewConfig, kept: dict[str, str | None]) -> Config:
    """Return the configuration that a version would have."""
    return Config(
        id=0,
        version_id=version.id,
        runtime=version.runtime,
        tensor_fields=new.tensor_fields,
        filter_threshold=new.filter_threshold,
        input_schema=kept.get("input_schema", new.input_schema),
        output_schema=kept.get("output_schema", new.output_schema),
        batch_config=new.batch_config,
        options=new.options,
        created_at=version.created_at,
    )
