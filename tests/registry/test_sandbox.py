"""The throw-away child: whatever a model does to it, there is a result, and this process lives."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from drum_like.registry.sandbox.runner import InterruptedTrialError, run_in_sandbox
from drum_like.registry.sandbox.task import SandboxLimits, fingerprint, limits_of
from drum_like.registry.stored_model import StoredModel
from drum_like.store.entities import Declared
from tests.support.registries import GOOD_CODE, METADATA, eventually

TIGHT = SandboxLimits(memory_mb=2048, cpu_s=3, wall_s=60, descriptors=64, file_mb=1)
CLOSE_ALL = "[os.close(n) for n in range(3, 64) if os.path.exists(f'/proc/self/fd/{n}')]"
IMPATIENT = replace(TIGHT, wall_s=4)


def _model(directory: Path, code: str) -> StoredModel:
    (directory / "custom.py").write_text(code)
    (directory / "model-metadata.yaml").write_text(METADATA)
    return StoredModel(directory, runs_code=True, declared=Declared())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("import os\nos._exit(3)", "left with exit code 3"),
        ("raise SystemExit(3)", "3"),
        ("raise ValueError('my own words')", "my own words"),
        ("while True: pass", "more than 3 s of CPU time"),
        ("x = bytearray(8 << 30)", "MemoryError"),
        (f"import os\n{CLOSE_ALL}", "ended by SIGKILL"),
        ("open('big', 'wb').write(bytes(8 << 20))", "File too large"),
        ("held = [open('/dev/null') for _ in range(100)]", "Too many open files"),
    ],
    ids=[
        "crashes", "leaves", "asks to leave", "raises", "computes for ever",
        "takes memory", "closes what it has", "writes much", "opens much",
    ],
)  # fmt: skip
def test_a_bad_model_gets_its_result(tmp_path: Path, code: str, words: str) -> None:
    result = run_in_sandbox(_model(tmp_path, code + "\n" + GOOD_CODE), TIGHT)

    assert words in str(result.error)


def test_a_model_that_takes_too_long_gets_its_result(tmp_path: Path) -> None:
    result = run_in_sandbox(_model(tmp_path, "import time\ntime.sleep(600)\n"), IMPATIENT)

    assert result.error == "the model did not load and predict within 4 s"


def test_a_good_model_is_good(tmp_path: Path) -> None:
    result = run_in_sandbox(_model(tmp_path, GOOD_CODE), TIGHT)

    assert result.is_good
    assert result.lines[0] == "it loads: custom.py, target type regression"


def test_a_child_inherits_no_secrets_and_leaves_no_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "canary")
    code = (
        "import os, subprocess\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "assert 'canary' not in repr(os.environ), 'inherited'\n"
        "assert os.listdir() == [], os.listdir()\n"
        "assert os.getsid(0) == os.getpid()\n"
    )

    result = run_in_sandbox(_model(tmp_path, code + GOOD_CODE), TIGHT)

    assert result.error is None
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while _lives(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_trial_can_be_called_off(tmp_path: Path) -> None:
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()

    began = time.monotonic()
    with pytest.raises(InterruptedTrialError):
        run_in_sandbox(_model(tmp_path, "import time\ntime.sleep(60)"), TIGHT, cancelled=cancelled)

    assert time.monotonic() - began < 5


def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        f"import os, sys, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "assert sys.stdin.read() == ''\ntime.sleep(600)\n"
    )
    model = _model(tmp_path, code)
    program = (
        "import sys\nfrom pathlib import Path\nfrom drum_like.store.entities import Declared\n"
        "from drum_like.registry.stored_model import StoredModel\n"
        "from drum_like.registry.sandbox.task import SandboxLimits\n"
        "from drum_like.registry.sandbox.runner import run_in_sandbox\n"
        "run_in_sandbox(StoredModel(Path(sys.argv[1]), True, Declared()), SandboxLimits())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, model.directory])
    eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    pid = int((tmp_path / "pid").read_text())

    time.sleep(0.5)
    assert _lives(pid)
    parent.kill()
    parent.wait()

    eventually(lambda: not _lives(pid))


def test_a_fingerprint_depends_on_all_that_a_result_does() -> None:
    def key(digest: str = "a", kind: str = "onnx", *, no_pickle: bool = False) -> str:
        return fingerprint(digest, kind, Declared(), no_pickle=no_pickle)

    others = {
        key("b"),
        key(kind="zip"),
        key(no_pickle=True),
        fingerprint("a", "onnx", Declared("binary"), no_pickle=False),
    }

    assert key() == key()
    assert len(others | {key()}) == 5


def test_a_large_file_may_take_more_memory() -> None:
    assert limits_of(0).memory_mb < limits_of(1 << 30).memory_mb


def test_a_file_without_code_gets_the_time_that_its_size_needs() -> None:
    sizes = (0, 1 << 25, 1 << 32)

    assert [limits_of(size, runs_code=False).cpu_s for size in sizes] == [10, 42, 120]
    assert limits_of(0, runs_code=True).cpu_s == 120


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
