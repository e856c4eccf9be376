"""Every public member of the scorer and deployments of H2O's client, called; the docs' table."""

import base64
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.members import Key, Member, members
from tests.clients.outcomes import Kind, Outcome, observe
from tests.clients.tables import differences, listed, table
from tests.support.serving import serve

pytest.importorskip("h2o_mlops", reason="make clients installs it")

from h2o_mlops import _deployments, options, types

from tests.clients.h2o_clients import IS_OLD, VERSION, client_of, deployments_of

TEMPLATES = Path(__file__).parents[2] / "model_templates"
MODEL = "cells"
LOCAL = frozenset({"chat", "chat_endpoint", "openai_base_url", "create"})
"""Refused by the client itself: no model here is one that streams, or is one of the cloud's."""

Outcomes = dict[Key, Outcome]


def rows_of(template: str) -> dict[str, Any]:
    """Return rows that a template's model scores."""
    with (TEMPLATES / template / "sample.csv").open(newline="") as file:
        fields, *rows = csv.reader(file)
    return {"fields": fields, "rows": rows}


def given(member: Member, picture: Path) -> dict[str, Any]:
    """Return the arguments of a member."""
    payload = {**rows_of("xgboost_binary"), "requestShapleyValueType": "ORIGINAL"}
    if member.name == "score_media":
        payload = {"fields": ["image"], "rows": [[picture.name]], "media_fields": ["image"]}
    values = {
        "composition_options": None,
        "file_paths": [str(picture)],
        "messages": [{"role": "user", "content": "a"}],
        "name": "new",
        "path": "static",
        "payload": payload,
        "security_options": options.SecurityOptions(security_type=types.SecurityType.DISABLED),
        "uid": MODEL,
    }
    more = ("name",) if member.name == "update" else ()
    return {name: values[name] for name in (*member.required(), *more)}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """The outcome of each member; pictures go to a model of pictures."""
    picture = tmp_path_factory.mktemp("files") / "a.png"
    picture.write_bytes(base64.b64decode(rows_of("media")["rows"][0][0]))
    one = ("--max-workers", "1")
    with (
        serve(TEMPLATES / "xgboost_binary", *one) as server,
        serve(TEMPLATES / "media", *one) as pictures,
    ):
        client = client_of(server)
        deployments = deployments_of(client)
        deployment = deployments.get(MODEL)
        things = [deployments, deployment, deployment.scorer]
        if not IS_OLD:
            things.append(_deployments.MLOpsAllScoringDeployments(client))
        found = {one.key: _call(thing, one, picture) for thing in things for one in _of_kind(thing)}
        scorer = deployments_of(client_of(pictures)).get(MODEL).scorer
        media = next(one for one in _of_kind(scorer) if one.name == "score_media")
        yield found | {media.key: _call(scorer, media, picture)}


def _of_kind(thing: Any) -> list[Member]:
    return list(members(type(thing)))


def _call(thing: Any, member: Member, picture: Path) -> Outcome:
    if member.is_property:
        return observe(lambda: getattr(thing, member.name))
    named = given(member, picture)
    return observe(lambda: getattr(thing, member.name)(**named))


def test_nothing_is_a_fault(outcomes: Outcomes) -> None:
    """A 404, and an answer that the client does not understand, is one."""
    faults = {key: found for key, found in outcomes.items() if found.kind is Kind.FAULT}
    local = {
        key: found
        for key, found in outcomes.items()
        if found.kind is Kind.LOCAL and found.error is not None and key[1] not in LOCAL
    }

    assert faults == {}
    assert local == {}


def test_the_docs_show_what_became_of_each(outcomes: Outcomes) -> None:
    kinds = (Kind.WORKS, Kind.EMPTY, Kind.REFUSED)
    rows = [
        [f"`{owner}`", *(listed(_of(outcomes, owner, kind)) for kind in kinds)]
        for owner in sorted({owner for owner, _ in outcomes})
    ]
    name = f"h2o-mlops-{'.'.join(map(str, VERSION))}"

    assert differences("h2o-scorer.md", {name: table(("object", *kinds), rows)}) == []


def _of(outcomes: Outcomes, owner: str, kind: Kind) -> list[str]:
    return [name for (of, name), found in outcomes.items() if of == owner and found.kind is kind]
