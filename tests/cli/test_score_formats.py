"""`score` on compressed files, and predictions in the format of the suffix of --output."""

import gzip
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from drum_like.cli.streams import unpacked
from drum_like.errors import BodyError, SizeError
from tests.support.artifacts import native_xgboost
from tests.support.command_line import run_here
from tests.support.models import TEXT, Model
from tests.support.more_models import TRANSFORM
from tests.support.parquet_payloads import saved

ROWS = pd.DataFrame({"a": [0.1, 3.5, np.nan, -2.0], "b": [2.0, np.nan, 0.3, 1e10]})
CSV = ROWS.to_csv(index=False).encode()
PARQUET = saved(pa.Table.from_pandas(ROWS))


def zstd(body: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(body)
    return bytes(sink.getvalue().to_pybytes())


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return native_xgboost(".json").model.write(tmp_path_factory.mktemp("model"))


def score(directory: Path, source: Path, output: Path, *flags: str) -> CompletedProcess[str]:
    given = native_xgboost(".json").model.flags
    words = ("score", "--code-dir", directory, "--input", source, "--output", output)
    return run_here(*words, *given, *flags)


def expected(directory: Path, folder: Path) -> bytes:
    (folder / "plain.csv").write_bytes(CSV)
    done = score(directory, folder / "plain.csv", folder / "plain.out")
    assert done.returncode == 0, done.stderr
    return (folder / "plain.out").read_bytes()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param("rows.csv.gz", gzip.compress(CSV), id="gzip"),
        pytest.param("rows.CSV.GZ", gzip.compress(CSV), id="upper-case"),
        pytest.param("rows.csv.gz", gzip.compress(CSV[:9]) + gzip.compress(CSV[9:]), id="members"),
        pytest.param("rows.csv.zst", zstd(CSV), id="zstd"),
        pytest.param("rows.parquet", PARQUET, id="parquet"),
        pytest.param("rows.parquet.gz", gzip.compress(PARQUET), id="parquet-gzip"),
        pytest.param("rows.gz", gzip.compress(CSV), id="no-suffix-within"),
    ],
)
def test_a_compressed_file_is_scored_like_the_file(
    directory: Path, tmp_path: Path, name: str, body: bytes
) -> None:
    (tmp_path / name).write_bytes(body)

    done = score(directory, tmp_path / name, tmp_path / "out.csv")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_bytes() == expected(directory, tmp_path)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_bomb_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(200 << 20))
    (tmp_path / "bomb.csv.gz").write_bytes(packed)
    name = "bomb.csv.gz" if pack is gzip.compress else "bomb.csv.zst"
    (tmp_path / name).write_bytes(packed)
    before = psutil.Process().memory_info().rss

    with pytest.raises(SizeError, match="--input: bomb"), unpacked(tmp_path / name):
        pass

    assert psutil.Process().memory_info().rss - before < 70 << 20


@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param("rows.csv.gz", CSV, id="plain"),
        pytest.param("rows.csv.gz", gzip.compress(CSV)[:-3], id="cut-off"),
        pytest.param("rows.csv.zst", zstd(CSV)[:-3], id="zstd-cut-off"),
        pytest.param("rows.csv.zst", gzip.compress(CSV), id="gzip-called-zstd"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, body: bytes) -> None:
    (tmp_path / name).write_bytes(body)

    with pytest.raises(BodyError, match="damaged"), unpacked(tmp_path / name):
        pass


def test_what_is_expanded_is_removed(tmp_path: Path) -> None:
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(CSV))

    with unpacked(tmp_path / "rows.csv.gz") as path:
        assert (path.name, path.read_bytes()) == ("rows.csv", CSV)

    assert not path.exists()


READ: dict[str, Callable[[bytes], Any]] = {
    ".parquet": lambda body: parquet.read_table(BytesIO(body)),
    ".arrow": lambda body: ipc.open_stream(body).read_all(),
    ".npy": lambda body: pa.table(list(np.load(BytesIO(body)).T), ["no", "yes"]),
}


@pytest.mark.parametrize("suffix", READ)
@pytest.mark.parametrize("source", ["rows.csv", "rows.parquet"])
def test_the_suffix_of_the_output_says_its_format(
    directory: Path, tmp_path: Path, suffix: str, source: str
) -> None:
    (tmp_path / source).write_bytes(CSV if source == "rows.csv" else PARQUET)
    output = tmp_path / f"out{suffix}"

    done = score(directory, tmp_path / source, output)

    assert done.returncode == 0, done.stderr
    found = READ[suffix](output.read_bytes())
    assert found.schema.types == [pa.float32()] * 2
    told = pd.read_csv(BytesIO(expected(directory, tmp_path)), dtype=np.float32)
    assert found.num_columns == told.shape[1]
    for at in range(2):
        assert found.column(at).to_numpy().tobytes() == told.iloc[:, at].to_numpy().tobytes()


def test_blocks_are_joined(directory: Path, tmp_path: Path) -> None:
    """More rows than a block has."""
    rows = pd.DataFrame(np.random.default_rng(1).normal(size=(200_000, 2)), columns=["a", "b"])
    rows.to_csv(tmp_path / "rows.csv", index=False)

    for name in ("out.csv", "out.parquet"):
        assert score(directory, tmp_path / "rows.csv", tmp_path / name).returncode == 0

    found = parquet.read_table(tmp_path / "out.parquet").to_pandas()
    told = pd.read_csv(tmp_path / "out.csv", dtype=np.float32)
    assert (tmp_path / "rows.csv").stat().st_size > 4 << 20
    assert found.to_numpy().tobytes() == told.to_numpy().tobytes()


@pytest.mark.parametrize(
    ("model", "name", "flags", "said"),
    [
        (TRANSFORM, "out.parquet", (), "transformed rows are written as CSV"),
        (TEXT, "out.parquet", ("--passthrough", "out"), "--passthrough: .parquet files"),
        (TEXT, "out.npy", (), "no numbers"),
    ],
)
def test_what_a_format_does_not_hold_is_refused(
    tmp_path: Path, model: Model, name: str, flags: tuple[str, ...], said: str
) -> None:
    directory = model.write(tmp_path / "model")
    (tmp_path / "rows.csv").write_bytes(b"out\nword\n")

    done = run_here(
        "score", "--code-dir", directory, "--input", tmp_path / "rows.csv",
        "--output", tmp_path / name, *model.flags, *flags, env=model.env,
    )  # fmt: skip

    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / name).exists()
