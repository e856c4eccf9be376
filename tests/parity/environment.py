"""The virtual environment of the real DRUM."""

import subprocess
import venv
from importlib.metadata import version
from pathlib import Path

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
