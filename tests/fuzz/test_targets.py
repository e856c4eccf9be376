"""The corpus, what attacks have found, and some mutants of both: taken or refused, never else."""

from itertools import islice
from random import Random

import pytest

from tests.fuzz.mutator import CORPUS, corpus, mutants
from tests.fuzz.targets import TARGETS, attack

SEED = 4711
FEW = 60


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("target", TARGETS)
def test_a_decoder_takes_or_refuses(target: str) -> None:
    seeds = corpus(target)

    taken = [attack(target, body) for body in seeds]
    for body in islice(mutants(seeds, Random(SEED)), FEW):
        attack(target, body)

    assert any(taken)


def test_every_target_has_its_corpus() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 1 << 17
