"""The metrics of a server, read by the parsers of Prometheus' own client."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tests.support.serving import Server

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Scrape:
    """The samples of one answer of /metrics.

    Attributes:
        samples: Values by the name of the sample and its sorted labels.
        growing: Names of samples that never shrink.
    """

    samples: Mapping[tuple[str, Labels], float]
    growing: frozenset[str]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum over all samples of a name that have these labels."""
        return sum(self.by(name, **labels).values())

    def by(self, name: str, **labels: str) -> dict[Labels, float]:
        """Return the samples of a name that have these labels, by all of their labels."""
        return {
            found: value
            for (one, found), value in self.samples.items()
            if one == name and labels.items() <= dict(found).items()
        }

    def values(self, name: str, label: str) -> set[str]:
        """Return the values of a label."""
        return {dict(labels)[label] for labels in self.by(name)}

    def shrunk_since(self, before: "Scrape") -> list[tuple[str, Labels]]:
        """Return the samples that may only grow and are less than they were, or gone."""
        return [
            key
            for key, value in before.samples.items()
            if key[0] in self.growing and self.samples.get(key, 0.0) < value
        ]


def parsed(text: str) -> Scrape:
    """Return the samples of a text in Prometheus' format."""
    samples: dict[tuple[str, Labels], float] = {}
    growing = set()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples, key
            samples[key] = sample.value
            if family.type in ("counter", "histogram"):
                growing.add(sample.name)
    return Scrape(samples, frozenset(growing))


def scrape(server: Server) -> Scrape:
    """Return the metrics of a server."""
    reply = server.get("/metrics")
    assert reply.status == 200
    return parsed(reply.text)
