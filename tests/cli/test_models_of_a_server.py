"""The verbs about models, on the store of a server that asks for a token."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.artifacts import content, onnx_tensor
from tests.support.command_line import run_here
from tests.support.models import ONE_WORKER
from tests.support.registries import METADATA, constant
from tests.support.serving import Server, serve

TOKEN = "correct horse"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("store")
    env = {"DRUM_LIKE_PASSPHRASE": TOKEN}
    with serve(None, "--store", str(root), *ONE_WORKER, env=env) as running:
        yield running


def models(
    server: Server, *words: str | Path, token: str = TOKEN
) -> "subprocess.CompletedProcess[str]":
    """Run `models` on a server."""
    return run_here("models", *words, "--url", server.url, env={"DRUM_LIKE_TOKEN": token})


def write(path: Path, body: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(body)
    return path


def test_a_model_is_pushed_listed_shown_named_and_removed(server: Server, tmp_path: Path) -> None:
    first = write(tmp_path / "first.onnx", constant(1))
    second = write(tmp_path / "second.onnx", constant(2))

    pushed = [models(server, "push", "fraud", path) for path in (first, second)]
    alias = models(server, "alias", "fraud@1", "live")
    shown = models(server, "show", "fraud")
    listed = models(server, "list")

    assert [(done.returncode, done.stderr) for done in pushed] == [(0, "")] * 2
    assert pushed[1].stdout.startswith("fraud@2 is ready, sha256 ")
    assert alias.stdout == "fraud@live is fraud@1\n"
    _, newest, oldest = shown.stdout.splitlines()
    assert (newest.split()[:2], newest.split()[-1]) == (["2", "ready"], "second.onnx")
    assert oldest.split()[-2:] == ["first.onnx", "live"]
    assert listed.stdout.splitlines()[1].split()[:4] == ["fraud", "2", "2", "ready"]
    assert models(server, "alias", "fraud", "live", "--remove").stdout == "fraud@live is gone\n"
    removed = models(server, "rm", "fraud@2")
    assert removed.stdout == f"fraud@2 is removed, {len(constant(2))} bytes are free\n"
    assert models(server, "rm", "fraud", "--all-versions").returncode == 0
    assert "fraud" not in models(server, "list").stdout


def test_a_directory_and_what_is_said_of_the_target_arrive(server: Server, tmp_path: Path) -> None:
    directory = tmp_path / "packed"
    directory.mkdir()
    (directory / "model-metadata.yaml").write_text(METADATA)
    write(directory / "model.onnx", constant(3))
    tensor = write(tmp_path / "tensor.onnx", content(onnx_tensor(3), "model.onnx"))
    flags = ("--target-type", "multiclass", "--class-labels", "a", "b", "c")

    packed = models(server, "push", "packed", directory, "--json")
    declared = models(server, "push", "declared", tensor, *flags, "--json")

    assert json.loads(packed.stdout)["status"] == "ready"
    assert json.loads(declared.stdout)["number"] == 1
    auth = {"Authorization": f"Bearer {TOKEN}"}
    info = server.get("/models/declared/info/", **auth).json()
    assert info["targetType"] == "multiclass"


def test_refusals_of_the_server_are_said(server: Server, tmp_path: Path) -> None:
    good = write(tmp_path / "good.onnx", constant(4))
    large = write(tmp_path / "large.onnx", bytes(64 << 20))
    pickle = write(tmp_path / "bad.pkl", b"\x80\x04N.")

    stranger = models(server, "push", "m", large, token="wrong")
    code = models(server, "push", "m", pickle)
    name = models(server, "push", "No_Label", good)
    missing = models(server, "show", "nothing")

    for done, words in (
        (stranger, "Jwt is missing"),
        (code, "--allow-code-uploads"),
        (name, "DNS"),
        (missing, "nothing"),
    ):
        assert done.returncode == 1, done.stderr
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_server_that_is_not_there_is_said(server: Server) -> None:
    done = run_here("models", "list", "--url", "http://127.0.0.1:1")

    assert done.returncode == 1
    assert "check --url" in done.stderr
    assert run_here("models", "list", "--url", f"{server.url}/elsewhere").returncode == 1
