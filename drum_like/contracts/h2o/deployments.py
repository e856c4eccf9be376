"""Deployments as the control plane lists them: each model is one, in any workspace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flask import Response, request

from drum_like.contracts.h2o.description import model_id
from drum_like.errors import DrumLikeError, NotLoadedError, PayloadError
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import ContractContext, Route
from drum_like.inference.service import Service

_ROOT = "/deployer/v2/workspaces/<workspace>/deployments"
_COMPOSITIONS = "/deployer/v2/artifactCompositions"
_RUNTIME = "drum_like"
_FULL_PAGE = 1000
_NOT_FOUND = 5
"""The code of gRPC for it."""

_STARTED = datetime.now(UTC).isoformat()
_ELEMENT = {
    "kubernetesResourceSpec": {
        "replicas": 1,
        "kubernetesResourceRequirements": {"requests": {}, "limits": {}},
    },
    "kubernetesConfigShortcut": {},
    "runtimeEnvironmentVariables": {},
}
"""Fields that clients read of each deployment without checking that they are there."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeploymentViews:
    """The views of one server.

    Attributes:
        context: Where models come from.
        service: Finds the model of a deployment.
    """

    context: ContractContext
    service: Callable[[str], Service]

    def routes(self) -> tuple[Route, ...]:
        """Return the routes; those that name no deployment go first."""
        kinds = Route(_COMPOSITIONS, "GET", "compositions", self.compositions, Scope.OBSERVE)
        return kinds, *(
            Route(f"{_ROOT}{path}", "GET", endpoint, view, Scope.OBSERVE)
            for path, endpoint, view in (
                ("", "deployments", self.list_all),
                (":count", "count_deployments", self.count),
                ("/status:batchGet", "statuses", self.statuses),
                ("/metadata:batchGet", "all_metadata", self.all_metadata),
                ("/<deployment>", "deployment", self.get),
                ("/<deployment>/status", "status", self.status),
                ("/<deployment>/metadata", "metadata", self.metadata),
            )
        )

    def compositions(self) -> Response:
        """Show the one kind of deployment, which is no streaming one."""
        named = {"name": _RUNTIME, "displayName": _RUNTIME}
        model = {**named, "streaming": False}
        only = {
            "deployableArtifactType": {**named, "artifactType": _RUNTIME},
            "artifactProcessor": {**named, "deployableArtifactType": _RUNTIME},
            "modelType": model,
            "runtime": {**named, "modelType": _RUNTIME, "image": ""},
        }
        return wire.json_response({"artifactCompositions": [only]})

    def list_all(self, workspace: str) -> Response:
        """List the models, page by page."""
        names = self._names()
        first, size = _number("pageToken", 0), _number("pageSize", _FULL_PAGE) or _FULL_PAGE
        # A list loads no models: it names the experiment as it names the deployment.
        page = [self._deployment(workspace, name, name) for name in names[first : first + size]]
        after = str(first + size) if first + size < len(names) else ""
        return wire.json_response({"deployments": page, "nextPageToken": after})

    def count(self, workspace: str) -> Response:
        """Answer with the number of models as text, which is how 64 bits are written there."""
        del workspace
        return wire.json_response({"count": str(len(self._names()))})

    def get(self, workspace: str, deployment: str) -> Response:
        """Show a deployment, with its scorer's id as the id of the experiment."""
        shown = self._deployment(workspace, deployment, self._id(deployment))
        return wire.json_response({"deployment": shown})

    def status(self, workspace: str, deployment: str) -> Response:
        """Answer with the health of a deployment."""
        return wire.json_response({"deploymentStatus": self._status(workspace, deployment)})

    def metadata(self, workspace: str, deployment: str) -> Response:
        """Answer with the place of a deployment, and whether it serves."""
        return wire.json_response({"deploymentMetadata": self._metadata(workspace, deployment)})

    def statuses(self, workspace: str) -> Response:
        """Answer with the health of several deployments."""
        found, errors = _each(lambda name: self._status(workspace, name))
        return wire.json_response({"deploymentStatuses": found, "errors": errors})

    def all_metadata(self, workspace: str) -> Response:
        """Answer with the places of several deployments."""
        found, errors = _each(lambda name: self._metadata(workspace, name))
        return wire.json_response({"deploymentsMetadata": found, "errors": errors})

    def _id(self, name: str) -> str:
        """Return the id of a scorer; the name of a model that did not load."""
        try:
            return model_id(self.service(name))
        except NotLoadedError as error:
            return error.model

    def _names(self) -> Sequence[str]:
        if request.args.get("filter"):
            raise PayloadError("deployments are not filtered here; list them all")
        return self.context.resolver.names()

    def _status(self, workspace: str, name: str) -> Json:
        is_ready = is_loaded(self.service, name)
        state = "PENDING" if is_ready else "FAILED"
        if is_ready and self.context.readiness.ready:
            state = "HEALTHY"
        return {
            "name": f"{_path(workspace, name)}/status",
            "state": state,
            "message": "",
            "updateTime": _STARTED,
            "lastUpdateOutcome": "LAST_UPDATE_OUTCOME_UNSPECIFIED",
        }

    def _deployment(self, workspace: str, name: str, experiment: str) -> Json:
        composition = {
            "experimentId": experiment,
            "deployableArtifactType": _RUNTIME,
            "artifactProcessor": _RUNTIME,
            "runtime": _RUNTIME,
        }
        secret = {"passphrase": {"passphrase": "", "hashAlgorithm": "PBKDF2"}}
        return {
            "name": _path(workspace, name),
            "displayName": name,
            "description": "",
            "creator": f"users/{_RUNTIME}",
            "createTime": _STARTED,
            "updateTime": _STARTED,
            "etag": name,
            "single": {"deploymentComposition": composition, **_ELEMENT},
            "security": secret
            if self.context.settings.asks_who_calls
            else {"disabledSecurity": {}},
            "paused": False,
        }

    def _metadata(self, workspace: str, name: str) -> Json:
        loaded = is_loaded(self.service, name)
        base = f"{request.host_url.rstrip('/')}{self.context.settings.url_prefix}/{quote(name)}"
        interface = {
            "score": {"uri": f"{base}/model/score"},
            "sampleRequest": {"uri": f"{base}/model/sample_request"},
            "capabilities": {"uri": f"{base}/model/capabilities"},
            "defaultEndpointState": _state(loaded=loaded, serving=self.context.readiness.ready),
        }
        return {"name": f"{_path(workspace, name)}/metadata", "scoringInterface": interface}


def _path(workspace: str, name: str) -> str:
    return f"workspaces/{workspace}/deployments/{name}"


def _each(tell: Callable[[str], Json]) -> tuple[list[Json], Json]:
    """Return the entries of the deployments named in the query, and the errors of the others."""
    found, errors = [], {}
    for resource in request.args.getlist("names"):
        try:
            found.append(tell(resource.removesuffix("/").split("/deployments/")[-1].split("/")[0]))
        except DrumLikeError as error:
            errors[resource] = {"code": _NOT_FOUND, "message": str(error)}
    return found, errors


def _number(name: str, usual: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise PayloadError(f"{name} must be a whole number, 0 or more")
    return int(text)


def is_loaded(service: Callable[[str], Service], name: str) -> bool:
    """Return whether a model is loaded, after it has been if it is one of a catalog."""
    try:
        service(name)
    except NotLoadedError:
        return False
    return True


def _state(*, loaded: bool, serving: bool) -> str:
    if not loaded:
        return "ENDPOINT_STATE_ERROR"
    return "ENDPOINT_STATE_READY" if serving else "ENDPOINT_STATE_PENDING"
