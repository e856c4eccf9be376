"""Objects of the Wallaroo SDK, one of each class, and arguments to call their members with."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import wallaroo.client as sdk
from wallaroo import (
    assay,
    assay_config,
    comment,
    model_registry,
    pipeline_config,
    pipeline_publish,
    task_run,
)
from wallaroo.assays_v2 import AssayV2, AssayV2Builder
from wallaroo.framework import Framework
from wallaroo.wallaroo_ml_ops_api_client.models import registered_model, registered_model_version

from tests.clients.members import Key, Member

MODEL = Path(__file__).parents[2] / "model_templates/onnx_regression/model.onnx"
NAME, PIPELINE = "regressor", "progression"
ROWS = pd.DataFrame({"tensor": [[54, 2, 36.1, 115, 163, 98.4, 43, 4, 4.6821, 101]]})
END = datetime.now(UTC)
START = END - timedelta(days=2)
ID = str(uuid.UUID(int=7))
"""Of a thing that is nowhere."""
SCHEMA = pa.schema([pa.field("a", pa.float32())])
_STEPS = frozenset({"create_version", "deploy", "publish", "remove_step"})
"""Members of a pipeline that act on the steps that were added to it."""


@dataclass(frozen=True, slots=True)
class World:
    """The models and pipelines that are there before a call.

    Attributes:
        client: The SDK.
        folder: Where files may be written.
        version: A version of a model.
        pipeline: A deployed pipeline over it.
    """

    client: Any
    folder: Path
    version: Any
    pipeline: Any

    def object_of(self, member: Member) -> Any:
        """Return the object that has a member, made of its id alone."""
        kind = member.owner.__name__
        if kind == "Pipeline":
            return self._pipeline(member.name)
        if kind == "Deployment":
            return self._deployment(member.name)
        return OBJECTS[kind](self)

    def arguments(self, member: Member) -> dict[str, Any]:
        """Return the arguments of a member.

        Raises:
            KeyError: there is no value for an argument.
        """
        special = SPECIAL.get(member.key, {})
        names = {*member.required(), *special}
        return {name: (special.get(name) or USUAL[name])(self) for name in names}

    def unknown(self, member: Member) -> set[str]:
        """Return the arguments of a member for which there is no value."""
        return set(member.required()) - USUAL.keys() - SPECIAL.get(member.key, {}).keys()

    def builder(self, **baseline: Any) -> Any:
        """Return the builder of an assay, of baseline rows or of times."""
        found = self.client.build_assay(
            assay_name="drift",
            pipeline=self.pipeline,
            iopath="output variable 0",
            model_name=NAME,
            **baseline,
        )
        found.window_builder().add_width(hours=1).add_start(START)
        return found.add_run_until(END)

    def _pipeline(self, name: str) -> Any:
        found = sdk.Pipeline(self.client, {"id": self.pipeline.id()})
        needs_steps = name in _STEPS or name.startswith("replace_with")
        return found.add_model_step(self.version) if needs_steps else found

    def _deployment(self, name: str) -> Any:
        found = sdk.Deployment(self.client, {"id": self.client.list_deployments()[0].id()})
        if name in ("deploy", "wait_for_undeployed"):
            return found.undeploy()
        return found.deploy()


def _fresh() -> str:
    """Return a name that nothing has."""
    return f"n{uuid.uuid4().hex[:8]}"


def _summarizer() -> Any:
    return assay_config.UnivariateContinousSummarizerBuilder().build()


def _window() -> Any:
    made = assay_config.WindowBuilder(PIPELINE).add_model_name(NAME).add_path("output variable 0")
    return made.add_width(hours=1).add_interval(hours=1).add_start(START).build()


def _rows_file(world: World) -> str:
    path = world.folder / "rows.json"
    ROWS.to_json(path, orient="records")
    return str(path)


def _always(value: Any) -> Callable[[World], Any]:
    return lambda _: value


def _by_id(kind: Any, **more: Any) -> Callable[[World], Any]:
    return lambda world: kind(world.client, {"id": ID, **more})


def _assay_v2(world: World) -> Any:
    """Return an assay that is nowhere; to be made it would have to be fetched."""
    found = object.__new__(AssayV2)
    found._client, found.id = world.client, ID
    return found


def _assay_v2_builder(world: World) -> Any:
    found = AssayV2Builder(world.client, world.pipeline.id(), PIPELINE, 1)
    found = found.set_baseline(START, END).add_monitoring("out.variable", [0])
    return found.psi_metric().density_aggregation().equal_bins(5).hours_of_data(1)


def _assay_config(world: World) -> Any:
    statistics = dict.fromkeys(("count", "min_", "max_", "mean", "median", "std"), 1)
    baseline = assay_config.StaticBaseline(
        **statistics,
        edges=[1.0, 2.0],
        edge_names=["a", "b"],
        aggregated_values=[0.5, 0.5],
        aggregation=assay_config.Aggregation.DENSITY,
        start=START,
        end=END,
    )
    made = (baseline, _window(), _summarizer(), 0.1, 0.5, END, 1, "default")
    return assay_config.AssayConfig(world.client, "a", 1, PIPELINE, True, "created", *made)  # noqa: FBT003


def _publish(world: World) -> Any:
    today = END.isoformat()
    texts = ("pipeline_version_name", "workspace_name", "engine_url", "pipeline_url", "status")
    return pipeline_publish.PipelinePublish(
        world.client,
        id=1,
        created_at=today,
        updated_at=today,
        created_by="ann",
        engine_config={},
        pipeline_version_id=1,
        user_images=[],
        workspace_id=1,
        edge_bundles={},
        **dict.fromkeys(texts, "x"),
    )


def _registered(world: World) -> Any:
    data = registered_model.RegisteredModel(1, 1, "a", "ann")
    return model_registry.RegisteredModel(world.client, data, ID)


def _registered_version(world: World) -> Any:
    data = registered_model_version.RegisteredModelVersion.from_dict(
        {
            "creation_timestamp": 1,
            "last_updated_timestamp": 1,
            "current_stage": "None",
            "description": "",
            "name": "a",
            "run_id": "r",
            "source": "s",
            "status": "READY",
            "user_id": "ann",
            "version": "1",
        }
    )
    return model_registry.RegisteredModelVersion(world.client, data, ID)


def _baseline(kind: Any) -> Callable[[World], Any]:
    def make(world: World) -> Any:
        found = kind(world.client, PIPELINE, 0.5, 0.1, world.pipeline.id(), "default")
        return found.add_summarizer(_summarizer()).add_window(_window()).add_workspace_id(1)

    return make


def _vector(world: World) -> Any:
    return _baseline(assay_config.VectorBaselineBuilder)(world).add_baseline_data(np.array([1.0]))


def _fixed(world: World) -> Any:
    found = _baseline(assay_config.FixedWindowBaselineBuilder)(world)
    return found.add_start(START).add_end(END).add_iopath("output variable 0")


OBJECTS: dict[str, Callable[[World], Any]] = {
    "Assay": _by_id(assay.Assay, id=1),
    "AssayBuilder": lambda world: world.builder(baseline_start=START, baseline_end=END),
    "AssayConfig": _assay_config,
    "AssayV2": _assay_v2,
    "AssayV2Builder": _assay_v2_builder,
    "Client": lambda world: world.client,
    "Comment": _by_id(comment.Comment, id=1),
    "Connection": _by_id(sdk.Connection),
    "FixedWindowBaselineBuilder": _fixed,
    "Model": lambda world: sdk.Model(world.client, {"id": world.client.list_models()[0].id()}),
    "ModelConfig": lambda world: sdk.ModelConfig(world.client, {"id": world.version.config().id()}),
    "ModelRegistry": _by_id(model_registry.ModelRegistry),
    "ModelVersion": lambda world: sdk.ModelVersion(world.client, {"id": world.version.id()}),
    "Orchestration": _by_id(sdk.Orchestration),
    "PipelineConfigBuilder": lambda world: pipeline_config.PipelineConfigBuilder(
        world.client, PIPELINE
    ).add_model_step(world.version),
    "PipelinePublish": _publish,
    "PipelineVersion": lambda world: sdk.PipelineVersion(
        world.client, {"id": world.pipeline.versions()[0].id()}
    ),
    "RegisteredModel": _registered,
    "RegisteredModelVersion": _registered_version,
    "Tag": _by_id(sdk.Tag, id=1),
    "Task": _by_id(sdk.Task),
    "TaskRun": lambda world: task_run.TaskRun(world.client, {"task": ID, "run_id": ID}),
    "User": lambda world: world.client.list_users()[0],
    "VectorBaselineBuilder": _vector,
    "Workspace": lambda world: sdk.Workspace(world.client, {"id": 1}),
}
"""A class's name, and how one of it is made: of its id, so that all else has to be asked for."""

