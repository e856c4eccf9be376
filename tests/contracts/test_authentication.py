"""One authentication layer in front of every contract (rows G)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.security import generate_password_hash

from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER, REG
from tests.support.scorers import JSON, detail
from tests.support.serving import Server, run, serve, start_failure

RIGHT = "correct horse"
BODY = '{"fields": ["a"], "rows": [["1.5"]]}'

OPEN = ["/livez", "/readyz", "/", "/ping/", "/health/"]
SCORER = [
    ("GET", "/dep/readyz"),
    ("GET", "/dep/model/id"),
    ("GET", "/model/capabilities"),
    ("GET", "/dep/model/schema"),
    ("POST", "/dep/model/score"),
    ("GET", "/deployer/v2/workspaces/w/deployments/d/metadata"),
]
OTHERS = [
    ("GET", "/info/"),
    ("GET", "/capabilities/"),
    ("GET", "/stats/"),
    ("POST", "/predict/"),
    ("POST", "/invocations"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/of-the-model"),
]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks who calls, with a route of the model's own."""
    directory = tmp_path_factory.mktemp("locked")
    extension = "def init_app(app):\n    app.add_url_rule('/of-the-model', 'own', lambda: 'own')\n"
    REG.plus(custom_flask_py=extension).write(directory / "model")
    hashed = generate_password_hash("open sesame", "pbkdf2:sha256:1000")
    (directory / "credentials.yaml").write_text(
        f"- name: hashed\n  passphrase_hash: {hashed}\n"
        "- name: reader\n  passphrase: looking only\n  scopes: [observe]\n"
    )
    flags = (*REG.flags, *ONE_WORKER, "--credentials", str(directory / "credentials.yaml"))
    with serve(directory / "model", *flags, env={"DRUM_LIKE_PASSPHRASE": RIGHT}) as server:
        yield server


def ask(server: Server, method: str, path: str, authorization: str | None = None) -> Reply:
    """Send a request that is right but for what it shows."""
    headers = {} if authorization is None else {"Authorization": authorization}
    if method == "GET":
        return call(server.url, method, path, headers=headers)
    body, kind = (BODY, JSON) if "model" in path or "chat" in path else ("a\n1.5\n", "text/csv")
    return call(server.url, method, path, body=body, headers={**headers, "Content-Type": kind})


@pytest.mark.parametrize("path", OPEN)
def test_probes_ask_nobody(locked: Server, path: str) -> None:
    assert locked.get(path).status == 200
    assert locked.get(path, Authorization="Bearer wrong").status == 200


@pytest.mark.parametrize(("method", "path"), SCORER)
@pytest.mark.parametrize("shown", [RIGHT, "open sesame"])
def test_the_right_secret_opens_the_scorer(
    locked: Server, method: str, path: str, shown: str
) -> None:
    """G01, G05, G06: any of several will do."""
    assert ask(locked, method, path, f"Bearer {shown}").status == 200


@pytest.mark.parametrize(("method", "path"), SCORER)
@pytest.mark.parametrize(
    "shown", [None, "Bearer wrong", "Basic Y29ycmVjdCBob3JzZQ==", "correct horse"]
)
def test_anything_else_is_401_in_the_form_of_the_scorer(
    locked: Server, method: str, path: str, shown: str | None
) -> None:
    """G02 to G04."""
    reply = ask(locked, method, path, shown)

    assert detail(reply, 401) == "Unauthorized"
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="drum-like server"'


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_every_other_contract_asks_too(locked: Server, method: str, path: str) -> None:
    refused = ask(locked, method, path)
    allowed = ask(locked, method, path, f"bearer {RIGHT}")

    assert refused.status == 401
    assert refused.message == "ERROR: 401 Unauthorized: Unauthorized"
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="drum-like server"'
    assert allowed.status in ((200,) if "chat" not in path else (404,)), allowed.text


def test_a_secret_may_open_some_routes_only(locked: Server) -> None:
    shown = "Bearer looking only"

    assert ask(locked, "GET", "/dep/model/schema", shown).status == 200
    assert "predict" in detail(ask(locked, "POST", "/dep/model/score", shown), 403)
    assert ask(locked, "POST", "/predict/", shown).status == 403


def test_what_was_shown_is_not_logged(locked: Server) -> None:
    ask(locked, "GET", "/info/", "Bearer wrong-4711")
    ask(locked, "GET", "/info/", f"Bearer {RIGHT}")

    assert "wrong-4711" not in locked.log()
    assert RIGHT not in locked.log()


def test_a_body_is_not_read_before_its_sender_is_known(locked: Server) -> None:
    """The refusal comes at once, though the body never does."""
    headers = {"Content-Type": JSON, "Content-Length": "1000000"}

    reply = call(locked.url, "POST", "/model/score", headers=headers, timeout_s=10)

    assert detail(reply, 401) == "Unauthorized"


@pytest.mark.parametrize(
    ("shown", "status"),
    [(f"Bearer {RIGHT}", 200), ("Bearer open sesame", 200), ("Bearer wrong", 401), (None, 401)],
)
def test_large_bodies_come_whole_from_callers_who_are_known(
    locked: Server, shown: str | None, status: int
) -> None:
    """Also where the hash of the passphrase has to be worked out first."""
    headers = {} if shown is None else {"Authorization": shown}
    body = "a\n" + "1.5\n" * 1_000_000

    reply = call(
        locked.url, "POST", "/predict/", body=body, headers={**headers, "Content-Type": "text/csv"}
    )

    assert reply.status == status
    assert status != 200 or len(reply.json()["predictions"]) == 1_000_000


def test_without_credentials_the_server_is_open(reg: Server) -> None:
    assert ask(reg, "POST", "/dep/model/score").status == 200
    assert ask(reg, "GET", "/info/", "Bearer whatever").status == 200


def test_require_auth_needs_credentials(tmp_path: Path) -> None:
    flags = ("--require-auth", "--address", "127.0.0.1:0", *REG.flags)

    done = run("server", "--code-dir", REG.write(tmp_path), *flags)

    assert done.returncode == 2
    assert "--credentials" in done.stderr


def test_require_auth_is_content_with_credentials(tmp_path: Path) -> None:
    flags = (*REG.flags, *ONE_WORKER, "--require-auth", "--passphrase", RIGHT)
    with serve(REG.write(tmp_path), *flags) as server:
        found = [ask(server, "GET", "/info/", shown).status for shown in (None, f"Bearer {RIGHT}")]

    assert found == [401, 200]


def test_a_server_with_wrong_credentials_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "credentials.yaml"
    path.write_text("- passphrase: secret-4711\n")

    done = start_failure(REG.write(tmp_path / "model"), *REG.flags, "--credentials", str(path))

    assert done.returncode == 1
    assert "credentials.yaml, entry 1" in done.stderr
    assert "4711" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "env", "code"),
    [
        pytest.param(("--passphrase", "x4711"), {}, 2, id="flag"),
        pytest.param((), {"DRUM_LIKE_PASSPHRASE": "7654711"}, 1, id="variable"),
    ],
)
def test_a_short_passphrase_is_refused_at_the_start(
    tmp_path: Path, flags: tuple[str, ...], env: dict[str, str], code: int
) -> None:
    done = start_failure(REG.write(tmp_path), *REG.flags, *flags, env=env)

    assert done.returncode == code
    assert "must have at least 8 characters" in done.stderr
    assert "4711" not in done.stderr
