"""Flags of DRUM's verbs with a wrong value: the exit codes are those that DRUM 1.18.1 gave."""

from pathlib import Path

import pytest

from tests.support.command_line import run_here
from tests.support.models import REG

ROWS = "a\n1\n2\n"


def exit_code(folder: Path, verb: str, flags: str) -> int:
    REG.write(folder / "m")
    (folder / "in.csv").write_text(ROWS)
    words = {
        "new model": "new model --code-dir new --language python",
        "server": "server --code-dir m --address 127.0.0.1:0 --target-type regression",
    }
    rows = f"{verb} --code-dir m --input in.csv --target-type regression"
    return run_here(*words.get(verb, rows).split(), *flags.split(), cwd=folder).returncode


@pytest.mark.parametrize(
    ("verb", "flags", "code"),
    [
        ("score", "--input nope", 2),
        ("score", "--target-type zzz", 2),
        ("score", "--output nope/x.csv", 1),
        ("score", "--output m", 1),
        ("score", "--class-labels-file nope", 1),
        ("score", "--class-labels", 2),
        ("score", "--positive-class-label", 2),
        ("score", "--logging-level zzz", 2),
        ("score", "--language zzz", 2),
        ("score", "--sparse-column-file nope", 2),
        ("score", "--runtime-params-file nope", 2),
        ("score", "--lazy-loading-file nope", 2),
        ("score", "--gpu-predictor zzz", 2),
        ("score", "--user-secrets-mount-path nope", 0),
        ("score", "--memory zzz", 0),
        ("score", "--monitor-settings zzz", 0),
        ("score", "--webserver zzz", 0),
        ("score", "--monitor --monitor-embedded", 2),
        ("score", "--query a=1", 1),
        ("score", "--content-type x", 1),
        ("score", "--code-dir nope", 2),
        ("score", "--code-dir in.csv", 2),
        ("score", "--sidecar x", 2),
        ("score", "--verbose x", 2),
        ("validation", "--input nope", 2),
        ("validation", "--language zzz", 2),
        ("validation", "--runtime-params-file nope", 2),
        ("validation", "--lazy-loading-file nope", 2),
        ("validation", "--logging-level zzz", 2),
        ("validation", "--class-labels-file nope", 1),
        ("validation", "--query a=1", 1),
        ("perf-test", "--samples x", 2),
        ("perf-test", "--iterations x", 2),
        ("perf-test", "--timeout x", 2),
        ("perf-test", "--max-workers 0", 2),
        ("perf-test", "--max-workers x", 2),
        ("perf-test", "--production", 1),
        ("perf-test", "--runtime-params-file nope", 2),
        ("perf-test", "--language zzz", 2),
        ("server", "--max-workers 0", 2),
        ("server", "--max-workers x", 2),
        ("server", "--production", 1),
        ("new model", "--language zzz", 2),
        ("new model", "--code-dir m", 2),
        ("new model", "--logging-level zzz", 2),
    ],
)
def test_a_wrong_value_has_drums_exit_code(
    tmp_path: Path, verb: str, flags: str, code: int
) -> None:
    assert exit_code(tmp_path, verb, flags) == code


@pytest.mark.parametrize(
    ("verb", "flags", "code"),
    [
        pytest.param("score", "--input m", 2, id="not-1"),
        pytest.param("perf-test", "--samples 0", 2, id="no-rows"),
        pytest.param("server", "--address 127.0.0.1:x", 2, id="port-not-1"),
        pytest.param("score", "--docker nope", 0, id="docker-not-1"),
        pytest.param("score", "--triton-http-port x", 0, id="triton-not-1"),
    ],
)
def test_a_wrong_value_by_difference_d75(tmp_path: Path, verb: str, flags: str, code: int) -> None:
    assert exit_code(tmp_path, verb, flags) == code
