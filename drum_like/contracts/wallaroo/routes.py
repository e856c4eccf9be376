"""The routes of the contract's views, with the scope of each."""

from drum_like.config.server_settings import ServerSettings
from drum_like.contracts.wallaroo.errors import api_form, engine_form
from drum_like.contracts.wallaroo.inference.deployments import Deployments
from drum_like.contracts.wallaroo.inference.infer import InferenceViews
from drum_like.contracts.wallaroo.management import absent, users
from drum_like.contracts.wallaroo.management.configs import ConfigViews
from drum_like.contracts.wallaroo.management.context import WorkspaceLookup
from drum_like.contracts.wallaroo.management.models import ModelViews
from drum_like.contracts.wallaroo.management.pipelines import PipelineViews
from drum_like.contracts.wallaroo.management.sdk_operations import SdkOperations
from drum_like.contracts.wallaroo.management.uploads import UploadViews, longest
from drum_like.contracts.wallaroo.management.workspaces import WorkspaceViews
from drum_like.http.auth import Scope
from drum_like.http.contract import Contract, ContractContext, Route
from drum_like.registry.setup import Registry

_API = "/v1/api"
_PATHS = r"v1/(api|graphql|logs)(/|$)|v2/api/assays/|auth/(admin/)?realms/"
"""Beginnings of paths whose 404 and 405 have this contract's form."""

_LOOK = ""
"""In the place of verb and object of a change: a view that makes none."""

_UPLOADS = ("upload", "upload_and_convert", "upload_stream")
_USERS = "/auth/admin/realms/master/users"
_TOKEN = "/auth/realms/master/protocol/openid-connect/token"  # noqa: S105 - a path


def contract(context: ContractContext) -> Contract:
    """Return the contract: models, workspaces, pipelines, inference and the SDK's operations.

    Raises:
        SettingsError: the server has no store.
    """
    registry = context.part(Registry)
    lookup, settings = WorkspaceLookup(registry), context.settings
    deployments = Deployments(registry)
    errors = api_form(hide_errors=settings.hide_errors)
    routes = (
        *_model_routes(lookup),
        *_other_routes(lookup, deployments, settings.url_prefix),
        _infer_route(deployments, settings),
    )
    paths = ((_PATHS, absent.refusing_form(errors, settings.url_prefix)),)
    return Contract("wallaroo", errors, routes, paths=paths)


def _infer_route(deployments: Deployments, settings: ServerSettings) -> Route:
    """Return the route that infers, whose errors have a form of their own."""
    views = InferenceViews(deployments, settings.payload.limits)
    rule = f"{_API}/pipelines/infer/<deployment>/<pipeline>"
    errors = engine_form(hide_errors=settings.hide_errors)
    return Route(rule, "POST", "infer", views.infer, Scope.PREDICT, errors)


def _model_routes(lookup: WorkspaceLookup) -> tuple[Route, ...]:
    models, configs = ModelViews(lookup), ConfigViews(lookup)
    uploads = UploadViews(lookup)
    views = {
        "list": (models.list_models, _LOOK),
        "get": (models.get, _LOOK),
        "get_by_id": (models.get_by_id, _LOOK),
        "list_versions": (models.list_versions, _LOOK),
        "list_versions_for_model": (models.list_versions_for_model, _LOOK),
        "get_version_by_id": (models.get_version_by_id, _LOOK),
        "get_model_version_by_id": (models.get_version_by_id, _LOOK),
        "get_upload_logs": (models.get_upload_logs, _LOOK),
        "get_config_by_id": (configs.get_by_version, _LOOK),
        "insert_model_config": (configs.insert, "set configuration"),
        "upload": (uploads.upload, "upload model"),
        "upload_and_convert": (uploads.upload_and_convert, "upload model"),
        "upload_stream": (uploads.upload_stream, "upload model"),
        "delete_model": (models.delete_model, "delete model"),
        "delete_model_versions": (models.delete_model_versions, "delete version"),
        "list_aliases": (models.list_aliases, _LOOK),
        "set_alias": (models.set_alias, "set alias"),
    }
    most = longest(lookup.registry.uploads)
    return tuple(
        Route(
            f"{_API}/models/{name}",
            "POST",
            f"models_{name}",
            view,
            _scope(action),
            body_limit=most if name in _UPLOADS else None,
            change=action,
        )
        for name, (view, action) in views.items()
    )


def _scope(action: str) -> Scope:
    """Return the scope of a route that makes a change, or that only looks."""
    return Scope.ADMIN if action else Scope.OBSERVE


def _other_routes(
    lookup: WorkspaceLookup, deployments: Deployments, prefix: str
) -> tuple[Route, ...]:
    workspaces = WorkspaceViews(lookup)
    pipelines = PipelineViews(lookup, deployments, prefix)
    views = {
        "workspaces/create": (workspaces.create, "create workspace"),
        "workspaces/list": (workspaces.list_workspaces, _LOOK),
        "workspaces/get": (workspaces.get, _LOOK),
        "workspaces/list_users": (workspaces.list_users, _LOOK),
        "workspaces/add_user": (workspaces.add_user, "add member"),
        "workspaces/remove_user": (workspaces.remove_user, "remove member"),
        "pipelines/create": (pipelines.create, "create pipeline"),
        "pipelines/deploy": (pipelines.deploy, "deploy pipeline"),
        "pipelines/undeploy": (pipelines.undeploy, "undeploy pipeline"),
        "pipelines/get_pipeline_by_name": (pipelines.get_by_name, _LOOK),
        "pipelines/list_pipelines": (pipelines.list_pipelines, _LOOK),
        "pipelines/get_version": (pipelines.get_version, _LOOK),
        "users/query": (users.query, _LOOK),
        "users/invite": (users.invite, _LOOK),
        "status/get_deployment": (pipelines.get_deployment, _LOOK),
        "admin/get_pipeline_external_url": (pipelines.get_external_url, _LOOK),
        "plateau/get_topic_name": (pipelines.get_topic_name, _LOOK),
    }
    posts = tuple(
        Route(f"{_API}/{path}", "POST", path.replace("/", "_"), view, _scope(action), change=action)
        for path, (view, action) in views.items()
    )
    empty = tuple(
        Route(path, "POST", path.strip("/").replace("/", "_"), view, Scope.OBSERVE)
        for path, view in absent.views().items()
    )
    look, change = Scope.OBSERVE, Scope.ADMIN
    operate, user = SdkOperations(lookup).answer, f"{_USERS}/<path:user>"
    return (
        *posts,
        *empty,
        Route(f"{_API}/config", "GET", "config", users.default_architecture, Scope.PROBE),
        Route(_TOKEN, "POST", "token", users.token, look),
        Route(_USERS, "GET", "users_find", users.find, look),
        Route(user, "GET", "users_get", users.get, look),
        Route(user, "PUT", "users_change", users.change, change, change="change user"),
        Route("/v1/graphql", "POST", "graphql", operate, change, change="run operation"),
    )
