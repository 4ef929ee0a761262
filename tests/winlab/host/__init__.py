# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One emulated Windows Server: its state, what may go wrong on it, and the listener that Ansible connects to."""

from __future__ import annotations

import ssl
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from ..engines import Engine, Engines
from ..engines.mono import Mono
from ..engines.stand_in import MARK, StandIn
from ..engines.wine import Wine
from ..wsman import Answer, Command, WsmanServer
from ..wsman.server import Policy
from . import builtin
from .answers import Answers, Said
from .disk import Disk
from .hazards import Drop, Hazards
from .interpreter import Interpreter
from .log import Entry, Log
from .registry import Registry
from .services import ENVIRONMENT, Service, Services
from .sites import Sites
from .state import Account, System

__all__ = ["Drop", "Entry", "Hazards", "Host", "Said", "Service"]

_FOLDERS = ("Program Files", "Program Files (x86)", "ProgramData", "Users\\Administrator\\AppData\\Local\\Temp",
            "Windows\\System32\\drivers\\etc", "Windows\\Temp", "inetpub\\wwwroot", "Temp")  # fmt: skip
_BUILT_IN = {"WinRM": "Windows Remote Management (WS-Management)", "W32Time": "Windows Time",
             "EventLog": "Windows Event Log",
             "mpssvc": "Windows Defender Firewall", "LanmanServer": "Server", "Tcpip": "TCP/IP Protocol Driver",
             "HTTP": "HTTP Service", "Spooler": "Print Spooler"}  # fmt: skip


