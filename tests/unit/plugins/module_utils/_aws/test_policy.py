# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every action that our own code asks of AWS stands in the policy of docs/aws.md; they are read from the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit.plugins.module_utils._aws.conftest import Account

CHECKOUT = Path(__file__).resolve().parents[5]
# The service as a policy names it, by what our code calls its client.
PREFIXES = {"ec2": "ec2", "autoscaling": "autoscaling", "balancing": "elasticloadbalancing"}
CALLS = (
    re.compile(r"\b_?(ec2|autoscaling|balancing)\.([a-z]+_[a-z_]+)\("),
    re.compile(r"pages\(\s*(?:self\.)?_?(ec2|autoscaling|balancing),\s*\"([a-z_]+)\""),
)


def policies() -> list[set[str]]:
    """The actions of each policy in the documentation: the controller's, and that of the hosts."""
    text = (CHECKOUT / "docs" / "aws.md").read_text(encoding="utf-8")
    found = re.findall(r"```json\n(\{.*?\n\})\n```", text, flags=re.DOTALL)
    return [{action for one in json.loads(policy)["Statement"] for action in one["Action"]} for policy in found]


def called() -> set[tuple[str, str]]:
    places = [*(CHECKOUT / "plugins/module_utils/_aws").glob("*.py"), *(CHECKOUT / "plugins/modules").glob("aws_*.py")]
    return {found for place in places for call in CALLS for found in call.findall(place.read_text(encoding="utf-8"))}


def test_what_our_modules_ask_is_allowed(account: Account) -> None:
    clients = {"ec2": account.ec2, "autoscaling": account.autoscaling, "balancing": account.balancing}
    asked = {f"{PREFIXES[client]}:{clients[client].meta.method_to_api_mapping[method]}" for client, method in called()}
    assert len(asked) > 25
    assert asked - policies()[0] == set()


def test_what_a_launched_host_asks_is_allowed_and_nothing_else() -> None:
    program = (CHECKOUT / "roles/aws_launch_gate/files/launch_gate/autoscaling.py").read_text(encoding="utf-8")
    asked = {f"autoscaling:{action}" for action in re.findall(r'_ask\(\s*"([A-Za-z]+)"', program)}
    assert asked == policies()[1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("self._ec2.create_tags(Resources=[])", ("ec2", "create_tags")),
        ('pages(\n            self._autoscaling, "describe_x", "X")', ("autoscaling", "describe_x")),
    ],
)
def test_calls_are_seen(text: str, found: tuple[str, str]) -> None:
    assert [one for call in CALLS for one in call.findall(text)] == [found]
