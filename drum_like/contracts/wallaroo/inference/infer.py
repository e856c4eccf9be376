"""Inference by the path of a pipeline, or of a model, which is a pipeline of its own."""

from dataclasses import dataclass
from time import perf_counter_ns, time_ns

import pyarrow as pa
from flask import Response, request

from drum_like.contracts.wallaroo.inference import rows
from drum_like.contracts.wallaroo.inference.deployments import PIPELINE_VERSION, Deployments
from drum_like.contracts.wallaroo.inference.response import InferenceResult, Selection
from drum_like.contracts.wallaroo.inference.rows import Rows
from drum_like.contracts.wallaroo.inference.steps import step_of
from drum_like.errors import NotFoundError, PayloadError, UnsupportedError
from drum_like.inference.service import Service
from drum_like.store.entities import Config
from drum_like.store.names import split_key
from drum_like.types.payload import Limits

_ITSELF = "-0"
"""The end of a deployment's name that stands for the model of that name itself."""

_SINGLE = "single"


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of models that a path infers with.

    Attributes:
        steps: Each model with its configuration.
        pipeline_version: A UUID; empty for a model without a pipeline.
    """

    steps: tuple[tuple[Service, Config | None], ...]
    pipeline_version: str = ""


@dataclass(frozen=True, slots=True)
class InferenceViews:
    """The view that infers.

    Attributes:
        deployments: The deployments of the server.
        limits: Sizes beyond which rows are refused.
    """

    deployments: Deployments
    limits: Limits

    def infer(self, deployment: str, pipeline: str) -> Response:
        """Run the rows of a request through a pipeline."""
        started = time_ns()
        chain = self._chain(deployment, pipeline)
        clock = perf_counter_ns()
        sent = rows.read(request, self.limits)
        elapsed = [perf_counter_ns() - clock]
        selection = Selection.parse(request.args)
        table = sent.table
        for service, config in chain.steps:
            _check_count(sent, config)
            clock = perf_counter_ns()
            table = _run(service, config, table)
            elapsed.append(perf_counter_ns() - clock)
        last = chain.steps[-1][0].info
        model = (split_key(last.name)[1], last.sha256 or "")
        millis = started // 1_000_000
        answer = InferenceResult(millis, sent, table, elapsed, model, chain.pipeline_version)
        if rows.wants_arrow(request):
            return Response(answer.to_arrow(selection), content_type=rows.ARROW)
        return Response(answer.to_json(selection), content_type=rows.RECORDS)

    def _chain(self, deployment: str, pipeline: str) -> Chain:
        """Return the models behind a path."""
        catalog = self.deployments.registry.catalog
        if deployment == f"{pipeline}{_ITSELF}":
            try:
                found = catalog.find(pipeline)
            except NotFoundError:
                if not catalog.pull():
                    raise
                found = catalog.find(pipeline)
            return Chain(((found.service, found.config),))
        deployed = self.deployments.named(deployment, pipeline)
        steps = tuple(
            (catalog.loaded(config.version_id).service, config) for config in deployed.configs
        )
        return Chain(steps, str(deployed.deployment.engine_config.get(PIPELINE_VERSION, "")))


def _run(service: Service, config: Config | None, table: pa.Table) -> pa.Table:
    try:
        return step_of(service, config).run(table)
    except UnsupportedError as error:
        raise PayloadError(str(error)) from error


def _check_count(sent: Rows, config: Config | None) -> None:
    """Refuse several rows where a model takes one a request."""
    if config is not None and config.batch_config == _SINGLE and sent.n_rows != 1:
        raise PayloadError(
            f"the model takes one row a request (batch_config single), and {sent.n_rows} were sent"
        )
