"""A payload format of somebody else's, built and installed as docs/write-a-codec.md prints it."""

import json
from collections.abc import Iterator
from csv import DictReader
from pathlib import Path

import pytest

from tests.support.http_calls import Part, form
from tests.support.plugins import beside, files_of, install, write
from tests.support.serving import Server, run, serve, start_failure

PAGE = "write-a-codec.md"
MODEL = Path(__file__).parents[2] / "model_templates" / "xgboost_binary"
SAMPLE = (MODEL / "sample.csv").read_text("utf-8")
RECORDS = "application/vnd.acme.records"

OLD_ENTRY = """
[project.entry-points."drum_like.formats"]
"application/vnd.acme.records" = "records_drum:decode"
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the package of the page is installed."""
    source = write(files_of(PAGE), tmp_path_factory.mktemp("source"))
    return beside(install(source, tmp_path_factory.mktemp("installed")))


@pytest.fixture(scope="module")
def server(installed: dict[str, str]) -> Iterator[Server]:
    with serve(MODEL, "--max-workers", "1", env=installed) as running:
        yield running


@pytest.fixture(scope="module")
def rows() -> bytes:
    """The sample of the model as records, cells as the numbers that they are."""
    sample = DictReader(SAMPLE.splitlines())
    lines = [{name: float(cell) for name, cell in row.items()} for row in sample]
    return "\n".join(map(json.dumps, lines)).encode()


def test_page_prints_every_file() -> None:
    assert sorted(files_of(PAGE)) == ["pyproject.toml", "records_drum.py"]


@pytest.mark.parametrize(
    "media_type", [RECORDS, "application/x-acme-records", "Application/VND.acme.Records"]
)
def test_a_body_is_read_by_its_content_type(server: Server, rows: bytes, media_type: str) -> None:
    reply = server.post("/predict/", rows, media_type)

    assert reply.status == 200
    assert reply.json() == server.csv(SAMPLE).json()


def test_a_part_is_read_by_the_suffix_of_its_file(server: Server, rows: bytes) -> None:
    reply = server.post("/predict/", *form(Part("X", rows, "rows.records")))

    assert reply.status == 200
    assert reply.json() == server.csv(SAMPLE).json()


def test_accept_asks_for_predictions_in_the_format(server: Server, rows: bytes) -> None:
    reply = server.post("/predict/", rows, RECORDS, Accept=RECORDS)

    assert (reply.status, reply.headers["Content-Type"]) == (200, RECORDS)
    found = [json.loads(line) for line in reply.body.splitlines()]
    expected = server.csv(SAMPLE).json()["predictions"]
    assert found == expected


@pytest.mark.parametrize("accept", ["text/csv", "application/json", "*/*", f"{RECORDS}, */*"])
def test_whoever_accepts_anything_else_gets_json(server: Server, accept: str) -> None:
    reply = server.post("/predict/", SAMPLE, "text/csv", Accept=accept)

    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")


def test_a_body_of_another_kind_is_refused_by_the_codec(server: Server) -> None:
    reply = server.post("/predict/", b'{"a": 1}\n{"b": 2}\n', RECORDS)

    assert reply.status == 422
    assert "each line has to be an object with the keys of the first" in reply.message


def test_capabilities_name_the_format(server: Server) -> None:
    formats = server.get("/capabilities/").json()["supported_payload_formats"]

    assert formats.keys() == {
        *("arrow", "csv", "json", "jsonl", "mtx", "npy", "parquet", "records")
    }
    assert formats["records"] is None


def test_a_body_without_a_type_is_told_of_the_format(server: Server) -> None:
    reply = server.post("/predict/", b"neither CSV nor JSON")

    assert reply.status == 422
    assert RECORDS in reply.message


def test_score_reads_a_file_by_its_suffix(
    installed: dict[str, str], rows: bytes, tmp_path: Path
) -> None:
    (tmp_path / "rows.records").write_bytes(rows)
    (tmp_path / "rows.csv").write_text(SAMPLE, "utf-8")

    texts = []
    for name in ("rows.records", "rows.csv"):
        out = tmp_path / f"{name}.out"
        files = ("--input", tmp_path / name, "--output", out)
        done = run("score", "--code-dir", MODEL, *files, env=installed)
        assert done.returncode == 0, done.stderr
        texts.append(out.read_text("utf-8"))

    assert texts[0] == texts[1]


def test_a_server_without_the_package_does_not_know_the_format(rows: bytes) -> None:
    with serve(MODEL, "--max-workers", "1") as plain:
        reply = plain.post("/predict/", rows, RECORDS)

    assert reply.status == 422
    assert f"payload format `{RECORDS}` is not supported" in reply.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            (
                '[project.entry-points."drum_like.codecs"]\nrecords = "records_drum:RECORDS"',
                OLD_ENTRY,
            ),
            "records-drum declares 'application/vnd.acme.records' in drum_like.formats, a group "
            "that is not read any more: name a drum_like.api.Codec in drum_like.codecs instead",
            id="old-group",
        ),
        pytest.param(
            ("records_drum:RECORDS", "records_drum:decode"),
            "the plugin 'records' of records-drum in drum_like.codecs is a function, but a plugin "
            "of this group is a drum_like.api.Codec",
            id="function",
        ),
    ],
)
def test_a_package_of_before_is_refused_at_start(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    files = files_of(PAGE)
    project = files["pyproject.toml"].replace(*change)
    assert project != files["pyproject.toml"]
    source = write(files | {"pyproject.toml": project}, tmp_path / "source")
    env = beside(install(source, tmp_path / "installed"))

    done = start_failure(MODEL, env=env)

    assert done.returncode == 4
    assert said in done.stderr
    assert "Traceback" not in done.stderr
