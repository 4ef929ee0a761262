# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One handler a module: from documented arguments and a host to a documented result.

A handler is a function that takes a ``Call`` and returns a result; ``changed`` is False where it says nothing.
Arguments come checked and typed by the module's own documentation. In check mode it must change nothing and say what it
would.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import NotEmulatedError, WinlabError

if TYPE_CHECKING:
    from ..host import Host
    from ..payload import Module

Result = dict[str, Any]


class ModuleFailure(WinlabError):  # noqa: N818  # it is an outcome, not a fault
    """The module says that it failed; ``result`` are the other keys of its answer."""

    def __init__(self, message: str, **result: Any) -> None:
        super().__init__(message)
        self.result = result


@dataclass(frozen=True)
class Call:
    host: Host
    module: Module
    arguments: dict[str, Any]
    private: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    @property
    def check(self) -> bool:
        return self.module.check

    @property
    def diff(self) -> bool:
        return self.module.diff

    @property
    def live(self) -> bool:
        """Whether to change anything."""
        return not self.module.check

    @property
    def user(self) -> str:
        """Who the module runs as; recorded, not enforced."""
        return self.module.become.user if self.module.become else self.host.user

    def path(self, name: str) -> str | None:
        value = self.arguments[name]
        return None if value is None else self.host.disk.normal(value)


@dataclass(frozen=True)
class Handler:
    run: Callable[[Call], Result]
    extra: frozenset[str]  # result keys that the real module has and its documentation lacks
    private: frozenset[str]  # arguments that an action plugin passes and the documentation lacks
    # Arguments that come by another name than they are documented by: the first of these that is.
    renamed: Mapping[str, tuple[str, ...]]
    ignored: frozenset[str]  # documented options that make no difference here, or none that a test could see

    def models(self, option: str) -> bool:
        """Whether a documented option has any meaning here. Those that the handler's file never names have none."""
        return option in self.ignored or re.search(rf"[\"']{option}[\"']", _source(self.run)) is not None

    def split(self, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        documented = {
            self._public(name, options): value for name, value in arguments.items() if name not in self.private
        }
        return documented, {name: value for name, value in arguments.items() if name in self.private}

    def _public(self, name: str, options: Mapping[str, Any]) -> str:
        return next((other for other in self.renamed.get(name, ()) if other in options), name)


_HANDLERS: dict[str, Handler] = {}
_LOADING = threading.Lock()


def handles(
    *names: str,
    extra: tuple[str, ...] = (),
    private: tuple[str, ...] = (),
    renamed: Mapping[str, tuple[str, ...]] | None = None,
    ignored: tuple[str, ...] = (),
) -> Callable[..., Any]:
    def register(run: Callable[[Call], Result]) -> Callable[[Call], Result]:
        for name in names:
            _HANDLERS[name] = Handler(run, frozenset(extra), frozenset(private), renamed or {}, frozenset(ignored))
        return run

    return register


@functools.cache
def _source(run: Callable[[Call], Result]) -> str:
    return Path(inspect.getfile(run)).read_text()


def find(name: str) -> Handler:
    try:
        return all_handlers()[name]
    except KeyError:
        raise NotEmulatedError(f"the module {name}") from None


def all_handlers() -> dict[str, Handler]:
    # Hosts are threads, and who comes second is not to find the half of them.
    with _LOADING:
        if not _HANDLERS:
            for module in pkgutil.iter_modules(__path__):
                importlib.import_module(f"{__name__}.{module.name}")
    return _HANDLERS
