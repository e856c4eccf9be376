"""Uploads: what is stored, what is refused, and that a refused one leaves nothing behind."""

import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from drum_like.errors import ArchiveError, CodeError, NotFoundError, UploadError
from drum_like.registry.inspection import Examined, Policy, examine
from drum_like.registry.loader import made_directory
from drum_like.store.archive import Bounds
from drum_like.store.entities import ZIP, Declared, NewVersion, Status
from drum_like.store.files import Files
from tests.support import zips
from tests.support.artifacts import (
    content,
    native_lightgbm,
    native_xgboost,
    onnx_tensor,
    sklearn_regressor,
)
from tests.support.registries import (
    GOOD_CODE,
    METADATA,
    Opened,
    answer,
    constant,
    eventually,
    opened,
)
from tests.support.stores import files_of

ONNX = constant(1)
WITH_CODE = zips.zipped(
    ("custom.py", GOOD_CODE.encode()), ("model-metadata.yaml", METADATA.encode())
)
WITHOUT_CODE = zips.zipped(("m/model.onnx", ONNX), ("m/model-metadata.yaml", METADATA.encode()))
CODE = Policy(code=True)

ONNX_FILE, SAFE_ZIP = Examined("onnx", runs_code=False), Examined("zip", runs_code=False)
UBJ = content(native_xgboost(".ubj"), "model.ubj")
JSON = content(native_xgboost(".json"), "model.json")
TEXT = content(native_lightgbm(), "model.txt")
PICKLE = content(sklearn_regressor(), "model.pkl")
PICKLE_IN_ZIP = zips.zipped(("a/model.PKL", b"x"))
KINDS = {
    "onnx": (ONNX, "model.onnx", ONNX_FILE),
    "xgboost ubj": (UBJ, "m.ubj", Examined("xgboost-ubj", runs_code=False)),
    "xgboost json": (JSON, "m.JSON", Examined("xgboost-json", runs_code=False)),
    "lightgbm": (TEXT, "m.txt", Examined("lightgbm-text", runs_code=False)),
    "pickle": (PICKLE, "m.pkl", Examined("pickle", runs_code=True)),
    "zip": (WITHOUT_CODE, "m.zip", SAFE_ZIP),
    "zip with code": (WITH_CODE, "m.zip", Examined("zip", runs_code=True)),
    "zip with a pickle": (PICKLE_IN_ZIP, "m.zip", Examined("zip", runs_code=True)),
    "zip by its bytes": (WITHOUT_CODE, "m", SAFE_ZIP),
    "onnx by its bytes": (ONNX, "a-model", ONNX_FILE),
    "onnx without a name": (ONNX, None, ONNX_FILE),
    "a path for a name": (ONNX, "..\\..\\m.onnx", ONNX_FILE),
}


@pytest.mark.parametrize(("body", "file_name", "expected"), KINDS.values(), ids=KINDS.keys())
def test_a_file_is_what_its_suffix_and_its_bytes_say(
    tmp_path: Path, body: bytes, file_name: str | None, expected: Examined
) -> None:
    path = zips.write(tmp_path, body)

    assert examine(path, NewVersion(1, "m", file_name), CODE) == expected


