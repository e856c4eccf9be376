"""The scorer of H2O MLOps: files, uploaded or in cells (rows F)."""

import base64
import json
from typing import Any

import pytest

from tests.support.http_calls import Part, Reply, form
from tests.support.models import ONE_WORKER, served
from tests.support.scorers import JSON, TYPED, detail, flights, request_of, seen
from tests.support.serving import Server

PATH = "/dep/model/media-score"
HELLO = Part("files", b"hello", "a.png", "image/png")
WORLD = Part("files", b"world", "b.bin", "application/octet-stream")

media = served(TYPED, *ONE_WORKER)
scorer = served(flights(), *ONE_WORKER)


def upload(server: Server, body: Any, *files: Part, **others: str) -> Reply:
    """POST a form as the client sends it: the request, other text parts, the files."""
    text = body if isinstance(body, str) else json.dumps(body)
    parts = [Part("scoreMediaRequest", text, None)]
    parts += [Part(name, content, None) for name, content in others.items()]
    content, kind = form(*parts, *files)
    return server.post(PATH, content, kind)


def files_of(reply: Reply) -> list[str]:
    """Return the cell that the hook found in the column `file`, row by row."""
    assert reply.status == 200, reply.text
    told = json.loads(reply.json()["score"][0][-1])
    return [row[6] for row in told["rows"]]


@pytest.mark.parametrize("key", ["media_fields", "mediaFields"])
def test_cells_name_uploaded_files(media: Server, key: str) -> None:
    """F01, F02."""
    body = request_of(["file", "word"], ["b.bin", "x"], ["a.png", "y"], **{key: ["file"]})

    reply = upload(media, body, HELLO, WORLD)

    assert files_of(reply) == ["b'world'", "b'hello'"]
    assert len(reply.json()["score"]) == 2
    assert reply.json()["fields"] == ["out"]


def test_the_columns_of_the_schema_are_media_fields_by_themselves(media: Server) -> None:
    reply = upload(media, request_of(["file"], ["a.png"]), HELLO)

    assert files_of(reply) == ["b'hello'"]


def test_a_file_may_serve_several_rows_or_none(media: Server) -> None:
    """F09; and a cell may be empty."""
    body = request_of(["file"], ["a.png"], ["a.png"], [""], media_fields=["file"])

    assert files_of(upload(media, body, HELLO, WORLD)) == ["b'hello'", "b'hello'", "None"]


def test_unknown_parts_are_ignored(media: Server) -> None:
    """F03: the client sends siblings of a request that was wrapped already."""
    body = request_of(["file"], ["a.png"], media_fields=["file"])

    assert files_of(upload(media, body, HELLO, sibling="x")) == ["b'hello'"]


@pytest.mark.parametrize("name", ['say "hi".png', "two words.png", "größe-日本.png"])
def test_any_name_of_a_file_is_found(media: Server, name: str) -> None:
    """F08: quotes come as %22."""
    body = request_of(["file"], [name], media_fields=["file"])

    reply = upload(media, body, Part("files", b"hello", name.replace('"', "%22")))

    assert files_of(reply) == ["b'hello'"]


def test_copied_cells_are_names_not_contents(media: Server) -> None:
    keys: dict[str, Any] = {"media_fields": ["file"], "includeFieldsInOutput": ["file"]}

    reply = upload(media, request_of(["file"], ["a.png"], **keys), HELLO)

    assert reply.json()["fields"] == ["file", "out"]
    assert reply.json()["score"][0][0] == "a.png"


def test_base64_in_a_cell_is_the_same_file(media: Server) -> None:
    """F11."""
    cell = base64.b64encode(b"hello").decode()

    _, cells = seen(media, request_of(["file"], [cell]))

    uploaded = upload(media, request_of(["file"], ["a.png"], media_fields=["file"]), HELLO)
    assert [cells[6]] == files_of(uploaded)


def test_large_requests_fit_into_the_form(media: Server) -> None:
    """Werkzeug would stop at 500 kB of a part that is no file."""
    rows = [["a.png", "x" * 1000]] * 1000

    reply = upload(media, request_of(["file", "word"], *rows, media_fields=["file"]), HELLO)

    assert reply.status == 200, reply.text
    assert len(reply.json()["score"]) == 1000


@pytest.mark.parametrize(
    ("body", "files", "said"),
    [
        pytest.param(
            request_of(["file"], ["c.png"], media_fields=["file"]), [HELLO], "'c.png'", id="name"
        ),
        pytest.param(
            request_of(["file"], ["a.png"], media_fields=["nope"]), [HELLO], "'nope'", id="field"
        ),
        pytest.param(
            request_of(["word"], ["a.png"], media_fields=["word"]), [HELLO], "'word'", id="no-file"
        ),
        pytest.param(
            request_of(["file"], ["a.png"], media_fields=["file"]),
            [HELLO, HELLO],
            "two files",
            id="same-name",
        ),
        pytest.param("{", [HELLO], "JSON", id="broken"),
    ],
)
def test_uploads_that_do_not_fit_are_refused(
    media: Server, body: Any, files: list[Part], said: str
) -> None:
    """F04, F05, F07."""
    assert said in detail(upload(media, body, *files), 400)


def test_a_form_without_a_request_is_refused(media: Server) -> None:
    """F07."""
    content, kind = form(HELLO)

    assert "scoreMediaRequest" in detail(media.post(PATH, content, kind), 400)


@pytest.mark.parametrize("kind", [JSON, "multipart/form-data"])
def test_no_form_is_415(media: Server, kind: str) -> None:
    """F06: what the client sends without files."""
    body = json.dumps({"scoreMediaRequest": json.dumps(request_of(["file"], ["a.png"]))})

    assert "multipart" in detail(media.post(PATH, body, kind), 415)


def test_a_model_without_files_does_not_implement_it(scorer: Server) -> None:
    """F10."""
    text = detail(upload(scorer, request_of(["delay"], ["1"]), HELLO), 501)

    assert "score media files is not implemented" in text
