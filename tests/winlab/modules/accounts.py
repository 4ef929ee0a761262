# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""win_user, win_group_membership, win_user_right."""

from __future__ import annotations

from typing import Any

from ..errors import NotEmulatedError
from ..host.state import Account
from . import Call, ModuleFailure, Result, handles

# The option, and what an account calls it.
_FIELDS = {"account_disabled": "disabled", "description": "description", "fullname": "fullname",
           "password_expired": "password_expired", "password_never_expires": "password_never_expires",
           "user_cannot_change_password": "cannot_change_password"}  # fmt: skip


@handles("ansible.windows.win_user")
def win_user(call: Call) -> Result:
    system, name = call.host.system, call["name"]
    for option in ("account_expires", "home_directory", "login_script", "profile"):
        if call[option] is not None:
            raise NotEmulatedError(f"win_user with {option}")
    account = system.accounts.get(name.lower())
    if call["state"] == "query":
        return _told(account) if account else {"changed": False, "name": name, "msg": f"User '{name}' was not found"}
    if call["state"] == "absent":
        if account and call.live:
            del system.accounts[name.lower()]
            for members in system.groups.values():
                members.discard(account.name)
        return {"changed": account is not None, "name": name, "msg": f"User '{name}' deleted successfully"}
    changed = account is None
    if account is None:
        account = Account(name, call["password"] or "")
        if call.live:
            system.accounts[name.lower()] = account
    elif _new_password(call, account):
        changed = True
        if call.live:
            account.password = call["password"]
    changed |= _set_fields(call, account) | _set_groups(call, account)
    return {**_told(account), "changed": changed}


def _new_password(call: Call, account: Account) -> bool:
    policy, password = call["update_password"], call["password"]
    return password is not None and policy != "on_create" and account.password != password  # no secret


def _set_fields(call: Call, account: Account) -> bool:
    wanted = {field: call[option] for option, field in _FIELDS.items() if call[option] is not None}
    others = {field: value for field, value in wanted.items() if getattr(account, field) != value}
    if call.live:
        for field, value in others.items():
            setattr(account, field, value)
    return bool(others)


def _set_groups(call: Call, account: Account) -> bool:
    if call["groups"] is None:
        return False
    known = {name.lower(): name for name in call.host.system.groups}
    for name in call["groups"]:
        if name.lower() not in known:
            raise ModuleFailure(f"group '{name}' not found")
    given, have = {known[name.lower()] for name in call["groups"]}, set(account.groups)
    wanted = {"add": have | given, "remove": have - given, "replace": given}[call["groups_action"]]
    if call.live:
        account.groups = wanted
        for group, members in call.host.system.groups.items():
            members.discard(account.name)
            if group in wanted:
                members.add(account.name)
    return wanted != have


def _told(account: Account) -> Result:
    return {
        "changed": False,
        "account_disabled": account.disabled,
        "account_locked": account.locked,
        "description": account.description,
        "fullname": account.fullname,
        "groups": [{"name": name, "path": f"WinNT://{name}"} for name in sorted(account.groups)],
        "name": account.name,
        "password_expired": account.password_expired,
        "password_never_expires": account.password_never_expires,
        "path": f"WinNT://{account.name}",
        "sid": account.sid,
        "user_cannot_change_password": account.cannot_change_password,
    }


@handles("ansible.windows.win_group_membership")
def win_group_membership(call: Call) -> Result:
    groups = {name.lower(): members for name, members in call.host.system.groups.items()}
    if call["name"].lower() not in groups:
        raise ModuleFailure(f"Could not find local group {call['name']}")
    have = groups[call["name"].lower()]
    return {"name": call["name"], **_members(call, have, call["members"], call["state"])}


def _members(call: Call, have: set[str], given: list[str], state: str) -> dict[str, Any]:
    wanted = {name.lower(): call.host.system.principal(name) for name in given}
    present = {name.lower(): name for name in have}
    added = [] if state in ("absent", "remove") else [name for key, name in wanted.items() if key not in present]
    removed = []
    if state in ("absent", "remove"):
        removed = [present[key] for key in wanted if key in present]
    elif state in ("pure", "set"):
        removed = [name for key, name in present.items() if key not in wanted]
    if call.live:
        have |= set(added)
        have -= set(removed)
    after = (have | set(added)) - set(removed)
    return {"changed": bool(added or removed), "added": added, "removed": removed, "members": sorted(after)}


_RIGHTS = {"SeServiceLogonRight", "SeBatchLogonRight", "SeInteractiveLogonRight", "SeNetworkLogonRight",
           "SeRemoteInteractiveLogonRight", "SeDenyServiceLogonRight", "SeDenyInteractiveLogonRight",
           "SeDenyNetworkLogonRight", "SeBackupPrivilege", "SeRestorePrivilege", "SeShutdownPrivilege",
           "SeAssignPrimaryTokenPrivilege", "SeIncreaseQuotaPrivilege", "SeLockMemoryPrivilege"}  # fmt: skip


@handles("ansible.windows.win_user_right")
def win_user_right(call: Call) -> Result:
    known = {name.lower(): name for name in _RIGHTS}
    if call["name"].lower() not in known:
        raise ModuleFailure(f"the specified right {call['name']} is not a valid right")
    have = call.host.system.user_rights.setdefault(known[call["name"].lower()], set())
    told = _members(call, have, call["users"], call["action"])
    del told["members"]
    return told
