"""Our own calls for a request, each route within its bar."""

from benchmarks.calls import BARS, count


def test_a_request_makes_no_more_calls_than_its_bar() -> None:
    counted = count()

    assert counted.keys() == BARS.keys()
    for path, calls in counted.items():
        assert calls.total <= BARS[path], path
        assert 0 < calls.crossings < calls.total