USUAL: dict[str, Callable[[World], Any]] = {
    "active": _always(value=False),
    "alert_threshold": _always(0.5),
    "assay_id": _always(1),
    "assay_name": lambda _: _fresh(),
    "async_client": lambda _: httpx.AsyncClient(),
    "audit_slice": _always("0:1"),
    "base_url": lambda world: world.client.api_endpoint,
    "baseline": _always(None),
    "baseline_data": _always(np.array([1.0, 2.0])),
    "challengers": lambda world: [world.version],
    "champion": lambda world: world.version,
    "client": lambda world: world.client,
    "connection_type": _always("HTTP"),
    "default": lambda world: world.version,
    "deployment_name": _always(PIPELINE),
    "details": _always({}),
    "email": _always("bob@example.org"),
    "end": _always(END),
    "field": _always("out.variable"),
    "first_run": _always(START),
    "framework": _always(Framework.ONNX),
    "id": _always("bob@example.org"),
    "image": _always("registry.example.org/a:1"),
    "index": _always(0),
    "indices": _always([0]),
    "inferences": _always([{"original_data": {"tensor": [[1.0]]}}]),
    "input_schema": _always(SCHEMA),
    "iopath": _always("output variable 0"),
    "labels": _always(None),
    "location": _always("main"),
    "locations": _always(["main"]),
    "meta_key": _always("key"),
    "model": lambda world: world.version,
    "model_class": _always(NAME),
    "model_config": lambda world: world.version.config(),
    "model_configs": lambda world: [world.version.config()],
    "model_id": lambda world: world.version.id(),
    "model_name": lambda world: world.version.version(),
    "model_pk_id": lambda world: world.version.id(),
    "model_version": lambda world: world.version,
    "model_version_list": lambda world: [world.version],
    "models": lambda world: [world.version],
    "name": lambda _: _fresh(),
    "num": _always(5),
    "options": lambda world: {"a": world.version},
    "output_schema": _always(SCHEMA),
    "password": _always("secret"),
    "path": _always(str(MODEL)),
    "pipeline": lambda world: world.pipeline,
    "pipeline_id": lambda world: world.pipeline.id(),
    "pipeline_name": _always(PIPELINE),
    "pipeline_pk_id": lambda world: world.pipeline.id(),
    "run_until": _always(END),
    "schedule": _always("0 0 * * *"),
    "select_index": _always(0),
    "sidekick_name": _always("none"),
    "slice": _always("0:1"),
    "start": _always(START),
    "step_index": _always(0),
    "summarizer": lambda _: _summarizer(),
    "tag_text": lambda _: _fresh(),
    "task_id": _always(ID),
    "tensor": _always(ROWS),
    "threshold": _always(0.5),
    "token": _always("any"),
    "topic": _always("workspace-1-pipeline-progression-inference"),
    "url": _always("https://example.org"),
    "user_email": lambda _: f"{_fresh()}@example.org",
    "validations": _always({}),
    "version": lambda world: world.version.version(),
    "warning_threshold": _always(0.5),
    "weighted": lambda world: [(1.0, world.version)],
    "weights": _always([0.5, 0.5]),
    "width": _always(timedelta(hours=1)),
    "window": lambda _: _window(),
    "workspace": lambda world: world.client.get_current_workspace(),
    "workspace_id": _always(1),
    "workspace_name": lambda _: _fresh(),
}
"""Values of arguments by their names, made when they are needed."""

