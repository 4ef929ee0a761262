# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every provider's launcher is: it makes hosts from an image one by one, and removes them.

A provider has one as ``module_utils/_<provider>/launcher.py`` with a class ``Launcher``, made of the settings that the
provider's role answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol


class LaunchError(Exception):
    """A host could not be launched, or did not come up. Says what was seen."""


class Launched(NamedTuple):
    """A host that is up: its address, and when its launch began, by ``time.monotonic``."""

    address: str
    begun: float


class Launcher(AbstractContextManager[Any], Protocol):
    """Used within a ``with``, from several threads."""

    def room(self) -> int:
        """How many more hosts there is room for."""

    def launch(self, name: str, zone: str) -> Launched:
        """A host that is up: the one by that name if it is whole, else one made anew. LaunchError."""

    def variables(self, address: str) -> dict[str, Any]:
        """The variables by which Ansible reaches a host that is up."""

    def terminate(self, names: Sequence[str]) -> None:
        """Removes the hosts, in whatever state they are; those that are not there are no error. LaunchError."""
