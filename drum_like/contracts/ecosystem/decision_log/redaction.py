"""Takes values out of documents before they are written anywhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from drum_like.errors import SettingsError

MASK = "***"
"""What stands in a document for a value that was taken out."""


STRUCTURE = frozenset(
    {"api_params", "final_result", "offers_accepted", "response", "result", "stats"}
)
"""Names that cannot be masked: others are found below them."""


class Redaction:
    """Masks the values of some names, wherever a document has them.

    A name is a key of an object; an entry of the list `input`, whose value stands at the same
    place of the list `value`; or the `key` of an object that holds one `value`. Capital letters
    make no difference.

    Args:
        names: What to mask.

    Raises:
        SettingsError: a name is one of `STRUCTURE`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        unfit = sorted(STRUCTURE.intersection(name.casefold() for name in names))
        if unfit:
            raise SettingsError(
                f"--redact cannot leave out {', '.join(unfit)}: it holds the rest of a decision; "
                "name what stands in it"
            )
        self._names = frozenset(name.casefold() for name in names)

    def __call__(self, document: Any) -> Any:
        """Return a document without the values; the same one if there are no names."""
        return self._masked(document) if self._names else document

    def _masked(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._object(value)
        if isinstance(value, list | tuple):
            return [self._masked(part) for part in value]
        return value

    def _object(self, found: Mapping[str, Any]) -> dict[str, Any]:
        masked = {
            name: MASK if self._is_meant(name) else self._masked(value)
            for name, value in found.items()
        }
        if self._is_meant(found.get("key")) and "value" in found:
            masked["value"] = MASK
        names, values = found.get("input"), masked.get("value")
        if isinstance(names, list) and isinstance(values, list):
            masked["value"] = [
                MASK if at < len(names) and self._is_meant(names[at]) else value
                for at, value in enumerate(values)
            ]
        return masked

    def _is_meant(self, name: Any) -> bool:
        return isinstance(name, str) and name.casefold() in self._names
