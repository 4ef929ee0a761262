# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service at AWS is scaled, replaced and preheated, by the playbooks, against moto alone: its instances are records.

There is no lab here. moto has no instance refresh, so it is our own replacement that is seen; that by the service is in
tests/unit, with answers made up for it.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.lab import CHECKOUT, Lab, tool
from tests.integration import policy
from tests.integration.fleet import Fleet
from tests.integration.stand_in import CREDENTIALS, ENVIRONMENT, REGION, Aws, served

SERVICE = "swagger_ui"
NAME = f"golden-fleet-test-{SERVICE}"
OLD, NEW = "0.0.9", "1.1.0"


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[tuple[Aws, Fleet]]:
    """The stand-in, with two images and a target group; and an environment that has nothing else."""
    with served(tmp_path) as stand_in:
        network = stand_in.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        stand_in.balancing.create_target_group(Name="web", Protocol="HTTP", Port=8002, VpcId=network)
        stand_in.iam.create_instance_profile(InstanceProfileName="web")
        variables = {
            **stand_in.variables(),
            "provider_aws_subnets": [one["SubnetId"] for one in stand_in.ec2.describe_subnets()["Subnets"]][:2],
            "provider_aws_target_groups": ["web"],
            "provider_aws_least": 2,
            "provider_aws_most": 6,
            "provider_aws_host_profile": "web",
            "provider_aws_pause_seconds": 0.2,
            # moto launches all instances in one zone, and none in the other.
            f"{SERVICE}_contract": {"pool": {"floor": 2, "floor_per_zone": 0}},
        }
        inventory = tmp_path / "inventory.yml"
        groups = {"all": {"vars": variables, "children": {SERVICE: {}, "balancers": {}}}}
        inventory.write_text(json.dumps(groups), encoding="utf-8")
        fleet = Fleet(Lab(inventory, {}), inventories=(inventory,), env=CREDENTIALS)
        yield stand_in, fleet
        fleet.end()


def bake(stand_in: Aws, version: str) -> str:
    return stand_in.bake(
        SERVICE, f"{version.replace('.', ''):0>16}", {"releases": [{"version": version, "sha256": "0" * 64}]}
    )


def group(stand_in: Aws) -> dict[str, Any]:
    found = stand_in.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])["AutoScalingGroups"]
    return found[0] if found else {}


def images(stand_in: Aws) -> dict[str, str]:
    """The AMI of each of the group's instances."""
    ids = [one["InstanceId"] for one in group(stand_in)["Instances"]]
    found = stand_in.ec2.describe_instances(InstanceIds=ids)["Reservations"]
    return {one["InstanceId"]: one["ImageId"] for reservation in found for one in reservation["Instances"]}


def test_a_service_grows_is_replaced_after_a_death_and_preheated(aws: tuple[Aws, Fleet], tmp_path: Path) -> None:
    stand_in, fleet = aws
    old, new = bake(stand_in, OLD), bake(stand_in, NEW)
    fleet.must("scale", service=SERVICE, count=3)
    assert set(images(stand_in).values()) == {new}
    made = group(stand_in)
    assert (made["MinSize"], made["MaxSize"], made["DesiredCapacity"]) == (2, 6, 3)
    assert made["LaunchTemplate"]["Version"] == "1"
    again = fleet.must("scale", service=SERVICE, count=3)
    assert again.changed == 0, again.tail()

    killed = fleet.start("replace", service=SERVICE, version=OLD)
    killed.reached(r"1 of 3 are from")
    killed.kill()
    resumed = fleet.must("replace", service=SERVICE, version=OLD)
    assert resumed.changed > 0, "nobody goes on behind the back of a dead controller"
    assert set(images(stand_in).values()) == {old}
    assert group(stand_in)["LaunchTemplate"]["Version"] == "2"

    protected = {"AutoScalingGroupName": NAME, "ProtectedFromScaleIn": True}
    stand_in.autoscaling.set_instance_protection(InstanceIds=list(images(stand_in)), **protected)
    failed = fleet.play("replace", service=SERVICE, version=NEW)
    assert re.search(rf"can't be replaced, protected from scaling in.*All are from {old} again", failed.output)
    assert group(stand_in)["LaunchTemplate"]["Version"] == "2"

    preheat(stand_in, fleet)
    inventory(stand_in, tmp_path)
    assert_only_what_the_policy_allows(stand_in)


def preheat(stand_in: Aws, fleet: Fleet) -> None:
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    at, end = (f"{now + datetime.timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (1, 2))
    fleet.must("preheat", service=SERVICE, at=at, end=end, count=6, event="launch")
    found = stand_in.autoscaling.describe_scheduled_actions(AutoScalingGroupName=NAME)["ScheduledUpdateGroupActions"]
    assert {one["ScheduledActionName"]: (one["MinSize"], one["DesiredCapacity"]) for one in found} == {
        "golden-fleet-preheat-launch-grow": (6, 6),
        "golden-fleet-preheat-launch-back": (2, 3),
    }
    gone = fleet.must("preheat", service=SERVICE, state="absent")
    assert "nothing is scheduled" in gone.output


def inventory(stand_in: Aws, folder: Path) -> None:
    """The example of docs/aws.md lists the group's instances in the service's group."""
    text = policy.DOCS.read_text(encoding="utf-8")
    (example,) = re.findall(
        r"```yaml\n(# inventories/production/launched\.aws_ec2\.yml\n.*?)```", text, flags=re.DOTALL
    )
    file = folder / "launched.aws_ec2.yml"
    file.write_text(example.replace("environment: production", f"environment: {ENVIRONMENT}"), encoding="utf-8")
    env = {**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL_EC2": stand_in.url}
    command = [tool("ansible-inventory"), "-i", str(file), "--list"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert sorted(listed[SERVICE]["hosts"]) == sorted(images(stand_in))
    assert sorted(listed["linux"]["hosts"]) == sorted(images(stand_in))
    variables = listed["_meta"]["hostvars"][next(iter(images(stand_in)))]
    assert REGION in str(variables["zone"])
    assert variables["ansible_host"]


def assert_only_what_the_policy_allows(stand_in: Aws) -> None:
    asked = stand_in.actions()
    assert asked - policy.allowed() == set()
    assert policy.OF_GROUPS - asked == set()
