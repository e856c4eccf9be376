"""/info/, /capabilities/ and /stats/ (rows I-01 to I-17)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.models import ONE_WORKER, REG, served
from tests.support.more_models import CHAT_ONLY
from tests.support.serving import Server, serve

METADATA = """\
name: x
type: inference
targetType: regression
description: first
runtimeParameterDefinitions:
  - fieldName: N
    type: string
    defaultValue: 50
"""

chatting = served(CHAT_ONLY, *ONE_WORKER)
timed = served(REG, "--show-perf")
several = served(REG, "--max-workers", "2")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """Serve a directory with metadata through a symbolic link; yields the real directory too."""
    folder = tmp_path_factory.mktemp("described")
    model = replace(REG.plus(**{"model-metadata.yaml": METADATA}), flags=())
    real = model.write(folder / "real")
    link = folder / "link"
    link.symlink_to(real)
    with serve(link, *ONE_WORKER) as server:
        yield server, real


def test_info_of_a_model_without_metadata(reg: Server) -> None:
    """I-01."""
    info = reg.get("/info/").json()

    code_dir = info.pop("codeDir")
    assert Path(code_dir, "custom.py").is_file()
    expected = {
        "drumServer": "flask",
        "drumVersion": "1.18.1",
        "language": "python",
        "modelMetadata": None,
        "predictor": None,
        "targetType": "regression",
    }
    assert {key: info.get(key, "absent") for key in expected} == expected


def test_info_of_a_binary_model_names_both_labels(binary: Server) -> None:
    """I-03."""
    info = binary.get("/info/").json()

    assert (info["negativeClassLabel"], info["positiveClassLabel"]) == ("no", "yes")


def test_info_of_a_multiclass_model_lists_the_labels(multiclass: Server) -> None:
    """I-04."""
    assert multiclass.get("/info/").json()["classLabels"] == ["A", "B", "C"]


def test_info_of_a_multilabel_model_lists_no_labels(multilabel: Server) -> None:
    """I-05."""
    info = multilabel.get("/info/").json()

    assert info["targetType"] == "multilabel"
    assert info.keys().isdisjoint({"classLabels", "positiveClassLabel", "negativeClassLabel"})


def test_scalars_of_the_metadata_are_text(described: tuple[Server, Path]) -> None:
    """I-06."""
    metadata = described[0].get("/info/").json()["modelMetadata"]

    assert metadata["targetType"] == "regression"
    assert metadata["runtimeParameterDefinitions"][0]["defaultValue"] == "50"


def test_code_dir_is_the_real_path(described: tuple[Server, Path]) -> None:
    """I-08."""
    server, real = described

    assert server.get("/info/").json()["codeDir"] == str(real.resolve())


@pytest.mark.parametrize("text", [METADATA.replace("first", "second"), "name: [broken"])
def test_info_shows_the_metadata_that_is_served(described: tuple[Server, Path], text: str) -> None:
    """I-07 by difference D22: edits after the start, valid or not, do not show."""
    server, real = described
    path = real / "model-metadata.yaml"

    path.write_text(text)
    reply = server.get("/info/")
    path.write_text(METADATA)

    assert reply.status == 200
    assert reply.json()["modelMetadata"]["description"] == "first"


def test_capabilities_without_a_chat_hook(reg: Server) -> None:
    """I-09."""
    capabilities = reg.get("/capabilities/").json()

    assert capabilities["supported_methods"]["chat"] is False
    formats = capabilities["supported_payload_formats"]
    assert {"csv": None, "mtx": None}.items() <= formats.items()


def test_capabilities_with_a_chat_hook(chatting: Server) -> None:
    """I-10."""
    assert chatting.get("/capabilities/").json()["supported_methods"]["chat"] is True


def test_stats_without_timing(reg: Server) -> None:
    """I-11."""
    reg.csv("a\n1\n")

    stats = reg.get("/stats/").json()

    assert {"drum_info", "mem_info", "time_info"} <= stats.keys()
    assert stats["time_info"]["run_predictor_total"] == dict.fromkeys(
        ("avg", "max", "min", "total")
    )


def test_stats_describe_the_process(reg: Server) -> None:
    """I-12."""
    stats = reg.get("/stats/").json()

    processes = stats["drum_info"]
    assert processes
    for process in processes:
        assert isinstance(process["cmdline"], list)
        assert isinstance(process["cpu_percent"], int | float)
        assert psutil.pid_exists(process["pid"])
    total = sum(process["mem"] for process in processes)
    assert stats["mem_info"]["drum_rss"] == pytest.approx(total, rel=0.05)
    assert stats["mem_info"].keys() >= {
        "avail",
        "container_limit",
        "container_max_used",
        "container_used",
        "drum_rss",
        "free",
        "total",
    }


def test_memory_is_told_in_mebibytes(reg: Server) -> None:
    """I-13."""
    process = reg.get("/stats/").json()["drum_info"][0]

    resident = psutil.Process(process["pid"]).memory_info().rss
    assert process["mem"] == pytest.approx(resident / 1048576, rel=0.2)


def test_timing_of_predictions(timed: Server) -> None:
    """I-14 to I-17: nulls, then numbers over all workers, which a read does not reset."""
    before = _times(timed)

    for _ in range(6):
        assert timed.csv("a\n1\n").status == 200
    times = _times(timed)

    assert before == dict.fromkeys(("avg", "max", "min", "total"))
    assert 0 <= times["min"] <= times["avg"] <= times["max"]
    assert times["total"] == pytest.approx(6 * times["avg"], abs=1e-3)
    assert times["max"] < 5
    assert _times(timed) == times


def test_timing_counts_failures(timed: Server) -> None:
    """I-15: errors are calls too."""
    before = _times(timed)["total"] or 0.0

    assert timed.csv("a\ntext\n").status == 500
    assert timed.post("/predict/", b"a\n" + b"1\n" * 300_000, "text/csv").status == 200

    assert _times(timed)["total"] > before


def test_stats_of_several_workers_are_json(several: Server) -> None:
    """D10: every read is valid JSON, whichever worker answers."""
    for _ in range(8):
        stats = several.get("/stats/").json()

        assert stats["mem_info"]["drum_rss"] > 0


def _times(server: Server) -> dict[str, Any]:
    times: dict[str, Any] = server.get("/stats/").json()["time_info"]["run_predictor_total"]
    return times
