# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The service control manager: what is installed, what runs, and the real program behind it."""

from __future__ import annotations

import contextlib
import ntpath
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..engines import Engines, Process
from ..errors import NotFoundError, WindowsError
from .hazards import Hazards

_PENDING = ("start_pending", "stop_pending")
_CANNOT = "The service cannot accept control messages at this time. (1061)"
ENVIRONMENT = "HKLM:\\SYSTEM\\CurrentControlSet\\Services\\{}"


@dataclass
class Service:
    name: str
    path: str
    display_name: str = ""
    description: str | None = None
    start_mode: str = "auto"
    state: str = "stopped"
    username: str = "LocalSystem"
    dependencies: list[str] = field(default_factory=list)
    desktop_interact: bool = False
    error_control: str = "normal"
    service_type: str = "win32_own_process"
    sid_info: str = "none"
    load_order_group: str = ""
    required_privileges: list[str] = field(default_factory=list)
    pre_shutdown_timeout_ms: int = 180_000
    failure_actions: list[dict[str, Any]] = field(default_factory=list)
    failure_actions_on_non_crash_failure: bool = False
    failure_command: str | None = None
    failure_reboot_msg: str | None = None
    failure_reset_period_sec: int = 0
    # Part of Windows: it has a state, and no program that could run here.
    built_in: bool = False
    process: Process | None = None
    running: str = ""  # the executable that runs, which a new path does not change

    @property
    def executable(self) -> str:
        return split_command(self.path)[0]


class Services:
    def __init__(self, engines: Engines, hazards: Hazards, environment: Callable[[str], dict[str, str]]) -> None:
        self._all: dict[str, Service] = {}
        self._engines = engines
        self._hazards = hazards
        self._environment = environment
        self.boot_errors: dict[str, str] = {}
        self._ending = threading.RLock()

    def __iter__(self) -> Iterator[Service]:
        return iter(list(self._all.values()))

    def find(self, name: str) -> Service | None:
        """By its name, or the name that it shows."""
        service = self._all.get(name.lower())
        if service is None:
            service = next((one for one in self if one.display_name.lower() == name.lower()), None)
        if service is not None:
            self._notice_end(service)
        return service

    def add(self, service: Service) -> Service:
        service.display_name = service.display_name or service.name
        self._all[service.name.lower()] = service
        return service

    def remove(self, service: Service) -> None:
        self.stop(service)
        self._all.pop(service.name.lower(), None)

    def depended_by(self, service: Service) -> list[str]:
        wanted = service.name.lower()
        return sorted(one.name for one in self if wanted in [name.lower() for name in one.dependencies])

    def start(self, service: Service, *, wait: bool = True) -> None:
        self._notice_end(service)
        if service.state == "started":
            return
        if service.state == "stop_pending":
            raise WindowsError(_CANNOT)
        failure = _by_name(self._hazards.start_failures, service)
        if failure is not None:
            raise WindowsError(
                failure or "The service did not respond to the start or control request in a timely fashion."
            )
        if service.start_mode == "disabled":
            raise WindowsError("The service cannot be started, because it is disabled. (1058)")
        for name in service.dependencies:
            self._start_dependency(name)
        if service.state == "start_pending" or _named(self._hazards.start_hangs, service):
            service.state = "start_pending"
            if wait:
                self._hang(service)
            return
        if not service.built_in:
            service.process, service.running = self._launch(service), service.executable
        service.state = "started"

    def _start_dependency(self, name: str) -> None:
        needed = self.find(name)
        if needed is None:
            raise WindowsError("The dependency service does not exist or has been marked for deletion. (1075)")
        self.start(needed)

    def _launch(self, service: Service) -> Process:
        executable, arguments = split_command(service.path)
        try:
            return self._engines.start(service.name, executable, arguments, self._environment(service.name))
        except NotFoundError:
            raise WindowsError("The system cannot find the file specified. (2)") from None

    def stop(self, service: Service, *, dependents: bool = True) -> None:
        self._notice_end(service)
        if service.state == "stopped":
            return
        if service.state in _PENDING:
            raise WindowsError(_CANNOT)
        failure = _by_name(self._hazards.stop_failures, service)
        if failure is not None:
            raise WindowsError(failure or _CANNOT)
        for name in self.depended_by(service) if dependents else []:
            other = self.find(name)
            if other:
                self.stop(other)
        if _named(self._hazards.stop_hangs, service):
            service.state = "stop_pending"
            self._hang(service)
        if service.process:
            service.process.stop()
        service.process, service.state = None, "stopped"

    def _hang(self, service: Service) -> None:
        """As long as the hazard is there, or the power. Whoever waited has long given up, so nothing comes after it."""
        while service.state in _PENDING:
            time.sleep(0.02)
            self._notice_end(service)
        raise WindowsError("nobody waits for the service any more")

    def shut_down(self) -> None:
        """All of them, whatever a hazard says: the power goes."""
        for service in self:
            if service.process:
                with contextlib.suppress(WindowsError):  # it won't end when it is asked
                    service.process.stop()
            service.process, service.state = None, "stopped"

    def boot(self) -> None:
        """What is to start by itself does; one that fails leaves the others alone, as with Windows."""
        for service in self:
            if service.start_mode in ("auto", "delayed"):
                try:
                    self.start(service, wait=False)
                except WindowsError as error:
                    self.boot_errors[service.name] = str(error)

    def programs(self) -> Iterable[str]:
        """The executables that run now."""
        for service in self:
            self._notice_end(service)
            if service.process:
                yield service.running

    def _notice_end(self, service: Service) -> None:
        """A process that has died; one that hung, once the hazard is gone."""
        hazards = {"start_pending": self._hazards.start_hangs, "stop_pending": self._hazards.stop_hangs}
        # Several may have waited, and what starts next is not to meet what hung before, nor to end with it.
        with self._ending:
            if service.state in hazards and not _named(hazards[service.state], service):
                if service.process:
                    service.process.stop()
                service.process, service.state = None, "stopped"
            if service.process and not service.process.alive:
                service.process, service.state = None, "stopped"


def _named(names: set[str], service: Service) -> bool:
    return service.name.lower() in {name.lower() for name in names}


def _by_name(table: dict[str, str], service: Service) -> str | None:
    return next((text for name, text in table.items() if name.lower() == service.name.lower()), None)


def split_command(line: str) -> tuple[str, str]:
    """A command line's program and the rest, quoted or not."""
    line = line.strip()
    if line.startswith('"'):
        program, _, rest = line[1:].partition('"')
        return program, rest.strip()
    found = line.lower().find(".exe")
    if found > 0 and (len(line) == found + 4 or line[found + 4] == " "):
        return line[: found + 4], line[found + 4 :].strip()
    program, _, rest = line.partition(" ")
    return ntpath.normpath(program), rest.strip()
