"""The command line: one parser a verb, made from declared options."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn

from drum_like.config.drum_flags import EXCLUSIVE, FLAGS, InertFlag
from drum_like.config.options import Option, flag_name, variables
from drum_like.config.value_types import HOSTS, NAMES, ORIGINS, existing_file
from drum_like.config.verbs import (
    DIRECTORIES,
    EXIT_CODES,
    PROGRAM,
    SERVE,
    VERBS,
    UsageError,
    hint,
    split,
)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The verb and the values of a command line.

    Attributes:
        verb: One of VERBS.
        values: Values of the options given, by field name.
        inert: Flags given that have no effect here, with their values.
        in_container: Whether SageMaker's word `serve` stood for the verb.
    """

    verb: str
    values: Mapping[str, Any]
    inert: Mapping[str, str | bool]
    in_container: bool = False


def parse(declared: Mapping[str, Option], argv: Sequence[str]) -> CommandLine:
    """Parse a command line; prints and leaves for --help, --version and no verb.

    Args:
        declared: The options by field name.
        argv: The words after the program's name.

    Raises:
        UsageError: the words are not a command line.
        SettingsError: a verb of DRUM that is not done here.
        SystemExit: 0 after --help and --version, 1 after the help that no verb gets.
    """
    verb, rest = split(argv)
    parser = parser_of(verb, declared)
    found, unknown = parser.parse_known_args(rest)
    if unknown:
        known = [name for action in parser_flags(verb, declared) for name in action]
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint(unknown[0], known)}")
    given = vars(found)
    return CommandLine(
        verb=verb,
        values={name: _value(declared[name], given[name]) for name in declared if name in given},
        inert={flag.name: given[flag.name] for flag in FLAGS if flag.name in given},
        in_container=argv[0] == SERVE,
    )


def parser_of(verb: str, declared: Mapping[str, Option]) -> argparse.ArgumentParser:
    """Return the parser of one verb."""
    parser = _Parser(
        prog=f"{PROGRAM} {verb}",
        usage=_usage(verb, declared),
        description=f"{VERBS[verb][0].upper()}{VERBS[verb][1:]}.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    for name, option in declared.items():
        if verb in option.verbs:
            parser.add_argument(*spellings(name, option), **_arguments(name, option))
    rest = parser.add_argument_group(
        "accepted without effect", "for scripts that pass them to DRUM"
    )
    one_of = rest.add_mutually_exclusive_group()
    for flag in FLAGS:
        if verb in flag.verbs:
            group = one_of if flag.name in EXCLUSIVE else rest
            group.add_argument(flag.name, **_inert_arguments(flag))
    return parser


def parser_flags(verb: str, declared: Mapping[str, Option]) -> list[tuple[str, ...]]:
    """Return the spellings of every flag of a verb."""
    ours = [
        spellings(name, option)
        for name, option in declared.items()
        if verb in option.verbs and not option.positional
    ]
    return ours + [(flag.name,) for flag in FLAGS if verb in flag.verbs]


def spellings(name: str, option: Option) -> tuple[str, ...]:
    """Return the flags of a field, the short ones first; its name if it is a word at its place."""
    if option.positional:
        return (name,)
    return (option.short, flag_name(name)) if option.short else (flag_name(name),)


class _Parser(argparse.ArgumentParser):
    """A parser that raises instead of leaving."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message, self.format_usage())


def _arguments(name: str, option: Option) -> dict[str, Any]:
    """Return argparse's arguments of an option."""
    described = {"help": described_help(name, option)}
    if option.positional:
        return described | {"type": _reader(option), "metavar": option.kind.metavar}
    described |= {"dest": name}
    if option.is_switch:
        return described | {"action": "store_true"}
    return described | {
        "type": _reader(option),
        "choices": option.choices or None,
        "nargs": "+" if option.many else None,
        "metavar": option.kind.metavar,
    }


def flags_of(declared: Mapping[str, Option], values: Mapping[str, Any], verb: str) -> list[str]:
    """Return the words that give values to a verb: the opposite of `parse`.

    Args:
        declared: The options by field name.
        values: By field name; options without one are left out.
        verb: The verb that the words are for.
    """
    words: list[str] = []
    for name, option in declared.items():
        if name not in values or verb not in option.verbs:
            continue
        value = values[name]
        if option.is_switch:
            words += [flag_name(name)] if value else []
        elif option.many:
            words += [flag_name(name), *map(str, value)]
        else:
            words.append(f"{flag_name(name)}={_text(option, value)}")
    return words


def _text(option: Option, value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return ",".join(value) if option.kind in (NAMES, HOSTS, ORIGINS) else str(value)


def usage_error(verb: str, message: str, declared: Mapping[str, Option]) -> UsageError:
    """Return the error of a command line that lacks or contradicts something."""
    return UsageError(message, f"usage: {_usage(verb, declared)}\n")


def _usage(verb: str, declared: Mapping[str, Option]) -> str:
    """Return the usage of a verb: its words, or the model directory that it is about."""
    own = [option for option in declared.values() if verb in option.verbs]
    places = [option.kind.metavar for option in own if option.positional]
    about = ["-cd DIR"] if verb in DIRECTORIES else places
    return " ".join([PROGRAM, verb, *about, "[options]"])


def described_help(name: str, option: Option) -> str:
    """Return the help of an option with its variables and its words, for argparse."""
    words = f" ({', '.join(option.choices)})" if option.choices else ""
    names = variables(name, option)
    listed = f" [{', '.join(names)}]" if names else ""
    return f"{option.help}{words}{listed}".replace("%", "%%")


def _reader(option: Option) -> Callable[[str], Any]:
    """Return the option's parser with errors that argparse shows in full."""
    return _parser(option.kind.parse)


def _parser(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            reason = str(error).removeprefix("is wrong: ")
            raise argparse.ArgumentTypeError(reason) from error

    return read


def _inert_arguments(flag: InertFlag) -> dict[str, Any]:
    described: dict[str, Any] = {"dest": flag.name, "help": flag.effect}
    if flag.takes_value:
        described |= {"metavar": "VALUE", "choices": flag.words or None}
        return described | ({"type": _parser(existing_file)} if flag.is_file else {})
    return described | {"action": "store_true"}


def _value(option: Option, value: Any) -> Any:
    return tuple(value) if option.many else value
