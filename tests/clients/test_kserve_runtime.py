"""deploy/kserve-serving-runtime.yaml: KServe's own classes read it, its container serves."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.models import ONE_WORKER
from tests.support.serving import serve
from tests.support.summing import SUM

pytest.importorskip("kserve", reason="make clients installs it")

import kserve
import yaml
from kubernetes import client

REGRESSION = ("--target-type", "regression")
RUNTIME = Path(__file__).parents[2] / "deploy" / "kserve-serving-runtime.yaml"


def read() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(RUNTIME.read_text("utf-8"))
    return document


def test_every_key_is_one_of_the_classes() -> None:
    made = as_written("V1alpha1ClusterServingRuntime", read())

    assert isinstance(made, kserve.V1alpha1ClusterServingRuntime)
    assert made.spec.containers[0].name == "kserve-container"


def as_written(kind: str, value: Any) -> Any:
    """Return a value as an object of a class of KServe or Kubernetes.

    Raises:
        KeyError: it has a key that the class does not have.
        ValueError: the class refuses a value.
    """
    if inner := re.fullmatch(r"list\[(.*)\]", kind):
        return [as_written(inner[1], one) for one in value]
    if (ours := getattr(kserve, kind, None)) is not None:
        attributes = {key: name for name, key in ours.attribute_map.items()}
        types = ours.openapi_types
        found = {attributes[key]: part for key, part in value.items()}
        return ours(**{name: as_written(types[name], part) for name, part in found.items()})
    if (theirs := getattr(client, kind, None)) is not None:
        made = theirs.from_dict(value)
        assert client.ApiClient().sanitize_for_serialization(made) == value
        return made
    return value


def test_the_container_serves_both_protocols_with_its_arguments(tmp_path: Path) -> None:
    (container,) = read()["spec"]["containers"]
    model = SUM.write(tmp_path)
    given = {"/mnt/models": str(model), "{{.Name}}": "mine", "0.0.0.0:8080": "127.0.0.1:0"}
    verb, *flags = container["args"]
    for shown, real in given.items():
        flags = [flag.replace(shown, real) for flag in flags]
    words = [word for flag in flags for word in flag.split("=", 1)]

    with serve(None, *words, *REGRESSION, *ONE_WORKER, env=SUM.env) as server:
        assert verb == "server"
        for probe in ("readinessProbe", "livenessProbe"):
            assert server.get(container[probe]["httpGet"]["path"]).status == 200
        assert server.get("/v1/models").json() == {"models": ["mine"]}
        assert server.get("/v2/models/mine/ready").status == 200


def test_its_formats_are_those_that_it_selects_by_itself_once() -> None:
    formats = read()["spec"]["supportedModelFormats"]

    names = [(one["name"], one["version"]) for one in formats]
    assert len(set(names)) == len(names)
    assert [one["name"] for one in formats if one["autoSelect"]] == ["drum"]
