"""The names of LightGBM's columns: a blank of the training data has become an underscore."""

from drum_like.api import ColumnsError, Names, Schema


class BlankSchema(Schema):
    """Columns that may also be sent under the names that they had before LightGBM changed them."""

    __slots__ = ()

    def as_known(self, names: Names) -> Names:
        """Return names with the model's `a_b` for `a b`.

        Raises:
            ColumnsError: two names stand for the same column.
        """
        return names if set(self.names) <= set(names) else _underscored(names, self.names)


def _underscored(names: Names, wanted: Names) -> Names:
    """Return the payload's names with those of the model where blanks make the difference."""
    missing = set(wanted) - set(names)
    renamed: dict[str, str] = {}
    for name in dict.fromkeys(names):
        short = name.replace(" ", "_")
        if short not in missing or short == name:
            continue
        if short in renamed.values():
            other = next(old for old, new in renamed.items() if new == short)
            raise ColumnsError(
                f"columns {other[:100]!r} and {name[:100]!r} both stand for the model's "
                f"{short[:100]!r}; send one of them"
            )
        renamed[name] = short
    return tuple(renamed.get(name, name) for name in names)
