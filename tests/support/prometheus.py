"""A real Prometheus that scrapes a server; where it is not installed, its tests are skipped."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from tests.live.steered import eventually
from tests.support.http_calls import call
from tests.support.ports import free_port
from tests.support.serving import stop
from tests.support.waiting import until_answered

PROGRAM = shutil.which("prometheus")
RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus-rules.yaml"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus.

    Attributes:
        url: Where it answers.
    """

    url: str

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return the result of a query: series with their values."""
        reply = call(self.url, "GET", f"/api/v1/query?{urlencode({'query': query})}")
        assert reply.status == 200, reply.text
        found: list[dict[str, Any]] = reply.json()["data"]["result"]
        return found

    def value(self, query: str) -> float:
        """Return the one value of a query; 0 for none."""
        return sum(float(series["value"][1]) for series in self.ask(query))

    def rules(self) -> list[dict[str, Any]]:
        """Return the alerts as it evaluates them."""
        groups = call(self.url, "GET", "/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextmanager
def scraping(target: str, folder: Path, each: str = "500ms") -> Iterator[Prometheus]:
    """Scrape a server, given by its URL, until the block ends; evaluate the alerts of deploy/."""
    settings = {
        "global": {"scrape_interval": each, "scrape_timeout": each, "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": "drum-like", "static_configs": [{"targets": [urlsplit(target).netloc]}]}
        ],
    }
    file, address = folder / "prometheus.yml", f"127.0.0.1:{free_port()}"
    file.write_text(yaml.safe_dump(settings))
    command = [str(PROGRAM), f"--config.file={file}", f"--web.listen-address={address}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--storage.tsdb.path={folder / 'data'}"], stdout=log, stderr=log
        )
        try:
            url = until_answered(f"http://{address}", process)
            eventually(lambda: call(url, "GET", "/-/ready").status == 200)
            yield Prometheus(url)
        finally:
            stop(process)
