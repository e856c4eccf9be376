"""Keys that an object of JSON names twice: found in any body, whatever its texts hold."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drum_like.codecs.json.text import loads, refuse_repeated_keys
from drum_like.errors import PayloadError

TEXTS = st.text(st.sampled_from('a:"\\{}[], \n\u225c\u3a3a'), max_size=4)
SPACES = st.sampled_from(["", " ", "\n "])


@st.composite
def objects(draw: Any, values: Any) -> str:
    """Return an object as text; few keys, so that some come twice."""
    pairs = draw(st.lists(st.tuples(TEXTS, values), max_size=4))
    space = draw(SPACES)
    parts = (f"{json.dumps(key)}{space}:{space}{value}" for key, value in pairs)
    return f"{{{space}{','.join(parts)}{space}}}"


SCALARS = st.one_of(TEXTS.map(json.dumps), st.sampled_from(["1", "-2.5e3", "null", "true", "NaN"]))
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]"), objects(inner)
    ),
    max_leaves=8,
)


class RepeatedKeyError(Exception):
    """The standard library's parser met a key twice."""


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object that the standard library has parsed."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RepeatedKeyError
    return found


@given(objects(TREES))
def test_a_body_is_refused_where_the_standard_library_meets_a_key_twice(text: str) -> None:
    body = text.encode()
    try:
        json.loads(text, object_pairs_hook=unique)
    except RepeatedKeyError:
        with pytest.raises(PayloadError, match="names a key more than once"):
            refuse_repeated_keys(body, loads(body))
    else:
        refuse_repeated_keys(body, loads(body))


@pytest.mark.parametrize("text", [":", '\\":'], ids=["colons", "escapes"])
def test_a_long_text_takes_no_more_memory_than_a_copy_of_it(text: str) -> None:
    body = b'{"a":"' + text.encode() * 500_000 + b'"}'
    tree = loads(body)
    tracemalloc.start()
    try:
        refuse_repeated_keys(body, tree)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 2 * len(body)
