# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""win_regedit, win_reg_stat, win_environment, win_path, win_timezone."""

from __future__ import annotations

from typing import Any

from ..errors import NotEmulatedError
from ..host import MACHINE_ENVIRONMENT, USER_ENVIRONMENT
from ..host.registry import Value
from . import Call, ModuleFailure, Result, handles

_TYPES = {"string": "REG_SZ", "expandstring": "REG_EXPAND_SZ", "multistring": "REG_MULTI_SZ", "dword": "REG_DWORD",
          "qword": "REG_QWORD", "binary": "REG_BINARY", "none": "REG_NONE"}  # fmt: skip


@handles("ansible.windows.win_regedit")
def win_regedit(call: Call) -> Result:
    registry, path = call.host.registry, call["path"]
    if call["hive"]:
        raise NotEmulatedError("win_regedit with a hive of its own")
    key = registry.find(path)  # also says whether the path is one
    told = {"changed": False, "data_changed": False, "data_type_changed": False}
    name = call["name"] or ""
    if call["state"] == "absent":
        return {**told, "changed": _remove(call, path, name)}
    found = key.values.get(name.lower()) if key else None
    data = None if call["data"] is None else _data(call["data"], call["type"])
    if call["name"] is None and call["data"] is None:
        if key is None and call.live:
            registry.make(path)
        return {**told, "changed": key is None}
    wanted = Value(call["name"] or "", call["type"], _empty(call["type"]) if data is None else data)
    type_changed = found is not None and found.type != wanted.type
    data_changed = found is not None and found.data != wanted.data
    if call.live:
        registry.make(path).values[name.lower()] = wanted
    return {
        "changed": found is None or type_changed or data_changed,
        "data_changed": data_changed or type_changed,
        "data_type_changed": type_changed,
    }


def _remove(call: Call, path: str, name: str) -> bool:
    """Without a name the whole key, unless ``delete_key`` says that only its default value is meant."""
    registry = call.host.registry
    key = registry.find(path)
    if key is None:
        return False
    if not name and call["delete_key"]:
        if call.live:
            registry.remove(path)
        return True
    there = name.lower() in key.values
    if there and call.live:
        del key.values[name.lower()]
    return there


def _empty(type: str) -> Any:
    return {"dword": 0, "qword": 0, "multistring": [], "binary": []}.get(type, "")


def _data(value: Any, type: str) -> Any:
    if type in ("dword", "qword"):
        return _number(value, 32 if type == "dword" else 64, type)
    if type == "multistring":
        return [str(item) for item in (value if isinstance(value, list) else [value])]
    if type == "binary":
        return _bytes(value)
    return str(value)


def _number(value: Any, bits: int, type: str) -> int:
    try:
        number = int(str(value), 0) if isinstance(value, str) else int(value)
    except ValueError:
        raise ModuleFailure(f"data '{value}' is no number") from None
    if number >= 1 << bits:
        raise ModuleFailure(f"data cannot be larger than 0x{'f' * (bits // 4)} when type is {type}")
    return number + (1 << bits) if number < 0 else number


def _bytes(value: Any) -> list[int]:
    if isinstance(value, list):
        return [int(item) for item in value]
    text = str(value).lower().removeprefix("hex:").replace(" ", "")
    return [int(part, 16) for part in text.split(",") if part]


@handles("ansible.windows.win_reg_stat")
def win_reg_stat(call: Call) -> Result:
    key = call.host.registry.find(call["path"])
    if call["name"] is None:
        if key is None:
            return {"changed": False, "exists": False}
        return {
            "changed": False,
            "exists": True,
            "properties": {value.name: _stat(value) for value in key.values.values()},
            "sub_keys": [one.name for one in key.keys.values()],
        }
    found = key.values.get(call["name"].lower()) if key else None
    return {"changed": False, "exists": False} if found is None else {"changed": False, "exists": True, **_stat(found)}


def _stat(value: Value) -> dict[str, Any]:
    return {"raw_value": value.data, "type": _TYPES[value.type], "value": value.data}


@handles("ansible.windows.win_environment", extra=("values",))
def win_environment(call: Call) -> Result:
    if call["level"] == "process":
        raise NotEmulatedError("win_environment level=process, which ends with the module")
    given = call["variables"] if call["variables"] is not None else {call["name"]: call["value"]}
    states: dict[str, Any] = {}
    for name, value in given.items():
        if call["state"] == "present" and not value:
            raise ModuleFailure(
                "When state=present, value must be defined and not an empty string, if you wish to remove the envvar, "
                "set state=absent"
            )
        states[name] = _variable(call, str(name), None if call["state"] == "absent" else str(value))
    last = list(states.values())[-1] if states else {"before": None, "after": None}
    told: Result = {
        "changed": any(state["changed"] for state in states.values()),
        "values": states,
        "env_values": states,
        "before_value": last["before"],
        "value": last["after"],
    }
    if call.diff:
        sides = {
            side: {call["level"]: {name: state[side] for name, state in states.items() if state[side]}}
            for side in ("before", "after")
        }
        told["diff"] = sides
    return told


def _variable(call: Call, name: str, value: str | None) -> dict[str, Any]:
    registry = call.host.registry
    path = MACHINE_ENVIRONMENT if call["level"] == "machine" else USER_ENVIRONMENT
    found = registry.value(path, name)
    before = str(found.data) if found else None
    if call.live and before != value:
        if value is None:
            registry.make(path).values.pop(name.lower(), None)
        else:
            registry.set(path, name, value)
    return {"before": before, "after": value, "changed": before != value}


@handles("ansible.windows.win_path", extra=("path_value", "removed_idx"))
def win_path(call: Call) -> Result:
    path = MACHINE_ENVIRONMENT if call["scope"] == "machine" else USER_ENVIRONMENT
    found = call.host.registry.value(path, call["name"])
    have = [part for part in str(found.data).split(";") if part] if found else []
    wanted = [part.rstrip("\\").lower() for part in call["elements"]]
    if call["state"] == "absent":
        after = [part for part in have if part.rstrip("\\").lower() not in wanted]
    else:
        known = [part.rstrip("\\").lower() for part in have]
        after = have + [part for part in call["elements"] if part.rstrip("\\").lower() not in known]
    if call.live and after != have:
        call.host.registry.set(path, call["name"], ";".join(after), "expandstring")
    return {"changed": after != have, "path_value": ";".join(after)}


# Of the names that `tzutil /l` lists; others are refused, as there.
_ZONES = {"utc", "gmt standard time", "w. europe standard time", "central europe standard time",
          "romance standard time",
          "eastern standard time", "central standard time", "mountain standard time", "pacific standard time",
          "tokyo standard time", "china standard time", "india standard time", "aus eastern standard time",
          "greenwich standard time", "fle standard time", "russian standard time"}  # fmt: skip


@handles("ansible.windows.win_timezone")
def win_timezone(call: Call) -> Result:
    system, wanted = call.host.system, call["timezone"]
    base = wanted.removesuffix("_dstoff")
    if base.lower() not in _ZONES:
        raise ModuleFailure(f"The specified timezone: {wanted} isn't supported on the machine.")
    before = system.timezone
    if call.live:
        system.timezone = wanted
    told: Result = {"changed": before != wanted, "previous_timezone": before, "timezone": wanted}
    return {**told, "diff": {"before": before, "after": wanted}} if call.diff else told
