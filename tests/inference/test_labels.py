"""Matching of a model's labels to the caller's."""

import pytest

from drum_like.errors import LoadError, TargetError
from drum_like.inference.labels import by_position, check, column_order, match, of_classes
from drum_like.types.target import ModelTarget, Target, TargetType, standard
from tests.support.targets import BINARY, MULTICLASS


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
    [
        (("no", "off"), ("0", "False")),
        (("A", "a"), ("A", "A")),
        (("1", "1"), ("1", "01")),
        (("1", "1.00"), ("01", "1.0")),
        (("no", "off", "yes"), ("no", "0", "no")),
    ],
    ids=str,
)
def test_labels_that_cannot_be_told_apart_are_refused(
    found: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    with pytest.raises(TargetError):
        match(found, labels)


@pytest.mark.parametrize(
    "labels",
    [
        ("0", "No", "Yes"),
        ("False", "0"),
        ("1", "true"),
        ("1", "on", "yes"),
        ("1", "1.0", "x"),
        ("No", "no"),
        ("", "NaN", "nan", "null"),
        ("A", "a", "b"),
        ("None", "mild", "no"),
        ("1", "01"),
    ],
    ids=str,
)
def test_labels_of_the_same_text_go_first(labels: tuple[str, ...]) -> None:
    for shift in range(len(labels)):
        listed = labels[shift:] + labels[:shift]
        assert match(labels, listed) == labels
        assert match(labels, listed[::-1]) == labels


@pytest.mark.parametrize(
    ("found", "labels", "expected"),
    [
        (("0", "No", "Yes"), ("yes", "no", "0"), ("0", "no", "yes")),
        (("0", "No", "Yes"), ("0", "1", "off"), ("0", "off", "1")),
        (("True", "1"), ("1", "true"), ("true", "1")),
        ((True, False), ("0", "1"), ("1", "0")),
        (("no", "off"), ("off", "NO"), ("NO", "off")),
        (("NaN", "x"), ("X", "nan"), ("nan", "X")),
    ],
    ids=str,
)
def test_what_is_left_goes_by_case_and_then_by_number(
    found: tuple[str, ...], labels: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert match(found, labels) == expected


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


def multiclass(*labels: str) -> Target:
    return Target(TargetType.MULTICLASS, labels)


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        ((0, 1, 2), ("a", "b", "c")),
        ((1, 2, 3), ("a", "b", "c")),
        ((-1, 0, 1), ("low", "mid", "high")),
        ((0, 1, 2), ("10", "20", "30")),
        ((5, 7, 9), ("yes", "no", "maybe")),
    ],
    ids=str,
)
def test_classes_that_are_numbers_may_have_names(
    classes: tuple[int, ...], names: tuple[str, ...]
) -> None:
    assert of_classes(classes, multiclass(*names)) == names


@pytest.mark.parametrize("classes", [(0, 1), (1, 2), (-1, 1), (False, True)], ids=str)
@pytest.mark.parametrize("names", [("good", "bad"), ("no news", "news")], ids=str)
def test_the_first_of_two_classes_is_the_negative_one(
    classes: tuple[int, int], names: tuple[str, str]
) -> None:
    assert of_classes(classes, Target(TargetType.BINARY, names)) == names[::-1]


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        ((0, 1, 2), ("0", "1", "x")),
        ((0, 1, 2), ("1", "2", "3")),
        ((0, 1, 2), ("20", "10", "30")),
        ((5, 6, 7), ("0", "1", "2")),
        ((0, 1, 2), ("a", "b")),
        (("u", "v", "w"), ("a", "b", "c")),
        ((False, True), ("True", "maybe")),
        ((0, 1, 2), ("a", "A", "b")),
    ],
    ids=str,
)
def test_labels_that_are_neither_the_classes_nor_names_are_refused(
    classes: tuple[str | int, ...], labels: tuple[str, ...]
) -> None:
    with pytest.raises(TargetError):
        of_classes(classes, multiclass(*labels))
    with pytest.raises(LoadError) as caught:
        check(ModelTarget(TargetType.MULTICLASS, classes), multiclass(*labels))

    assert "in the order of the classes" in str(caught.value)


TEXT_ORDER = tuple(sorted(map(str, range(12))))


@pytest.mark.parametrize("labels", [TEXT_ORDER, TEXT_ORDER[::-1]], ids=["sorted", "reversed"])
@pytest.mark.parametrize("type_", [TargetType.MULTICLASS, TargetType.MULTILABEL])
def test_labels_that_spell_the_numbers_of_columns_go_by_number(
    labels: tuple[str, ...], type_: TargetType
) -> None:
    found = by_position(Target(type_, labels), 12)

    assert found == tuple(map(str, range(12)))
    assert of_classes(tuple(range(12)), Target(type_, labels)) == found


def test_numbers_that_text_has_sorted_are_refused_where_the_columns_are_nameless() -> None:
    numbers = tuple(map(str, range(1, 13)))

    assert column_order(multiclass(*numbers)) == numbers
    with pytest.raises(TargetError, match="neither 0 to 11 nor in ascending order"):
        column_order(multiclass(*sorted(numbers)))


def test_numbers_of_columns_are_counted_when_they_predict() -> None:
    implied = ModelTarget(TargetType.BINARY, (0, 1), implied=True)

    check(implied, multiclass("a", "b", "c"))
    with pytest.raises(LoadError):
        check(ModelTarget(TargetType.BINARY, (0, 1)), multiclass("a", "b", "c"))
