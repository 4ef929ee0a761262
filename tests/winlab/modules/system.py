# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Features, firewall, event logs, accounts and rights."""

from __future__ import annotations

import re
from typing import Any

from ..errors import NotEmulatedError
from ..host.state import EventLog, Feature
from . import Call, ModuleFailure, Result, handles


@handles("ansible.windows.win_feature", extra=("success",), ignored=("source",))
def win_feature(call: Call) -> Result:
    features = call.host.system.features
    wanted: dict[str, Feature] = {}
    for name in [part for item in call["name"] for part in item.split(",")]:
        if name.lower() not in features:
            raise ModuleFailure(
                f"Failed to find the feature '{name}': The target of the specified cmdlet cannot be a Windows "
                f"PowerShell feature name. ArgumentNotValid: The role, role service, or feature name "
                f"is not valid: '{name}'"
            )
        _gather(call, features, features[name.lower()], wanted)
    present = call["state"] == "present"
    touched = [one for one in wanted.values() if one.installed != present]
    reboot = any(one.needs_reboot for one in touched)
    if call.live:
        for feature in touched:
            feature.installed = present
        call.host.hazards.reboot_pending |= reboot
        if call.host.system.has_iis():
            call.host.add_iis()
    return {
        "changed": bool(touched),
        "success": True,
        "exitcode": "SuccessRestartRequired" if reboot else "Success" if touched else "NoChangeNeeded",
        "feature_result": [_feature_result(one) for one in touched],
        "reboot_required": reboot,
    }


def _gather(call: Call, features: dict[str, Feature], feature: Feature, wanted: dict[str, Feature]) -> None:
    """What goes with it: those above when it comes, those below when it goes or when all are asked for."""
    wanted[feature.name] = feature
    present = call["state"] == "present"
    if present and feature.parent:
        _gather_above(features, feature, wanted)
    if not present or call["include_sub_features"]:
        for one in features.values():
            if one.parent == feature.name:
                _gather(call, features, one, wanted)
    if present and call["include_management_tools"]:
        for name in feature.management:
            _gather_above(features, features[name.lower()], wanted)


def _gather_above(features: dict[str, Feature], feature: Feature, wanted: dict[str, Feature]) -> None:
    while True:
        wanted[feature.name] = feature
        if not feature.parent:
            return
        feature = features[feature.parent.lower()]


def _feature_result(feature: Feature) -> dict[str, Any]:
    return {
        "display_name": feature.display_name,
        "id": sum(feature.name.encode()),
        "message": [],
        "reboot_required": feature.needs_reboot,
        "skip_reason": "NotSkipped",
        "success": True,
    }


@handles("ansible.windows.win_optional_feature", ignored=("source", "include_parent"))
def win_optional_feature(call: Call) -> Result:
    features = call.host.system.optional_features
    known = {name.lower(): name for name in features}
    for name in call["name"]:
        if name.lower() not in known:
            raise ModuleFailure(f"Failed to find feature '{name}'")
    wanted = call["state"] == "present"
    touched = [known[name.lower()] for name in call["name"] if features[known[name.lower()]] != wanted]
    if call.live:
        features.update(dict.fromkeys(touched, wanted))
    return {"changed": bool(touched), "reboot_required": False}


_RULE = ("group", "direction", "action", "description", "localip", "remoteip", "localport", "remoteport", "program",
         "service", "protocol", "enabled", "profiles", "icmp_type_code")  # fmt: skip
_RULE_DEFAULTS: dict[str, Any] = {"enabled": True, "direction": "in", "action": "allow", "protocol": "any",
                                  "profiles": ["domain", "private", "public"]}  # fmt: skip


@handles("community.windows.win_firewall_rule")
def win_firewall_rule(call: Call) -> Result:
    if not call["name"] and not call["group"]:
        raise ModuleFailure("Either name or group must be specified")
    rules = call.host.system.firewall_rules
    key = "name" if call["name"] else "group"
    found = [rule for rule in rules if str(rule.get(key) or "").lower() == call[key].lower()]
    if call["state"] == "absent":
        return _remove_rules(call, found)
    wanted = {name: _rule_value(name, call[name]) for name in _RULE if call[name] is not None}
    if found:
        return _change_rules(call, found, wanted)
    if not call["name"]:
        return {"changed": False}
    rule = {"name": call["name"], **_RULE_DEFAULTS, **wanted}
    if call.live:
        rules.append(rule)
    told: Result = {"changed": True, "msg": f"Firewall rule '{call['name']}' created."}
    return {**told, "diff": {"prepared": _prepared("+", rule)}} if call.diff else told


def _remove_rules(call: Call, found: list[dict[str, Any]]) -> Result:
    if not found:
        name = call["name"]
        missing = (
            f"Firewall rule '{name}' does not exist."
            if name
            else f"No firewall rules in group '{call['group']}' exist."
        )
        return {"changed": False, "msg": missing}
    names = "', '".join(rule["name"] for rule in found)
    if call.live:
        rules = call.host.system.firewall_rules
        rules[:] = [rule for rule in rules if rule not in found]
    told: Result = {"changed": True, "msg": f"Firewall rule(s) '{names}' removed."}
    return {**told, "diff": {"prepared": "".join(_prepared("-", rule) for rule in found)}} if call.diff else told


