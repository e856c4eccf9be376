"""Matching of a model's labels to the caller's."""

import pytest

from drum_like.errors import TargetError
from drum_like.scoring.labels import by_position, column_order, match
from drum_like.target import Target, standard
from drum_like.target_type import TargetType

BINARY = Target(TargetType.BINARY, ("yes", "no"))
MULTICLASS = Target(TargetType.MULTICLASS, ("A", "B", "C"))


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("1", 1.0),
        ("1.0", 1.0),
        (1, 1.0),
        (True, 1.0),
        ("True", 1.0),
        ("YES", 1.0),
        (" on ", 1.0),
        ("off", 0.0),
        ("none", 0.0),
        (False, 0.0),
        ("f", "f"),
        ("A", "a"),
        (" A", " a"),
        ("nan", "nan"),
        ("1e2", 100.0),
    ],
)
def test_spellings_of_one_label_have_one_standard_form(label: str | int, expected: object) -> None:
    assert standard(label) == expected


@pytest.mark.parametrize(
    "found",
    [("YES", "No"), ("True", "False"), ("1", "0"), (1, 0), ("1.0", "0.0"), ("on", "off")],
    ids=str,
)
def test_the_callers_spelling_is_used_in_column_order(found: tuple[str, str]) -> None:
    assert match(found, ("yes", "no")) == ("yes", "no")
    assert match(found[::-1], ("yes", "no")) == ("no", "yes")


def test_other_labels_are_refused_with_both_lists() -> None:
    with pytest.raises(TargetError) as caught:
        match(("a", "b"), ("yes", "no"))

    assert "Expected predictions to have columns ['yes', 'no']" in str(caught.value)
    assert "encountered Index(['a', 'b']" in str(caught.value)


@pytest.mark.parametrize(
    ("found", "labels"),
    [(("no", "off"), ("no", "off")), (("A", "a"), ("A", "a")), (("1", "01"), ("1", "01"))],
    ids=str,
)
def test_labels_that_cannot_be_told_apart_are_refused(
    found: tuple[str, str], labels: tuple[str, str]
) -> None:
    with pytest.raises(TargetError, match="must be unique"):
        match(found, labels)


def test_two_nameless_binary_columns_are_negative_then_positive() -> None:
    assert by_position(BINARY, 2) == ("no", "yes")


def test_the_legacy_order_is_positive_then_negative() -> None:
    legacy = Target(TargetType.BINARY, ("yes", "no"), legacy_order=True)

    assert by_position(legacy, 2) == ("yes", "no")


def test_more_nameless_columns_are_in_the_configured_order() -> None:
    assert by_position(MULTICLASS, 3) == ("A", "B", "C")
    assert column_order(MULTICLASS) == ("A", "B", "C")


def test_a_wrong_number_of_nameless_columns_is_refused() -> None:
    with pytest.raises(TargetError, match="Expected 3 columns, but received 2"):
        by_position(MULTICLASS, 2)


@pytest.mark.parametrize(
    ("positive", "negative"),
    [("1", "0"), ("0", "1"), ("0.0", "1.0"), ("no", "yes"), ("False", "True")],
)
def test_labels_that_spell_0_and_1_keep_the_order_of_the_classes(
    positive: str, negative: str
) -> None:
    target = Target(TargetType.BINARY, (positive, negative))

    assert [standard(label) for label in column_order(target)] == [0.0, 1.0]


def test_the_legacy_order_knows_no_spellings() -> None:
    target = Target(TargetType.BINARY, ("0", "1"), legacy_order=True)

    assert column_order(target) == ("0", "1")
