# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""EC2 and Auto Scaling as moto answers for them, within the test's own process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Read when moto is imported: the AMIs that it would bring are not ours and take half a second.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from ansible_collections.golden.fleet.plugins.module_utils._aws.catalogue import Catalogue

ENVIRONMENT, SERVICE = "production", "datasette"
KEY, OTHER_KEY = "0123456789abcdef", "fedcba9876543210"


class Account:
    """An account of AWS with nothing in it but what a test puts there."""

    def __init__(self, ec2: Any, autoscaling: Any, balancing: Any) -> None:
        self.ec2 = ec2
        self.autoscaling = autoscaling
        self.balancing = balancing
        self.catalogue = Catalogue(ec2, autoscaling, ENVIRONMENT)
        base = ec2.register_image(Name="base", RootDeviceName="/dev/xvda", Architecture="x86_64")
        self.base = base["ImageId"]

    def run(self, image: str, **tags: str) -> str:
        """An instance of an image."""
        made = self.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.small")
        instance = made["Instances"][0]["InstanceId"]
        self.tag(instance, **tags)
        return instance

    def bake(self, state: str = "candidate", key: str = KEY, service: str = SERVICE, name: str = "") -> str:
        """An AMI as Packer leaves it, its maker gone."""
        instance = self.run(self.base)
        name = name or f"golden-fleet/{ENVIRONMENT}/{service}/{instance}"
        image = self.ec2.create_image(InstanceId=instance, Name=name)["ImageId"]
        self.ec2.terminate_instances(InstanceIds=[instance])
        tags = {"environment": ENVIRONMENT, "service": service, "key": key, "state": state}
        for resource in (image, *self.snapshots(image)):
            self.tag(resource, **{f"golden.fleet.{name}": value for name, value in tags.items()})
        return image

    def tag(self, resource: str, **tags: str) -> None:
        if tags:
            self.ec2.create_tags(Resources=[resource], Tags=[{"Key": k, "Value": v} for k, v in tags.items()])

    def snapshots(self, image: str) -> list[str]:
        (found,) = self.ec2.describe_images(ImageIds=[image])["Images"]
        return [mapping["Ebs"]["SnapshotId"] for mapping in found["BlockDeviceMappings"]]

    def amis(self) -> set[str]:
        return {image["ImageId"] for image in self.ec2.describe_images(Owners=["self"])["Images"]} - {self.base}

    def template(self, image: str, name: str = "fleet") -> str:
        """A launch template of somebody's own, with one version."""
        data = {"ImageId": image, "InstanceType": "t3.large"}
        made = self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        return made["LaunchTemplate"]["LaunchTemplateId"]

    def group(self, version: str, template: str = "fleet", name: str = "fleet") -> None:
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=4,
            AvailabilityZones=["eu-central-1a"],
            LaunchTemplate={"LaunchTemplateName": template, "Version": version},
        )

    def subnets(self) -> list[str]:
        """Subnets of the default VPC, each in a zone of its own."""
        return [one["SubnetId"] for one in self.ec2.describe_subnets()["Subnets"]]

    def target_group(self, name: str = "fleet") -> str:
        """A target group behind no load balancer; moto finds all that is registered with it healthy."""
        network = self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        made = self.balancing.create_target_group(Name=name, Protocol="HTTP", Port=8001, VpcId=network)
        return made["TargetGroups"][0]["TargetGroupArn"]

    def fleet(self, image: str, count: int, most: int = 10, **also: Any) -> None:
        """A group with a target group and so many instances, pinned at the first version of its template."""
        self.template(image)
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName="fleet",
            MinSize=also.pop("least", 1),
            MaxSize=most,
            DesiredCapacity=count,
            AvailabilityZones=["eu-central-1a"],
            TargetGroupARNs=[self.target_group()],
            LaunchTemplate={"LaunchTemplateName": "fleet", "Version": "1"},
            **also,
        )

    def described(self, name: str = "fleet") -> dict[str, Any]:
        """What Auto Scaling says of a group."""
        (found,) = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return found

    def instances(self, name: str = "fleet") -> dict[str, str]:
        """The AMI of each of a group's instances."""
        ids = [one["InstanceId"] for one in self.described(name)["Instances"]]
        reservations = self.ec2.describe_instances(InstanceIds=ids)["Reservations"] if ids else []
        return {one["InstanceId"]: one["ImageId"] for found in reservations for one in found["Instances"]}

    def launches_by(self, name: str = "fleet") -> str:
        """The version that a group says it launches by."""
        return self.described(name)["LaunchTemplate"]["Version"]


class Answered:
    """What moto lacks, or answers too well: a function answers an operation of a client in its place."""

    def __init__(self, status: int) -> None:
        self.status_code = status


def answer(client: Any, operation: str, answering: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """``answering`` is given the request, and returns what boto3 is to return, or an error as AWS has it."""

    def handler(params: dict[str, Any], **_more: Any) -> tuple[Answered, dict[str, Any]]:
        found = answering(params)
        status = found.get("ResponseMetadata", {}).get("HTTPStatusCode", 400 if "Error" in found else 200)
        return Answered(status), {"ResponseMetadata": {"HTTPStatusCode": status}, **found}

    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-call.{service}.{operation}", handler)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    boto3, moto = pytest.importorskip("boto3"), pytest.importorskip("moto")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in [name for name in os.environ if name.startswith(("AWS_ENDPOINT", "AWS_PROFILE"))]:
        monkeypatch.delenv(name)
    with moto.mock_aws():
        yield Account(
            *(boto3.client(service, region_name="eu-central-1") for service in ("ec2", "autoscaling", "elbv2"))
        )
