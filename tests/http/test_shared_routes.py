"""Routes with several owners."""

from dataclasses import replace

import pytest
from flask import Flask, Response, request

from drum_like.errors import PayloadError, SettingsError
from drum_like.http.auth import Scope
from drum_like.http.contract import LAST, Claim, Contract
from drum_like.http.errors import ErrorForm, Failure
from drum_like.http.requests import CONTRACT
from drum_like.http.shared_routes import CHOICE, SharedRoutes


def text(content: str) -> Response:
    return Response(content, content_type="text/plain")


def teapot(failure: Failure) -> Response:
    return Response(f"failed: {failure.text}", 418)


ERRORS = ErrorForm({}, teapot, hide_errors=False)


def claim(
    content: str,
    rank: int = LAST,
    media_type: str | None = None,
    *,
    is_choice: bool = False,
    only_chosen: bool = False,
    rule: str = "/a",
) -> Claim:
    return Claim(
        rule,
        "POST" if media_type or is_choice else "GET",
        f"{content}.route",
        lambda: text(content),
        Scope.PREDICT,
        ERRORS,
        rank,
        lambda r: media_type is None or r.mimetype == media_type,
        is_choice,
        only_chosen,
    )


def of(name: str, *claims: Claim, aliases: tuple[str, ...] = ()) -> Contract:
    return Contract(name, ERRORS, claims=claims, aliases=aliases)


def app_with(*contracts: Contract, usual: str = "auto") -> Flask:
    app = Flask("test", static_folder=None)
    SharedRoutes(contracts, usual).mount(app, "/p")
    app.register_error_handler(Exception, ERRORS.answer)
    app.after_request(named)
    return app


def named(response: Response) -> Response:
    response.headers[CHOICE] = request.environ.get(CONTRACT, "")
    return response


def test_the_first_rank_that_claims_a_request_answers_it() -> None:
    last = claim("last", is_choice=True)
    client = app_with(of("x", last), of("y", claim("json", 1, "application/json"))).test_client()

    assert client.post("/p/a", json={}).text == "json"
    assert client.post("/p/a", data="a").text == "last"


@pytest.mark.parametrize("choice", ["x", "y", " Y "])
def test_a_caller_may_choose_the_contract(choice: str) -> None:
    contracts = of("x", claim("x", 1, is_choice=True)), of("y", claim("y", 2, is_choice=True))
    client = app_with(*contracts).test_client()

    response = client.post("/p/a", headers={CHOICE: choice})

    assert response.text == response.headers[CHOICE] == choice.strip().lower()


def test_binary_tensors_are_never_left_to_another_contract() -> None:
    takes = replace(claim("x", 1, "application/json"), is_choice=True, takes_tensors=True)
    contracts = of("x", takes), of("y", claim("y", 2, is_choice=True))
    client = app_with(*contracts).test_client()

    assert SharedRoutes(contracts).with_tensors == {"y.route"}
    assert client.post("/p/a", json={}).text == "x"
    assert client.post("/p/a", headers={CHOICE: "y"}).text == "y"
    refused = client.post("/p/a", json={}, headers={CHOICE: "y"})
    assert refused.text == "failed: X-Scoring-Contract is y, which takes no binary tensors"


def test_a_contract_may_have_further_names() -> None:
    contracts = (
        of("y", claim("y", 1, is_choice=True)),
        of("x", claim("x", 2, is_choice=True), aliases=("kse",)),
    )

    response = app_with(*contracts).test_client().post("/p/a", headers={CHOICE: "kse"})

    assert response.text == response.headers[CHOICE] == "x"


def test_who_chooses_asks_the_claims_of_one_contract_alone() -> None:
    chooses = claim("chosen", 2, is_choice=True, only_chosen=True)
    contracts = of("y", claim("other", 1), claim("y", is_choice=True)), of("x", chooses)
    other = replace(contracts[0], claims=(replace(contracts[0].claims[0], method="POST"),))
    client = app_with(other, contracts[1]).test_client()

    assert client.post("/p/a", headers={CHOICE: "x"}).text == "chosen"
    assert client.post("/p/a").text == client.post("/p/a", headers={CHOICE: "auto"}).text == "other"


def test_the_operator_chooses_for_those_who_do_not() -> None:
    contracts = of("x", claim("x", 1, is_choice=True)), of("y", claim("y", 2, is_choice=True))
    client = app_with(*contracts, usual="y").test_client()

    assert client.post("/p/a").text == "y"
    assert client.post("/p/a", headers={CHOICE: "x"}).text == "x"
    assert client.post("/p/a", headers={CHOICE: "auto"}).text == "x"


def test_the_operators_choice_must_be_here() -> None:
    with pytest.raises(SettingsError, match="choose one of auto, x"):
        SharedRoutes([of("x", claim("x", 1, is_choice=True))], "z")


def test_a_choice_that_is_not_here_is_refused_with_those_that_are() -> None:
    contracts = of("y", claim("y", 2, is_choice=True)), of("x", claim("x", 1, is_choice=True))

    response = app_with(*contracts).test_client().post("/p/a", headers={CHOICE: "z"})

    assert response.text == f"failed: {CHOICE} must be one of auto, x, y"


def test_an_error_takes_the_form_of_the_contract_that_answered() -> None:
    def broken() -> Response:
        raise PayloadError("no")

    client = app_with(
        of("x", Claim("/", "GET", "x.route", broken, Scope.PROBE, ERRORS))
    ).test_client()

    response = client.get("/p/")

    assert (response.status_code, response.text) == (418, "failed: no")


def test_the_last_claim_names_the_endpoint_its_contract_and_its_scope() -> None:
    app = Flask("test", static_folder=None)

    scopes = SharedRoutes([of("x", claim("last")), of("y", claim("first", 1))]).mount(app, "")

    assert scopes == {"last.route": ("x", Scope.PREDICT)}


def test_head_is_answered_like_get() -> None:
    assert app_with(of("x", claim("x", 1))).test_client().head("/p/a").status_code == 200


def test_a_request_without_a_claim_is_refused() -> None:
    app = app_with(of("x", claim("x", 1, "application/json")))

    assert app.test_client().post("/p/a", data="a").status_code == 418


def test_two_claims_of_one_rank_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="two claims of rank 1 on GET /a"):
        SharedRoutes([of("x", claim("x", 1)), of("y", claim("y", 1))])
