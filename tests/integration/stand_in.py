# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for AWS: moto answers for EC2, Auto Scaling and more, and a host of the lab is there for each instance.

moto's instances are records only. Here each gets a container at one address that is known beforehand: made from the
image that its AMI stands for, kept as an image when it is stopped or an AMI was made of it, gone when it is terminated.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from ansible_collections.golden.fleet.plugins.module_utils._aws.record import to_tags
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman

from demo.lab import tool

REGION, ENVIRONMENT = "eu-central-1", "test"
SECRET = "canary-8e21c4a0"  # noqa: S105  # any will do, and is searched for afterwards
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}
# What images are made from unless somebody says otherwise.
DEBIAN = {
    "ami_id": "ami-0123456789abcdef0",
    "name": "debian-12-amd64-20260301-2037",
    "description": "Debian 12 (20260301-2037)",
    "owner_id": "136693071363",
    "creation_date": "2026-03-01T10:00:00.000Z",
    "architecture": "x86_64",
    "hypervisor": "xen",
    "image_type": "machine",
    "platform": None,
    "public": True,
    "root_device_name": "/dev/xvda",
    "root_device_type": "ebs",
    "sriov": "simple",
    "state": "available",
    "virtualization_type": "hvm",
}


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Aws]:
    """moto's server as a process of its own, with Debian's AMI and nothing else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    recording = {"MOTO_ENABLE_RECORDING": "true", "MOTO_RECORDER_FILEPATH": str(folder / "asked")}
    (folder / "amis.json").write_text(json.dumps([DEBIAN]), encoding="utf-8")
    env = {**os.environ, **CREDENTIALS, **recording, "MOTO_AMIS_PATH": str(folder / "amis.json")}
    command = [tool("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield Aws(f"http://127.0.0.1:{port}", folder / "asked")
        finally:
            process.terminate()
            process.wait(timeout=10)


class Aws:
    """Clients of the stand-in, and what it was asked."""

    def __init__(self, url: str, asked: Path) -> None:
        self.url = url
        self._asked = asked
        self._wait()
        self.ec2: Any = self._client("ec2")
        self.autoscaling: Any = self._client("autoscaling")
        self.balancing: Any = self._client("elbv2")
        self.iam: Any = self._client("iam")
        self.security_group = self.ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]

    def variables(self) -> dict[str, Any]:
        """What an inventory says for this stand-in to be the provider."""
        return {
            "fleet_provider": "aws",
            "provider_aws_region": REGION,
            "provider_aws_environment": ENVIRONMENT,
            "provider_aws_endpoint_ec2": self.url,
            "provider_aws_endpoint_autoscaling": self.url,
            "provider_aws_endpoint_elb": self.url,
            "provider_aws_endpoint_iam": self.url,
            # What is baked asks nobody: its instances are containers, and this machine may be an instance itself.
            "provider_aws_host_endpoint_metadata": "http://127.0.0.1:9",
            "provider_aws_security_groups": [self.security_group],
            # moto doesn't take it from the base AMI, as EC2 does.
            "provider_aws_volume_gib": 8,
        }

    def images(self) -> dict[str, dict[str, str]]:
        """The tags of the AMIs that were baked, by id."""
        found = self.ec2.describe_images(Owners=["self"])["Images"]
        return {one["ImageId"]: _tags(one) for one in found}

    def bake(self, service: str, key: str, record: dict[str, Any]) -> str:
        """A good image as an earlier bake left it; nobody can log into what is launched from it."""
        disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "Encrypted": True}}
        asked = {"ImageId": DEBIAN["ami_id"], "BlockDeviceMappings": [disk], "MinCount": 1, "MaxCount": 1}
        instance = self.ec2.run_instances(**asked)["Instances"][0]["InstanceId"]
        name = f"golden-fleet/{ENVIRONMENT}/{service}/{key}-1"
        image = self.ec2.create_image(InstanceId=instance, Name=name)["ImageId"]
        self.ec2.terminate_instances(InstanceIds=[instance])
        said = {"environment": ENVIRONMENT, "service": service, "key": key, "state": "good"}
        tags = {**{f"golden.fleet.{name}": value for name, value in said.items()}, **to_tags(record)}
        self.ec2.create_tags(Resources=[image], Tags=[{"Key": name, "Value": tags[name]} for name in tags])
        return image

    def snapshots(self) -> set[str]:
        """The AMIs that there are snapshots of; moto gives them that description, as EC2 does."""
        found = self.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        return {snapshot["Description"].rpartition(" ")[2] for snapshot in found} - {DEBIAN["ami_id"]}

    def actions(self) -> set[str]:
        """What playbooks and Packer asked so far, as a policy names it: ec2:DescribeImages."""
        found = set()
        for line in self._asked.read_text(encoding="utf-8").splitlines():
            request = json.loads(line)
            signed = request["headers"].get("Authorization", "")
            match = re.search(rf"Credential={CREDENTIALS['AWS_ACCESS_KEY_ID']}/[^/]*/[^/]*/(\w+)/", signed)
            if match:
                body = request["body"]
                text = base64.b64decode(body).decode() if request.get("body_encoded") else body
                found |= {f"{match[1]}:{action}" for action in urllib.parse.parse_qs(text)["Action"]}
        return found

    def _client(self, service: str) -> Any:
        # Other credentials than the playbooks have, so that what each asks is told apart.
        keys = {"aws_access_key_id": "tester", "aws_secret_access_key": "tester"}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/moto-api/", timeout=5):  # noqa: S310
                return
            assert time.monotonic() < until, "moto doesn't answer"
            time.sleep(0.1)


def _tags(resource: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}


class Hypervisor(threading.Thread):
    """Has a container for the instance that runs, one at a time."""

    def __init__(self, aws: Aws, lab: str, address: str, *, authorized_key: str, base: str, settings: str) -> None:
        super().__init__(daemon=True)
        self._aws = aws
        self._lab = lab
        self._podman = Podman(lab, environment={"CONTAINERS_CONF": settings})
        self._address = address
        self._key = authorized_key
        self._base = base
        self._running: set[str] = set()
        self._kept: dict[str, str] = {}
        self._ended = threading.Event()
        self.errors: list[Exception] = []

    def run(self) -> None:
        while not self._ended.wait(0.2):
            try:
                self._step()
            except Exception as error:
                self.errors.append(error)

    def end(self) -> None:
        """Takes everything away."""
        self._ended.set()
        self.join(timeout=60)
        for instance in self._running:
            self._podman.remove(instance)
        for image in self._kept.values():
            self._podman.run("rmi", "--force", image)

    def _step(self) -> None:
        reservations = self._aws.ec2.describe_instances()["Reservations"]
        instances = [instance for one in reservations for instance in one["Instances"]]
        # Those of a group aren't logged into.
        mine = {one["InstanceId"]: one for one in instances if "golden.fleet.group" in _tags(one)}
        for instance in sorted(self._running):
            if mine[instance]["State"]["Name"] != "running":
                self._switch_off(instance, mine[instance]["State"]["Name"])
        for instance, one in mine.items():
            if one["State"]["Name"] == "running" and instance not in self._running:
                self._switch_on(instance, one["ImageId"])

    def _switch_on(self, instance: str, ami: str) -> None:
        (image,) = self._aws.ec2.describe_images(ImageIds=[ami])["Images"]
        made_from = self._kept.get(image.get("SourceInstanceId", ""), self._base)
        assert ami == DEBIAN["ami_id"] or made_from != self._base, f"{ami} was made of an instance that was not seen"
        chosen = {"image": made_from, "capabilities": ["SYS_ADMIN"], "group": "stand-in"}
        process = self._podman.create(instance, self._address, **chosen)
        self._running.add(instance)
        self._podman.ready(process, authorized_key=self._key, seconds=60, write=True)

    def _switch_off(self, instance: str, state: str) -> None:
        images = self._aws.ec2.describe_images(Owners=["self"])["Images"]
        if state == "stopped" or instance in [image.get("SourceInstanceId") for image in images]:
            self._kept[instance] = f"localhost/{self._lab}/stand-in:{instance}"
            self._podman.run("commit", "--quiet", f"{self._lab}-{instance}", self._kept[instance])
        self._podman.remove(instance)
        self._running.discard(instance)
