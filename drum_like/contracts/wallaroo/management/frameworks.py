"""The frameworks that the contract names, with their files and the predictors that run them."""

from dataclasses import dataclass
from pathlib import PurePath

from drum_like import plugins
from drum_like.errors import PayloadError, UploadError
from drum_like.model.artifact import artifact_kinds
from drum_like.store.entities import ZIP, Status, Version

_PICKLES = ("pickle", "joblib")


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework, with the files that it reads.

    Attributes:
        name: In the contract.
        formats: Kinds of file that are taken for it; empty where nothing here can run it.
        runtime: The contract's word for its runtime.
        is_sync: Whether `upload` takes it, not only `upload_and_convert`.
        tries_native: Whether its checks are named after the native runtime.
    """

    name: str
    formats: tuple[str, ...] = ()
    runtime: str = "flight"
    is_sync: bool = False
    tries_native: bool = False


_HUGGING_FACE = (
    "automatic-speech-recognition",
    "feature-extraction",
    "image-classification",
    "image-segmentation",
    "image-to-text",
    "object-detection",
    "question-answering",
    "sentiment-analysis",
    "stable-diffusion-text-2-img",
    "summarization",
    "text-classification",
    "text-generation",
    "translation",
    "zero-shot-classification",
    "zero-shot-image-classification",
    "zero-shot-object-detection",
)

_ALL = (
    Framework("onnx", ("onnx",), "onnx", is_sync=True),
    Framework("xgboost", ("xgboost-json", "xgboost-ubj", *_PICKLES), tries_native=True),
    Framework("sklearn", _PICKLES, tries_native=True),
    Framework("lightgbm", ("lightgbm-text", *_PICKLES)),
    Framework("custom", (ZIP,)),
    Framework("python", (ZIP,)),
    Framework("tensorflow", runtime="tensorflow", is_sync=True),
    Framework("mlflow", runtime="mlflow", is_sync=True),
    Framework("keras", tries_native=True),
    Framework("pytorch", tries_native=True),
    Framework("vllm"),
    Framework("sglang"),
    *(Framework(f"hugging-face-{task}") for task in _HUGGING_FACE),
)
_BY_NAME = {framework.name: framework for framework in _ALL}
_OF_SUFFIX = {".onnx": "onnx", ".json": "xgboost", ".ubj": "xgboost", ".bst": "xgboost"}
_OF_SUFFIX |= {".zip": "custom", ".txt": "lightgbm", ".pkl": "sklearn", ".joblib": "sklearn"}


def named(name: str) -> Framework:
    """Return a framework by its name: the contract's, or that of an installed predictor plugin.

    Raises:
        PayloadError: there is none of that name.
    """
    found = _BY_NAME.get(name) or _of_plugin(name)
    if found is None:
        raise PayloadError(f"unknown framework {name[:100]!r}")
    return found


def of_file(file_name: str) -> Framework:
    """Return the framework of a file that came without one, by the end of its name."""
    return _BY_NAME[_OF_SUFFIX.get(PurePath(file_name).suffix.lower(), "onnx")]


def check_runs(framework: Framework) -> None:
    """Refuse files of a framework that no predictor here can run.

    Raises:
        UploadError: it is one.
    """
    if not framework.formats:
        runnable = ", ".join(one.name for one in _ALL if one.formats)
        raise UploadError(
            f"models of the framework {framework.name!r} cannot be run here; {runnable} can"
        )


def wire_status(version: Version) -> str:
    """Return the contract's word for the status of a version."""
    if version.status in (Status.READY, Status.ERROR):
        return version.status
    framework = _BY_NAME.get(str((version.details.get("conversion") or {}).get("framework")))
    kind = "native" if framework is not None and framework.tries_native else "container"
    verb = "attempting" if version.status is Status.LOADING else "pending"
    return f"{verb}_load_{kind}"


def _of_plugin(name: str) -> Framework | None:
    """Return the framework of an installed predictor plugin, by its own name."""
    kinds = zip(sorted(plugins.registered(plugins.ARTIFACTS)), artifact_kinds(), strict=True)
    formats = tuple(format_ for format_, kind in kinds if kind.predictor == name)
    return Framework(name, formats) if formats else None
