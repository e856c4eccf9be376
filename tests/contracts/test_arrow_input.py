"""Arrow bodies that are broken, huge or hostile, by the ids of the catalogue of bad inputs."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import arrow_payloads as arrow
from tests.support.bad_payloads import CANARY
from tests.support.http_calls import Reply
from tests.support.models import ONE_WORKER, REG, served
from tests.support.serving import Server

STREAM = "application/vnd.apache.arrow.stream"

small = served(REG, *ONE_WORKER, "--max-body-mb", "16", "--max-cells", "1000000")


@pytest.fixture(autouse=True)
def _unharmed(reg: Server) -> Iterator[None]:
    before = reg.get("/stats/").json()["drum_info"][0]["pid"]
    yield
    assert reg.csv("a\n7\n").json() == {"predictions": [7.0]}
    assert reg.get("/stats/").json()["drum_info"][0]["pid"] == before


def refused(reply: Reply, allowed: set[int]) -> None:
    assert reply.status in allowed, reply.text[:300]
    if reply.status != 200:
        assert reply.message.startswith("ERROR: ")
        assert len(reply.body) < 2000
        assert CANARY not in reply.text


@pytest.mark.parametrize(
    ("make", "content_type"),
    [
        pytest.param(lambda: arrow.stream(arrow.NUMBERS), STREAM, id="stream"),
        pytest.param(
            lambda: arrow.stream(arrow.NUMBERS), "application/x-apache-arrow-stream", id="x"
        ),
        pytest.param(
            lambda: arrow.file(arrow.NUMBERS), "application/vnd.apache.arrow.file", id="file"
        ),
        pytest.param(lambda: arrow.file(arrow.NUMBERS), STREAM, id="A-05-file-by-magic"),
        pytest.param(arrow.dictionaries, STREAM, id="A-10-dictionaries"),
        pytest.param(lambda: arrow.with_pandas_metadata(b"no json"), STREAM, id="A-17-metadata"),
    ],
)
def test_rows_in_arrow(reg: Server, make: Callable[[], bytes], content_type: str) -> None:
    reply = reg.post("/predict/", make(), content_type)

    assert (reply.status, reply.json()) == (200, {"predictions": [1.5, None, 3.0]})


def test_no_rows_in_arrow(reg: Server) -> None:
    """A-06."""
    reply = reg.post("/predict/", arrow.stream(arrow.NUMBERS[:0]), STREAM)

    assert (reply.status, reply.json()) == (200, {"predictions": []})


@pytest.mark.parametrize(
    ("make", "allowed"),
    [
        pytest.param(lambda: b"\xff\xff\xff\xff\x00\x00\x00\x00", {422}, id="A-01-end-only"),
        pytest.param(lambda: b"\x00" * 64, {422}, id="A-01-zeros"),
        pytest.param(lambda: b"\xff" * 64, {422}, id="A-01-ones"),
        pytest.param(lambda: arrow.stream(arrow.TEXTS)[:100], {422}, id="A-02-in-metadata"),
        pytest.param(lambda: arrow.stream(arrow.TEXTS)[:-60], {422}, id="A-02-in-body"),
        pytest.param(lambda: arrow.stream(arrow.NUMBERS)[:-8], {200, 422}, id="A-03"),
        pytest.param(lambda: b"\xff\xff\xff\xff\xff\xff\xff\x7f", {422}, id="A-04-huge"),
        pytest.param(lambda: b"\xff\xff\xff\xff\xff\xff\xff\xff", {422}, id="A-04-negative"),
        pytest.param(arrow.wild_offsets, {422}, id="A-07"),
        pytest.param(arrow.invalid_utf8, {422}, id="A-08"),
        pytest.param(arrow.wild_dictionary_index, {422}, id="A-09"),
        pytest.param(arrow.many_nulls, {413}, id="A-12"),
        pytest.param(arrow.long_runs, {413}, id="A-13"),
        pytest.param(arrow.unknown_extension, {200, 422}, id="A-15"),
        pytest.param(lambda: arrow.nested(60), {200, 422}, id="A-18"),
        pytest.param(lambda: arrow.wide(20_000), {413}, id="A-19"),
    ],
)
def test_broken_arrow_is_refused(reg: Server, make: Callable[[], bytes], allowed: set[int]) -> None:
    refused(reg.post("/predict/", make(), STREAM), allowed)


def test_a_compressed_stream_counts_as_what_it_inflates_to(small: Server) -> None:
    """A-11: 60 MB of cells from some kilobytes, where a million cells are allowed."""
    refused(small.post("/predict/", arrow.inflating(60_000_000), STREAM), {413})


def test_a_body_over_the_limit_is_refused(small: Server) -> None:
    refused(small.post("/predict/", b"a\n" + b"1\n" * 9_000_000, "text/csv"), {413})

    assert small.csv("a\n7\n").json() == {"predictions": [7.0]}


def test_a_pickle_in_a_schema_is_not_run(reg: Server, tmp_path: Path) -> None:
    """A-16."""
    mark = tmp_path / "mark"

    refused(reg.post("/predict/", arrow.pickle_extension(mark), STREAM), {200, 422})

    assert not mark.exists()


def test_mutants_are_read_or_refused(reg: Server) -> None:
    """A-20."""
    generator = random.Random(4711)
    original = arrow.stream(arrow.TEXTS)

    for _ in range(200):
        mutant = bytearray(original)
        for _ in range(generator.randint(1, 4)):
            mutant[generator.randrange(len(mutant))] = generator.randrange(256)
        refused(reg.post("/predict/", bytes(mutant), STREAM), {200, 413, 422})
