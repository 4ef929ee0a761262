# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the template for AMIs of Windows renders. It has been validated by Packer, and run by nobody."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.winlab.pytest_plugin import skip_where_missing

TEMPLATE = Path(__file__).resolve().parents[3] / "images" / "amazon-ebs-windows"
GIVEN = {"base": "ami-1", "name": "image", "region": "x", "tags": "{}", "run_tags": "{}", "host": "h"}
LISTS = {"security_groups": '["sg-1"]', "groups": '["g"]', "ansible_arguments": '["--inventory=x"]'}


@pytest.fixture
def render() -> str:
    skip_where_missing(None if shutil.which("packer") else "Packer is not on this machine")
    return "packer"


def rendered(expression: str) -> str:
    """What Packer itself makes of an expression of the template."""
    variables = [f"-var={name}={value}" for name, value in {**GIVEN, **LISTS}.items()]
    done = subprocess.run(
        ["packer", "console", "--config-type=hcl2", *variables, TEMPLATE],
        **{"input": expression, "capture_output": True, "text": True, "check": True, "timeout": 60},
        env={**os.environ, "CHECKPOINT_DISABLE": "1"},
    )
    return done.stdout


@pytest.mark.usefixtures("render")
def test_packer_finds_nothing_wrong_with_it() -> None:
    given = {**GIVEN, **LISTS, "play": "provision.yml", "ansible_playbook": "/bin/true"}
    done = subprocess.run(
        ["packer", "validate", *(f"-var={name}={value}" for name, value in given.items()), TEMPLATE],
        **{"capture_output": True, "text": True, "check": False, "timeout": 60},
        env={
            **os.environ,
            "CHECKPOINT_DISABLE": "1",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("render")
def test_the_user_data_opens_winrm_over_https_and_nothing_else() -> None:
    text = rendered("local.user_data").strip()
    assert text.startswith("<powershell>\n")
    assert text.endswith("\n</powershell>")
    script = (TEMPLATE / "open_winrm.ps1").read_text(encoding="utf-8")
    assert text == f"<powershell>\n{script}</powershell>"
    assert re.findall(r"-Transport (\w+)", text) == ["HTTPS"]
    assert re.findall(r"-LocalPort (\d+)", text) == ["5986"]
    assert re.findall(r"(AllowUnencrypted|Basic)' -Value (\S+)", text) == [
        ("AllowUnencrypted", "$false"),
        ("Basic", "$false"),
    ]
    assert "password" not in text.lower()


@pytest.mark.usefixtures("render")
def test_ansible_comes_in_over_https_and_without_basic() -> None:
    told = json.loads(rendered("jsonencode(local.ansible_variables)"))
    assert told["ansible_connection"] == "winrm"
    assert (told["ansible_port"], told["ansible_winrm_scheme"]) == (5986, "https")
    assert told["ansible_winrm_transport"] == "ntlm"
    assert told["ansible_become"] is False


def settings() -> dict[str, str]:
    text = (TEMPLATE / "image.pkr.hcl").read_text(encoding="utf-8")
    return dict(re.findall(r"^  (\w+)\s+= (.+)$", text, flags=re.MULTILINE))


def test_packer_comes_in_over_https_and_without_basic() -> None:
    wanted = {"communicator": '"winrm"', "winrm_port": "5986", "winrm_use_ssl": "true", "winrm_use_ntlm": "true"}
    assert wanted.items() <= settings().items()
    assert settings()["user_data"] == "local.user_data"


def test_sysprep_shuts_it_down_and_leaves_it_to_be_an_image() -> None:
    assert settings()["disable_stop_instance"] == "true"
    assert settings()["shutdown_behavior"] == '"stop"'


def test_what_the_user_data_opened_is_taken_away_before_sysprep() -> None:
    opened = (TEMPLATE / "open_winrm.ps1").read_text(encoding="utf-8")
    sealed = (TEMPLATE / "seal.ps1").read_text(encoding="utf-8")
    (name,) = set(re.findall(r"^\$name = '(.+)'$", opened + sealed, flags=re.MULTILINE))
    scheduled = (TEMPLATE / "schedule_seal.ps1").read_text(encoding="utf-8")
    assert f"-TaskName '{name}'" in scheduled
    steps = ["Unregister-ScheduledTask", "Listener' | Remove-Item", "-DeleteKey", "Remove-NetFirewallRule"]
    places = [sealed.index(step) for step in [*steps, "$PSCommandPath", "$launch reset", "$launch sysprep"]]
    assert places == sorted(places)
    assert "--shutdown" in sealed.splitlines()[-1]
