"""ONNX sessions: how they are opened and run."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

# Relative: type checkers know this package under its folder's name.
from .graph import Graph

Values = NDArray[Any]
Feeds = Mapping[str, Values]
Run = Callable[[list[str], Feeds], list[Any]]

_BFLOAT16 = "tensor(bfloat16)"
_NOTHING_BUT_FATAL = 4


def opened(path: Path, graph: Graph, n_threads: int) -> ort.InferenceSession:
    """Open a session on the CPU; idle threads sleep, not spin: several workers share the CPUs.

    It logs nothing itself: a run raises what it refuses, and converters declare many wrong shapes.

    Raises:
        ArtifactError: the model names a file outside its directory.
    """
    graph.check_external_data(path.resolve().parent)
    options = ort.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = _NOTHING_BUT_FATAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def graph_of(session: ort.InferenceSession) -> Graph | None:
    """Return the graph of a session, if the file or the bytes that it was made of are there."""
    path = getattr(session, "_model_path", None)
    if path and Path(path).is_file():
        return Graph(Path(path).read_bytes(), Path(path).name)
    content = getattr(session, "_model_bytes", None)
    return Graph(content, "the model") if isinstance(content, bytes) else None


def run_of(session: ort.InferenceSession) -> Run:
    """Return the function that runs a session; bfloat16, which numpy lacks, becomes float32."""
    run: Run = session.run
    narrow = any(output.type == _BFLOAT16 for output in session.get_outputs())
    return partial(_run_widened, session) if narrow else run


def quiet_run_of(session: ort.InferenceSession) -> Run:
    """Return a function that runs a session and logs no failure: limits are found by trying."""
    options = ort.RunOptions()
    options.log_severity_level = _NOTHING_BUT_FATAL
    run = run_of(session)
    return lambda names, feeds: run(names, feeds, options)  # type: ignore[call-arg]


def _run_widened(
    session: ort.InferenceSession,
    names: list[str],
    feeds: Feeds,
    options: ort.RunOptions | None = None,
) -> list[Any]:
    given = {name: ort.OrtValue.ortvalue_from_numpy(values) for name, values in feeds.items()}
    return [_widened(value) for value in session.run_with_ort_values(names, given, options)]


def _widened(value: ort.OrtValue) -> Any:
    if not value.is_tensor() or value.data_type() != _BFLOAT16:
        return value.numpy()
    size = value.tensor_size_in_bytes()
    halves = np.frombuffer(ctypes.string_at(value.data_ptr(), size), np.uint16)
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(value.shape())
