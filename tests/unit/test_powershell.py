# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The syntax of what PowerShell there is. A check of syntax alone, by a grammar that is not Microsoft's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell

CHECKOUT = Path(__file__).resolve().parents[2]
LISTED = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.ps1"], cwd=CHECKOUT, stdout=-1, text=True)
SCRIPTS = sorted(LISTED.stdout.split())
LANGUAGE = tree_sitter.Language(tree_sitter_powershell.language())


def errors(text: bytes) -> list[str]:
    """The places that the grammar can't make anything of."""
    return [f"line {row + 1}, column {column + 1}" for row, column in _wrong(tree_sitter.Parser(LANGUAGE).parse(text))]


def _wrong(tree: tree_sitter.Tree) -> Iterator[tuple[int, int]]:
    nodes = [tree.root_node]
    while nodes:
        node = nodes.pop()
        if node.is_error or node.is_missing:
            yield node.start_point
        nodes += node.children


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_can_be_read(script: str) -> None:
    assert errors((CHECKOUT / script).read_bytes()) == []


@pytest.mark.parametrize("text", ["if ($a) {", "Get-Item -Path 'C:\\x", "Write-Output (1", "$a = @{ b = 1 "])
def test_what_is_wrong_is_found(text: str) -> None:
    assert errors(text.encode())


def test_there_are_scripts_to_check() -> None:
    assert len(SCRIPTS) >= 3
