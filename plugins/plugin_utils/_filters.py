# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What filter plugins share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError


def told(function: Callable[..., Any], *refusals: type[Exception]) -> Callable[..., Any]:
    """The same function, its refusals as Ansible's own kind of error."""

    def filtered(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except refusals as error:
            raise AnsibleFilterError(str(error)) from error

    return filtered
