"""Many clients at once get the answers that each of them gets alone."""

from tests.crowds.__main__ import asked_by_crowd


def test_every_client_of_a_crowd_gets_the_answer_that_it_gets_alone() -> None:
    tally = asked_by_crowd(1_500, connections=32, seed=3, n_different=150)

    assert tally.failures == []
    assert tally.kinds["503"] == 0, "requests may wait as long as it takes"
    assert tally.kinds["200"] > 600
    assert tally.kinds["422"] > 50
    assert tally.kinds["left"] > 10
    assert tally.n_batched > 2 * tally.n_batches > 0
