"""Files found in a model directory."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from drum_like.api import ArtifactKind
from drum_like.errors import CustomCodeError, LoadError, for_operator
from drum_like.model.directory import ModelDirectory, suffixes

RED = ArtifactKind("red", (".col", ".red"), lambda head: head.startswith(b"red"))
BLUE = ArtifactKind("blue", (".col",), lambda head: head.startswith(b"blue"))
KINDS = (RED, BLUE)


def directory(root: Path, files: Mapping[str, str]) -> ModelDirectory:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return ModelDirectory(root)


def test_files_are_those_of_the_top_level_by_name(tmp_path: Path) -> None:
    found = directory(tmp_path, {"b": "", "a": "", "deep/c": ""})

    assert [found.relative(path) for path in found.files] == ["a", "b"]


def test_candidate_is_told_by_suffix_and_first_bytes(tmp_path: Path) -> None:
    found = directory(
        tmp_path,
        {
            "1.col": "red",
            "2.COL": "blue",
            "3.col": "green",
            "4.red": "blue",
            "5.txt": "red",
            "deep/6.col": "red",
        },
    )

    candidates = found.candidates(KINDS)

    assert [(path.name, kind.name) for path, kind in candidates] == [
        ("1.col", "red"),
        ("2.COL", "blue"),
    ]


def test_only_the_head_of_a_file_is_looked_at(tmp_path: Path) -> None:
    seen: list[int] = []

    def claims(head: bytes) -> bool:
        seen.append(len(head))
        return True

    kind = ArtifactKind("any", (".col",), claims)

    directory(tmp_path, {"1.col": "x" * 10_000}).candidates([kind])

    assert seen == [4096]


def test_suffixes_are_listed_once() -> None:
    assert suffixes(KINDS) == [".col", ".red"]


@pytest.mark.parametrize("name", ["custom.py", "custom_flask.py"])
@pytest.mark.parametrize("folder", ["", "deep/er/"])
def test_hooks_are_found_at_any_depth(name: str, folder: str, tmp_path: Path) -> None:
    found = directory(tmp_path, {folder + name: "", "other.py": ""})

    path = found.custom_py if name == "custom.py" else found.custom_flask

    assert path == tmp_path / folder / name


def test_there_may_be_no_hooks(tmp_path: Path) -> None:
    found = directory(tmp_path, {"Custom.py": "", "custom.PY": ""})

    assert (found.custom_py, found.custom_flask) == (None, None)


@pytest.mark.parametrize("name", ["custom.py", "custom_flask.py"])
def test_several_hook_files_are_refused(name: str, tmp_path: Path) -> None:
    found = directory(tmp_path, {name: "", f"b/{name}": "", f"a/{name}": ""})

    with pytest.raises(CustomCodeError) as caught:
        _ = found.custom_py if name == "custom.py" else found.custom_flask

    shown = f"[PosixPath('{name}'), PosixPath('a/{name}'), PosixPath('b/{name}')]"
    assert str(caught.value) == f"Found too many custom hook files: {shown}"


def test_hooks_of_a_mounted_volume_are_one_file(tmp_path: Path) -> None:
    """Kubernetes shows a file of a volume through a link to a directory of a hidden name."""
    found = directory(tmp_path, {"..2024_01_01/custom.py": ""})
    (tmp_path / "..data").symlink_to("..2024_01_01")
    (tmp_path / "custom.py").symlink_to("..data/custom.py")

    assert found.custom_py == tmp_path / "custom.py"


@pytest.mark.parametrize(
    "files",
    [{"custom.py": ""}, {"1.col": "red"}, {"deep/1.col": "blue"}, {"model.pth": ""}],
    ids=["hooks", "model", "model-below", "model-of-a-suffix-of-drum"],
)
def test_directory_with_something_to_serve_passes(files: dict[str, str], tmp_path: Path) -> None:
    directory(tmp_path, files).check(KINDS)


@pytest.mark.parametrize(
    "files",
    [{}, {"1.col": "green", "readme.md": ""}, {"deep/custom.py": ""}],
    ids=["empty", "nothing-known", "hooks-below"],
)
def test_directory_without_a_model_is_refused(files: dict[str, str], tmp_path: Path) -> None:
    found = directory(tmp_path, files)

    with pytest.raises(LoadError) as caught:
        found.check(KINDS)

    text = str(caught.value)
    assert text.startswith(
        "Can not detect language by artifacts and/or custom.py/R files.\n"
        "Detected: language by artifacts - None; language by custom - None.\n"
    )
    assert text.endswith("\n".join(sorted(name for name in files if "/" not in name)))
    assert str(tmp_path) not in text


def test_operator_is_told_what_lies_in_a_directory_without_a_model(tmp_path: Path) -> None:
    found = directory(tmp_path / "d", {"1.col": "green", "readme.md": ""})

    with pytest.raises(LoadError) as caught:
        found.check(KINDS)

    assert for_operator(caught.value) == (
        "d holds no model and no custom.py; found: 1.col, readme.md. 1.col has the suffix of a "
        "model, but does not begin like one: save the model again. Put a model file there (.col, "
        ".red), or a custom.py whose hooks load_model and score serve another file: `drum-like "
        "new model --code-dir DIR` begins one"
    )


@pytest.mark.parametrize(
    ("files", "by_artifacts", "by_custom", "named"),
    [
        ({"1.col": "red", "custom.R": ""}, "python", "r", "custom.R"),
        ({"1.col": "red", "custom.r": ""}, "python", "r", "custom.r"),
        ({"custom.py": "", "custom.R": ""}, None, "python, r", "custom.R"),
        ({"1.col": "red", "deep/m.RDS": ""}, "python, r", None, "deep/m.RDS"),
        ({"custom.py": "", "m.jar": "", "n.mojo": ""}, "java", "python", "m.jar, n.mojo"),
        ({"custom.R": "", "m.rds": ""}, "r", "r", "custom.R, m.rds"),
    ],
)
def test_other_languages_are_refused_as_by_drum(
    tmp_path: Path,
    files: dict[str, str],
    by_artifacts: str | None,
    by_custom: str | None,
    named: str,
) -> None:
    found = directory(tmp_path, files)

    with pytest.raises(LoadError) as caught:
        found.check(KINDS)

    assert str(caught.value).startswith(
        "Can not detect language by artifacts and/or custom.py/R files.\n"
        f"Detected: language by artifacts - {by_artifacts}; language by custom - {by_custom}.\n"
    )
    assert for_operator(caught.value).startswith(f"{named}: models and hooks in R or Java are not")


@pytest.mark.parametrize(
    ("files", "language"),
    [
        ({"1.col": "red", "custom.R": "", "m.rds": ""}, "python"),
        ({"1.col": "red", "deep/custom.R": ""}, ""),
        ({"custom.py": "", "data.zip": ""}, ""),
    ],
    ids=["asked-for", "hooks-below", "zip"],
)
def test_files_that_are_left_unused(tmp_path: Path, files: dict[str, str], language: str) -> None:
    directory(tmp_path, files).check(KINDS, language)


def test_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="'nowhere' is no directory; check --code-dir"):
        ModelDirectory(tmp_path / "nowhere").check(KINDS)
