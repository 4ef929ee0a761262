# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""win_service and win_service_info."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from ..errors import NotEmulatedError, WindowsError
from ..host.services import Service
from . import Call, ModuleFailure, Result, handles

# Options that are stored as they come; the others have rules below.
_PLAIN = ("description", "display_name", "error_control", "failure_command", "failure_reboot_msg", "load_order_group",
          "path", "required_privileges", "service_type", "sid_info", "start_mode")  # fmt: skip
_DURATIONS = ("pre_shutdown_timeout_ms", "failure_reset_period_sec")
_ACCOUNTS = {"system": "LocalSystem", "localsystem": "LocalSystem", "nt authority\\system": "LocalSystem",
             "localservice": "NT AUTHORITY\\LocalService", "nt authority\\localservice": "NT AUTHORITY\\LocalService",
             "nt authority\\local service": "NT AUTHORITY\\LocalService",
             "networkservice": "NT AUTHORITY\\NetworkService",
             "nt authority\\networkservice": "NT AUTHORITY\\NetworkService",
             "nt authority\\network service": "NT AUTHORITY\\NetworkService"}  # fmt: skip


@handles("ansible.windows.win_service", ignored=("password", "update_password"))  # nobody signs in with it
def win_service(call: Call) -> Result:
    service = call.host.services.find(call["name"])
    if call["state"] == "absent":
        return _absent(call, service)
    before = _shape(service) if service else {}
    wanted = _wanted(call, service)
    if service is None:
        if not wanted and call["state"] is None:
            return {"exists": False}
        if not call["path"]:
            raise ModuleFailure(
                f"Service '{call['name']}' is not installed, need to set 'path' to create a new service", exists=False
            )
        service = Service(call["name"], call["path"], start_mode="auto")
        if call.live:
            call.host.services.add(service)
    changed = not before or any(getattr(service, name) != value for name, value in wanted.items())
    if not call.live:
        service = Service(**{**_fields(service), **wanted})
    for name, value in wanted.items():
        setattr(service, name, value)
    changed |= _set_state(call, service)
    after = _shape(service)
    told = {"changed": changed, **_told(call, service), "exists": True}
    return {**told, "diff": {"before": before or "", "after": after}} if call.diff else told


def _absent(call: Call, service: Service | None) -> Result:
    if service is None:
        return {"changed": False, "exists": False}
    before = _shape(service)
    if call.live:
        _stop(call, service)
        call.host.services.remove(service)
    told: Result = {"changed": True, "exists": False}
    return {**told, "diff": {"before": before, "after": ""}} if call.diff else told


def _wanted(call: Call, service: Service | None) -> dict[str, Any]:
    wanted = {name: call[name] for name in _PLAIN if call[name] is not None}
    wanted.update({name: _duration(call[name], name) for name in _DURATIONS if call[name] is not None})
    if call["failure_actions"] is not None:
        wanted["failure_actions"] = [
            {"type": action["type"], "delay_ms": _duration(action["delay_ms"], "delay_ms")}
            for action in call["failure_actions"]
        ]
    if call["failure_actions_on_non_crash_failure"] is not None:
        wanted["failure_actions_on_non_crash_failure"] = call["failure_actions_on_non_crash_failure"]
    if call["dependencies"] is not None:
        wanted["dependencies"] = _dependencies(call, service)
    if call["username"] is not None:
        wanted["username"] = _account(call)
    if service is not None or call["desktop_interact"]:
        wanted["desktop_interact"] = call["desktop_interact"]
    return wanted


def _dependencies(call: Call, service: Service | None) -> list[str]:
    have = service.dependencies if service else []
    given = list(call["dependencies"])
    if call["dependency_action"] == "add":
        return sorted({*have, *given})
    if call["dependency_action"] == "remove":
        return sorted(set(have) - set(given))
    return sorted(given)


def _account(call: Call) -> str:
    name = call["username"]
    if name.lower() in _ACCOUNTS:
        return _ACCOUNTS[name.lower()]
    try:
        found = call.host.system.principal(name)
    except WindowsError:
        raise ModuleFailure(f"Failed to find the account '{name}' as a valid security principal") from None
    short = found.rpartition("\\")[2]
    return found if "\\" in found else f".\\{short}"