class Host:
    """``start`` makes it reachable. Everything a test may set up beforehand is an attribute."""

    def __init__(
        self,
        name: str = "win1",
        *,
        user: str = "Administrator",
        password: str = "Sekr1t-of-winlab",  # noqa: S107  # of a host that exists in a test alone
        address: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        basic: bool = False,
        unencrypted: bool = False,
        sites: bool = False,
        folder: Path | None = None,
        log: Path | None = None,
        engines: list[Engine] | None = None,
    ) -> None:
        self.name, self.user, self.address = name, user, address
        self._own_folder = tempfile.TemporaryDirectory(prefix=f"winlab-{name}-") if folder is None else None
        root = folder or Path(self._own_folder.name if self._own_folder else "")
        self.hazards = Hazards()
        self.registry = Registry()
        self.system = System()
        self.answers = Answers()
        builtin.register(self.answers)
        self.disk = Disk(root / "C", lambda: self.environment)
        if engines is None:
            wine: list[Engine] = [] if Wine.missing() else [Wine(root / "wine", self.disk.root)]
            engines = [StandIn(), *wine, *([] if Mono.missing() else [Mono()])]
        self.engines = Engines(self.disk.real, self.disk.root, address, engines)
        self.services = Services(self.engines, self.hazards, self.service_environment)
        self.disk.in_use = self._used
        self._sites = Sites(self.system, self.disk, address) if sites else None
        self.log = Log(self._secrets, log)
        self.booted_at = round(time.time() - 3600)
        self.boots = 0
        self.not_emulated: list[str] = []
        self._interpreter = Interpreter(self)
        self._policy = Policy(basic=basic, unencrypted=unencrypted)
        self._port, self._tls = port, tls
        self._server: WsmanServer | None = None
        self._lock = threading.RLock()
        self._install(user, password)

    # as it is delivered

    def _install(self, user: str, password: str) -> None:
        for name in _FOLDERS:
            self.disk.make_folder(f"C:\\{name}")
        self.disk.write("C:\\Windows\\System32\\cmd.exe", MARK + b"\nrun: {rc: 0}\n")
        self.add_user(user, password, {"Administrators"})
        for name, value in {
            "SystemRoot": "C:\\Windows", "SystemDrive": "C:", "windir": "C:\\Windows",
            "ComSpec": "C:\\Windows\\system32\\cmd.exe",
            "ProgramData": "C:\\ProgramData", "ProgramFiles": "C:\\Program Files", "OS": "Windows_NT",
            "Path": "C:\\Windows\\system32;C:\\Windows", "TEMP": "C:\\Windows\\TEMP", "TMP": "C:\\Windows\\TEMP",
            "PROCESSOR_ARCHITECTURE": "AMD64",
        }.items():  # fmt: skip
            self.registry.set(MACHINE_ENVIRONMENT, name, value)
        self.registry.make(USER_ENVIRONMENT)
        # As Windows has it: HTTP from the beginning, HTTPS where somebody has seen to it.
        self.registry.set(f"{builtin.LISTENERS}\\*+HTTP", "Port", 5985, "dword")
        if self._tls:
            self.registry.set(self._own_listener, "certThumbprint", "0" * 40)
        for name, shown in _BUILT_IN.items():
            path = "C:\\Windows\\System32\\svchost.exe -k netsvcs"
            self.services.add(Service(name, path, shown, state="started", built_in=True))

    def add_user(self, name: str, password: str, groups: set[str] = frozenset({"Users"})) -> Account:  # type: ignore[assignment]
        account = Account(name, password, groups=set(groups))
        self.system.accounts[name.lower()] = account
        for group in groups:
            self.system.groups.setdefault(group, set()).add(name)
        return account

    def end_job(self, process: int) -> bool:
        """Ends what runs in the background by the number of its process; whether it ran."""
        return self._interpreter.end_job(process)

    def add_iis(self) -> None:
        """What the role Web-Server brings with it."""
        self.system.add_iis()
        for name, shown in {
            "WAS": "Windows Process Activation Service",
            "W3SVC": "World Wide Web Publishing Service",
        }.items():
            if self.services.find(name) is None:
                path = "C:\\Windows\\System32\\svchost.exe -k iissvcs"
                self.services.add(Service(name, path, shown, state="started", built_in=True))

    # what the protocol asks for

    def execute(self, command: Command) -> Answer:
        return self._interpreter.execute(command)

    def users(self) -> list[str]:
        return [account.name for account in self.system.accounts.values() if not account.disabled]

    def password(self, user: str) -> str | None:
        account = self.system.accounts.get(user.rpartition("\\")[2].lower())
        return None if account is None or account.disabled else account.password

    # what handlers ask for

    @property
    def environment(self) -> dict[str, str]:
        """Of a process of the user who is logged on."""
        profile = f"C:\\Users\\{self.user}"
        found = self._environment_of(MACHINE_ENVIRONMENT)
        found.update({"TEMP": f"{profile}\\AppData\\Local\\Temp", "TMP": f"{profile}\\AppData\\Local\\Temp"})
        found.update({"USERPROFILE": profile, "USERNAME": self.user, "COMPUTERNAME": self.name.upper()})
        return {**found, **self._environment_of(USER_ENVIRONMENT)}

    def service_environment(self, name: str) -> dict[str, str]:
        """The machine's, and what stands in the service's own key as the multi-string ``Environment``."""
        own = self.registry.value(ENVIRONMENT.format(name), "Environment")
        pairs = (line.partition("=") for line in (own.data if own else []))
        return {**self._environment_of(MACHINE_ENVIRONMENT), **{name: value for name, _equals, value in pairs}}

    def _environment_of(self, path: str) -> dict[str, str]:
        key = self.registry.find(path)
        return {value.name: str(value.data) for value in key.values.values()} if key else {}

    def _used(self) -> set[str]:
        """Programs that run, and the libraries beside them, can't be written or removed."""
        found: set[str] = set()
        for executable in self.services.programs():
            found.add(executable)
            folder = self.disk.real(executable).parent
            found |= {self.disk.virtual(file) for file in folder.iterdir() if file.suffix.lower() == ".dll"}
        return found

    def _secrets(self) -> set[str]:
        return {account.password for account in self.system.accounts.values() if account.password}

    @property
    def reboot_pending(self) -> bool:
        return self.hazards.reboot_pending or any(key.endswith("RebootPending") for key in self._pending_keys())

    def _pending_keys(self) -> list[str]:
        path = "HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending"
        return [path] if self.registry.find(path) else []

    # its life

    def start(self) -> Host:
        self._server = WsmanServer(
            self,
            address=self.address,
            port=self._port,
            tls=self._tls,
            policy=self._policy,
            before=self.hazards.pass_by,
        ).start()
        self._port = self._server.port
        if self.boots == 0:
            self.registry.set(self._own_listener, "Port", self._port, "dword")
        return self

    @property
    def port(self) -> int:
        return self._port

    def stop(self) -> None:
        """Off, for good."""
        self.power_off()
        self.services.shut_down()
        self.engines.close()
        if self._sites:
            self._sites.close()
        if self._own_folder:
            self._own_folder.cleanup()

    def reboot(self, after_seconds: float = 0) -> None:
        threading.Thread(target=self._reboot, args=(after_seconds,), daemon=True).start()

    def _reboot(self, after_seconds: float) -> None:
        # A moment for the answer to whoever asked for it.
        time.sleep(max(after_seconds, 0.2))
        if self.power_off():
            time.sleep(self.hazards.boot_seconds)
            self.power_on()

    def power_off(self) -> bool:
        """Lost at once, with what it was doing; its disk and its registry stay. False where it was off."""
        with self._lock:
            server, self._server = self._server, None
        if server is None:
            return False
        server.stop()
        self.services.shut_down()
        if self._sites:
            self._sites.close()
        return True

    def power_on(self) -> None:
        self.hazards.reboot_pending = False
        for path in self._pending_keys():
            self.registry.remove(path)
        self.booted_at, self.boots = round(time.time()), self.boots + 1
        self.services.boot()
        self.follow_sites()
        if self._server is None and self._listens():
            self.start()

    def _listens(self) -> bool:
        return self.registry.find(self._own_listener) is not None

    @property
    def _own_listener(self) -> str:
        return f"{builtin.LISTENERS}\\*+{'HTTPS' if self._tls else 'HTTP'}"

    def follow_listeners(self) -> None:
        """After a change of them: is the one gone that this host is reached by, nobody reaches it any more."""
        server = self._server
        if server is not None and not self._listens():
            threading.Thread(target=server.stop, daemon=True).start()

    def follow_sites(self) -> None:
        """After a change of sites or pools: what runs answers, where the host was made to."""
        if self._sites:
            self._sites.follow()

    def set_hazards(self, **values: Any) -> None:
        """``locked``, ``start_failures``, ``drops``, ...: see Hazards. What is not named stays as it is."""
        self.hazards.set(**values)
        self._pass_on()

    def clear_hazards(self) -> None:
        self.hazards.clear()
        self._pass_on()

    def _pass_on(self) -> None:
        self.disk.locked = self.hazards.locked
        self.disk.free_bytes = self.hazards.free_bytes
        self.disk.long_paths = self.hazards.long_paths

    def __enter__(self) -> Host:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()


MACHINE_ENVIRONMENT = "HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment"
USER_ENVIRONMENT = "HKCU:\\Environment"
