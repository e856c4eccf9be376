"""The codecs of installed packages, and what is refused of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drum_like import codecs, plugins
from drum_like.errors import PluginError
from tests.support.plugins import declare, python

MODULE = """
from drum_like.api import Codec

def decode(payload):
    raise NotImplementedError

def encode(prediction, target):
    return b""

LINES = Codec(("application/lines",), (".lines",), decode, encode, package="pytest")
WRITTEN = Codec(("application/written",), (".written",), encode=encode, accept=("text/written",))
SAME = Codec(("application/same",), (".csv",), decode)
BANNER = Codec(("application/banner",), decode=decode, magic=(b"BANNER",))
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of packages on the path of this process."""
    caches = plugins.registered, plugins.load, codecs.installed
    for one in caches:
        one.cache_clear()
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for one in caches:
        one.cache_clear()


def lines(site: Path, name: str, value: str, group: str = plugins.CODECS) -> None:
    declare(site, "lines", f"[{group}]\n{name} = {value}\n", lines_drum=MODULE)


def test_ours_are_these() -> None:
    found = codecs.installed()

    assert {"arrow", "csv", "mtx"} <= found.by_name.keys()
    assert found.decoders["text/plain"] is found.by_name["csv"].decode
    assert found.of_file("rows.arrow") is found.by_name["arrow"]
    assert not found.encoders.keys() & found.by_name["csv"].media_types


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.mtx", "mtx"), ("a.MTX", "csv"), ("a.csv.mtx", "mtx"), ("a.txt", "csv"), ("", "csv")],
)
def test_a_file_is_known_by_its_suffix_and_is_csv_without(name: str, expected: str) -> None:
    found = codecs.installed()

    assert found.of_file(name) is found.by_name[expected]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"%%MatrixMarket matrix", "mtx"),
        (b"ARROW1\x00\x00", "arrow"),
        (b"\xff\xff\xff\xff\x78", "arrow"),
        (b"a,b\n", "csv"),
        (b"", "csv"),
    ],
)
def test_a_stream_is_known_by_its_first_bytes(head: bytes, expected: str) -> None:
    found = codecs.installed()

    assert found.of_stream(head) is found.by_name[expected]


def test_a_codec_is_found_by_all_of_its_names(site: Path) -> None:
    lines(site, "lines", "lines_drum:LINES")

    found = codecs.installed()

    codec = found.by_name["lines"]
    assert found.decoders["application/lines"] is codec.decode
    assert found.of_file("a.lines") is codec
    assert found.encoders["application/lines"] is codec.encode
    assert found.versions()["lines"] == pytest.__version__


def test_a_codec_that_only_writes_is_asked_for_in_accept_alone(site: Path) -> None:
    lines(site, "written", "lines_drum:WRITTEN")

    found = codecs.installed()

    assert found.encoders["text/written"] is found.by_name["written"].encode
    assert "application/written" not in found.decoders.keys() | found.encoders.keys()
    assert ".written" not in found.by_suffix
    assert "written" not in found.versions()


def test_a_stream_of_an_added_format_is_known_by_its_banner(site: Path) -> None:
    lines(site, "banner", "lines_drum:BANNER")

    found = codecs.installed()

    assert found.of_stream(b"BANNER 1") is found.by_name["banner"]


def test_two_codecs_for_one_suffix_are_refused(site: Path) -> None:
    lines(site, "same", "lines_drum:SAME")

    with pytest.raises(PluginError, match=r"two codecs, 'csv' and 'same' in .* both for \.csv"):
        codecs.installed()


def test_a_function_is_no_codec(site: Path) -> None:
    lines(site, "lines", "lines_drum:decode")

    with pytest.raises(PluginError, match=r"'lines' of lines in drum_like\.codecs is a function"):
        codecs.installed()


def test_the_old_group_is_refused(site: Path) -> None:
    lines(site, "application/lines", "lines_drum:decode", "drum_like.formats")

    with pytest.raises(
        PluginError, match=r"lines declares 'application/lines' in drum_like\.formats"
    ):
        codecs.installed()


def test_codecs_are_found_without_pandas_and_scipy() -> None:
    code = (
        "import sys\n"
        "from drum_like import codecs\n"
        "codecs.installed()\n"
        "print([name for name in ('pandas', 'scipy') if name in sys.modules])\n"
    )

    assert python("-c", code).stdout == "[]\n"
