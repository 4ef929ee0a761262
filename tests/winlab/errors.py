# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The exceptions of winlab, the tree of them on one page.

WinlabError
  NotEmulatedError    something was asked that winlab has no model of: said loudly, never passed over
  FidelityError       a handler of winlab itself broke its contract
  WindowsError        what Windows itself would answer; becomes the module's failure message
    NotFoundError, InUseError, TooLongError, DiskFullError, DeniedError
  DroppedError        an injected hazard: the connection ends here, without an answer
"""

from __future__ import annotations


class WinlabError(Exception):
    """Anything that winlab raises by itself."""


class NotEmulatedError(WinlabError):
    """What was asked has no model here."""

    def __init__(self, what: str) -> None:
        super().__init__(f"winlab: not emulated: {what}")


class FidelityError(WinlabError):
    """A handler returned or took what its module's documentation doesn't know."""


class WindowsError(WinlabError):
    """An error as Windows words it."""


class NotFoundError(WindowsError):
    """A path, service or key that is not there."""


class InUseError(WindowsError):
    def __init__(self, path: str) -> None:
        super().__init__(f"The process cannot access the file '{path}' because it is being used by another process.")


class TooLongError(WindowsError):
    def __init__(self) -> None:
        super().__init__(
            "The specified path, file name, or both are too long. The fully qualified file name must be less than 260 "
            "characters, and the directory name must be less than 248 characters."
        )


class DiskFullError(WindowsError):
    def __init__(self) -> None:
        super().__init__("There is not enough space on the disk.")


class DeniedError(WindowsError):
    def __init__(self, path: str) -> None:
        super().__init__(f"Access to the path '{path}' is denied.")


class DroppedError(WinlabError):
    """The connection is to end without an answer."""