def _duration(value: Any, name: str) -> int:
    """A number, or a text like ``30s`` that the module turns into the option's own unit."""
    if isinstance(value, int):
        return value
    unit = 1000 if name.endswith("_ms") else 1
    found = re.fullmatch(r"(\d+)\s*(ms|s|m|h|d)?", str(value).strip())
    if found is None:
        raise NotEmulatedError(f"{name} as {value!r}")
    if found[2] is None:
        return int(found[1])
    seconds = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
    return int(int(found[1]) * seconds * unit)


def _set_state(call: Call, service: Service) -> bool:
    state = call["state"]
    if state is None or (state == service.state):
        return False
    if state == "paused":
        raise ModuleFailure(f"failed to pause service {service.name}: The service does not support pausing")
    if not call.live:
        service.state = "started" if state == "restarted" else state
        return True
    if state in ("stopped", "restarted"):
        _stop(call, service)
    if state in ("started", "restarted"):
        try:
            call.host.services.start(service)
        except WindowsError as error:
            raise ModuleFailure(
                f"Service '{service.display_name} ({service.name})' cannot be started due to the following error: "
                f"Cannot start service {service.name} on computer '.'. {error}"
            ) from None
    return True


def _stop(call: Call, service: Service) -> None:
    running = [name for name in call.host.services.depended_by(service) if _runs(call, name)]
    if running and not call["force_dependent_services"]:
        raise ModuleFailure(
            f"Cannot stop service '{service.display_name} ({service.name})' because it has dependent services. "
            "It can only be stopped if the Force flag is set."
        )
    try:
        call.host.services.stop(service)
    except WindowsError as error:
        raise ModuleFailure(
            f"Service '{service.display_name} ({service.name})' cannot be stopped due to the following error: "
            f"Cannot stop {service.name} service on computer '.'. {error}"
        ) from None


def _runs(call: Call, name: str) -> bool:
    found = call.host.services.find(name)
    return found is not None and found.state == "started"


def _fields(service: Service) -> dict[str, Any]:
    return {name: getattr(service, name) for name in Service.__dataclass_fields__}


def _shape(service: Service) -> dict[str, Any]:
    """As win_service_info has it; also the two sides of a diff."""
    return {
        "dependencies": service.dependencies,
        "description": service.description,
        "desktop_interact": service.desktop_interact,
        "display_name": service.display_name,
        "error_control": service.error_control,
        "failure_actions": service.failure_actions,
        "failure_action_on_non_crash_failure": service.failure_actions_on_non_crash_failure,
        "failure_command": service.failure_command,
        "failure_reboot_msg": service.failure_reboot_msg,
        "failure_reset_period_sec": service.failure_reset_period_sec,
        "load_order_group": service.load_order_group,
        "name": service.name,
        "path": service.path,
        "pre_shutdown_timeout_ms": service.pre_shutdown_timeout_ms,
        "required_privileges": service.required_privileges,
        "service_type": service.service_type,
        "sid_info": service.sid_info,
        "start_mode": service.start_mode,
        "state": service.state,
        "username": "NT AUTHORITY\\SYSTEM" if service.username == "LocalSystem" else service.username,
    }


def _told(call: Call, service: Service) -> Result:
    return {
        "can_pause_and_continue": False,
        "depended_by": call.host.services.depended_by(service),
        "dependencies": service.dependencies,
        "description": service.description,
        "desktop_interact": service.desktop_interact,
        "display_name": service.display_name,
        "name": service.name,
        "path": service.path,
        "start_mode": service.start_mode,
        "state": "running" if service.state == "started" else service.state.replace("_", ""),
        "username": service.username,
    }


@handles("ansible.windows.win_service_info")
def win_service_info(call: Call) -> Result:
    wanted = (call["name"] or "*").lower()
    found = [one for one in call.host.services if _matches(one, wanted)]
    return {"exists": bool(found), "services": [_info(call, one) for one in sorted(found, key=lambda one: one.name)]}


def _matches(service: Service, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for name in (service.name, service.display_name))


def _info(call: Call, service: Service) -> dict[str, Any]:
    service = call.host.services.find(service.name) or service  # which notices a process that has died
    runs = service.state == "started"
    return {
        **_shape(service),
        "checkpoint": 0,
        "controls_accepted": ["stop", "shutdown"] if runs else [],
        "dependency_of": call.host.services.depended_by(service),
        "launch_protection": "none",
        "preferred_node": None,
        "process_id": service.process.pid if service.process else (900 if runs else 0),
        "service_exit_code": 0,
        "service_flags": [],
        "triggers": [],
        "wait_hint_ms": 0,
        "win32_exitcode": 0 if runs else 1077,
    }
