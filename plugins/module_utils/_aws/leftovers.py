# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a killed bake or a removal that was cut off left behind at EC2, found by tags and times."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import (
    filters,
    gone_is_fine,
    pages,
    remove_ami,
    snapshots_of,
)
from ansible_collections.golden.fleet.plugins.module_utils._aws.record import PREFIX
from ansible_collections.golden.fleet.plugins.module_utils._aws.uses import tags_of

# On all that is made for one bake alone: when it is nobody's any more, as 2026-03-01T10:15:00Z.
UNTIL = f"{PREFIX}until"
_ALIVE = ["pending", "running", "stopping", "stopped"]


@dataclasses.dataclass(frozen=True)
class Leftover:
    """One thing that nobody will come back for: an instance, a key_pair (by its name), an image or a snapshot."""

    kind: str
    id: str
    snapshots: tuple[str, ...] = ()


class Leftovers:
    """Those of one environment, whose images' names begin with ``prefix``; ``ec2`` is boto3's client."""

    def __init__(self, ec2: Any, environment: str, prefix: str) -> None:
        self._ec2 = ec2
        self._tag = {"Key": f"{PREFIX}environment", "Value": environment}
        self._mine = {f"tag:{PREFIX}environment": [environment]}
        self._prefix = prefix

    def found(self, now: str, before: str) -> list[Leftover]:
        """What has outlived its time by ``now``; and AMIs without tags and snapshots without an AMI from ``before``."""
        return [*self._temporary(now), *self._unfinished(before)]

    def remove(self, leftovers: list[Leftover]) -> None:
        instances = [leftover.id for leftover in leftovers if leftover.kind == "instance"]
        if instances:
            self._ec2.terminate_instances(InstanceIds=instances)
        for leftover in leftovers:
            if leftover.kind == "key_pair":
                self._ec2.delete_key_pair(KeyName=leftover.id)
            elif leftover.kind == "image":
                # Made ours first: a policy may let only those be removed that carry the environment.
                self._ec2.create_tags(Resources=[leftover.id, *leftover.snapshots], Tags=[self._tag])
                remove_ami(self._ec2, leftover.id, leftover.snapshots)
            elif leftover.kind == "snapshot":
                with gone_is_fine("InvalidSnapshot.NotFound"):
                    self._ec2.delete_snapshot(SnapshotId=leftover.id)

    def _temporary(self, now: str) -> Iterator[Leftover]:
        tagged = {**self._mine, "tag-key": [UNTIL]}
        alive = filters({**tagged, "instance-state-name": _ALIVE})
        for reservation in pages(self._ec2, "describe_instances", "Reservations", Filters=alive):
            yield from (
                Leftover("instance", instance["InstanceId"])
                for instance in reservation["Instances"]
                if _outlived(instance, now)
            )
        for pair in self._ec2.describe_key_pairs(Filters=filters(tagged))["KeyPairs"]:
            if _outlived(pair, now):
                yield Leftover("key_pair", pair["KeyName"])

    def _unfinished(self, before: str) -> Iterator[Leftover]:
        """AMIs that were never tagged or failed, and snapshots of ours that no AMI is made from."""
        used: set[str] = set()
        for ami in pages(self._ec2, "describe_images", "Images", Owners=["self"]):
            used.update(snapshots_of(ami))
            ours = str(ami.get("Name", "")).startswith(self._prefix)
            unfinished = ami.get("State") == "failed" or f"{PREFIX}state" not in tags_of(ami)
            if ours and unfinished and ami.get("State") != "pending" and str(ami.get("CreationDate", "")) < before:
                yield Leftover("image", ami["ImageId"], snapshots_of(ami))
        mine = filters(self._mine)
        for snapshot in pages(self._ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=mine):
            if snapshot["SnapshotId"] not in used and _utc(snapshot["StartTime"]) < before:
                yield Leftover("snapshot", snapshot["SnapshotId"])


def _outlived(resource: Mapping[str, Any], now: str) -> bool:
    return tags_of(resource).get(UNTIL, now) < now


def _utc(when: datetime.datetime) -> str:
    return when.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
