# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images at AWS: the real Packer with its amazon-ebs builder, a stand-in for EC2, hosts of the lab for instances."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.lab import CHECKOUT
from tests.integration import policy
from tests.integration.fleet import FOLDER, INVENTORY, Fleet
from tests.integration.stand_in import CREDENTIALS, REGION, SECRET, Aws, Hypervisor, served

SERVICE = "swagger_ui"
NAME = f"golden-fleet-test-{SERVICE}"
FILES = CHECKOUT / "build" / "lab"


@pytest.fixture
def aws(fleet: Fleet, tmp_path: Path) -> Iterator[tuple[Aws, Fleet]]:
    """The stand-in, and the fleet with it as the provider of images."""
    lab = fleet.container("")[:-1]
    network = ipaddress.ip_network(json.loads(fleet.podman("network", "inspect", lab))[0]["subnets"][0]["subnet"])
    address = str(network[-10])
    authorized = subprocess.run(
        ["ssh-keygen", "-y", "-f", FILES / "id_ed25519"], capture_output=True, text=True, check=True
    )
    base = fleet.podman("inspect", "--format", "{{.ImageName}}", fleet.container("web1"))
    with served(tmp_path) as stand_in:
        variables = {
            **stand_in.variables(),
            "fleet_publishes": True,
            "provider_aws_stand_in_address": address,
            "provider_aws_user": "operator",
            "provider_aws_private_key_file": str(FILES / "id_ed25519"),
            "provider_aws_files": str(tmp_path / "aws"),
            # Beside it another environment of this checkout may bake the same service.
            "bakery_work": str(tmp_path / "bake"),
        }
        inventory = tmp_path / "aws.yml"
        inventory.write_text(json.dumps({"all": {"vars": variables}}), encoding="utf-8")
        hypervisor = Hypervisor(
            stand_in,
            lab,
            address,
            authorized_key=authorized.stdout.strip(),
            base=base,
            settings=str(FILES / "containers.conf"),
        )
        hypervisor.start()
        try:
            yield stand_in, dataclasses.replace(fleet, inventories=(INVENTORY, inventory), env=CREDENTIALS)
            assert hypervisor.errors == []
        finally:
            hypervisor.end()


def earlier(stand_in: Aws, fleet: Fleet, version: str, key: str) -> str:
    """A good image of a release that all members hold, as an earlier bake left it."""
    record = json.loads(fleet.on("web1", "cat", f"/srv/{SERVICE}/records/{version}.json"))
    return stand_in.bake(SERVICE, key, {"releases": [{"version": version, "sha256": record["sha256"]}]})


def make_group(stand_in: Aws) -> None:
    """The service's group, as somebody makes it who doesn't think of going back."""
    stand_in.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=NAME,
        MinSize=0,
        MaxSize=2,
        AvailabilityZones=[f"{REGION}a"],
        LaunchTemplate={"LaunchTemplateName": NAME, "Version": "$Latest"},
    )


def launched_next(stand_in: Aws) -> tuple[str, str]:
    """The version that the group is at, and the AMI of an instance that it is made to launch."""
    asked = {"AutoScalingGroupName": NAME, "HonorCooldown": False}
    stand_in.autoscaling.set_desired_capacity(**asked, DesiredCapacity=1)
    (group,) = stand_in.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    (instance,) = [one["InstanceId"] for one in group["Instances"]]
    (reservation,) = stand_in.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    stand_in.autoscaling.set_desired_capacity(**asked, DesiredCapacity=0)
    return group["LaunchTemplate"]["Version"], reservation["Instances"][0]["ImageId"]


def test_an_image_is_baked_launched_from_and_gone_back_from(aws: tuple[Aws, Fleet], tmp_path: Path) -> None:
    stand_in, fleet = aws
    old, new = fleet.lab.services[SERVICE].versions[:2]
    fleet.must("rollout", service=SERVICE, version=new)
    unused = earlier(stand_in, fleet, old, "1" * 16)
    used = earlier(stand_in, fleet, old, "2" * 16)
    (host,) = stand_in.ec2.run_instances(ImageId=used, MinCount=1, MaxCount=1)["Instances"]

    fleet.must("bake", service=SERVICE, **{f"{SERVICE}_contract": {"bake": {"keep": 1}}})
    (baked,) = set(stand_in.images()) - {used}
    assert stand_in.images()[baked]["golden.fleet.state"] == "good"
    log = (tmp_path / "bake" / SERVICE / "packer.log").read_text(encoding="utf-8")
    assert "aws_launch_gate : Have it run at boot" in log, "what a group launches from it proves itself"
    assert stand_in.snapshots() == {baked, used}, f"{unused} went with its own"
    make_group(stand_in)
    assert launched_next(stand_in) == ("$Latest", baked)

    stand_in.ec2.terminate_instances(InstanceIds=[host["InstanceId"]])
    assert_nothing_is_left(stand_in)
    fleet.must("rollback", service=SERVICE)
    assert launched_next(stand_in) == ("2", used)

    assert_no_secret_is_told(tmp_path)
    assert_only_what_the_policy_allows(stand_in)


def assert_nothing_is_left(stand_in: Aws) -> None:
    states = [("instance-state-name", ["pending", "running", "stopping", "stopped"])]
    alive = stand_in.ec2.describe_instances(Filters=[{"Name": name, "Values": values} for name, values in states])
    assert alive["Reservations"] == []
    assert stand_in.ec2.describe_key_pairs()["KeyPairs"] == []


def assert_no_secret_is_told(folder: Path) -> None:
    logs = [*FOLDER.glob("*.log"), *folder.rglob("*.log")]
    assert logs
    assert [log for log in logs if SECRET in log.read_text(encoding="utf-8", errors="replace")] == []


def assert_only_what_the_policy_allows(stand_in: Aws) -> None:
    """Everything that was asked stands in the policy of docs/aws.md, and everything that stands there was asked."""
    asked = stand_in.actions()
    assert asked - policy.allowed() == set()
    assert policy.allowed() - asked - policy.OF_GROUPS == policy.UNSEEN
