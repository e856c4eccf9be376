"""Connection counts of all workers, so that none gets them all while another has none.

All workers wait for new connections at one socket, and the quickest takes them: of eight that
came at once one worker of two had all in one run of ten, and half of the CPUs idled as long as they
stayed. So a worker leaves the next one for a moment to those that have fewer.
"""

import mmap

_ABSENT = 2**31 - 1


class ConnectionCounts:
    """Numbers of connections, in memory that workers and master share; make it before the fork.

    Args:
        slots: The most workers that ever live at one time.
    """

    def __init__(self, slots: int) -> None:
        self._numbers = memoryview(mmap.mmap(-1, 4 * slots)).cast("i")
        self._own: int | None = None
        for slot in range(slots):
            self.clear(slot)

    def join(self, slot: int) -> None:
        """Count this process's connections there from now on, none at first.

        Args:
            slot: A number that no other live worker has.
        """
        self._own = slot
        self.count(0)

    def leave(self) -> None:
        """Stop counting: this process takes no more connections."""
        slot, self._own = self._own, None
        if slot is not None:
            self.clear(slot)

    def clear(self, slot: int) -> None:
        """Clear the slot of a worker; called when it has ended."""
        self._numbers[slot] = _ABSENT

    def count(self, number: int) -> None:
        """Tell the others how many connections are open."""
        if self._own is not None:
            self._numbers[self._own] = number

    def has_fewer(self, number: int) -> bool:
        """Return whether a worker has clearly fewer connections: none, or two fewer than this."""
        fewest = min(self._numbers)
        return fewest == 0 < number or fewest + 1 < number
