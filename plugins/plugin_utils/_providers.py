# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way from a provider's name to what of it is Python; nothing else names one."""

from __future__ import annotations

import importlib
import re
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._provider.launching import Launcher

_UTILS = "ansible_collections.golden.fleet.plugins.module_utils"


class ProviderError(Exception):
    """There is no such provider, or it launches no hosts one by one."""


def launcher(provider: str, settings: dict[str, Any], group: str, image: str) -> Launcher:
    """The provider's launcher of one group's hosts from an image; ``settings`` is what its role answered."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", provider):
        raise ProviderError(f"{provider!r} is no name of a provider")
    try:
        module = importlib.import_module(f"{_UTILS}._{provider}.launcher")
    except ModuleNotFoundError as error:
        raise ProviderError(f"the provider {provider} launches no hosts of its own") from error
    return module.Launcher(settings, group, image)
