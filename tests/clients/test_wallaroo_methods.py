"""Every public member of the Wallaroo SDK that sends requests, called; the tables of the docs."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.clients.members import Key, Member, classes, members
from tests.clients.outcomes import Kind, Outcome, observe
from tests.clients.tables import differences, grouped, listed, table
from tests.support.http_calls import call
from tests.support.serving import Server, serve

pytest.importorskip("wallaroo", reason="make clients installs it")

import wallaroo

from tests.clients.wallaroo_world import MODEL, NAME, OBJECTS, PIPELINE, World

GENERATED = "ml_ops_api_client"
WAITS_FOR = "/v1/api/status/get_deployment"
"""Is asked until it answers 404, when something is undeployed."""

SILENT = frozenset({"AssayAnalysis"})
"""Classes that hold the client and never use it."""

BROKEN: Mapping[Key, str] = {
    ("ModelConfig", "inputs"): "asks for an attribute that the SDK's `ModelVersion` lacks",
    ("ModelConfig", "outputs"): "asks for an attribute that the SDK's `ModelVersion` lacks",
}
"""Members that fail in the SDK itself, whatever a server answers."""

LOCAL_ERRORS = frozenset(
    {
        ("AssayBuilder", "fixed_baseline_builder"),
        ("Client", "task_args"),
        ("Comment", "add_to_pipeline"),
        ("FixedWindowBaselineBuilder", "to_json"),
        ("RegisteredModel", "list_artifacts"),
        ("VectorBaselineBuilder", "to_json"),
    }
)
"""Members that fail in the SDK before any request, by its faults or for want of its containers."""

Outcomes = dict[Key, Outcome]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("store")
    with serve(None, "--store", str(root), "--max-workers", "2") as running:
        yield running


@pytest.fixture(scope="module")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A model in a deployed pipeline."""
    folder = tmp_path_factory.mktemp("files")
    path = folder / "token.json"
    path.write_text('{"token": "any", "user_email": "ann@example.org", "user_id": "ann"}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WALLAROO_SDK_CREDENTIALS", str(path))
        client = wallaroo.Client(api_endpoint=server.url, auth_type="token", request_timeout=120)
        version = client.upload_model(NAME, MODEL, framework=wallaroo.framework.Framework.ONNX)
        version = version.configure(tensor_fields=["tensor"])
        pipeline = client.build_pipeline(PIPELINE).add_model_step(version)
        client.get_current_workspace().add_user("bob@example.org")
        yield World(client, folder, version, pipeline.deploy())


@pytest.fixture(scope="module")
def called() -> list[Member]:
    """Every member of a class that holds the client; those that undeploy last."""
    kinds = [kind for kind in classes(wallaroo, GENERATED) if kind.__name__ not in SILENT]
    found = [member for kind in kinds for member in members(kind, GENERATED)]
    return sorted(found, key=lambda member: member.name == "undeploy")


@pytest.fixture(scope="module")
def outcomes(world: World, called: list[Member]) -> Outcomes:
    """The outcome of each member."""
    return {member.key: _call(world, member) for member in called}


def _call(world: World, member: Member) -> Outcome:
    thing, given = world.object_of(member), world.arguments(member)
    if member.is_property:
        return observe(lambda: getattr(thing, member.name))
    return observe(lambda: getattr(thing, member.name)(**given), WAITS_FOR)


def _of(outcomes: Outcomes, kind: Kind) -> list[Key]:
    return [key for key, found in outcomes.items() if found.kind is kind and key not in BROKEN]


def test_every_member_can_be_called(world: World, called: list[Member]) -> None:
    """A new class or argument of the SDK gets its line in `wallaroo_world.py`."""
    unknown = {member.key: world.unknown(member) for member in called}

    assert {member.owner.__name__ for member in called} == OBJECTS.keys() | {
        "Pipeline",
        "Deployment",
    }
    assert {key: names for key, names in unknown.items() if names} == {}


def test_what_holds_the_client_in_silence_never_uses_it() -> None:
    silent = [kind for kind in classes(wallaroo, GENERATED) if kind.__name__ in SILENT]

    assert {kind.__name__ for kind in silent} == SILENT
    assert not any(re.search(r"client\.|mlops\(|gql", inspect.getsource(kind)) for kind in silent)


def test_nothing_is_a_fault(outcomes: Outcomes) -> None:
    """A 404, and an answer that the SDK does not understand, is one."""
    faults = {key: outcomes[key] for key in _of(outcomes, Kind.FAULT)}

    assert faults == {}
    assert {outcomes[key].kind for key in BROKEN} == {Kind.FAULT}
    silent = {key for key in _of(outcomes, Kind.LOCAL) if outcomes[key].error is not None}
    assert silent == LOCAL_ERRORS


def test_the_docs_show_what_became_of_each(server: Server, outcomes: Outcomes) -> None:
    answered = _answered(outcomes)
    refused: dict[str, list[Key]] = {}
    for key in _of(outcomes, Kind.REFUSED):
        refused.setdefault(_reason(server, outcomes[key]), []).append(key)
    why = [[reason, grouped(keys)] for reason, keys in sorted(refused.items())]
    broken = [[f"`{owner}.{name}`", why] for (owner, name), why in sorted(BROKEN.items())]
    parts = {
        "wallaroo-answered": table(("object", "works", "empty"), answered),
        "wallaroo-refused": table(("the server says", "to"), why),
        "wallaroo-broken": table(("fails in the SDK", "because it"), broken),
    }

    assert differences("wallaroo.md", parts) == []


def _answered(outcomes: Outcomes) -> list[list[str]]:
    works, empty = _of(outcomes, Kind.WORKS), _of(outcomes, Kind.EMPTY)
    owners = sorted({owner for owner, _ in (*works, *empty)})
    return [
        [
            f"`{owner}`",
            *(listed(name for of, name in keys if of == owner) for keys in (works, empty)),
        ]
        for owner in owners
    ]


def _reason(server: Server, outcome: Outcome) -> str:
    """Return the server's reason for a refusal, which the SDK does not always show."""
    if not outcome.refusals:
        found: Any = outcome.error
        return str(found.errors[0]["message"])
    last = outcome.refusals[-1]
    headers = {"Content-Type": "application/json"}
    reply = call(
        server.url, last.method, last.url.removeprefix(server.url), body=b"{}", headers=headers
    )
    return str(json.loads(reply.body)["msg"]).removeprefix("Not implemented: ")