@pytest.mark.parametrize(
    ("body", "new", "policy", "refusal"),
    [
        (b"", NewVersion(1, "m", "m.onnx"), CODE, (UploadError, "not what its suffix")),
        (ONNX[:2], NewVersion(1, "m", "m.onnx"), CODE, (UploadError, "not what its suffix")),
        (b"{}", NewVersion(1, "m", "m.json"), CODE, (UploadError, "not what its suffix")),
        (b"x", NewVersion(1, "m", "m.exe"), CODE, (UploadError, "of no kind that is known")),
        (b"\x80\x02N.", NewVersion(1, "m", "m"), CODE, (UploadError, "of no kind that is known")),
        (ONNX, NewVersion(1, "m", "m.pkl"), Policy(), (CodeError, "--allow-code-uploads")),
        (b"\x80\x02N.", NewVersion(1, "m", "m.pkl"), Policy(), (CodeError, "--allow-code-uploads")),
        (WITH_CODE, NewVersion(1, "m", "m.zip"), Policy(), (CodeError, "--allow-code-uploads")),
        (
            b"\x80\x02N.",
            NewVersion(1, "m", "m.pkl"),
            Policy(code=True, pickles=False),
            (CodeError, "--no-pickle")),
        (
            zips.zipped(("m.joblib", b"x")),
            NewVersion(1, "m", "m.zip"),
            Policy(code=True, pickles=False),
            (CodeError, "--no-pickle")),
        (ONNX, NewVersion(1, "m", "m.onnx", as_zip=True), CODE, (ArchiveError, "Not a valid ZIP")),
        (ONNX, NewVersion(1, "m", "m.zip"), CODE, (ArchiveError, "Not a valid ZIP")),
        (zips.zipped(("a/", b"")), NewVersion(1, "m", "m.zip"), CODE, (ArchiveError, "empty")),
        (
            ONNX,
            NewVersion(1, "m", "m.onnx", formats=("xgboost-ubj",)),
            CODE,
            (UploadError, "xgboost-ubj was expected")),
        (
            WITH_CODE,
            NewVersion(1, "m", "m.zip", formats=("onnx",)),
            CODE,
            (UploadError, "onnx was expected, but this is zip")),
    ],
    ids=[
        "empty", "cut off", "another file", "unknown suffix", "pickle without a suffix",
        "pickle by its suffix", "pickle", "code", "pickle and no-pickle",
        "joblib in a zip and no-pickle", "no zip", "zip by its suffix only", "empty zip",
        "another framework", "another framework as zip",
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused_without_loading_it(
    tmp_path: Path,
    body: bytes,
    new: NewVersion,
    policy: Policy,
    refusal: tuple[type[UploadError], str],
) -> None:
    path = zips.write(tmp_path, body)
    kind, words = refusal

    with pytest.raises(kind, match=words):
        examine(path, new, policy)


def test_an_upload_is_ready_after_its_trial_and_is_served(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        version = here.upload(NewVersion(1, "m", "model.onnx"), ONNX)

        assert version.status is Status.READY
        assert answer(here.catalog.resolve("m")) == 1
        lines = [line.text for line in here.registry.store.logs.of_version(version.id)]
        assert lines[0].startswith(f"received {len(ONNX)} bytes, sha256 {version.sha256}")
        assert lines[1:] == [
            "it loads: onnx, target type regression",
            "it predicts a row of zeros",
            "ready",
        ]


def test_the_same_bytes_are_not_tried_twice(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        here.upload(NewVersion(1, "m", "model.onnx"), ONNX)

        again = here.upload(NewVersion(1, "n", "model.onnx"), ONNX)
        other = here.upload(
            NewVersion(1, "n", "model.onnx", declared=Declared(target_type="anomaly")), ONNX
        )

        assert "loaded before" in _log(here, again.id)
        assert "loaded before" not in _log(here, other.id)


def test_the_same_bytes_at_once_wait_for_the_first_results(tmp_path: Path) -> None:
    with opened(tmp_path) as here, ThreadPoolExecutor(6) as pool:
        new = NewVersion(1, "m", "model.onnx")
        versions = list(pool.map(lambda _: here.upload(new, ONNX), range(6)))

        logs = [_log(here, version.id) for version in versions]

    assert sum("loaded before" in log for log in logs) >= 4


LABELS_OF_ELSEWHERE = b"""name: a
type: inference
targetType: multiclass
inferenceModel:
  classLabelsFile: /etc/passwd
"""

BAD = {
    "does not load": (ONNX[:40], "m.onnx", Declared(), "not a complete ONNX file"),
    "not its target": (
        content(onnx_tensor(3), "model.onnx"),
        "m.onnx",
        Declared("binary", "yes", "no"),
        "3",
    ),
    "a target nobody knows": (ONNX, "m.onnx", Declared("weather"), "weather"),
    "damaged zip": (zips.damaged(), "m.zip", Declared(), "damaged"),
    "zip without a model": (zips.zipped(("a", b"x")), "m.zip", Declared(), "Can not detect"),
    "labels of elsewhere": (
        zips.zipped(
            ("model.onnx", ONNX),
            ("model-metadata.yaml", LABELS_OF_ELSEWHERE),
        ),
        "m.zip",
        Declared(),
        "classLabelsFile must name a file of the model directory",
    ),
    **{f"zip: {name}": (body, "m.zip", Declared(), ".") for name, (body, _) in zips.BAD.items()},
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with opened(tmp_path_factory.mktemp("store")) as here:
        yield here


@pytest.mark.parametrize(("body", "file_name", "declared", "words"), BAD.values(), ids=BAD.keys())
def test_a_bad_upload_says_why_and_leaves_nothing(
    shared: Opened, body: bytes, file_name: str, declared: Declared, words: str
) -> None:
    with pytest.raises(UploadError, match=words):
        shared.upload(NewVersion(1, "bad", file_name, declared=declared), body)

    assert shared.registry.store.models.find(1, "bad") is None
    assert files_of(shared.registry.store.files.root) == []


def test_an_upload_into_no_workspace_is_refused(shared: Opened) -> None:
    with pytest.raises(NotFoundError, match="no workspace 9"):
        shared.upload(NewVersion(9, "m", "model.onnx"), ONNX)

    assert files_of(shared.registry.store.files.root) == []


def test_what_is_not_checked_yet_is_not_served_and_then_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        good = here.upload_unchecked(NewVersion(1, "good", "model.onnx"), ONNX)
        bad = here.upload_unchecked(NewVersion(1, "bad", "model.onnx"), ONNX[:40])
        assert (good.status, bad.status) == (Status.PENDING, Status.PENDING)
        with pytest.raises(NotFoundError):
            here.catalog.resolve("good")

        for background in here.background:
            background.start()
        store = here.registry.store
        eventually(lambda: store.versions.get(bad.id).status is Status.ERROR)

        eventually(lambda: store.versions.get(good.id).status is Status.READY)
        assert "not a complete ONNX file" in str(store.versions.get(bad.id).error)
        eventually(lambda: here.catalog.names() == ("good",))
        assert answer(here.catalog.resolve("good")) == 1


SLOW = zips.zipped(
    ("custom.py", b"import time\ntime.sleep(600)\n"),
    ("model-metadata.yaml", METADATA.encode()),
)


def test_checks_that_do_not_end_do_not_hold_others(tmp_path: Path) -> None:
    with opened(tmp_path, alive=True, allow_code_uploads=True) as here:
        store = here.registry.store
        slow = [here.upload_unchecked(NewVersion(1, n, "m.zip"), SLOW) for n in ("a", "b")]
        eventually(lambda: all(store.versions.get(v.id).status is Status.LOADING for v in slow))

        good = here.upload_unchecked(NewVersion(1, "good", "model.onnx"), ONNX)

        eventually(lambda: store.versions.get(good.id).status is Status.READY)
        assert {store.versions.get(v.id).status for v in slow} == {Status.LOADING}
        assert here.upload(NewVersion(1, "waits", "model.onnx"), constant(2)).status is Status.READY


def test_a_check_that_is_interrupted_is_left_to_others(tmp_path: Path) -> None:
    with opened(tmp_path, alive=True, allow_code_uploads=True) as here:
        version = here.upload_unchecked(NewVersion(1, "m", "m.zip"), SLOW)
        store = here.registry.store
        eventually(lambda: store.versions.get(version.id).status is Status.LOADING)

    with opened(tmp_path) as again:
        found = again.registry.store.versions.get(version.id)
        assert (found.status, found.attempts) == (Status.PENDING, 0)


def test_code_is_served_where_it_is_allowed(tmp_path: Path) -> None:
    with opened(tmp_path, allow_code_uploads=True) as here:
        version = here.upload(NewVersion(1, "m", "m.zip"), WITH_CODE)

        assert version.runs_code
        assert answer(here.catalog.resolve("m")) == 7


def test_nothing_of_a_zip_without_code_is_imported(tmp_path: Path) -> None:
    planted = b"raise SystemExit(77)\n"
    names = ("onnxruntime.py", "sitecustomize.py", "numpy/__init__.py", "train.py")
    body = zips.zipped(("model.onnx", ONNX), *((name, planted) for name in names))

    with opened(tmp_path) as here:
        here.upload(NewVersion(1, "m", "m.zip"), body)

        assert answer(here.catalog.resolve("m")) == 1


def test_a_directory_made_from_a_zip_is_made_again_if_it_is_gone(tmp_path: Path) -> None:
    with opened(tmp_path) as here:
        version = here.upload(NewVersion(1, "m", "m.zip"), WITHOUT_CODE)
        first = here.catalog.resolve("m")
        here.registry.store.files.directory(f"{version.sha256}-zip").rename(tmp_path / "gone")

    with opened(tmp_path) as again:
        assert answer(again.catalog.resolve("m")) == answer(first) == 1


def _log(here: Opened, version_id: int) -> str:
    return "\n".join(line.text for line in here.registry.store.logs.of_version(version_id))


def test_a_zip_is_what_was_packed(tmp_path: Path) -> None:
    """The zips of these tests are read by the standard library as they were meant."""
    path = zips.write(tmp_path, WITHOUT_CODE)

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_a_zip_that_is_being_unpacked_is_no_leftover(tmp_path: Path) -> None:
    files = Files(tmp_path)
    members = ((f"{at}.txt", b"x") for at in range(1000))
    source = zips.write(tmp_path, zips.zipped(*members))

    def unpack() -> int:
        with made_directory(files, source, ZIP, Bounds()) as made:
            return sum(1 for _ in made.iterdir())

    with ThreadPoolExecutor(1) as pool:
        unpacking = pool.submit(unpack)
        eventually(lambda: any(files.incoming.glob("*/*")))
        while not unpacking.done():
            files.sweep_incoming(-3600.0)  # as if the clock was set an hour ahead

    assert unpacking.result() == 1000
