"""The entry point of deploy/Dockerfile, run as a container engine runs it.

It is process 1, belongs to another user, sees a read-only root, and has no environment but the
image's.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.image.dockerfile import Process, process_of, read
from tests.live.steered import do, eventually, write
from tests.support.ports import free_port
from tests.support.serving import START_TIMEOUT_S, Server, stop

ROOT = Path(__file__).resolve().parents[2]
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")

# The interpreter of the tests may stand where another user cannot read; writing stays forbidden.
CAPABILITIES = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")

MOUNTS = """
mount --make-rprivate /
mount --bind "$MODEL" /mnt
mount --bind / /
mount -o remount,ro,bind /
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /opt
mkdir /opt/model /opt/kept
mount --bind /mnt /opt/kept
mount -t tmpfs tmpfs /mnt
mkdir -p "$PLACE"
mount --bind /opt/kept "$PLACE"
mount -o remount,ro,bind "$PLACE"
mount -o remount,ro /mnt
ln -s "$ENVIRONMENT" /opt/drum-like
mkdir /opt/checkout
mount --bind "$CHECKOUT" /opt/checkout
mount -o remount,ro,bind /opt/checkout
mount -o remount,ro /opt
mount -t tmpfs -o mode=1777 tmpfs /tmp
if [ ! -d "$CHECKOUT" ]; then # it lay below /tmp
    mkdir -p "$CHECKOUT"
    mount --bind /opt/checkout "$CHECKOUT"
fi
exec "$@"
"""


def image() -> Process:
    """Return the process of the last stage of deploy/Dockerfile."""
    return process_of(read((ROOT / "deploy" / "Dockerfile").read_text())[-1])


def _why_not() -> str:
    """Return the reason why namespaces cannot be used here, "" if they can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if not all(map(shutil.which, ("unshare", "nsenter", "setpriv", "mount"))):
        return "unshare, nsenter, setpriv and mount are needed"
    trial = [*NAMESPACES, "sh", "-ec", "mount --make-rprivate / && mount -t tmpfs tmpfs /mnt"]
    done = subprocess.run(trial, capture_output=True, text=True, timeout=20, check=False)
    return f"namespaces are not permitted: {done.stderr.strip()}" if done.returncode else ""


pytestmark = pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "usable")


@contextmanager
def contained(
    model: Path,
    log_path: Path,
    *command: str,
    place: str = "/opt/model",
    network: str = "shared",
    **environment: str,
) -> Iterator[Server]:
    """Run the image's entry point as process 1 of namespaces of its own.

    Args:
        model: A model directory.
        log_path: For the output.
        command: Instead of the image's.
        place: Where the container sees the model directory.
        network: "own" for one that is not up yet, else that of the machine.
        environment: Variables beside the image's.

    Yields:
        A server that has that process, as seen from outside.
    """
    said = image()
    variables = {**said.variables, "ADDRESS": "127.0.0.1:0", **environment}
    words = (*said.entrypoint, *(command or said.command))
    identity = (f"--reuid={said.user.uid}", f"--regid={said.user.gid}", "--clear-groups")
    privileges = ("setpriv", *identity, "--no-new-privs", *CAPABILITIES)
    clean = ("env", "-i", *(f"{name}={value}" for name, value in variables.items()))
    namespaces = (*NAMESPACES, *(("--net",) if network == "own" else ()))
    started = [*namespaces, "sh", "-ec", MOUNTS, "sh", *privileges, *clean, *words]
    places = {
        "MODEL": str(model),
        "PLACE": place,
        "ENVIRONMENT": sys.prefix,
        "CHECKOUT": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    with log_path.open("wb") as log:
        process = subprocess.Popen(started, stdout=log, stderr=subprocess.STDOUT, env=places)
    try:
        yield _answering(process, log_path)
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children():
                child.terminate()
        stop(process)


def _answering(process: subprocess.Popen[bytes], log_path: Path) -> Server:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"listening http://[.\d]+(:\d+)", log_path.read_text()):
            return Server(f"http://127.0.0.1{found[1]}", process, log_path)
        time.sleep(0.02)
    raise AssertionError(f"exit code {process.poll()}, log:\n{log_path.read_text()}")


def first_process(server: Server) -> psutil.Process:
    """Return process 1 of the namespace."""
    (child,) = psutil.Process(server.process.pid).children()
    return child


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    directory.mkdir()
    write(directory)
    code = (directory / "custom.py").read_text()
    # The model directory is read-only here: there are no boots to count.
    start = code.index('    with (HERE / "boots")')
    (directory / "custom.py").write_text(code[:start] + code[code.index("    if (HERE") :])
    return directory


