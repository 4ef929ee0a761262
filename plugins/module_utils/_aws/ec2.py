# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked of EC2 in more than one place; clients are boto3's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

try:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
except ImportError:  # AnsibleAWSModule says so.
    EC2_ERRORS: tuple[type[Exception], ...] = ()
else:
    EC2_ERRORS = (BotoCoreError, ClientError, ResponseParserError)


def pages(client: Any, operation: str, answer: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
    """What all pages of an answer hold."""
    for page in client.get_paginator(operation).paginate(**asked):
        yield from page[answer]


def filters(values: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Filters as EC2 takes them, out of the values by name."""
    return [{"Name": name, "Values": list(wanted)} for name, wanted in values.items()]


@contextlib.contextmanager
def gone_is_fine(*codes: str) -> Iterator[None]:
    """Passes over EC2's answer that there is no such thing (any more), by its codes."""
    try:
        yield
    except EC2_ERRORS as error:
        if getattr(error, "response", {}).get("Error", {}).get("Code") not in codes:
            raise


def snapshots_of(ami: Mapping[str, Any]) -> tuple[str, ...]:
    """The snapshots that an AMI's disks are made from."""
    disks = [mapping.get("Ebs") or {} for mapping in ami.get("BlockDeviceMappings") or []]
    return tuple(disk["SnapshotId"] for disk in disks if disk.get("SnapshotId"))


def remove_ami(ec2: Any, ami: str, snapshots: Iterable[str]) -> None:
    """Deregisters an AMI and deletes its snapshots; those that are gone already are no error."""
    with gone_is_fine("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"):
        ec2.deregister_image(ImageId=ami)
    for snapshot in snapshots:
        with gone_is_fine("InvalidSnapshot.NotFound"):
            ec2.delete_snapshot(SnapshotId=snapshot)
