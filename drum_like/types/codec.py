"""A payload format as a value: its names, reading and writing side by side."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from drum_like.types.frame import Frame
from drum_like.types.payload import Payload
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target

Decoder = Callable[[Payload], Frame]
"""From bytes to rows; raises PayloadError, CharsetError or SizeError."""

Encoder = Callable[[Prediction, Target], bytes]
"""From predictions to bytes; raises TargetError, and MediaTypeError for some it cannot hold."""

Cutter = Callable[[BinaryIO, Payload], Iterator[Payload]]
"""From a stream, and the other properties of its payload, to payloads of some of its rows each."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A payload format; declared in a module that imports nothing heavy.

    Attributes:
        media_types: Of bodies, lower-case, without parameters; hooks get the first one for a file.
        suffixes: Of file names, with the dot, in the case that they are written in.
        decode: Bytes to rows; None for a format that is not read.
        encode: Predictions to bytes; None for a format that is not written.
        accept: Media types that ask for `encode` in Accept; None for all of `media_types`.
        cut: Cuts a file into payloads that are scored one by one; None if it is read as a whole.
        magic: First bytes of files; tells the format of a stream without a name.
        package: The distribution whose version /capabilities/ shows; None if it says nothing.

    Example:
        LINES = Codec(("application/jsonl",), (".jsonl",), decode, encode)
    """

    media_types: tuple[str, ...]
    suffixes: tuple[str, ...] = ()
    decode: Decoder | None = None
    encode: Encoder | None = None
    accept: tuple[str, ...] | None = None
    cut: Cutter | None = None
    magic: tuple[bytes, ...] = ()
    package: str | None = None
