"""Payload formats: bytes to frames, predictions and frames to bytes; no HTTP.

The codecs of all installed packages are found here by media type, suffix, `Accept` and first bytes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import PurePath

from drum_like import plugins
from drum_like.errors import PluginError
from drum_like.types.codec import Codec, Decoder, Encoder

_CSV = "csv"
"""The codec of files that no other one claims."""

_OLD_GROUP = "drum_like.formats"


@dataclass(frozen=True, slots=True)
class Codecs:
    """The codecs of all installed packages.

    Attributes:
        by_name: By the names of their entry points.
        by_suffix: Those that are read, by the suffixes of file names.
        decoders: By the media types of bodies.
        encoders: By the media types in Accept that ask for them.
    """

    by_name: Mapping[str, Codec]
    by_suffix: Mapping[str, Codec]
    decoders: Mapping[str, Decoder]
    encoders: Mapping[str, Encoder]

    def of_file(self, name: str | PurePath) -> Codec:
        """Return the codec of a file by the suffix of its name; CSV for suffixes of none."""
        return self.by_suffix.get(PurePath(name).suffix, self.by_name[_CSV])

    def of_stream(self, head: bytes) -> Codec:
        """Return the codec of a stream without a name by its first bytes; CSV for those of none."""
        named = (codec for codec in self.by_name.values() if head.startswith(codec.magic))
        return next(named, self.by_name[_CSV])

    def versions(self) -> dict[str, str | None]:
        """Return the names of formats that are read, with the versions of their packages."""
        return {
            name: None if codec.package is None else version(codec.package)
            for name, codec in self.by_name.items()
            if codec.decode is not None
        }


@cache
def installed() -> Codecs:
    """Return the codecs of all installed packages.

    Raises:
        PluginError: a package declares something else than a codec, or two declare one format.
    """
    _refuse_old_group()
    found = {name: _loaded(name) for name in sorted(plugins.registered(plugins.CODECS))}
    readable = {name: codec for name, codec in found.items() if codec.decode is not None}
    return Codecs(
        found,
        _by(readable, lambda codec: codec.suffixes),
        {
            media_type: codec.decode
            for media_type, codec in _by(readable, lambda codec: codec.media_types).items()
            if codec.decode is not None
        },
        {
            media_type: codec.encode
            for media_type, codec in _by(found, _accepted).items()
            if codec.encode is not None
        },
    )


def _accepted(codec: Codec) -> Iterable[str]:
    if codec.encode is None:
        return ()
    return codec.media_types if codec.accept is None else codec.accept


def _by(found: Mapping[str, Codec], keys: Callable[[Codec], Iterable[str]]) -> dict[str, Codec]:
    """Return codecs by each of some keys.

    Raises:
        PluginError: two codecs have the same key.
    """
    names: dict[str, str] = {}
    for name, codec in found.items():
        for key in keys(codec):
            other = names.setdefault(key, name)
            if other != name:
                raise PluginError(
                    f"two codecs, {other!r} and {name!r} in {plugins.CODECS}, are both for {key}; "
                    "uninstall the package of one of them"
                )
    return {key: found[name] for key, name in names.items()}


def _loaded(name: str) -> Codec:
    codec = plugins.load(plugins.CODECS, name)
    if not isinstance(codec, Codec):
        owner = plugins.owner(plugins.registered(plugins.CODECS)[name])
        raise PluginError(
            f"the plugin {name!r} of {owner} in {plugins.CODECS} is a {type(codec).__name__}, but "
            "a plugin of this group is a drum_like.api.Codec, such as "
            "Codec(media_types, suffixes, decode, encode); update the plugin"
        )
    return codec


def _refuse_old_group() -> None:
    for name, point in plugins.registered(_OLD_GROUP).items():
        raise PluginError(
            f"{plugins.owner(point)} declares {name!r} in {_OLD_GROUP}, a group that is not read "
            f"any more: name a drum_like.api.Codec in {plugins.CODECS} instead, such as "
            "Codec(media_types, suffixes, decode, encode); update or uninstall the package"
        )
