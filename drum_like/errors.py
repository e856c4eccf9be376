"""Exceptions of drum-like, divided by whose fault they are.

An error knows what happened, never an HTTP status: every contract has its own table from class to
status. A message says what was expected, what was found and what to do; it names files, columns
and types, never the values of a row.

    DrumLikeError
    ├── SettingsError         a flag, a variable or the metadata file is wrong           exit 1
    │   └── TypeSchemaError     the typeSchema contradicts itself or the data            exit 3
    ├── LoadError             the directory does not become a model                      exit 4
    │   ├── ArtifactError       none, several, unreadable
    │   ├── PluginError         no plugin claims it, two claim it, it does not import
    │   └── CustomCodeError     custom.py, init or load_model raised
    ├── RequestError          the caller's fault
    │   ├── MediaTypeError      no decoder for this media type
    │   ├── CharsetError        a charset that is not on the list
    │   ├── BodyError           the body does not arrive as its headers say
    │   ├── PayloadError        the bytes do not parse
    │   ├── SizeError           more than a limit allows
    │   ├── ColumnsError        columns missing, or text where a number is due
    │   ├── OutputSchemaError   transformed data that the model's typeSchema forbids
    │   ├── UnsupportedError    the model does not have this capability
    │   ├── NotFoundError       no model, version or other thing of that name
    │   ├── ConflictError       the present state forbids it: a name is taken, a version is deployed
    │   ├── UploadError         an upload cannot be stored or served
    │   │   ├── ArchiveError      it is no zip file, or cannot be unpacked safely
    │   │   └── CodeError         it runs code, and the operator does not allow that
    │   └── EndpointError       the wrong route for this target type
    ├── ScoringError          the model's fault
    │   ├── HookError           a hook raised
    │   ├── PredictorError      a framework raised
    │   └── TargetError         the output breaks a rule of the target type
    ├── StoreError            the model store failed
    │   ├── StoreFullError      there is no space left for it
    │   └── StoreBusyError      another process held it for too long; trying again may help
    ├── BusyError             other requests had the model or its code; trying again may help
    └── UserError             raised by custom.py with a status of its own
"""

USER_TEXT_LIMIT = 1000
"""Characters of an exception of custom.py that an answer repeats."""


class DrumLikeError(Exception):
    """The root of everything that this package raises on purpose."""


class SettingsError(DrumLikeError):
    """A flag, an environment variable or model-metadata.yaml is wrong."""


class TypeSchemaError(SettingsError):
    """The typeSchema of model-metadata.yaml contradicts itself or the data."""


class LoadError(DrumLikeError):
    """The model directory does not become a model.

    Attributes:
        hint: Place of the fault or its remedy, for the operator only; may be empty.
        plain: The text for the operator instead of the message, where that is in DRUM's words only
            because clients know them; empty if the message is good for both.
    """

    def __init__(self, message: str, hint: str = "", *, plain: str = "") -> None:
        self.hint = hint
        self.plain = plain
        super().__init__(message)


class NotLoadedError(LoadError):
    """The model that the server was started for did not load, and the server runs all the same.

    Attributes:
        model: Name of the model.
    """

    def __init__(self, message: str, model: str = "") -> None:
        self.model = model
        super().__init__(message)


class ArtifactError(LoadError):
    """No artifact, several of them, or one that cannot be read."""


class PluginError(LoadError):
    """No plugin claims the model, two claim it, or the plugin does not import."""


class CustomCodeError(LoadError):
    """custom.py does not import, or its init or load_model raised."""


class RequestError(DrumLikeError):
    """The caller sent something that cannot be used."""


class MediaTypeError(RequestError):
    """No decoder reads this media type."""


class CharsetError(RequestError):
    """The declared charset is unknown, or is not on the list of accepted ones."""


class BodyError(RequestError):
    """The body does not arrive as its headers say: cut off, malformed chunks."""


class PayloadError(RequestError):
    """The bytes do not fit their media type."""


class SizeError(RequestError):
    """The payload is, or declares itself, larger than a limit allows."""


class ColumnsError(RequestError):
    """Columns are missing, or hold something that the model cannot take.

    Attributes:
        row: Position, from 0, of the row that the message names; None if it names none.
        column: Name of the column of the one bad cell in that row; None if there is no such cell.
    """

    def __init__(self, message: str, row: int | None = None, column: str | None = None) -> None:
        self.row, self.column = row, column
        super().__init__(message)

    @property
    def from_zero(self) -> str:
        """The message with its row counted from 0; the row is the last thing of a caller in it."""
        before, named, after = str(self).rpartition(f"row {(self.row or 0) + 1}")
        if self.row is None or not named:
            return str(self)
        return f"{before}row {self.row} (counted from 0){after}"


class OutputSchemaError(RequestError):
    """Transformed data breaks the output_requirements of the model's typeSchema."""


class UnsupportedError(RequestError):
    """The model does not have the capability that was asked for, for example chat."""


class NotFoundError(RequestError):
    """There is no model, version or other thing of that name or id."""


class ConflictError(RequestError):
    """The present state forbids it: a name is taken, a version is deployed."""


class UploadError(RequestError):
    """An upload cannot be stored or served."""


class ArchiveError(UploadError):
    """A file is no zip file, or cannot be unpacked safely."""


class CodeError(UploadError):
    """An upload runs code when it is loaded, and the operator does not allow that."""


class EndpointError(RequestError):
    """The route does not serve models of this target type."""


class ScoringError(DrumLikeError):
    """The model, or the code around it, failed on a request that was read correctly."""


class HookError(ScoringError):
    """A hook of custom.py raised.

    Attributes:
        summary: The failure in our words; safe to show to anyone.
        user_text: The exception in the words of custom.py, cut to USER_TEXT_LIMIT characters;
            empty if there is none.
        hint: Where in custom.py it was raised, for the operator's eyes; may be empty.
    """

    def __init__(self, summary: str, user_text: str = "", hint: str = "") -> None:
        self.summary = summary
        self.hint = hint
        self.user_text = user_text[:USER_TEXT_LIMIT]
        super().__init__(
            f"{summary} {self.user_text}" if user_text and summary else summary or self.user_text
        )


class PredictorError(ScoringError):
    """A framework raised; the message names the class of its exception, not its text."""


class TargetError(ScoringError):
    """The model's output breaks a rule of its target type."""


class StoreError(DrumLikeError):
    """The model store failed."""


class StoreFullError(StoreError):
    """There is no space left for the model store."""


class StoreBusyError(StoreError):
    """Another process held the model store for too long; trying again may help."""


class BusyError(DrumLikeError):
    """Other requests had the model, or the code around it, as long as this one may wait."""

    def __init__(self, message: str = "the server is busy; try again later") -> None:
        super().__init__(message)


class UserError(DrumLikeError):
    """An answer that custom.py asked for by raising datarobot_drum's CustomHTTPError.

    Attributes:
        status: HTTP status, 400 if custom.py named none.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


def lacks_memory(error: BaseException | None) -> bool:
    """Return whether an error comes of memory that was not there."""
    causes = set[int]()  # that of an error which a hook raises from itself is no end
    while error is not None and id(error) not in causes:
        if isinstance(error, MemoryError):
            return True
        causes.add(id(error))
        error = error.__cause__
    return False


def for_operator(error: DrumLikeError) -> str:
    """Return an error's text for the operator's terminal or log: plain words, and where it was."""
    text = getattr(error, "plain", "") or str(error)
    hint = getattr(error, "hint", "")
    return f"{text} ({hint})" if hint else text