def _change_rules(call: Call, found: list[dict[str, Any]], wanted: dict[str, Any]) -> Result:
    changed: list[str] = []
    unchanged: list[str] = []
    prepared = ""
    for rule in found:
        others = {name: value for name, value in wanted.items() if rule.get(name) != value}
        (changed if others else unchanged).append(rule["name"])
        prepared += f"[{rule['name']}]\n"
        prepared += "".join(f"-{name}='{rule.get(name)}'\n+{name}='{value}'\n" for name, value in others.items())
        if call.live:
            rule.update(others)
    told: Result = {
        "changed": bool(changed),
        "msg": "Firewall rule(s) changed '" + "', '".join(changed) + "' - unchanged '" + "', '".join(unchanged) + "'",
    }
    return {**told, "diff": {"prepared": prepared}} if call.diff else told


def _rule_value(name: str, value: Any) -> Any:
    if name == "profiles":
        return sorted(str(item).lower() for item in value)
    if name.endswith("port"):
        return str(value).replace(" ", "")
    return value.lower() if name == "protocol" else value


def _prepared(sign: str, rule: dict[str, Any]) -> str:
    lines = [f"[{rule['name']}]", *(f"{name}='{rule.get(name)}'" for name in _RULE)]
    return "".join(f"{sign}{line}\n" for line in lines)


@handles("ansible.windows.win_firewall", extra=("Domain", "Private", "Public", "restart_required"))
def win_firewall(call: Call) -> Result:
    told: Result = {"changed": False, "profiles": call["profiles"], "state": call["state"], "restart_required": False}
    for name in call["profiles"]:
        have = call.host.system.firewall_profiles[name]
        wanted = {"enabled": call["state"] == "enabled"}
        if wanted["enabled"]:
            wanted.update({key: call[key] for key in ("inbound_action", "outbound_action") if call[key]})
        told["changed"] |= any(have[key] != value for key, value in wanted.items())
        if call.live:
            have.update(wanted)
        told[name] = {"considered": True, "enabled": wanted["enabled"]}
    return told


@handles("ansible.windows.win_eventlog")
def win_eventlog(call: Call) -> Result:
    logs, name = call.host.system.event_logs, call["name"]
    found = logs.get(name.lower())
    if call["category_file"] or call["message_file"] or call["parameter_file"]:
        raise NotEmulatedError("win_eventlog with message files")
    if call["state"] == "absent":
        if found and call.live:
            del logs[name.lower()]
        return {"changed": found is not None, "name": name, "exists": False, "sources_changed": []}
    if call["state"] == "clear":
        return _clear_log(call, found)
    size = _kilobytes(call["maximum_size"]) if call["maximum_size"] else None
    if found is None and not call["sources"]:
        raise ModuleFailure("You must specify one or more sources when creating a log for the first time")
    log = found or EventLog(name, maximum_size_kb=512)
    wanted = {
        "maximum_size_kb": size,
        "overflow_action": call["overflow_action"],
        "retention_days": call["retention_days"],
    }
    wanted = {key: value for key, value in wanted.items() if value is not None}
    sources = [one for one in call["sources"] or [] if one not in log.sources]
    changed = found is None or bool(sources) or any(getattr(log, key) != value for key, value in wanted.items())
    if call.live:
        for key, value in wanted.items():
            setattr(log, key, value)
        log.sources |= set(sources)
        logs[name.lower()] = log
    return {"changed": changed, **_log_told(log), "sources_changed": sources}


def _clear_log(call: Call, log: EventLog | None) -> Result:
    if log is None:
        raise ModuleFailure(f"Cannot clear log {call['name']} as it does not exist")
    changed = log.entries > 0
    if call.live:
        log.entries = 0
    return {"changed": changed, **_log_told(log), "sources_changed": []}


def _log_told(log: EventLog) -> Result:
    return {
        "name": log.name,
        "exists": True,
        "entries": log.entries,
        "maximum_size_kb": log.maximum_size_kb,
        "overflow_action": log.overflow_action,
        "retention_days": log.retention_days,
        "sources": sorted(log.sources),
    }


def _kilobytes(size: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(KB|MB|GB)", size)
    if not found:
        raise ModuleFailure(f"Maximum size {size} is not properly specified")
    kilobytes = float(found[1]) * {"KB": 1, "MB": 1024, "GB": 1024**2}[found[2]]
    if kilobytes < 64 or kilobytes >= 4 * 1024**2:
        raise ModuleFailure("Maximum size must be between 64KB and 4GB")
    if kilobytes % 64:
        raise ModuleFailure("Maximum size must be divisible by 64KB")
    return int(kilobytes)
