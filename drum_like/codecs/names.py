"""Column names as pandas gives them: unnamed columns numbered, repeated names told apart."""

from collections import Counter
from collections.abc import Sequence

from drum_like.errors import SizeError
from drum_like.types.frame import Names
from drum_like.types.payload import Limits


def check_count(n_columns: int, limits: Limits) -> None:
    """Refuse more columns than the limit, before anything is made of them.

    Raises:
        SizeError: too many.
    """
    if n_columns > limits.columns:
        raise SizeError(
            f"the payload has {n_columns} columns, the limit is {limits.columns}; "
            "send fewer, or start the server with a higher --max-columns"
        )


def unique(names: Sequence[str]) -> Names:
    """Return the names with `Unnamed: 1` for an empty one and `a`, `a.1`, `a.2` for equal ones.

    Linear time; pandas' own loop, whose result this is, is quadratic.

    Source: pandas 3.1, `TextReader._get_header`.
    """
    if len(set(names)) == len(names) and "" not in names:
        return tuple(names)
    found = [name or f"Unnamed: {position}" for position, name in enumerate(names)]
    taken = Counter(found)
    seen: Counter[str] = Counter()
    for position in _named_first(names):
        name = _free(found[position], seen, taken)
        taken[found[position]] -= 1
        taken[name] += 1
        found[position] = name
    return tuple(found)


def _named_first(names: Sequence[str]) -> list[int]:
    """Return the positions of names, then those of empty cells: a name given keeps its spelling."""
    return sorted(range(len(names)), key=lambda position: not names[position])


def _free(name: str, seen: Counter[str], taken: Counter[str]) -> str:
    """Return the name, with the first number that no other column has if it came before."""
    chosen, count = name, seen[name]
    while count > 0:
        seen[name] = count + 1
        chosen = f"{name}.{count}"
        count = count + 1 if taken[chosen] > 0 else seen[chosen]
    seen[chosen] = count + 1
    return chosen
