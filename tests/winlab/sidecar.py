# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documentation that stands beside a module, and the arguments of a call held against it."""

from __future__ import annotations

import ast
import functools
import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .errors import FidelityError

_BOOLEANS = {
    **dict.fromkeys(("yes", "on", "true", "t", "1", "y", "1.0"), True),
    **dict.fromkeys(("no", "off", "false", "f", "0", "n", "0.0"), False),
}
# What a result may hold whatever the module is.
_COMMON_KEYS = {
    "changed", "failed", "msg", "rc", "stdout", "stderr", "exception", "warnings", "deprecations", "diff", "skipped",
    "invocation", "ansible_facts", "stdout_lines", "stderr_lines",
}  # fmt: skip


class ArgumentError(Exception):
    """The call is not what the documentation allows; the text is the module's failure message."""


@dataclass(frozen=True)
class Sidecar:
    name: str
    options: dict[str, Any] = field(repr=False)
    returned: frozenset[str]

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return _checked(self.name.rpartition(".")[2], self.options, given, "")

    def given(self, arguments: Mapping[str, Any]) -> set[str]:
        """The options that a call says something of that is not their default."""
        said = {name.lower() for name, value in arguments.items() if value is not None}
        typed = self.arguments(arguments)
        return {
            name
            for name, option in self.options.items()
            if said & {name.lower(), *(alias.lower() for alias in option.get("aliases") or [])}
            and typed[name] != _value(self.name, name, option, None)
        }

    def check_result(self, result: Mapping[str, Any], extra: frozenset[str]) -> None:
        unknown = set(result) - self.returned - extra - _COMMON_KEYS
        if unknown and "*" not in extra:
            raise FidelityError(f"winlab: {self.name} does not document the result keys {sorted(unknown)}")


def load(name: str, path: str = "") -> Sidecar:
    """Of the module ``ns.collection.module``, looked for at ``path`` and among the installed collections."""
    for candidate in _candidates(name, path):
        if candidate.exists():
            return _load(name, candidate)
    raise FidelityError(f"winlab: no documentation of {name} is here to hold its arguments against")


def _candidates(name: str, path: str) -> list[Path]:
    parts = name.split(".")
    places = [Path(path).with_suffix("")] if path else []
    if len(parts) == 3:
        places += [root / parts[0] / parts[1] / "plugins" / "modules" / parts[2] for root in _collections()]
    return [place.with_suffix(ending) for place in places for ending in (".yml", ".py")]


@functools.cache
def _collections() -> tuple[Path, ...]:
    found = importlib.util.find_spec("ansible_collections")
    places = list(found.submodule_search_locations or []) if found else []
    return tuple(Path(place) for place in places)


@functools.cache
def _load(name: str, path: Path) -> Sidecar:
    texts = _texts(path)
    documentation = yaml.load(texts["DOCUMENTATION"], Loader=_Loader)  # noqa: S506  # a safe loader, the one in C
    options = dict(documentation.get("options") or {})
    fragments = documentation.get("extends_documentation_fragment") or []
    for fragment in [fragments] if isinstance(fragments, str) else fragments:
        for key, option in _fragment(fragment, path).items():
            # An option of the module adds to the fragment's of the same name, as with url_method.
            options[key] = {**option, **options.get(key, {})}
            options[key]["aliases"] = [*option.get("aliases", []), *options[key].get("aliases", [])]
    returned = yaml.load(texts.get("RETURN") or "", Loader=_Loader) or {}  # noqa: S506  # the same
    return Sidecar(name, options, frozenset(returned))


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _texts(path: Path) -> dict[str, str]:
    if path.suffix == ".yml":
        whole = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506  # a safe loader
        return {key: json.dumps(whole.get(key) or {}, default=str) for key in ("DOCUMENTATION", "RETURN")}
    return _assigned(ast.parse(path.read_text()))


def _assigned(tree: ast.AST) -> dict[str, str]:
    """Strings assigned to a name, whether at the top or in a class."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def _fragment(name: str, module: Path) -> dict[str, Any]:
    """The options of a documentation fragment of the module's own collection; others have no options."""
    file = module.parent.parent / "doc_fragments" / (name.split(".")[2] + ".py") if name.count(".") >= 2 else None
    if file is None or not file.exists():
        return {}
    text = _assigned(ast.parse(file.read_text())).get("DOCUMENTATION", "")
    return (yaml.load(text, Loader=_Loader) or {}).get("options") or {}  # noqa: S506  # a safe loader


def _checked(module: str, options: Mapping[str, Any], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    names = {alias: key for key, option in options.items() for alias in [key, *(option.get("aliases") or [])]}
    names = {**{name.lower(): key for name, key in names.items()}, **names}
    found = f" found in {where.rstrip('.')}" if where else ""
    unknown = [key for key in given if key not in names and key.lower() not in names]
    if unknown:
        raise ArgumentError(
            f"Unsupported parameters for ({module}) module: {', '.join(unknown)}{found}. "
            f"Supported parameters include: {', '.join(sorted(options))}"
        )
    values = {names.get(key, names.get(key.lower(), key)): value for key, value in given.items() if value is not None}
    missing = [key for key, option in options.items() if option.get("required") and key not in values]
    if missing:
        raise ArgumentError(f"missing required arguments: {', '.join(missing)}{found}")
    return {key: _value(module, f"{where}{key}", option, values.get(key)) for key, option in options.items()}


def _value(module: str, where: str, option: Mapping[str, Any], value: Any) -> Any:
    if value is None:
        value = option.get("default")
    if value is None:
        return None
    kind = option.get("type", "str")
    value = _typed(where, kind, value)
    if kind == "list":
        return [_element(module, where, option, item) for item in value]
    if kind == "dict" and option.get("suboptions"):
        return _checked(module, option["suboptions"], value, f"{where}.")
    return _choice(where, option, value)


def _element(module: str, where: str, option: Mapping[str, Any], value: Any) -> Any:
    value = _typed(where, option.get("elements", "raw"), value)
    if option.get("suboptions") and isinstance(value, Mapping):
        return _checked(module, option["suboptions"], value, f"{where}.")
    return _choice(where, option, value)


def _choice(where: str, option: Mapping[str, Any], value: Any) -> Any:
    choices = option.get("choices")
    if not choices:
        return value
    known = {str(choice).lower(): choice for choice in choices}
    if str(value).lower() not in known:
        listed = ", ".join(str(choice) for choice in choices)
        raise ArgumentError(f"value of {where} must be one of: {listed}. Got no match for: {value}")
    return known[str(value).lower()]


def _typed(where: str, kind: str, value: Any) -> Any:
    try:
        return _CASTS[kind](value) if kind in _CASTS else value
    except (ValueError, TypeError, KeyError):
        raise ArgumentError(
            f"argument for {where} is of type {type(value).__name__} and we were unable to convert to {kind}: {value}"
        ) from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else _BOOLEANS[str(value).lower()]


def _integer(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [item.strip() for item in value.split(",")] if isinstance(value, str) else [value]


def _dict(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if value.lstrip().startswith("{"):
        return json.loads(value)
    return dict(pair.split("=", 1) for pair in value.split())


_CASTS: dict[str, Callable[[Any], Any]] = {
    "str": _text, "path": _text, "bool": _boolean, "int": _integer, "float": float, "list": _list, "dict": _dict,
}  # fmt: skip