def test_the_image_listens_everywhere_and_serves_its_model_directory() -> None:
    said = image()

    assert (*said.entrypoint, *said.command) == ("drum-like", "server")
    assert said.variables["ADDRESS"] == f"0.0.0.0:{said.port}" == "0.0.0.0:8080"
    assert said.user.uid == 10001


def test_a_container_serves_as_another_user_on_a_read_only_root(
    model: Path, tmp_path: Path
) -> None:
    with contained(model, tmp_path / "log", TARGET_TYPE="regression") as server:
        assert do(server, "pid").status == 200
        assert server.get("/info/").json()["codeDir"] == "/opt/model"
        assert first_process(server).uids().real == 10001
        assert "rror" not in server.log()


@pytest.mark.parametrize(
    ("command", "place", "variables"),
    [
        pytest.param(("serve",), "/opt/ml/model", {"SAGEMAKER_BIND_TO_PORT": ""}, id="SageMaker"),
        pytest.param((), "/opt/model", {"AIP_HTTP_PORT": ""}, id="Vertex AI"),
        pytest.param((), "/mnt/models", {"ADDRESS": ""}, id="KServe"),
        pytest.param((), "/opt/azureml", {"AZUREML_MODEL_DIR": "/opt/azureml"}, id="Azure ML"),
    ],
)
def test_the_image_runs_on_platforms_as_it_is(
    model: Path, tmp_path: Path, command: tuple[str, ...], place: str, variables: dict[str, str]
) -> None:
    port = str(free_port())
    given = {
        k: v or (f"127.0.0.1:{port}" if k == "ADDRESS" else port) for k, v in variables.items()
    }
    environment = {"TARGET_TYPE": "regression"} | given

    with contained(model, tmp_path / "log", *command, place=place, **environment) as server:
        assert do(server, "pid").status == 200
        assert server.get("/info/").json()["codeDir"] == place
        assert "AZUREML_MODEL_DIR" in given or server.url.endswith(f":{port}")


INSIDE = """
import fcntl
import socket
import struct
import urllib.request
from pathlib import Path

UP, SET_FLAGS = 1, 0x8914
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", b"lo", UP))
sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
print(*(fields[1] for fields in sockets if fields[3] == "0A"))
print(urllib.request.urlopen("http://127.0.0.1:8080/ping").status)
"""
"""Prints which addresses are listened on, and the status of a health check."""


def test_serve_is_found_where_sagemaker_looks_for_it(model: Path, tmp_path: Path) -> None:
    """Row S01 of the checklist of contracts: port 8080 of all interfaces, without a variable."""
    started = contained(
        model,
        tmp_path / "log",
        "serve",
        place="/opt/ml/model",
        network="own",
        TARGET_TYPE="regression",
    )
    with started as server:
        enter = ("nsenter", f"--target={first_process(server).pid}", "--net")
        asked = subprocess.run(
            [*enter, sys.executable, "-c", INSIDE],
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )

    assert asked.stdout.split() == [f"00000000:{8080:X}", "200"], asked.stderr


def test_process_1_leaves_no_zombies_and_is_not_confused_by_orphans(
    model: Path, tmp_path: Path
) -> None:
    environment = {"TARGET_TYPE": "regression", "MAX_WORKERS": "1"}
    with contained(model, tmp_path / "log", **environment) as server:
        master = first_process(server)
        (worker,) = master.children()
        for _ in range(10):
            do(server, "orphan")

        eventually(lambda: len(master.children()) > 1)
        eventually(lambda: master.children() == [worker])

        assert do(server, "pid").status == 200


def test_process_1_drains_on_sigterm_and_leaves_with_0(model: Path, tmp_path: Path) -> None:
    with contained(model, tmp_path / "log", TARGET_TYPE="regression") as server:
        first_process(server).send_signal(signal.SIGTERM)

        assert server.process.wait(20) == 0


def test_a_container_whose_model_does_not_load_leaves_with_4(model: Path, tmp_path: Path) -> None:
    (model / "broken").write_text("raise nosuch")

    started = contained(model, tmp_path / "log", TARGET_TYPE="regression")

    with pytest.raises(AssertionError, match=r"(?s)exit code 4.*nosuch"), started:
        pytest.fail("it has started")
