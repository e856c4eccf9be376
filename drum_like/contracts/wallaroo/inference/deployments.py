"""Deployments: a version of a pipeline, held to the configurations that its models had then."""

import re
from dataclasses import dataclass
from typing import Any

from drum_like.contracts.wallaroo.fields import JsonObject, check_label
from drum_like.contracts.wallaroo.inference.steps import step_of
from drum_like.errors import ColumnsError, NotFoundError, PayloadError
from drum_like.registry.setup import Registry
from drum_like.store.changes import Deployed
from drum_like.store.entities import IMAGE, Config, Status, Version
from drum_like.store.store import Store
from drum_like.store.workspace_entities import Deployment, NewDeployment, PipelineVersion
from drum_like.system import audit

_STEP = "ModelInference"


@dataclass(frozen=True, slots=True)
class StepModel:
    """The model of one step.

    Attributes:
        name: Of the model.
        version: The UUID of its version.
    """

    name: str
    version: str


def steps_of(definition: dict[str, Any]) -> tuple[StepModel, ...]:
    """Return the models of a definition in the order of its steps; empty without steps.

    Raises:
        PayloadError: a step is something else than one model.
    """
    return tuple(map(_step, JsonObject(definition).objects("steps")))


def _step(step: JsonObject) -> StepModel:
    inference = step.optional_object(_STEP)
    models = () if inference is None else inference.objects("models")
    if len(models) != 1:
        raise PayloadError(
            f"each step of a pipeline must be a {_STEP} of one model; audits, checks, splits and "
            "shadow deployments are not served here"
        )
    return StepModel(models[0].text("name"), models[0].text("version"))


_NAME = re.compile(r"(.+)-([0-9]{1,18})", re.DOTALL)
ENGINE_CONFIG = "engine_config"
PIPELINE_VERSION = "pipeline_version"


@dataclass(frozen=True, slots=True)
class Deployments:
    """The deployments of a server."""

    registry: Registry

    @property
    def _store(self) -> Store:
        return self.registry.store

    def named(self, name: str, pipeline: str | None = None) -> Deployed:
        """Return the deployment named `<deployment>-<id>`, from memory if it is known there.

        Args:
            name: As callers name a deployment.
            pipeline: The name that its pipeline must have, None for any.

        Raises:
            NotFoundError: there is none.
        """
        found = self._known(name, pipeline)
        # This worker may not know yet a deployment that another made a moment ago.
        if found is None and self.registry.catalog.pull():
            found = self._known(name, pipeline)
        if found is None:
            raise NotFoundError("Deployment not found")
        return found

    def deploy(self, fields: JsonObject) -> Deployment:
        """Deploy the pipeline version that a request names.

        Raises:
            PayloadError: a model is not ready, or its configuration does not fit it.
            NotFoundError: there is no such pipeline or version.
        """
        name = check_label(fields.text("deploy_id"), "deployment")
        version = self._version(fields)
        configs = self._configs(fields, version)
        for config in configs:
            self._check(config)
        sent = fields.optional_object(ENGINE_CONFIG)
        kept = {
            ENGINE_CONFIG: None if sent is None else fields.raw(ENGINE_CONFIG),
            PIPELINE_VERSION: version.uuid,
        }
        ids = tuple(config.id for config in configs)
        return self._deployed(NewDeployment(name, version.id, ids, kept))

    def again(self, deployment_id: int) -> Deployment:
        """Deploy an undeployed deployment again; nothing happens if it runs.

        Raises:
            NotFoundError: there is no such deployment.
        """
        found = self._store.pipelines.deployment(deployment_id)
        if found.deployed:
            return found
        ids, kept = found.config_ids, found.engine_config
        return self._deployed(NewDeployment(found.name, found.pipeline_version_id, ids, kept))

    def _deployed(self, new: NewDeployment) -> Deployment:
        deployment = self._store.pipelines.deploy(new)
        audit.about(pipeline=deployment.pipeline_name, deployment=deployment.name)
        self.registry.catalog.apply_changes()
        return deployment

    def _known(self, name: str, pipeline: str | None) -> Deployed | None:
        parts = _NAME.fullmatch(name)
        found = None if parts is None else self.registry.catalog.deployment(int(parts[2]))
        if parts is None or found is None or found.deployment.name != parts[1]:
            return None
        is_other = pipeline not in (None, found.deployment.pipeline_name)
        return None if is_other else found

    def _version(self, fields: JsonObject) -> PipelineVersion:
        """Return the version of a pipeline to deploy: the one that is named, else the newest."""
        version_id = fields.optional_integer("pipeline_version_pk_id")
        if version_id is not None:
            return self._store.pipelines.version(version_id)
        pipeline_id, uuid = fields.integer("pipeline_id"), fields.optional_text("pipeline_version")
        versions = self._store.pipelines.versions(pipeline_id)
        found = next((one for one in versions if uuid in (None, one.uuid)), None)
        if found is None:
            raise NotFoundError(f"the pipeline {pipeline_id} has no such version")
        return found

    def _configs(self, fields: JsonObject, version: PipelineVersion) -> tuple[Config, ...]:
        """Return the configuration of each step: those that are named, else the ones in force."""
        steps = steps_of(dict(version.definition))
        if not steps:
            raise PayloadError("the pipeline has no steps; add a model to it first")
        versions = [self._of_step(step.version) for step in steps]
        named = [
            self._store.configs.get(id_) for id_ in fields.optional_integers("model_configs") or ()
        ]
        by_version = {config.version_id: config for config in named}
        latest = self._store.configs.latest_of([one.id for one in versions])
        by_version = {**latest, **by_version}
        for one in versions:
            # Every version has a configuration; without one it was removed since it was found.
            if one.id not in by_version:
                raise NotFoundError(f"there is no model version {one.uuid}")
        return tuple(by_version[one.id] for one in versions)

    def _of_step(self, uuid: str) -> Version:
        version = self._store.versions.by_uuid(uuid)
        if version is None:
            raise NotFoundError(f"there is no model version {uuid[:100]}")
        if version.status is not Status.READY or version.format == IMAGE:
            raise PayloadError(
                f"the version {uuid} of {version.name!r} cannot be deployed: it is not ready, or "
                "is a container image, which is not run here"
            )
        return version

    def _check(self, config: Config) -> None:
        """Refuse a configuration that does not fit its model."""
        self.registry.catalog.pull()
        service = self.registry.catalog.loaded(config.version_id).service
        try:
            step_of(service, config).check()
        except ColumnsError as error:
            raise PayloadError(f"the configuration does not fit the model: {error}") from error
