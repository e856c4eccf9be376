"""The verbs about models, on a store of this machine."""

import json
import subprocess
from pathlib import Path

import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.support.artifacts import content, onnx_tensor, sklearn_regressor
from tests.support.command_line import run_here
from tests.support.mlflow_layout import column, sklearn_keys, write_mlmodel
from tests.support.registries import GOOD_CODE, METADATA, constant
from tests.support.serving import run


def models(root: Path, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run `models` on a store."""
    return run_here("models", *words, "--store", root / "store")


def models_alone(root: Path, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run it in a process of its own."""
    return run("models", *words, "--store", root / "store")


def write(path: Path, body: bytes | str) -> Path:
    """Write a file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path


def test_a_model_is_pushed_listed_shown_named_and_removed(tmp_path: Path) -> None:
    first = write(tmp_path / "first.onnx", constant(1))
    second = write(tmp_path / "second.onnx", constant(2))

    pushed = [models_alone(tmp_path, "push", "fraud", path) for path in (first, second)]
    alias = models_alone(tmp_path, "alias", "fraud@1", "live")
    shown = models_alone(tmp_path, "show", "fraud")
    listed = models_alone(tmp_path, "list")

    assert [done.returncode for done in pushed] == [0, 0]
    assert pushed[1].stdout.startswith("fraud@2 is ready, sha256 ")
    assert alias.stdout == "fraud@live is fraud@1\n"
    head, newest, oldest = shown.stdout.splitlines()
    assert head.split() == ["VERSION", "STATUS", "SIZE", "CREATED", "SHA256", "FILE", "ALIASES"]
    assert newest.split()[:2] == ["2", "ready"]
    assert newest.split()[-1] == "second.onnx"
    assert oldest.split()[-2:] == ["first.onnx", "live"]
    assert listed.stdout.splitlines()[1].split()[:4] == ["fraud", "2", "2", "ready"]
    gone = models(tmp_path, "alias", "fraud", "live", "--remove")
    assert gone.stdout == "fraud@live is gone\n"
    removed = models_alone(tmp_path, "rm", "fraud@2")
    assert removed.stdout == f"fraud@2 is removed, {len(constant(2))} bytes are free\n"
    assert models(tmp_path, "rm", "fraud", "--all-versions").returncode == 0
    assert models(tmp_path, "list").stdout.splitlines()[1:] == []


def test_json_is_for_programs(tmp_path: Path) -> None:
    path = write(tmp_path / "model.onnx", constant(1))

    pushed = json.loads(models(tmp_path, "push", "fraud", path, "--json").stdout)
    shown = json.loads(models(tmp_path, "show", "fraud@1", "--json").stdout)
    listed = json.loads(models(tmp_path, "list", "--json").stdout)

    assert (pushed["name"], pushed["number"], pushed["status"]) == ("fraud", 1, "ready")
    assert shown == {"name": "fraud", "versions": [{k: pushed[k] for k in pushed if k != "name"}]}
    assert listed == [shown]


def test_a_directory_is_pushed_as_a_zip(tmp_path: Path) -> None:
    directory = tmp_path / "mine"
    write(directory / "custom.py", GOOD_CODE)
    write(directory / "model-metadata.yaml", METADATA)
    write(directory / ".git" / "config", "secret")

    refused = models(tmp_path, "push", "mine", directory)
    pushed = models(tmp_path, "push", "mine", directory, "--allow-code-uploads")

    assert refused.returncode == 1
    assert "--allow-code-uploads" in refused.stderr
    assert pushed.returncode == 0
    blobs = [path for path in (tmp_path / "store" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == 1
    assert b".git" not in blobs[0].read_bytes()


def test_skops_is_data_where_the_operator_names_its_types(tmp_path: Path) -> None:
    rows = [["a"], ["b"]] * 5
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(rows, range(10))
    directory = tmp_path / "mine"
    directory.mkdir()
    skops.io.dump(model, directory / "model.skops")
    types = skops.io.get_untrusted_types(file=directory / "model.skops")
    keys = {**sklearn_keys("model.skops", "skops"), "skops_trusted_types": types}
    write_mlmodel(directory, "sklearn", keys, [column("kind", "string")])
    push = ("push", "mine", directory)

    refused = models(tmp_path, *push)
    named = models(tmp_path, *push, "--skops-types", ",".join(["none.such", *types]))
    strict = models(tmp_path, *push, "--no-pickle", "--skops-types", "none.such")

    assert (refused.returncode, "--allow-code-uploads" in refused.stderr) == (1, True)
    assert named.returncode == 0, named.stderr
    assert strict.returncode == (1 if types else 0)
    assert not types or types[0] in strict.stderr


def test_flags_say_what_the_file_does_not_tell(tmp_path: Path) -> None:
    path = write(tmp_path / "model.onnx", content(onnx_tensor(1), "model.onnx"))
    labels = ("--positive-class-label", "yes", "--negative-class-label", "no")

    done = models(tmp_path, "push", "m", path, "--target-type", "binary", *labels)

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("push",), 2, "the following arguments are required: NAME, FILE"),
        (("push", "a", "nowhere"), 2, "there is no file or directory nowhere"),
        (("push", "a@1", "{onnx}"), 1, "a model is needed, not one version"),
        (("push", "a/b", "{onnx}"), 1, "a model's name has"),
        (("push", "a", "{text}"), 1, "of no kind that is known"),
        (("push", "a", "{broken}"), 1, "not a complete ONNX file"),
        (("push", "a", "{pickle}", "--allow-code-uploads", "--no-pickle"), 1, "--no-pickle"),
        (("push", "a", "{onnx}", "--workspace", "9"), 1, "no workspace 9"),
        (("show", "nobody"), 1, "no model 'nobody'"),
        (("show", "there@7"), 1, "no version '7'"),
        (("rm", "there"), 1, "--all-versions"),
        (("alias", "there@1", "1"), 1, "an alias has"),
        (("alias", "there", "old", "--remove"), 1, "no alias 'old'"),
        (("list", "--url", "127.0.0.1"), 2, "must start with http://"),
        (("list", "--url", "http://127.0.0.1:1"), 1, "does not answer"),
        (("nothing",), 2, "invalid choice: 'models nothing'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_is_wrong_is_said(shared: Path, words: tuple[str, ...], code: int, said: str) -> None:
    files = {name: str(shared / file) for name, file in FILES.items()}

    done = models(shared, *(word.format(**files) for word in words))

    assert done.returncode == code
    assert said in done.stderr


FILES = {"onnx": "m.onnx", "text": "m.md", "broken": "broken.onnx", "pickle": "m.pkl"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("models")
    write(root / FILES["onnx"], constant(1))
    write(root / FILES["text"], "# text")
    write(root / FILES["broken"], constant(1)[:50])
    write(root / FILES["pickle"], content(sklearn_regressor(), "model.pkl"))
    assert models(root, "push", "there", root / FILES["onnx"]).returncode == 0
    return root


def test_a_store_that_is_not_there_is_not_made_by_a_look(tmp_path: Path) -> None:
    done = models(tmp_path, "list")

    assert done.returncode == 1
    assert "there is no model store at" in done.stderr
    assert list(tmp_path.iterdir()) == []
