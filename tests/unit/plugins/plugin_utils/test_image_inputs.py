# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key of an image, over roles of the collection and over one of a user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _image_inputs

CHECKOUT = Path(__file__).resolve().parents[4]
ROLES = CHECKOUT / "roles"
TEMPLATE = CHECKOUT / "images" / "podman"
RELEASES = [{"version": "2", "sha256": "s2"}, {"version": "1", "sha256": "s1"}]


@pytest.fixture
def role(tmp_path: Path) -> Path:
    """A meta-role that brings in another one beside it."""
    for name, content in {
        "shop/tasks/main.yml": "- include_role: {name: engine}\n  vars: {engine_port: '{{ shop_port }}'}\n",
        "shop/contract.yml": "summary: a shop\n",
        "shop/README.md": "the shop\n",
        "engine/tasks/main.yml": "- block:\n    - ansible.builtin.import_tasks: more.yml\n",
        "engine/tasks/more.yml": "- debug: {msg: !unsafe 'x'}\n",
        "engine/meta/main.yml": "dependencies: [{role: ground}]\n",
        "ground/files/deep/file": "1",
        "unrelated/tasks/main.yml": "[]\n",
    }.items():
        file = tmp_path / "roles" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return tmp_path / "roles" / "shop"


def contract(folder: Path, **more: Any) -> dict[str, Any]:
    return {"service": "shop", "folder": str(folder), "members": ["web1"], "release": {"root": "/srv/shop"}, **more}


def inputs(folder: Path, **changed: Any) -> dict[str, str]:
    given: dict[str, Any] = {
        "contract": contract(folder), "releases": RELEASES, "base": "base:1", "template": TEMPLATE,
        "variables": {"shop_port": 1},
    }  # fmt: skip
    return _image_inputs.collect(**{**given, **changed})


def test_roles_are_followed_to_all_that_they_bring_in(role: Path) -> None:
    assert {path.name for path in _image_inputs.roles_of(role)} == {"shop", "engine", "ground"}
    assert {path.name for path in _image_inputs.roles_of(ROLES / "datasette")} == {"datasette", "python_app"}


def test_a_name_that_is_worked_out_later_stands_for_all_roles_beside(role: Path) -> None:
    (role / "tasks" / "main.yml").write_text("- include_role: {name: '{{ which }}'}\n", encoding="utf-8")
    assert {path.name for path in _image_inputs.roles_of(role)} == {"shop", "engine", "ground", "unrelated"}


def test_equal_inputs_have_an_equal_key(role: Path) -> None:
    assert _image_inputs.key_of(inputs(role)) == _image_inputs.key_of(inputs(role))
    other_hosts = inputs(role, contract={**contract(role), "members": ["web1", "web2"]})
    assert _image_inputs.why(inputs(role), other_hosts) == []
    other_rollout = inputs(role, contract=contract(role, bake={"keep": 9}, budget={"failures": 2}))
    assert _image_inputs.why(inputs(role), other_rollout) == []
    of_a_member = inputs(role, contract=contract(role, bake={"from": "member"}))
    assert _image_inputs.why(inputs(role), of_a_member) == ["made from is new"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"base": "base:2"}, ["base image is changed"]),
        ({"variables": {"shop_port": 2}}, ["variables is changed"]),
        ({"releases": [{"version": "2", "sha256": "other"}, RELEASES[1]]}, ["release 2 is changed"]),
        ({"releases": RELEASES[::-1]}, ["active release is changed"]),
        ({"releases": RELEASES[:1]}, ["release 1 is gone"]),
    ],
)
def test_each_input_counts(role: Path, changed: dict[str, Any], told: list[str]) -> None:
    before, now = inputs(role), inputs(role, **changed)
    assert _image_inputs.key_of(before) != _image_inputs.key_of(now)
    assert _image_inputs.why(before, now) == told


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("engine/tasks/more.yml", ["roles/engine/tasks/more.yml is changed"]),
        ("ground/files/deep/file", ["roles/ground/files/deep/file is changed"]),
        ("shop/templates/new.j2", ["roles/shop/templates/new.j2 is new"]),
        ("unrelated/tasks/main.yml", []),
        ("shop/README.md", []),
        ("shop/contract.yml", []),
    ],
)
def test_files_of_its_roles_count_and_others_do_not(role: Path, file: str, told: list[str]) -> None:
    before = inputs(role)
    changed = role.parent / file
    changed.parent.mkdir(exist_ok=True)
    changed.write_text("# changed\n[]\n" if changed.suffix == ".yml" else "changed", encoding="utf-8")
    assert _image_inputs.why(before, inputs(role)) == told


def test_roles_of_the_templates_own_plays_count(role: Path) -> None:
    """Among them the gate of rollouts, which goes into images by a link."""
    gate = "roles/aws_launch_gate/files/launch_gate/__main__.py"
    of_amazon = inputs(role, template=CHECKOUT / "images" / "amazon-ebs")
    assert {gate, "plugins/plugin_utils/_gates_health.py", "images/amazon-ebs/launched.yml"} <= set(of_amazon)
    assert gate not in inputs(role)


def test_the_environments_overrides_of_the_contract_count(role: Path) -> None:
    now = inputs(role, contract=contract(role, listen={"port": 2}))
    assert _image_inputs.why(inputs(role), now) == ["contract is changed"]


def test_secrets_are_not_among_the_inputs(role: Path) -> None:
    shown = str(inputs(role, variables={"shop_token": "hunter2"}, contract=contract(role, listen="hunter3")))
    assert "hunter" not in shown


def test_the_words_that_may_be_variables(role: Path) -> None:
    assert {"shop_port", "engine_port"} <= _image_inputs.words_of(_image_inputs.roles_of(role))