_NAMED, _SELF = {"name": _always(NAME)}, {"name": _always(PIPELINE)}
_ROW = {"tensor": _always(ROWS)}
SPECIAL: dict[Key, dict[str, Callable[[World], Any]]] = {
    ("AssayV2Builder", "set_aggregation"): {"aggregation": _always("density")},
    ("AssayV2Builder", "set_metric"): {"metric": _always("psi")},
    ("AssayV2Builder", "set_bin_weights"): {"weights": _always([0.2] * 5)},
    ("AssayConfig", "interactive_input_run_arrow"): {
        "inferences": _always(pd.DataFrame({"in": [{"tensor": [1.0]}]}))
    },
    ("Client", "create_connection"): {
        "name": _always("c"),
        "connection_type": _always("HTTP"),
        "details": _always({}),
    },
    ("Client", "generate_upload_model_api_command"): {"framework": _always(Framework.ONNX)},
    ("Client", "get_connection"): _SELF,
    ("Client", "get_model"): _NAMED,
    ("Client", "get_pipeline"): _SELF,
    ("Client", "get_urls"): {"auth_type": _always("token"), "api_endpoint": _always("http://a")},
    ("Client", "get_workspace"): {"create_if_not_exist": _always(True)},  # noqa: FBT003
    ("Client", "model_by_name"): _NAMED,
    ("Client", "upload_assay"): {"config": _assay_config},
    ("Client", "upload_model"): {"framework": _always(Framework.ONNX)},
    ("Client", "upload_orchestration"): {"bytes_buffer": _always(b"x")},
    ("Deployment", "infer_from_file"): {"filename": _rows_file},
    ("ModelVersion", "configure"): {"tensor_fields": _always(["tensor"])},
    ("Orchestration", "upload"): {"bytes_buffer": _always(b"x")},
    ("Pipeline", "export_logs"): {"directory": lambda world: str(world.folder / "logs")},
    ("Pipeline", "generate_api_spec"): {"path": lambda world: str(world.folder / "spec.yaml")},
    ("Pipeline", "infer"): _ROW,
    ("Pipeline", "infer_from_file"): {"filename": _rows_file},
    ("Pipeline", "openai_chat_completion"): {"messages": _always([])},
    ("Pipeline", "openai_completion"): {"prompt": _always("a")},
    ("Workspace", "get_workspace"): {"create_if_not_exist": _always(True)},  # noqa: FBT003
    ("Workspace", "remove_user"): {"user_email": _always("bob@example.org")},
}
"""Values of members whose arguments have no fitting default, or are not named by it."""
