"""The cost of a logged decision beside a prediction: `python -m benchmarks.decisions`.

One connection asks a server with two workers for the same row in turns, as CSV on /predict/ and as
a campaign's call on /invocate, and the medians are compared.
"""

import json
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from scripts.use_cases.cases import SPEND_RISK
from scripts.use_cases.training import model_id, train
from tests.support.http_calls import send
from tests.support.serving import serve

N_TURNS = 40
N_CALLS = 50
MOST = 1.5
"""The ratio of the medians that is promised."""

ROW = {
    "amount_sum": 24500,
    "amount_mean": 322,
    "amount_std": 215,
    "declined_count": 4,
    "is_high_risk_categories": 1,
}


def main() -> int:
    """Print the medians and their ratio; return 1 if it is higher than promised."""
    with tempfile.TemporaryDirectory(prefix="decisions-") as folder:
        model = Path(folder, model_id(SPEND_RISK, "xgboost"))
        train(SPEND_RISK, "xgboost", model)
        with serve(model, "--store", f"{folder}/store", "--max-workers", "2") as server:
            predict, invoke = _medians(server.url)
    print(f"p50 of /predict/  {predict * 1e3:.3f} ms")
    print(f"p50 of /invocate  {invoke * 1e3:.3f} ms, decision log on")
    print(f"ratio             {invoke / predict:.2f}, promised {MOST}")
    return int(invoke / predict > MOST)


def _medians(url: str) -> tuple[float, float]:
    """Return the medians of both calls, in seconds; in turns, so that noise hits both."""
    csv = f"{','.join(ROW)}\n{','.join(map(str, ROW.values()))}\n"
    params = {"input": list(ROW), "value": list(ROW.values())}
    call = {"campaign": "spend_risk", "sub-campaign": "xgboost", "in_params": params}
    plans = (
        ("/predict/", "text/csv", csv),
        ("/invocate", "application/json", json.dumps(call)),
    )
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    times: dict[str, list[float]] = {path: [] for path, _, _ in plans}
    for turn in range(N_TURNS + 2):
        for path, kind, body in plans:
            headers = {"Content-Type": kind}
            for _ in range(N_CALLS):
                began = time.perf_counter()
                reply = send(connection, "POST", path, body=body, headers=headers)
                took = time.perf_counter() - began
                if reply.status != 200 or b"ErrorMessage" in reply.body:
                    sys.exit(f"{path} answered {reply.status}: {reply.text}")
                if turn > 1:
                    times[path].append(took)
    connection.close()
    return median(times["/predict/"]), median(times["/invocate"])


if __name__ == "__main__":
    sys.exit(main())
