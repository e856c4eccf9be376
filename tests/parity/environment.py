"""The virtual environments of the real DRUM and of servers of other products."""

import subprocess
import venv
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The same libraries on both sides: pickles are read by the version that wrote them, and the
# dtypes that hooks see are those of the installed pandas.
SHARED = ("scikit-learn", "lightgbm", "onnxruntime", "xgboost-cpu", "numpy", "pandas", "scipy")


def drum_executable(environment: Path) -> Path:
    """Return DRUM's executable in this environment, which is made where there is none.

    Packages come from the index that pip is configured for.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    executable = environment.absolute() / "bin" / "drum"
    if not executable.exists():
        venv.create(environment, with_pip=True)
        pins = [f"{name}=={version(name)}" for name in SHARED]
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "datarobot-drum==1.18.1", *pins], check=True)
    return executable


def server_programs(name: str) -> Path:
    """Return the folder of the programs of another product's environment, which is made or mended.

    It is that of `make client-NAME`, and holds what tests/clients/NAME.txt lists.

    Args:
        name: The name of the list.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    environment = ROOT / "build" / "clients" / name
    programs = environment / "bin"
    if not (programs / "python").exists():
        venv.create(environment, with_pip=True)
    listed = ROOT / "tests" / "clients" / f"{name}.txt"
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--requirement"]
    subprocess.run([*pip, str(listed)], check=True)
    return programs
