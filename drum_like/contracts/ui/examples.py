"""The request for one row in the form of each contract, with the model's own columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drum_like.codecs.csv.encode import csv_text
from drum_like.contracts.ui.sample import Row
from drum_like.http.wire import JSON
from drum_like.inference.service import ModelInfo, Service
from drum_like.types.explanation import Kind
from drum_like.types.payload import CSV

_TENSORS = {bool: "BOOL", int: "INT64", float: "FP64"}
"""Data types of the Open Inference Protocol by the types of cells; others are BYTES."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request, as a client of a contract sends it by POST.

    Attributes:
        contract: Name of the contract, as `--contracts` has it.
        title: The contract in words.
        path: Below the prefix; parameters as in the documents, `/models/{model}/predict/`.
        body: A value of JSON, or text.
        media_type: Of the body.
    """

    contract: str
    title: str
    path: str
    body: Any
    media_type: str = JSON


def parameters(info: ModelInfo) -> Mapping[str, str]:
    """Return the parameters of paths that name a model, by the names in the documents."""
    named = dict.fromkeys(("model", "name", "segment"), info.name)
    return {**named, "version": info.version, "endpoint": "1", "deployed": "1"}


def examples(service: Service, row: Row) -> Iterator[Example]:
    """Yield a request for a row in the form of each contract that predicts rows.

    Args:
        service: The model.
        row: A row that it predicts.
    """
    text = csv_text([list(row), list(row.values())])
    for path in ("/predict/", "/predictions/", "/models/{model}/predict/"):
        yield Example("drum", "DRUM, CSV", path, text, CSV)
    for path in ("/predict/", "/predictions/"):
        yield Example("drum", "DRUM, JSON", path, [row])
    yield from _of_mlflow(row)
    yield from _of_clouds(service, row)
    yield from _of_kserve(service, row)
    yield from _of_h2o(service, row)
    rows = {"model_id": service.info.name, "instances": [row]}
    for path in ("/invocate", "/invocations"):
        yield Example("ecosystem", "ecosystem.ai", path, rows)


def _of_mlflow(row: Row) -> Iterator[Example]:
    split = {"columns": list(row), "data": [list(row.values())]}
    yield Example("mlflow", "MLflow", "/invocations", {"dataframe_split": split})
    of_name, of_version = "/serving-endpoints/{name}", "/model/{name}/{version}"
    for path in (of_name, of_version):
        records = {"dataframe_records": [row]}
        yield Example("databricks", "Databricks", f"{path}/invocations", records)


def _of_clouds(service: Service, row: Row) -> Iterator[Example]:
    yield Example("azureml", "Azure ML", "/score", {"data": [row]})
    path = "/v1/endpoints/{endpoint}/deployedModels/{deployed}:predict"
    yield Example("vertex", "Vertex AI", path, {"instances": [row]})
    if service.inputs is None:
        return  # SageMaker's rows name no columns
    features = {"instances": [{"features": list(row.values())}]}
    yield Example("sagemaker", "SageMaker", "/endpoints/{endpoint}/invocations", features)
    yield Example("sagemaker", "SageMaker", "/invocations", features)


def _of_kserve(service: Service, row: Row) -> Iterator[Example]:
    rows, path = {"instances": [row]}, "/v1/models/{model}"
    yield Example("kserve_v1", "KServe V1", f"{path}:predict", rows)
    if service.contribution_kinds:
        yield Example("kserve_v1", "KServe V1", f"{path}:explain", rows)
    tensors = {"inputs": [_tensor(name, cell) for name, cell in row.items()]}
    for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        yield Example("open_inference", "Open Inference (V2)", f"{path}/infer", tensors)


def _of_h2o(service: Service, row: Row) -> Iterator[Example]:
    table = {"fields": list(row), "rows": [["" if c is None else str(c) for c in row.values()]]}
    yield Example("h2o", "H2O MLOps", "/model/score", table)
    yield Example("h2o", "H2O MLOps", "/{segment}/model/score", table)
    if Kind.ORIGINAL in service.contribution_kinds:
        kind = {"requestShapleyValueType": Kind.ORIGINAL.value}
        yield Example("h2o", "H2O MLOps", "/model/contribution", table | kind)


def _tensor(name: str, cell: Any) -> dict[str, Any]:
    return {
        "name": name,
        "shape": [1, 1],
        "datatype": _TENSORS.get(type(cell), "BYTES"),
        "data": [cell],
    }
