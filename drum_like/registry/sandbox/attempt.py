"""The trial itself, inside the child: load, and predict a sample row where one can be made."""

import logging
from typing import Any

from drum_like.errors import DrumLikeError, PredictorError, RequestError
from drum_like.inference.model_service import ModelService
from drum_like.registry.sandbox.task import load_settings_of, stored_of
from drum_like.registry.stored_model import open_stored
from drum_like.types.frame import Frame
from drum_like.types.probe_rows import probe_rows
from drum_like.types.schema import Schema


def attempt(task: dict[str, Any]) -> dict[str, Any]:
    """Return the result on a model as JSON: `error`, None if it can be served, and `lines`."""
    logging.disable()
    try:
        service = open_stored(stored_of(task), load_settings_of(task))
        lines = [_loaded(service), *service.notes[1:], _predicted(service)]
    except DrumLikeError as error:
        return {"error": str(error).strip(), "lines": []}
    except MemoryError:
        return {"error": "loading the model takes more memory than a trial may use", "lines": []}
    except BaseException as error:  # noqa: BLE001 - code of the model may raise anything
        return {"error": f"loading the model failed ({type(error).__name__})", "lines": []}
    return {"error": None, "lines": lines}


def _loaded(service: ModelService) -> str:
    kind = service.info.framework or "custom.py"
    return f"it loads: {kind}, target type {service.target.type.value}"


def _predicted(service: ModelService) -> str:
    """Predict a row of zeros; return how that went.

    Raises:
        PredictorError: the framework fails on it.
    """
    row = None if service.schema is None else _sample(service.schema)
    if service.pipeline is None or service.predictor is None or row is None:
        return "no sample row can be made for it"
    try:
        service.pipeline.score(row, None)
    except PredictorError:
        raise
    except RequestError as error:
        return f"a row of zeros does not suit it: {error}"
    return "it predicts a row of zeros"


def _sample(schema: Schema) -> Frame | None:
    """Return a row of zeros and first categories; None if a column may hold anything."""
    if any(column.kind == "any" for column in schema.columns):
        return None
    return next(probe_rows(schema), None)
