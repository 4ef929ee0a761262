# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks data against a spec in the form of contract_spec.yml, and fills in its defaults.

ansible-core's ArgumentSpecValidator isn't used: it turns 0.10 into "0.1" without a word, knows no ranges and no
counts that may be percentages, and can't say which key was meant. Why: docs/decisions/contract.md.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.golden.fleet.plugins.module_utils._names import check_version

Option = Mapping[str, Any]


class Problem(NamedTuple):
    """What is wrong at one dotted key."""

    key: str
    text: str


def seen(value: Any) -> str:
    """``value`` as an error shows it: cut where it would fill the screen."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


def check(options: Mapping[str, Option], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """``given`` with its defaults filled in, and all that is wrong with it. A value of null counts as not given."""
    problems: list[Problem] = []
    return _mapping({"options": options}, given, "", options, problems), problems


def _mapping(option: Option, given: Any, at: str, top: Mapping[str, Option], problems: list[Problem]) -> dict[str, Any]:
    """One level of the spec. ``top`` is the whole of it, to find what a key in the wrong place was meant to be."""
    if not isinstance(given, Mapping):
        problems.append(Problem(at, f"{seen(given)} is not a mapping with keys ({', '.join(option['options'])})"))
        return {}
    for key in given:
        if key not in option["options"]:
            problems.append(Problem(_join(at, key), _unknown(key, at, option["options"], top)))
    result = {}
    for key, inner in option["options"].items():
        result[key] = _value(inner, given.get(key), _join(at, key), top, problems)
    for_one = option.get("exactly_one_of", [])
    if for_one:
        named = [key for key in for_one if given.get(key) is not None]
        if len(named) != 1:
            problems.append(Problem(at, f"exactly one of {', '.join(for_one)} is wanted, not {_and(named)}"))
    return result


def _value(option: Option, value: Any, at: str, top: Mapping[str, Option], problems: list[Problem]) -> Any:
    if option["type"] == "dict" and value is None and option.get("optional"):
        return {}
    if option["type"] == "dict":
        return _mapping(option, {} if value is None else value, at, top, problems)
    if value is None:
        if option.get("required"):
            problems.append(Problem(at, f"is missing: {option['description'].split('. ')[0].rstrip('.')}"))
        return copy.deepcopy(option.get("default"))
    if option["type"] == "list":
        if not isinstance(value, list):
            problems.append(Problem(at, f"{seen(value)} is not a list"))
            return []
        inner = {**option, "type": option["elements"]}
        return [_value(inner, item, f"{at}[{index}]", top, problems) for index, item in enumerate(value)]
    try:
        return _SCALARS[option["type"]](value, option)
    except ValueError as error:
        problems.append(Problem(at, str(error)))
        return None


def _whole(value: Any, option: Option) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and option["minimum"] <= value <= option["maximum"]:
        return int(value)
    hint = " (a text: take the quotes away, or add the filter int)" if isinstance(value, str) else ""
    raise ValueError(f"{seen(value)} is not a whole number from {option['minimum']} to {option['maximum']}{hint}")


def _number(value: Any, option: Option) -> float:
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and option["minimum"] <= value <= option["maximum"]
    ):
        return float(value)
    raise ValueError(f"{seen(value)} is not a number from {option['minimum']} to {option['maximum']}")


def _flag(value: Any, option: Option) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{seen(value)} is not true or false")


def _share(value: Any, option: Option) -> int | str:
    least = option["minimum"]
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return int(value)
    percent = re.fullmatch(r"([0-9]{1,3})%", value) if isinstance(value, str) else None
    if percent and least <= int(percent[1]) <= 100:
        return f"{int(percent[1])}%"
    raise ValueError(f'{seen(value)} is neither a count of members from {least} up nor a percentage such as "75%"')


def _text(value: Any, option: Option) -> str:
    if not isinstance(value, str):
        hint = ": put it in quotes" if isinstance(value, (int, float)) else ""
        raise ValueError(f"{seen(value)} is not a text{hint}")
    if not value.strip() or not value.isprintable():
        raise ValueError(f"{seen(value)} is not one line of text")
    if "choices" in option and value not in option["choices"]:
        meant = difflib.get_close_matches(value, option["choices"], 1)
        hint = f"; did you mean {meant[0]}?" if meant else ""
        raise ValueError(f"{seen(value)} is none of {', '.join(option['choices'])}{hint}")
    if "pattern" in option and not re.fullmatch(option["pattern"], value):
        raise ValueError(f"{seen(value)} is not {option['wanted']}")
    return str(value)


def _argv(value: Any, option: Option) -> list[str]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{seen(value)} is not a command as a list, such as [systemctl, restart, web.service]")
    for word in value:
        if not isinstance(word, str) or "\0" in word:
            hint = ": put it in quotes" if isinstance(word, (int, float)) else ""
            raise ValueError(f"{seen(word)} in {seen(value)} is not a text{hint}")
    if not value[0].strip():
        raise ValueError(f"{seen(value)} names no command")
    return [str(word) for word in value]


def _path(value: Any, option: Option) -> str:
    text = _text(value, {})
    parts = text.split("/")[1:]
    if not text.startswith("/") or len(parts) < 2 or not all(part not in ("", ".", "..") for part in parts):
        raise ValueError(f"{seen(text)} is not an absolute path of two parts at least, such as /srv/web")
    return text


def _windows_path(value: Any, option: Option) -> str:
    text = _text(value, {})
    parts = text.split("\\")[1:]
    named = all(part.strip(". ") and not re.search(r'[/:*?"<>|]', part) for part in parts)
    if not re.match(r"[A-Za-z]:\\", text) or len(parts) < 2 or not named:
        raise ValueError(rf"{seen(text)} is not an absolute path of two parts at least, such as C:\srv\web")
    return text


def _glob(value: Any, option: Option) -> str:
    text = _text(value, {})
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"{seen(text)} is not a pattern of file names below a folder, such as *.xml")
    return text


def _regex(value: Any, option: Option) -> str:
    text = _text(value, {})
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"{seen(text)} is not a regular expression: {error}") from error
    if groups != 1:
        raise ValueError(f"{seen(text)} has {groups} groups; one is wanted, and that is the version")
    return text


_SCALARS: dict[str, Callable[[Any, Option], Any]] = {
    "argv": _argv,
    "bool": _flag,
    "float": _number,
    "glob": _glob,
    "int": _whole,
    "path": _path,
    "regex": _regex,
    "share": _share,
    "str": _text,
    "windows_path": _windows_path,
    "version": lambda value, _option: check_version(value),
}


def _unknown(key: Any, at: str, here: Mapping[str, Option], top: Mapping[str, Option]) -> str:
    """An unknown key's error: names the nearest key of its own level, or else the nearest of the whole spec."""
    meant = difflib.get_close_matches(str(key), list(here), 1)
    if meant:
        return f"there is no such key; did you mean {_join(at, meant[0])}?"
    everywhere = {dotted.rpartition(".")[2]: dotted for dotted in _dotted(top, "")}
    meant = difflib.get_close_matches(str(key), list(everywhere), 1)
    hint = f"did you mean {everywhere[meant[0]]}?" if meant else f"there are {', '.join(here)}"
    return f"there is no such key; {hint}"


def _dotted(options: Mapping[str, Option], at: str) -> Iterator[str]:
    for key, option in options.items():
        yield _join(at, key)
        yield from _dotted(option.get("options", {}), _join(at, key))


def _join(at: str, key: Any) -> str:
    return f"{at}.{key}" if at else str(key)


def _and(names: list[str]) -> str:
    return " and ".join(names) if names else "none"
