"""How a framework that is missing gets here, for messages."""

from importlib.metadata import PackageNotFoundError, metadata

from drum_like import plugins

_NO_FRAMEWORKS = frozenset({"all", "jwt", "postgres", "xgboost-cpu"})
"""Extras of drum-like that bring no framework, or one that another extra brings, too."""

_EXTRAS = {"joblib": "sklearn", "onnxruntime": "onnx"}
"""Extras by a module that they bring; others are named as their module."""


def advice() -> str:
    """Say which frameworks can be served here, and how more are added."""
    installed = ", ".join(sorted(plugins.registered(plugins.PREDICTORS))) or "none"
    return (
        f"Installed plugins: {installed}; frameworks come with the extras of drum-like: "
        f"{', '.join(_extras())}. For any other write a score hook: "
        "`drum-like new model --code-dir DIR` begins a custom.py"
    )


def how_to_get(module: str) -> str:
    """Return the command that brings a module, or where it has to lie."""
    package = module.partition(".")[0]
    extra = _EXTRAS.get(package, package)
    if extra in _extras():
        return f"Run: pip install 'drum-like[{extra}]'"
    return "Install the package that has it, or put the module beside custom.py"


def _extras() -> list[str]:
    """Return the extras of this distribution that bring a framework."""
    try:
        extras = metadata("drum-like").get_all("Provides-Extra") or []
    except PackageNotFoundError:
        extras = []
    return sorted(set(extras) - _NO_FRAMEWORKS)
