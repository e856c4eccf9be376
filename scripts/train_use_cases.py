"""Train the sample models of ecosystem.ai's MLRun module: `python scripts/train_use_cases.py DIR`.

DIR gets one model directory each, named by the model's id: the XGBoost model of `spend_risk` and
the LightGBM model of `customer_personality`. `drum-like server --models DIR` serves them.
"""

import argparse
from pathlib import Path

from use_cases.cases import CUSTOMER_PERSONALITY, SPEND_RISK
from use_cases.training import model_id, train

MODELS = ((SPEND_RISK, "xgboost"), (CUSTOMER_PERSONALITY, "lightgbm"))


def main() -> None:
    """Train, and say how good the models are."""
    parser = argparse.ArgumentParser(description="Train the sample models of two use cases.")
    parser.add_argument("directory", type=Path, help="gets one model directory each")
    root = parser.parse_args().directory
    for case, framework in MODELS:
        trained = train(case, framework, root / model_id(case, framework))
        metrics = ", ".join(f"{name} {value:.2f}" for name, value in trained.metrics.items())
        print(f"{trained.model_id}: {metrics}")


if __name__ == "__main__":
    main()
