"""The time until a client has an answer, as it is and compressed, on lines of some speeds.

python -m benchmarks.codings

Computed from the time to compress and from the bytes; what the client takes to expand is not in it.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from time import perf_counter

import numpy as np
import pyarrow as pa

from drum_like.api import Prediction, Target
from drum_like.codecs.json.encode import predictions_json
from drum_like.codecs.npy import predictions_npy
from drum_like.http.accepted import PACKERS
from drum_like.types.target import TargetType

_ROUNDS = 7
_LINE = 100e6 / 8
"""Bytes a second of the line whose times are printed."""


def _slower_gzip(body: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, wbits=31)
    return packer.compress(body) + packer.flush()


_WAYS: Mapping[str, Callable[[bytes], bytes]] = {
    **PACKERS,
    "zstd 3": lambda body: pa.Codec("zstd", compression_level=3).compress(body, asbytes=True),
    "gzip 6": partial(_slower_gzip, level=6),
}


def main() -> None:
    """Print a table."""
    print("| answer | bytes | as it is | " + " | ".join(_WAYS) + " |")
    print("|" + "---|" * (len(_WAYS) + 3))
    for name, body in _answers():
        cells = [_cell(body, pack) for pack in _WAYS.values()]
        print(f"| {name} | {len(body)} | {len(body) / _LINE * 1e3:.1f} | {' | '.join(cells)} |")


def _cell(body: bytes, pack: Callable[[bytes], bytes]) -> str:
    times = []
    for _ in range(_ROUNDS):
        began = perf_counter()
        packed = pack(body)
        times.append(perf_counter() - began)
    spent = min(times)
    return f"{(spent + len(packed) / _LINE) * 1e3:.1f} ({len(packed) / len(body):.2f})"


def _answers() -> Iterator[tuple[str, bytes]]:
    """Yield answers of models: JSON and arrays, of few different numbers and of many."""
    random = np.random.default_rng(1)
    regression, binary = Target(TargetType.REGRESSION), Target(TargetType.BINARY, ("yes", "no"))
    chances = random.random(20_000).astype(np.float32)
    both = Prediction(np.column_stack([chances, 1 - chances]), ("yes", "no"))
    values = Prediction(random.normal(size=20_000))
    leaves = random.choice(random.random(500).astype(np.float32), 100_000)
    yield "JSON, 430 numbers", predictions_json(Prediction(random.normal(size=430)), regression)
    yield "JSON, 20,000 numbers", predictions_json(values, regression)
    yield "JSON, 20,000 rows of two classes", predictions_json(both, binary)
    yield "array, 20,000 numbers", predictions_npy(values, regression)
    yield "array, 20,000 rows of two classes", predictions_npy(both, binary)
    yield "array, 100,000 numbers, 500 different", predictions_npy(Prediction(leaves), regression)


if __name__ == "__main__":
    main()
