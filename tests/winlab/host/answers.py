# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Scripts and commands have no interpreter here: a test says what each answers, by its exact text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import Host


@dataclass
class Said:
    """What a script or command says; ``result`` and ``output`` are win_powershell's ``$Ansible.Result`` and objects."""

    stdout: str = ""
    stderr: str = ""
    rc: int = 0
    changed: bool = True
    result: Any = field(default_factory=dict)
    output: list[Any] = field(default_factory=list)


Does = Callable[["Host", re.Match[str]], Said]


def tidy(text: str) -> str:
    """Lines without the spaces at their ends: how a text came into a playbook makes no difference."""
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().splitlines())


class Answers:
    """Exact texts first, then patterns, the latest first."""

    def __init__(self) -> None:
        self._exact: dict[str, Said] = {}
        self._patterns: list[tuple[re.Pattern[str], Does]] = []

    def say(self, text: str, said: Said | None = None, **values: Any) -> None:
        self._exact[tidy(text)] = said or Said(**values)

    def do(self, pattern: str, does: Does) -> None:
        """``does`` gets the host and the match of the whole text."""
        self._patterns.insert(0, (re.compile(pattern, re.DOTALL), does))

    def find(self, host: Host, text: str) -> Said | None:
        wanted = tidy(text)
        if wanted in self._exact:
            return self._exact[wanted]
        for pattern, does in self._patterns:
            found = pattern.fullmatch(wanted)
            if found:
                return does(host, found)
        return None
