"""Properties that are computed when first asked for."""

from threading import Event, Thread

from drum_like.system.lazy import cached

WAIT_S = 10.0


class _Rows:
    def __init__(self) -> None:
        self.n_read = 0

    @cached
    def cells(self) -> list[int]:
        """The cells."""
        self.n_read += 1
        return [self.n_read]


class _SlowRows:
    def __init__(self, asked: Event, may_go_on: Event) -> None:
        self._asked, self._may_go_on = asked, may_go_on

    @cached
    def cells(self) -> bool:
        """Whether nothing kept this from being read."""
        self._asked.set()
        return self._may_go_on.wait(WAIT_S)


def test_computes_once() -> None:
    rows = _Rows()

    assert rows.cells is rows.cells
    assert rows.n_read == 1


def test_each_object_has_its_own() -> None:
    assert _Rows().cells is not _Rows().cells


def test_is_documented() -> None:
    assert _Rows.cells.__doc__ == "The cells."


def test_objects_do_not_wait_for_each_other() -> None:
    large_is_read, small_is_read = Event(), Event()
    large = _SlowRows(asked=large_is_read, may_go_on=small_is_read)
    small = _SlowRows(asked=small_is_read, may_go_on=large_is_read)
    found: list[bool] = []

    reading = Thread(target=lambda: found.append(large.cells))
    reading.start()
    assert large_is_read.wait(WAIT_S)
    found.append(small.cells)
    reading.join(WAIT_S)

    assert found == [True, True]
