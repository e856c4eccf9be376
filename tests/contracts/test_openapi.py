"""The OpenAPI documents: valid, and neither more nor less than what is served."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "check_openapi.py"
DOCUMENT = ROOT / "openapi" / "drum.yaml"


def check(*arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_documents_describe_what_is_served() -> None:
    result = check()

    assert (result.returncode, result.stderr) == (0, "")
    assert "operations: ok" in result.stdout


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        pytest.param(
            "  /stats/:",
            "  /statistics/:",
            "served, but in no document: GET /stats\n"
            "in a document, but not served: GET /statistics\n",
            id="another-path",
        ),
        pytest.param(
            "  /livez:\n    get:",
            "  /livez:\n    post:",
            "served, but in no document: GET /livez\nin a document, but not served: POST /livez\n",
            id="another-method",
        ),
        pytest.param(
            "  version: 0.1.0", "  version: 9.9.9", "drum.yaml: info/version is not ", id="version"
        ),
        pytest.param("openapi: 3.1.0", "openapi: none", "drum.yaml: openapi: ", id="not-openapi"),
    ],
)
def test_a_wrong_document_is_refused(tmp_path: Path, old: str, new: str, fault: str) -> None:
    shutil.copytree(DOCUMENT.parent, tmp_path, dirs_exist_ok=True)
    text = DOCUMENT.read_text("utf-8")
    assert old in text
    documents = tmp_path / "openapi"
    shutil.copytree(DOCUMENT.parent, documents)
    (documents / DOCUMENT.name).write_text(text.replace(old, new, 1), encoding="utf-8")

    result = check(documents)

    assert result.returncode == 1
    assert fault in result.stdout


def test_a_directory_without_documents_is_refused(tmp_path: Path) -> None:
    result = check(tmp_path)

    assert result.returncode == 1
    assert "there is no OpenAPI document" in result.stdout
