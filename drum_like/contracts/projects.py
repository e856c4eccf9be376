"""The model calls of ecosystem.ai's MLRun module: the models of a project, and its deletion.

Source: the published page on access and scoring. Envelopes and the path of the deletion are ours:
the page does not show them. docs/ecosystem.md says what is served.
"""

from datetime import datetime
from typing import Any

from flask import Response, g, request

from drum_like.config.server_settings import ServerSettings
from drum_like.errors import NotFoundError, PayloadError, RequestError
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import Contract, ContractContext, Route
from drum_like.http.errors import ErrorForm, Failure
from drum_like.registry.setup import Registry
from drum_like.store.ecosystem_entities import Configuration, Run
from drum_like.store.projects import Projects
from drum_like.system import audit

_API = "/api/v1/mlrun-runtime"
_NAME_HEADERS = ("X-User", "X-Forwarded-User")
_LONGEST_NAME = 200


def contract(context: ContractContext) -> Contract:
    """Return the contract.

    Raises:
        SettingsError: the server has no store.
    """
    views = _Views(context.part(Registry).store.projects, context.settings)
    all_ = f"{_API}/configurations"
    one, action = f"{all_}/<configuration_id>", "delete configuration"
    look, change = Scope.OBSERVE, Scope.ADMIN
    routes = (
        Route(f"{_API}/models", "GET", "models", views.models, look),
        Route(all_, "GET", "list", views.configurations, look),
        Route(all_, "DELETE", "delete_bound", views.delete_bound, change, change=action),
        Route(one, "GET", "get", views.configuration, look),
        Route(one, "DELETE", "delete", views.delete, change, change=action),
    )
    errors = ErrorForm({RequestError: 422}, _detail, context.settings.hide_errors)
    paths = ((r"api/v1/mlrun-runtime(/|$)", errors),)
    return Contract("projects", errors, routes, paths=paths)


class _Views:
    """The routes' views.

    Args:
        projects: Of the store.
        settings: Of the server.
    """

    def __init__(self, projects: Projects, settings: ServerSettings) -> None:
        self._projects = projects
        self._settings = settings

    def models(self) -> Response:
        """Answer with every successful run, the newest first."""
        project_id = request.args.get("project_id") or None
        url = f"{request.host_url.rstrip('/')}{self._settings.url_prefix}/invocations"
        models = [_run(run, url) for run in self._projects.runs(project_id)]
        return wire.json_response(
            {"project_id": project_id, "count": len(models), "models": models}
        )

    def configurations(self) -> Response:
        """Answer with the configurations of a project, or of all."""
        found = self._projects.configurations(request.args.get("project_id") or None)
        return wire.json_response({"configurations": [_configuration(one) for one in found]})

    def configuration(self, configuration_id: str) -> Response:
        """Answer with one configuration."""
        return wire.json_response(_configuration(self._projects.configuration(configuration_id)))

    def delete(self, configuration_id: str) -> Response:
        """Remove a configuration with all that belongs to it."""
        removal = self._projects.delete(configuration_id, self._user())
        audit.about(configuration=removal.configuration_id, project=removal.project_id)
        return wire.json_response(
            {
                "deleted": True,
                "configuration_id": removal.configuration_id,
                "project_id": removal.project_id,
                "counts": dict(removal.counts),
                "message": removal.message,
            }
        )

    def delete_bound(self) -> Response:
        """Remove the configuration of a project that a feature pipeline is bound to.

        Raises:
            PayloadError: project or pipeline is not named.
            NotFoundError: there is no such configuration.
        """
        project_id, pipeline_name = (
            request.args.get(name) for name in ("project_id", "pipeline_name")
        )
        audit.about(project=project_id, pipeline=pipeline_name)
        if not project_id or not pipeline_name:
            raise PayloadError(
                "project_id and pipeline_name are needed, or the configuration's id in the path"
            )
        found = self._projects.configurations(project_id, pipeline_name)
        if not found:
            raise NotFoundError("the project has no configuration with that pipeline")
        return self.delete(found[0].id)

    def _user(self) -> str:
        """Return the user: of the credential, or without credentials as a proxy says."""
        name = str(g.principal.name)
        if self._settings.asks_who_calls:
            return name
        said = (request.headers.get(header, "").strip() for header in _NAME_HEADERS)
        return next(filter(None, said), name)[:_LONGEST_NAME]


def _run(run: Run, url: str) -> dict[str, Any]:
    new = run.new
    return {
        "run_id": run.id,
        "model_id": new.model_id,
        "adapter_id": new.framework,
        "project_id": run.project_id,
        "configuration_id": run.configuration_id,
        "framework": new.framework,
        "problem_type": run.problem_type,
        "target_field": run.target_field,
        "status": new.status.value,
        "metrics": dict(new.metrics),
        "artifact_uri": new.artifact_uri,
        "deployment_id": run.deployment_id,
        "deployed": run.deployment_id is not None,
        "invocations_url": url,
        "created_at": _moment(run.created_at),
        "elapsed_seconds": new.elapsed_s,
    }


def _configuration(one: Configuration) -> dict[str, Any]:
    new = one.new
    return {
        "_id": one.id,
        "name": new.name,
        "project_id": new.project_id,
        "pipeline_name": new.pipeline_name,
        "feature_set_name": new.feature_set_name,
        "source": dict(new.source),
        "destination": dict(new.destination),
        "problem_type": new.problem_type,
        "target_field": new.target_field,
        "feature_fields": list(new.feature_fields),
        "tags": list(new.tags),
        "state": one.state,
        "version": one.version,
        "created_at": _moment(one.created_at),
    }


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _detail(failure: Failure) -> Response:
    return wire.json_response({"detail": failure.text}, failure.status)
