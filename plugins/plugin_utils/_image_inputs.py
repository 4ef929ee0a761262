# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes into an image, each input with a digest, and the one key over all of them.

The same inputs make the same key, and an image that is there by that key need not be made again. The inputs are kept
with the image, so that "why was it made again?" is answered by their names.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml
from ansible.utils.collection_loader._collection_finder import _get_collection_role_path

_OURS = "golden.fleet."
_COLLECTION = pathlib.Path(__file__).resolve().parents[2]
# The program that stages releases on a host.
_ENGINE = ("plugins/module_utils/_release", "plugins/module_utils/_files.py", "plugins/module_utils/_names.py")
# What is in a role's folder and in no host: the contract counts as it is with the environment's overrides in it.
_LEFT_OUT = {"README.md", "__pycache__", "artifact", "contract.yml", "molecule", "tests"}
# What a contract says of rollouts and of the controller.
_OF_NO_HOST = ("artifact", "bake", "budget", "folder", "lease_seconds", "lock_seconds", "members", "rollout", "scale")
_ROLE_KEYS = ("include_role", "import_role", "ansible.builtin.include_role", "ansible.builtin.import_role")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with its tags, such as !vault, passed over: only the names of roles are looked for."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def key_of(inputs: Mapping[str, str]) -> str:
    """The key over all inputs: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(dict(inputs), sort_keys=True).encode()).hexdigest()[:16]


def collect(
    contract: Mapping[str, Any],
    releases: Sequence[Mapping[str, str]],
    base: str,
    template: pathlib.Path,
    variables: Mapping[str, Any],
) -> dict[str, str]:
    """Digests by input: the base image, each release, the contract, the variables, and every file that goes in.

    ``releases`` are dictionaries of version and sha256, the one that will be active first; ``template`` is the folder
    of the Packer template, beside which lies what all templates share.
    """
    inputs = {"base image": base, "active release": releases[0]["version"] if releases else ""}
    inputs |= {f"release {release['version']}": release["sha256"] for release in releases}
    own = {name: value for name, value in contract.items() if name not in _OF_NO_HOST}
    if contract.get("bake", {}).get("from") == "member":
        inputs["made from"] = "member"
    inputs |= {"contract": _digest(own), "variables": _digest(variables)}
    shared = [path for path in template.parent.iterdir() if path.is_file()]
    roles = dict.fromkeys([*roles_of(pathlib.Path(contract["folder"])), *_roles_of_plays(template)])
    places = [template, *shared, *(_COLLECTION / path for path in _ENGINE), *roles]
    return inputs | {_shown(file): hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in _files(places)}


def why(before: Mapping[str, str] | None, now: Mapping[str, str]) -> list[str]:
    """In what the inputs differ from those of an earlier image, a line each; none where there is no earlier one."""
    if before is None:
        return []
    return [
        f"{name} is {'new' if name not in before else 'gone' if name not in now else 'changed'}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]


def roles_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """The folders of a role and of all that it brings in, by its tasks, handlers and dependencies."""
    found: dict[pathlib.Path, None] = {}
    waiting = [folder.resolve()]
    while waiting:
        role = waiting.pop()
        if role not in found and role.is_dir():
            found[role] = None
            waiting += [place.resolve() for name in _named(role) for place in _places(name, role)]
    return list(found)


def _roles_of_plays(template: pathlib.Path) -> list[pathlib.Path]:
    """The roles that plays of the template itself bring in."""
    plays = (yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader) for file in sorted(template.glob("*.yml")))  # noqa: S506
    named = (name for play in plays for name in _roles_in(play))
    return [role for name in named for place in _places(name, template) for role in roles_of(place)]


def words_of(roles: Iterable[pathlib.Path]) -> set[str]:
    """Every word in the roles' files that could be the name of a variable."""
    found: set[str] = set()
    for file in _files(roles):
        found.update(re.findall(r"[A-Za-z]\w*", file.read_text(encoding="utf-8", errors="ignore")))
    return found


def _named(role: pathlib.Path) -> Iterator[str]:
    """The names of the roles that a role brings in."""
    for part in ("tasks", "handlers", "meta"):
        for file in sorted((role / part).glob("**/*.y*ml")):
            yield from _roles_in(yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader))  # noqa: S506


def _roles_in(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name in _ROLE_KEYS and isinstance(value, Mapping) and "name" in value:
                yield str(value["name"])
            elif name == "dependencies" and isinstance(value, list):
                yield from (
                    str(one.get("role") or one.get("name")) if isinstance(one, Mapping) else str(one) for one in value
                )
            else:
                yield from _roles_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from _roles_in(value)


def _places(name: str, role: pathlib.Path) -> list[pathlib.Path]:
    """Where a role is, beside the one that names it or in a collection; all beside it where the name is worked out."""
    if "{{" in name:
        return [path for path in role.parent.iterdir() if path.is_dir()]
    if name.startswith(_OURS):
        return [_COLLECTION / "roles" / name.removeprefix(_OURS)]
    if "." in name:
        where = _get_collection_role_path(name, [])
        return [pathlib.Path(where[1])] if where else []
    return [place / name for place in (role.parent, _COLLECTION / "roles") if (place / name).is_dir()][:1]


def _files(places: Iterable[pathlib.Path]) -> Iterator[pathlib.Path]:
    for place in places:
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in inside:
            parts = file.relative_to(place).parts or (file.name,)
            if file.is_file() and not _LEFT_OUT.intersection(parts) and file.suffix != ".pyc":
                yield file


def _shown(file: pathlib.Path) -> str:
    """The path from the checkout's folder or, for what lies elsewhere, from its role's parent."""
    file = file.resolve()
    if file.is_relative_to(_COLLECTION.resolve()):
        return str(file.relative_to(_COLLECTION.resolve()))
    above = next((parent for parent in file.parents if parent.name == "roles"), file.parent)
    return str(file.relative_to(above.parent))


def _digest(value: Any) -> str:
    """Of values among which there may be secrets: slow on purpose, as the digest is kept where images are listed."""
    text = json.dumps(value, sort_keys=True, default=str).encode()
    return hashlib.scrypt(text, salt=b"golden.fleet image inputs", n=2**14, r=8, p=1, dklen=16).hex()
