"""Routes with several owners."""

import pytest
from flask import Flask, Response

from drum_like.auth import Scope
from drum_like.errors import DrumLikeError, PayloadError
from drum_like.forms import Form, Forms


def text(content: str) -> Response:
    return Response(content, content_type="text/plain")


def fail(error: DrumLikeError) -> Response:
    return Response(f"failed: {error}", 418)


def form(content: str, rank: int, media_type: str | None = None) -> Form:
    return Form(
        answer=lambda: text(content),
        fail=fail,
        endpoint=f"{content}.route",
        scope=Scope.PREDICT,
        rank=rank,
        claims=lambda r: media_type is None or r.mimetype == media_type,
    )


def app_with(forms: Forms) -> Flask:
    app = Flask("test", static_folder=None)
    forms.mount(app, "/p")
    return app


def test_the_first_rank_that_claims_a_request_answers_it() -> None:
    forms = Forms()
    forms.add("/invocations", "POST", form("last", 1000))
    forms.add("/invocations", "POST", form("json", 1, "application/json"))
    client = app_with(forms).test_client()

    assert client.post("/p/invocations", json={}).text == "json"
    assert client.post("/p/invocations", data="a").text == "last"


def test_an_error_takes_the_form_of_the_contract_that_answered() -> None:
    def broken() -> Response:
        raise PayloadError("no")

    forms = Forms()
    forms.add("/", "GET", Form(broken, fail, "x.route", Scope.PROBE))
    client = app_with(forms).test_client()

    response = client.get("/p/")

    assert (response.status_code, response.text) == (418, "failed: no")


def test_the_last_form_names_the_endpoint_and_its_scope() -> None:
    forms = Forms()
    forms.add("/a", "GET", form("last", 1000))
    forms.add("/a", "GET", form("first", 1))
    app = Flask("test", static_folder=None)

    scopes = forms.mount(app, "")

    assert scopes == {"last.route": Scope.PREDICT}


def test_head_is_answered_like_get() -> None:
    forms = Forms()
    forms.add("/a", "GET", form("x", 1))

    assert app_with(forms).test_client().head("/p/a").status_code == 200


def test_a_request_that_nobody_claims_is_refused() -> None:
    forms = Forms()
    forms.add("/a", "POST", form("x", 1, "application/json"))
    app = app_with(forms)
    app.register_error_handler(DrumLikeError, fail)

    assert app.test_client().post("/p/a", data="a").status_code == 418


def test_two_forms_of_one_rank_are_a_mistake() -> None:
    forms = Forms()
    forms.add("/a", "GET", form("x", 1))

    with pytest.raises(ValueError, match="two forms of rank 1"):
        forms.add("/a", "GET", form("y", 1))
