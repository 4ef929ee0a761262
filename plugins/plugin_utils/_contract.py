# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service's contract: found in a role's folder, laid under the environment's overrides, checked and filled in."""

from __future__ import annotations

import difflib
import functools
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml
from ansible.utils.vars import merge_hash
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import BadInputError
from ansible_collections.golden.fleet.plugins.plugin_utils._contract_check import Problem, check, seen
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_layout import switched

CONTRACT_FILE = "contract.yml"
_SPEC_FILE = pathlib.Path(__file__).with_name("contract_spec.yml")
_COLLECTION_ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"


class ContractError(Exception):
    """One or more contracts can't be had. The text names each file and key."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML that refuses a key given twice, where plain YAML lets the last one win without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode)]
        twice = [name for index, name in enumerate(names) if name in names[:index]]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


@functools.lru_cache(maxsize=1)
def spec() -> dict[str, Any]:
    """The spec of a contract: contract_spec.yml."""
    return yaml.safe_load(_SPEC_FILE.read_text(encoding="utf-8"))


def find(service: str, places: Iterable[pathlib.Path]) -> pathlib.Path | None:
    """The role folder of ``service`` in the first of ``places`` where one holds a contract."""
    if "/" in service or service in ("", ".", ".."):
        return None
    return next((place / service for place in places if (place / service / CONTRACT_FILE).is_file()), None)


def places(roles_path: Iterable[str], playbook_dir: str | None, inventory_sources: Iterable[str]) -> list[pathlib.Path]:
    """The folders that hold roles, the first to be looked into first.

    Ansible itself looks beside the playbook and into ``roles_path``. A playbook of this collection run by its name
    lies beside the collection's roles and not the user's: theirs are beside the folder that they stand in, or
    beside their inventory.
    """
    found = [pathlib.Path(path) for path in roles_path]
    found.append(pathlib.Path.cwd() / "roles")
    for source in inventory_sources:
        path = pathlib.Path(source).absolute()
        nearest = path if path.is_dir() else path.parent
        found += [folder / "roles" for folder in (nearest, *nearest.parents[:2])]
    if playbook_dir:
        playbooks = pathlib.Path(playbook_dir).absolute()
        found += [playbooks / "roles", playbooks.parent / "roles"]
    return list(dict.fromkeys([*found, _COLLECTION_ROLES]))


@functools.lru_cache(maxsize=1024)
def _parsed(file: pathlib.Path, _changed_ns: int) -> Any:
    """The file's data; read once for as long as it isn't changed, as a run asks for it on every member."""
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  # made from the safe loader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ContractError(f"{file}: is not readable as YAML: {' '.join(str(error).split())}") from error


def load(service: str, folder: pathlib.Path, overrides: Any = None, members: Sequence[str] = ()) -> dict[str, Any]:
    """The contract in ``folder`` with ``overrides`` merged into it and its defaults filled in.

    Raises ContractError with everything that is wrong. The result also says ``service``, ``folder`` and ``members``.
    """
    file = folder / CONTRACT_FILE
    variable = f"{service}_contract"
    written = _parsed(file, file.stat().st_mtime_ns)
    overrides = {} if overrides is None else overrides
    for origin, value in ((str(file), written), (f"variable {variable}", overrides)):
        if not isinstance(value, Mapping):
            raise ContractError(f"{origin}: {seen(value)} is not a mapping with keys ({', '.join(spec())})")
    contract, problems = check(spec(), merge_hash(dict(written), dict(overrides)))
    if not problems:
        _fill_computed(contract, service)
        problems = _rules(contract, len(members))
    if problems:
        lines = [
            f"{_origin(problem.key, overrides, file, variable)}: {problem.key}: {problem.text}" for problem in problems
        ]
        raise ContractError("\n".join(lines))
    return {"service": service, "folder": str(folder), "members": [str(name) for name in members], **contract}


def _fill_computed(contract: dict[str, Any], service: str) -> None:
    """The defaults that other values decide."""
    contract["release"]["root"] = contract["release"]["root"].replace("<service>", service)
    windows = contract["windows"]
    if windows:
        windows["root"] = windows["root"].replace("<service>", service)
        windows["pool"] = windows["pool"] or windows["site"]
    if contract["lease_seconds"] is None:
        contract["lease_seconds"] = (
            contract["pool"]["drain_seconds"]
            + contract["release"]["activate_timeout_seconds"]
            + (contract["release"]["quiesce_timeout_seconds"] if contract["release"]["slots"] else 0)
            # Health is asked before and after the other gates.
            + 2 * contract["health"]["timeout_seconds"]
            + sum(gate["timeout_seconds"] for gate in contract["gates"])
            + 60
        )


def _rules(contract: dict[str, Any], members: int) -> list[Problem]:
    """What can be wrong between the values of one contract."""
    problems = []
    last = contract["pool"]["maintenance_port"] + max(members, 1) - 1
    if last > 65535:
        text = f"the range for {members} members would end at port {last}, and 65535 is the last there is"
        problems.append(Problem("pool.maintenance_port", text))
    if contract["rollout"] == "image" and contract["bake"]["from"] != "role":
        text = "an image is made before any member has its release, so with rollout: image it is made from: role"
        problems.append(Problem("bake.from", text))
    problems += _windows_rules(contract)
    if contract["release"]["slots"] and contract["windows"]:
        problems.append(
            Problem("release.slots", "releases don't run from slots on Windows hosts, and windows is given")
        )
    if contract["rollout"] == "atomic" and not (contract["release"]["slots"] and contract["listen"]["preview_port"]):
        text = "atomic switches to a slot that was proven before: it needs release.slots: true and listen.preview_port"
        problems.append(Problem("rollout", text))
    if contract["listen"]["preview_port"] == contract["listen"]["port"]:
        problems.append(Problem("listen.preview_port", "is the port that customers reach"))
    if contract["release"]["quiesce"] and not contract["release"]["slots"]:
        problems.append(Problem("release.quiesce", "is for services whose releases run from slots: true"))
    names = [gate["name"] for gate in contract["gates"]]
    problems += [
        Problem(f"gates[{index}].name", f"{name!r} is the name of an earlier gate too")
        for index, name in enumerate(names)
        if name in names[:index]
    ]
    problems += [
        Problem(f"gates[{index}].command", "{python} is the controller's, and this command runs_on: member")
        for index, gate in enumerate(contract["gates"])
        if gate["runs_on"] == "member" and any("{python}" in word for word in gate["command"])
    ]
    return problems


def _windows_rules(contract: dict[str, Any]) -> list[Problem]:
    """What a Windows host would be told is checked here already, before any host is asked."""
    try:
        if contract["windows"]:
            switched(contract["windows"])
    except BadInputError as error:
        return [Problem("windows", str(error))]
    return []


def _origin(key: str, overrides: Mapping[str, Any], file: pathlib.Path, variable: str) -> str:
    """Who gave the value of ``key``: the environment's variable, or else the file."""
    value: Any = overrides
    for part in key.split("[")[0].split("."):
        if not isinstance(value, Mapping) or part not in value:
            return str(file)
        value = value[part]
    return f"variable {variable}"


def maintenance_port(contract: Mapping[str, Any], member: str) -> int:
    """The port on each balancer through which only ``member`` is reached while it is in the maintenance pool."""
    members = list(contract["members"])
    if member not in members:
        raise ContractError(f"{member} is no member of {contract['service']}, whose members are {_list(members)}")
    return int(contract["pool"]["maintenance_port"]) + members.index(member)


def unknown_service(
    service: str, services: Sequence[str], places_: Iterable[pathlib.Path], group: bool
) -> ContractError:
    """The error for a service that isn't there; ``group`` says whether the inventory has its group."""
    if not service:
        return ContractError(f"no service is named. The services here are {_list(services)}")
    meant = difflib.get_close_matches(service, services, 1)
    hint = f"; did you mean {meant[0]}?" if meant else ""
    if group:
        looked = ", ".join(str(place) for place in places_)
        why = f"the inventory has the group, but none of these has {service}/{CONTRACT_FILE}: {looked}"
    else:
        why = f"it has no group in the inventory. The services here are {_list(services)}{hint}"
    return ContractError(f"there is no service {seen(service)}: {why}")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
