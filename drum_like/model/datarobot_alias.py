"""Stand-in for the package `datarobot_drum`, for custom.py where the real one is not installed.

The names and texts are what model directories written for DRUM 1.18 can see; the real package,
where it is installed, is left alone and used.
"""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType

from drum_like.errors import UserError
from drum_like.model import runtime_parameters
from drum_like.model.custom_task import INTERFACES
from drum_like.types.target import TargetType

_ROOT = "datarobot_drum"


class BaseCustomUserError(Exception):
    """The root of the exceptions by which custom.py chooses its own answer."""


class CustomHTTPError(BaseCustomUserError):
    """An answer with a status and a message of custom.py's choice.

    Args:
        message: Returned to the caller as it is.
        status_code: HTTP status.
    """

    def __init__(
        self, message: str = "User's HTTP error in custom model", status_code: int = 400
    ) -> None:
        super().__init__(message)
        self.status_code = status_code


class RuntimeParameters:
    """Runtime parameters as custom.py reads them, at any time during its life."""

    PARAM_PREFIX = runtime_parameters.PREFIX

    @staticmethod
    def has(name: str) -> bool:
        """Return whether the parameter is defined, with a value or without."""
        return runtime_parameters.has(name, _environ())

    @staticmethod
    def get(name: str) -> object:
        """Return the parameter's value, None if it is defined without one.

        Raises:
            ValueError: it is not defined, or its definition is not valid.
        """
        return runtime_parameters.get(name, _environ())


class DrumCommonException(Exception):  # noqa: N818 - the name that hooks import
    """DRUM's general error, for hooks that raise or catch it."""


def install() -> None:
    """Make `import datarobot_drum` work where the real package is absent; idempotent."""
    if _ROOT in sys.modules or find_spec(_ROOT) is not None:
        return
    errors: dict[str, object] = {
        "BaseCustomUserError": BaseCustomUserError,
        "CustomHTTPError": CustomHTTPError,
        "DrumCommonException": DrumCommonException,
    }
    parameters: dict[str, object] = {"RuntimeParameters": RuntimeParameters}
    contents: dict[str, dict[str, object]] = {
        "": {"CustomHTTPError": CustomHTTPError, **parameters},
        ".runtime_parameters": parameters,
        ".runtime_parameters.runtime_parameters": parameters,
        ".custom_task_interfaces": dict(INTERFACES),
        ".drum": {},
        ".drum.enum": {"TargetType": TargetType},
        ".drum.exceptions": errors,
    }
    for suffix, names in contents.items():
        _add(f"{_ROOT}{suffix}", names)


def _add(name: str, names: dict[str, object]) -> None:
    module = ModuleType(name, "Stands in for DataRobot DRUM's module of this name.")
    module.__path__ = []  # a package, so that its submodules import
    vars(module).update(names)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def _environ() -> Mapping[str, str]:
    """Return the process's environment: custom.py may have set parameters there itself."""
    return os.environ  # noqa: TID251 - user code reads the live environment, not our settings


def user_error(error: BaseException) -> UserError | None:
    """Return the answer that an exception of custom.py asks for, None if it is an ordinary one.

    Knows the real package's exceptions too, by their names.
    """
    ancestors = type(error).__mro__
    if not any(c.__name__ == "BaseCustomUserError" and _is_drum(c) for c in ancestors):
        return None
    status = getattr(error, "status_code", 400)
    return UserError(str(error), status if isinstance(status, int) else 400)


def _is_drum(ancestor: type) -> bool:
    return ancestor is BaseCustomUserError or ancestor.__module__.startswith(_ROOT)


def user_target_type(target_type: TargetType) -> object:
    """Return the enum member that a hook compares with: the real package's where it is imported."""
    module = sys.modules.get(f"{_ROOT}.drum.enum")
    return target_type if module is None else module.TargetType(target_type.value)
