"""Metadata of an uploaded version."""

from dataclasses import dataclass
from typing import Any

from drum_like.contracts.wallaroo.fields import JsonObject, check_label
from drum_like.contracts.wallaroo.inference.arrow_cells import optional_schema
from drum_like.contracts.wallaroo.management import frameworks
from drum_like.contracts.wallaroo.management.frameworks import Framework
from drum_like.errors import PayloadError
from drum_like.store.entities import ZIP, Declared, NewConfig, NewVersion, Visibility
from drum_like.types.target import TargetType

_KEYS = ("framework", "requirements", "python_version", "arch", "accel", "framework_config")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of an upload, checked.

    Attributes:
        workspace_id: The workspace of the model.
        name: Of the model.
        visibility: The visibility of the model.
        framework: The framework of the file.
        conversion: As it was sent, for those who ask for it.
        config: With the schemas.
        declared: The target that the uploader declares.
        image_path: A container image instead of a file.
    """

    workspace_id: int
    name: str
    visibility: Visibility
    framework: Framework
    conversion: dict[str, Any]
    config: NewConfig
    declared: Declared
    image_path: str | None = None

    @staticmethod
    def parse(text: str) -> "Metadata":
        """Return the metadata that the part of that name holds.

        Raises:
            PayloadError: a field is missing or wrong.
        """
        fields = JsonObject.parse(text.encode())
        conversion = fields.optional_object("conversion")
        if conversion is None:
            raise PayloadError("missing field `conversion`")
        framework = frameworks.named(conversion.text("framework"))
        conversion.optional_texts("requirements")
        return Metadata(
            workspace_id=fields.integer_or_text("workspace_id"),
            name=check_label(fields.text("name"), "model"),
            visibility=_visibility(fields.optional_text("visibility")),
            framework=framework,
            conversion={key: conversion.raw(key) for key in _KEYS if conversion.has(key)},
            config=NewConfig(
                input_schema=_schema(fields, conversion, "input_schema"),
                output_schema=_schema(fields, conversion, "output_schema"),
            ),
            declared=_declared(fields.optional_object("declared") or JsonObject({})),
            image_path=fields.optional_text("image_path"),
        )

    @staticmethod
    def of_query(query: JsonObject, file_name: str) -> "Metadata":
        """Return the metadata of an upload whose body is the file; its name tells the framework.

        Raises:
            PayloadError: a parameter is missing or wrong.
        """
        framework = frameworks.of_file(file_name)
        return Metadata(
            workspace_id=query.integer_or_text("workspace_id"),
            name=check_label(query.text("name"), "model"),
            visibility=_visibility(query.text("visibility")),
            framework=framework,
            conversion={"framework": framework.name, "requirements": [], "python_version": "3.8"},
            config=NewConfig(),
            declared=_declared(query),
        )

    def version(self, file_name: str | None, created_by: str) -> NewVersion:
        """Return the version to store."""
        return NewVersion(
            workspace_id=self.workspace_id,
            name=self.name,
            file_name=file_name,
            visibility=self.visibility,
            runtime=self.framework.runtime,
            declared=self.declared,
            details={"conversion": self.conversion},
            config=self.config,
            created_by=created_by,
            as_zip=ZIP in self.framework.formats,
            formats=self.framework.formats,
        )


def _visibility(text: str | None) -> Visibility:
    try:
        return Visibility(text or Visibility.PRIVATE)
    except ValueError as error:
        raise PayloadError("field `visibility` must be private or public") from error


def _schema(fields: JsonObject, conversion: JsonObject, name: str) -> str | None:
    """Return a schema: beside the conversion, as clients send it, or in it, as pages say."""
    return optional_schema(fields if fields.raw(name) is not None else conversion, name)


def _declared(fields: JsonObject) -> Declared:
    target_type = fields.optional_text("target_type")
    if target_type is not None and target_type not in set(TargetType):
        raise PayloadError("field `target_type` must be one of DRUM's target types")
    return Declared(
        target_type=target_type,
        positive_label=fields.optional_text("positive_label"),
        negative_label=fields.optional_text("negative_label"),
        labels=fields.optional_texts("labels") or (),
        target_name=fields.optional_text("target_name"),
    )
