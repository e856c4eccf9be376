"""The routes of MLflow's scoring server.

Source: MLflow 3.17.2, observed. Rows that are no JSON are DRUM's, unless a caller or the operator
chooses this contract.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Request, Response

from drum_like import __version__
from drum_like.contracts.mlflow import scoring
from drum_like.contracts.mlflow.errors import mlflow_form
from drum_like.errors import DrumLikeError, NotLoadedError
from drum_like.http.auth import Scope
from drum_like.http.contract import LAST, Claim, Contract, ContractContext, Route
from drum_like.http.errors import ErrorForm
from drum_like.http.json_body import Tree, json_object

_PARQUET = frozenset({"application/vnd.apache.parquet", "application/x-parquet"})

Fits = Callable[[Request], bool]


def contract(context: ContractContext) -> Contract:
    """Return MLflow's routes; /invocations, /ping/ and /health/ are other contracts', too."""
    settings = context.settings
    in_sagemaker = settings.platform.sagemaker
    errors = mlflow_form(hide_errors=settings.hide_errors, in_sagemaker=in_sagemaker)
    version = Route("/version", "GET", "version", _version, Scope.PROBE)
    claims = _claims(_Views(context), _Bodies(context), errors)
    return Contract("mlflow", errors, (version,), claims, paths=((r"version(?:/|$)", errors),))


def _version() -> Response:
    """Answer the version as bare text."""
    return Response(__version__, content_type="text/plain")


@dataclass(frozen=True, slots=True)
class _Views:
    """The views of one server.

    Attributes:
        context: Where the model comes from.
    """

    context: ContractContext

    def rows(self) -> Response:
        """Answer a JSON body."""
        return scoring.answer_json(self.context.resolve, self.context.settings.payload.limits)

    def payload(self) -> Response:
        """Answer rows in a payload format."""
        return scoring.answer_payload(self.context.resolve(), self.context.settings.payload.limits)


@dataclass(frozen=True, slots=True)
class _Bodies:
    """The tests of requests, most of which ask for the model that they are for.

    Attributes:
        context: Where the model comes from.
    """

    context: ContractContext

    def holding(self, fits: Callable[[Tree], object]) -> Fits:
        """Return the test whether a body is a JSON object that fits, for a model of rows."""

        def test(asked: Request) -> bool:
            tree = json_object(asked)
            return tree is not None and bool(fits(tree)) and self.are_rows()

        return test

    def are_prompts(self, asked: Request) -> bool:
        """Return whether a body is a prompt, for a model that can chat."""
        tree = json_object(asked)
        if tree is None or not scoring.is_prompt(tree):
            return False
        try:
            return self.context.resolve().can_chat
        except DrumLikeError:
            return False

    def is_other_json(self, asked: Request) -> bool:
        """Return whether a body is JSON, for a model of rows that reads no bodies itself."""
        if not scoring.is_json(asked):
            return False
        try:
            service = self.context.resolve()
        except NotLoadedError:
            return False
        except DrumLikeError:  # the view says so
            return True
        return service.target.type.predicts_rows and not service.reads_any_type

    def are_rows(self) -> bool:
        """Return whether the model predicts rows; DRUM's contract knows the routes of others."""
        try:
            return self.context.resolve().target.type.predicts_rows
        except DrumLikeError:  # the view says so
            return True


def _claims(views: _Views, bodies: _Bodies, errors: ErrorForm) -> tuple[Claim, ...]:
    """Claim JSON bodies by their keys, all JSON that nobody else knows, and what is chosen."""
    rows, payload = views.rows, views.payload
    return (
        _claim("forms", rows, errors, 30, bodies.holding(_has_several)),
        _claim("dataframe", rows, errors, 31, bodies.holding(_has_dataframe)),
        _claim("tensors", rows, errors, 50, bodies.holding(scoring.forms_in)),
        _claim("prompt", rows, errors, 75, bodies.are_prompts),
        _claim("parquet", payload, errors, 90, _is_parquet),
        _claim("json", rows, errors, LAST - 3, bodies.is_other_json),
        replace(_claim("chosen", payload, errors, LAST - 2, _any), only_chosen=True),
    )


def _claim(
    name: str, view: Callable[[], Response], errors: ErrorForm, rank: int, fits: Fits
) -> Claim:
    endpoint = f"mlflow.{name}"
    scope = Scope.PREDICT
    return Claim("/invocations", "POST", endpoint, view, scope, errors, rank, fits, is_choice=True)


def _has_several(tree: Tree) -> bool:
    return len(scoring.forms_in(tree)) > 1


def _has_dataframe(tree: Tree) -> bool:
    return "dataframe_split" in tree or "dataframe_records" in tree


def _is_parquet(asked: Request) -> bool:
    return asked.mimetype in _PARQUET


def _any(_: Request) -> bool:
    return True
