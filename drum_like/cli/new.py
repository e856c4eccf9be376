"""`drum-like new model`: create a model directory to start from."""

from collections.abc import MutableMapping

from drum_like.config.model_settings import NewModelSettings
from drum_like.errors import SettingsError

_CUSTOM = '''\
"""Hooks of this model directory. Delete those that you do not need; remove the # from the others.

A file of XGBoost, LightGBM, ONNX or scikit-learn beside this one needs no hook at all.
"""

import pandas as pd


def init(code_dir: str) -> None:
    """Run once, before the model is loaded."""


def load_model(code_dir: str):
    """Return the model, for files that are not recognised."""


def read_input_data(input_binary_data: bytes) -> pd.DataFrame:
    """Return the rows of a request, in place of reading it as CSV."""


def transform(data: pd.DataFrame, model) -> pd.DataFrame:
    """Return the rows that are scored; with target type transform, the answer."""
    return data


def score(data: pd.DataFrame, model, **kwargs) -> pd.DataFrame:
    """Return a column Predictions, or one column of probabilities for every class label.

    kwargs holds positive_class_label and negative_class_label, or class_labels.
    """
    return pd.DataFrame({"Predictions": model.predict(data)})


def post_process(predictions: pd.DataFrame, model) -> pd.DataFrame:
    """Return the predictions that are answered, with the same columns."""
    return predictions


def score_unstructured(model, data, query, **kwargs):
    """Return text or bytes, with target type unstructured.

    kwargs holds mimetype and charset, and headers on a server.
    """
    return data


def chat(completion_create_params: dict, model):
    """Return an OpenAI chat completion, or an iterator of its chunks."""
'''

_README = """\
# {name}

A model directory for `drum-like` and DataRobot DRUM.

1. Put the model's file here: `.ubj` or `.json` (XGBoost), `.txt` (LightGBM), `.onnx`, `.pkl` or
   `.joblib` (scikit-learn), or load it in `custom.py`.
2. Name the type of its target, by `--target-type` or in a file `model-metadata.yaml`:

       name: {name}
       type: inference
       targetType: regression

3. Try it:

       drum-like score --code-dir {name} --input rows.csv
       drum-like validation --code-dir {name} --input rows.csv
       drum-like server --code-dir {name} --address 127.0.0.1:6789
       curl --data-binary @rows.csv http://127.0.0.1:6789/predict/

Lines in `custom.py` are comments until you remove their `#`.
"""


def run_model(settings: NewModelSettings, _environ: MutableMapping[str, str]) -> int:
    """Create the directory with README.md and custom.py.

    Raises:
        SettingsError: the directory cannot be created.
    """
    path = settings.code_dir
    try:
        path.mkdir(parents=True)
        (path / "README.md").write_text(_README.format(name=path.name), encoding="utf-8")
        (path / "custom.py").write_text(_commented(_CUSTOM), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be created: {error.strerror}") from error
    return 0


def _commented(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
