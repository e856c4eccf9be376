"""Declarations of settings: options with their flags, variables and help texts."""

from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar, Unpack

from drum_like.config.value_types import SWITCH, ValueType

OWN_PREFIX = "DRUM_LIKE_"
"""The prefix of our own environment variables."""

Group = TypeVar("Group")


@dataclass(frozen=True, slots=True)
class RuntimeParameter:
    """A runtime parameter of DRUM that sets an option; a value out of range is ignored, as there.

    Attributes:
        name: Without the prefix MLOPS_RUNTIME_PARAM_.
        low: Smallest number accepted.
        high: Largest number accepted.
        words: Accepted words instead of numbers, in lower case.
        beats_flag: Whether it wins over the flag and the environment, as DRUM has it.
    """

    name: str
    low: int = 0
    high: int = 0
    words: tuple[str, ...] = ()
    beats_flag: bool = False

    def accept(self, payload: object) -> Any:
        """Return the payload as a value of the option, None if it is out of range."""
        if self.words:
            word = str(payload).strip().lower()
            return word if word in self.words else None
        try:
            number = int(float(str(payload)))
        except (ValueError, OverflowError):
            return None
        return number if self.low <= number <= self.high else None


class OptionExtras(TypedDict, total=False):
    """Attributes that only some settings have; see `Option`."""

    env: tuple[str, ...]
    short: str
    choices: tuple[str, ...]
    many: bool
    runtime_parameter: RuntimeParameter
    positional: bool
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """A setting: everything that flags, environment, help and documentation need.

    The flag is the field's name in kebab-case, the first environment variable DRUM_LIKE_ and the
    name in upper case.

    Attributes:
        help: The help text, without a full stop.
        kind: How its text is read.
        default: Its value where nothing gives it one.
        env: Further variables in their order: DRUM's own, then those of platforms.
        short: A further spelling of the flag.
        choices: The words accepted; empty for any.
        many: Whether the flag takes several words; variables are split at white space.
        runtime_parameter: A runtime parameter that sets it.
        positional: Whether it is a word at its place instead of a flag; it has no variables then.
        verbs: The verbs that have it; declared only where fewer verbs have it than have its field.
    """

    help: str
    kind: ValueType
    default: Any = None
    env: tuple[str, ...] = ()
    short: str = ""
    choices: tuple[str, ...] = ()
    many: bool = False
    runtime_parameter: RuntimeParameter | None = None
    positional: bool = False
    verbs: tuple[str, ...] = ()

    @property
    def is_switch(self) -> bool:
        """Whether the flag takes no value."""
        return self.kind is SWITCH

    def from_text(self, text: str) -> Any:
        """Return the value that an environment variable means.

        Raises:
            ValueError: the text is not a value of this option.
        """
        if self.many:
            return tuple(self.kind.parse(word) for word in text.split())
        if self.choices and text not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        return self.kind.parse(text)


def option(default: Any, purpose: str, kind: ValueType, **extras: Unpack[OptionExtras]) -> Any:
    """Return a dataclass field with that default, declared as a setting; see `Option`.

    Args:
        default: Its value where nothing gives it one, or a function that makes it when settings are
            made: what is installed then, which no documentation lists.
        purpose: The help text.
        kind: How its text is read.
        extras: Further attributes.
    """
    if callable(default):
        declared = Option(purpose, kind, **extras)
        return field(default_factory=default, metadata={Option: declared})
    return field(default=default, metadata={Option: Option(purpose, kind, default, **extras)})


def switch(purpose: str, **extras: Unpack[OptionExtras]) -> Any:
    """Return a dataclass field that is False until its flag is given; see `Option`."""
    return option(default=False, purpose=purpose, kind=SWITCH, **extras)


def group(kind: type[Group]) -> Group:
    """Return a dataclass field that holds settings of a class, all of them default ones."""
    return field(default=kind())


def flag_name(name: str) -> str:
    """Return the flag of a field."""
    return "--" + name.replace("_", "-")


def variables(name: str, declared: Option) -> tuple[str, ...]:
    """Return the environment variables of a field, the strongest first."""
    if declared.positional:
        return ()
    return (OWN_PREFIX + name.upper(), *declared.env)
