# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The actions as a playbook meets them, on this machine as the host: through Ansible, in one round trip each."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.golden.fleet.plugins.module_utils._release.params import ARGUMENTS
from ansible_collections.golden.fleet.plugins.plugin_utils._release import WINDOWS


@pytest.fixture
def artifact(tmp_path):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        member = tarfile.TarInfo("index.html")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    path = tmp_path / "web.tar.gz"
    path.write_bytes(content.getvalue())
    return {"src": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def release(root, state, **given):
    return {"golden.fleet.release": {"root": str(root), "version": "1.0", "state": state, **given}}


def test_a_release_goes_all_its_way(play, artifact, tmp_path):
    root = tmp_path / "web"
    (staged, active, again, good, info), output = play(
        release(root, "staged", headers="{{ contract.headers }}", **artifact),
        release(root, "active", activate="{{ contract.activate }}", number=4),
        release(root, "active"),
        release(root, "good", keep_good=3),
        {"golden.fleet.release_info": {"root": str(root)}},
        arguments=["--diff", "-vvv"],
        # Nested as a contract is, and templated deep inside.
        variables={
            "contract": {"headers": {"X-Token": "s3cret"}, "activate": [["touch", "{{ place }}"]]},
            "place": str(tmp_path / "ran"),
        },
    )
    assert [result["changed"] for result in (staged, active, again, good)] == [True, True, False, True], output
    assert (root / "current/index.html").read_bytes() == b"hello"
    assert (tmp_path / "ran").exists()
    assert (info["reachable"], info["active"], info["number"]) == (True, "1.0", 4)
    assert info["releases"][0]["state"] == "good"
    assert '+    "active": "1.0"' in output
    assert "s3cret" not in output


def test_check_mode_says_it_all_and_changes_nothing(play, artifact, tmp_path):
    root = tmp_path / "web"
    results, output = play(
        release(root, "staged", **artifact),
        release(root, "active"),
        release(root, "good"),
        {"golden.fleet.release_info": {"root": str(root)}},
        arguments=["--check", "--diff"],
    )
    assert [result["changed"] for result in results] == [True, True, True, False]
    assert '+        "1.0": "staged"' in output
    assert not root.exists()


# There is no such host: where it is asked, that is the error.
NOWHERE = {"ansible_connection": "ssh", "ansible_host": "host.invalid", "ansible_ssh_retries": 0}


def test_bad_input_fails_before_the_host_is_asked(play):
    bad = {
        "version '../../etc' is no version name": {"version": "../../etc"},
        "Unsupported parameters": {"versoin": "1"},
        "value of state must be one of": {"state": "gone"},
        "root 'srv' can't be used": {"root": "srv"},
        "prepare: 'uv sync' is no command": {"prepare": ["uv sync"]},
        "at is for state active": {"at": 1},
        "s ahead, and 240 are allowed": {"state": "active", "at": 1e12},
        "at is later than until": {"state": "active", "at": 2, "until": 1},
    }
    results, _output = play(
        *({"golden.fleet.release": {"root": "/srv/web", "version": "1.0", **given}} for given in bad.values()),
        variables=NOWHERE,
    )
    assert [result["failed"] for result in results] == [True] * len(bad)
    assert [message for message, result in zip(bad, results) if message not in result["msg"]] == []


def test_a_host_that_is_away_fails_so_that_rescue_runs(play, tmp_path):
    (changed, info), _output = play(
        release(tmp_path / "web", "active"),
        {"golden.fleet.release_info": {"root": str(tmp_path / "web")}},
        variables=NOWHERE,
    )
    assert (changed["failed"], changed["unreachable_host"]) == (True, True)
    assert "here: can't be reached" in changed["msg"]
    assert (info["reachable"], info.get("failed", False), info["releases"]) == (False, False, [])


def test_what_the_engine_refuses_keeps_its_kind(play, tmp_path):
    [result], _output = play(release(tmp_path / "web", "active"))
    assert (result["failed"], result["kind"]) == (True, "not_staged")
    assert "unreachable_host" not in result


def test_the_documentation_has_the_arguments_that_are_checked():
    source = Path("plugins/modules/release.py").read_text()
    options = yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])["options"]
    documented = {name: _checked(option, "suboptions") for name, option in options.items()}
    arguments = {**ARGUMENTS, "windows": WINDOWS, "until": {"type": "float"}}
    assert documented == {name: _checked(spec, "options") for name, spec in arguments.items()}


def _checked(option, below):
    """What an option is checked for; ``below`` is the key of what a dict of it holds."""
    said = {key: option[key] for key in ("type", "default", "choices", "elements", "required") if key in option}
    return {**said, **{name: _checked(sub, below) for name, sub in option.get(below, {}).items()}}
