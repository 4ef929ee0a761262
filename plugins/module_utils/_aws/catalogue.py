# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The images that an environment's services were baked into: a catalogue that EC2 itself keeps, in the tags of AMIs."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._aws.ec2 import filters, pages, remove_ami, snapshots_of
from ansible_collections.golden.fleet.plugins.module_utils._aws.record import PREFIX, from_tags, to_tags
from ansible_collections.golden.fleet.plugins.module_utils._aws.uses import tags_of, used_by
from ansible_collections.golden.fleet.plugins.module_utils._provider.catalogue import STATES

_KEY = re.compile(r"[0-9a-f]{16}")
# An instance in one of these can come back, or is there.
_ALIVE = ["pending", "running", "stopping", "stopped"]
# The most values that EC2 takes in one filter.
_FILTER_VALUES = 200


@dataclasses.dataclass(frozen=True)
class Image:
    """One image of the catalogue. ``id`` is the AMI's; ``used_by`` names who would miss it."""

    id: str
    service: str
    key: str
    state: str
    made_at: str
    record: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    used_by: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.service}:{self.state}-{self.key} ({self.id})"


def parse_images(
    environment: str, images: Iterable[Mapping[str, Any]], used: Mapping[str, Sequence[str]]
) -> list[Image]:
    """The environment's images among AMIs as EC2 describes them, the newest first; others are passed over."""
    found = []
    for ami in images:
        tags = tags_of(ami)
        key, state = tags.get(f"{PREFIX}key", ""), tags.get(f"{PREFIX}state", "")
        if tags.get(f"{PREFIX}environment") == environment and state in STATES and _KEY.fullmatch(key):
            found.append(
                Image(
                    id=ami["ImageId"],
                    service=tags.get(f"{PREFIX}service", ""),
                    key=key,
                    state=state,
                    made_at=str(ami.get("CreationDate", "")),
                    record=from_tags(tags),
                    used_by=tuple(used.get(ami["ImageId"], ())),
                    snapshots=snapshots_of(ami),
                )
            )
    return sorted(found, key=lambda image: (image.made_at, image.key, image.id), reverse=True)


class Catalogue:
    """The images of one environment; ``ec2`` and ``autoscaling`` are boto3's clients."""

    def __init__(self, ec2: Any, autoscaling: Any, environment: str) -> None:
        self._ec2 = ec2
        self._autoscaling = autoscaling
        self._environment = environment

    def found(self, service: str | None = None) -> list[Image]:
        """The images of a service, or of all; those that EC2 has not finished aren't among them."""
        chosen = {"state": ["available"], f"tag:{PREFIX}environment": [self._environment]}
        if service is not None:
            chosen[f"tag:{PREFIX}service"] = [service]
        amis = list(pages(self._ec2, "describe_images", "Images", Owners=["self"], Filters=filters(chosen)))
        return parse_images(self._environment, amis, self._used([ami["ImageId"] for ami in amis]))

    def settle(self, image: Image, state: str, record: Mapping[str, Any]) -> None:
        """Turns a candidate into a good or a bad image that carries its record, by one request."""
        tags = {f"{PREFIX}state": state, **to_tags(record)}
        self._ec2.create_tags(Resources=[image.id], Tags=[{"Key": name, "Value": tags[name]} for name in sorted(tags)])

    def remove(self, images: Iterable[Image]) -> None:
        """Removes images that nobody uses, each with its snapshots; what a cut leaves of them is a leftover."""
        for image in images:
            remove_ami(self._ec2, image.id, image.snapshots)

    def _used(self, amis: Sequence[str]) -> dict[str, list[str]]:
        """Who uses each of the AMIs."""
        if not amis:
            return {}
        groups = pages(self._autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups")
        return used_by(self._instances(amis), self._versions(), groups)

    def _instances(self, amis: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        for start in range(0, len(amis), _FILTER_VALUES):
            chosen = {"image-id": list(amis[start : start + _FILTER_VALUES]), "instance-state-name": _ALIVE}
            reservations = pages(self._ec2, "describe_instances", "Reservations", Filters=filters(chosen))
            yield from itertools.chain.from_iterable(one["Instances"] for one in reservations)

    def _versions(self) -> list[Mapping[str, Any]]:
        """Every version of every launch template: EC2 tells of older ones only by their template."""
        templates = pages(self._ec2, "describe_launch_templates", "LaunchTemplates")
        return [
            version
            for template in templates
            for version in pages(
                self._ec2,
                "describe_launch_template_versions",
                "LaunchTemplateVersions",
                LaunchTemplateId=template["LaunchTemplateId"],
            )
        ]
