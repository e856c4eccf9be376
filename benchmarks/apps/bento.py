"""A BentoML service; runs in BentoML's environment."""

import os

import bentoml  # type: ignore[import-not-found] # installed where this runs
import numpy as np
import xgboost as xgb


@bentoml.service(workers=int(os.environ["BENCH_WORKERS"]), traffic={"timeout": 600})
class Booster:
    """Predicts with a booster."""

    def __init__(self) -> None:
        self.model = xgb.Booster(model_file=os.environ["BENCH_MODEL"])

    @bentoml.api  # type: ignore[untyped-decorator] # see the import
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the chances of class 1."""
        return self.model.inplace_predict(rows)
