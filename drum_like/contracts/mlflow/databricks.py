"""The routes of Databricks Model Serving: MLflow's protocol below the name of a model.

Source: databricks-sdk 0.162 and mlflow.deployments 3.17.2, observed.
"""

from dataclasses import dataclass

from flask import Response, request

from drum_like.contracts.mlflow import scoring
from drum_like.contracts.mlflow.errors import databricks_form
from drum_like.http.auth import Scope
from drum_like.http.contract import Contract, ContractContext, Route

_PATHS = r"serving-endpoints(?:/|$)"
"""Beginnings of paths whose 404 and 405 have this contract's form."""


def contract(context: ContractContext) -> Contract:
    """Return the routes of endpoints, and the older ones of versions."""
    errors = databricks_form(hide_errors=context.settings.hide_errors)
    invoke = _Views(context).invoke
    rules = ("/serving-endpoints/<name>/invocations", "/model/<name>/<version>/invocations")
    routes = tuple(Route(rule, "POST", "invoke", invoke, Scope.PREDICT) for rule in rules)
    return Contract("databricks", errors, routes, paths=((_PATHS, errors),))


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server.

    Attributes:
        context: Where models come from.
    """

    context: ContractContext

    def invoke(self, name: str, version: str | None = None) -> Response:
        """Answer rows of the model of that name."""
        service, limits = self.context.resolve(name, version), self.context.settings.payload.limits
        if scoring.is_payload(request):
            response = scoring.answer_payload(service, limits)
        else:
            response = scoring.answer_json(lambda: service, limits)
        response.headers["served-model-name"] = f"{service.info.name}-{service.info.version}"
        return response
