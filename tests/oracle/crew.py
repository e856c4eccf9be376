"""The processes that run cases beside each other, and the one server with a store."""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context

from tests.oracle.running import Order, run_order
from tests.oracle.store import store_server
from tests.oracle.verdict import CaseReport, Finding

Tell = Callable[[CaseReport, int], None]


def run_all(orders: Sequence[Order], jobs: int, tell: Tell) -> list[CaseReport]:
    """Run cases in processes of their own, beside a server with a store."""
    reports: dict[Order, CaseReport] = {}
    context = get_context("spawn")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Matrix products round by the kind of processor: here, too, by the one that there is.
    os.environ.pop("OPENBLAS_CORETYPE", None)
    with store_server() as url, ProcessPoolExecutor(jobs, context, _quiet) as pool:
        running = {pool.submit(_run, replace(order, store_url=url)): order for order in orders}
        for done in as_completed(running):
            reports[running[done]] = report = done.result()
            tell(report, len(reports))
    return [reports[order] for order in orders]


def _run(order: Order) -> CaseReport:
    start = time.monotonic()
    try:
        return run_order(order)
    except Exception as error:  # noqa: BLE001 - one broken case may not end the run
        said = f"{type(error).__name__}: {error}"[:400]
        finding = Finding(order.case, "", "", "training", "", "", "", said, "start")
        seconds = time.monotonic() - start
        return CaseReport(order.case, findings=(finding,), seconds=seconds)


def _quiet() -> None:
    """Keep the libraries from warning about the tiny models of the cases."""
    warnings.simplefilter("ignore")
