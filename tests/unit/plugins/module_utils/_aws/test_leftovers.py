# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._aws.leftovers import Leftovers
from ansible_collections.golden.fleet.plugins.modules.aws_leftovers import result_of

from tests.unit.plugins.module_utils._aws.conftest import ENVIRONMENT, Account

LONG_AGO, NEVER = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def temporary(until: str, environment: str = ENVIRONMENT) -> dict[str, str]:
    return {"golden.fleet.environment": environment, "golden.fleet.until": until}


def sweep(account: Account, older_than_seconds: int = 3600, check: bool = False) -> dict[str, Any]:
    leftovers = Leftovers(account.ec2, ENVIRONMENT, f"golden-fleet/{ENVIRONMENT}/")
    return result_of(leftovers, older_than_seconds, check)


def alive(account: Account) -> set[str]:
    found = account.ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
    return {one["InstanceId"] for reservation in found["Reservations"] for one in reservation["Instances"]}


def test_what_outlived_its_bake_goes_and_nothing_else(account: Account) -> None:
    dead = account.run(account.base, **temporary(LONG_AGO))
    others = {
        account.run(account.base, **temporary(NEVER)),
        account.run(account.base, **temporary(LONG_AGO, environment="staging")),
        account.run(account.base, **{"golden.fleet.environment": ENVIRONMENT}),
    }
    for name, until in (("dead", LONG_AGO), ("alive", NEVER)):
        pair = account.ec2.create_key_pair(KeyName=name)["KeyPairId"]
        account.tag(pair, **temporary(until))
    assert sweep(account, check=True)["changed"]
    assert alive(account) == {dead, *others}
    told = sweep(account)["leftovers"]
    assert told[0] == f"instance {dead}"
    assert told[1].startswith("key_pair ")
    assert alive(account) == others
    assert [pair["KeyName"] for pair in account.ec2.describe_key_pairs()["KeyPairs"]] == ["alive"]
    assert not sweep(account)["changed"]


def test_an_ami_that_was_never_tagged_goes_with_its_snapshots(account: Account) -> None:
    kept, foreign = account.bake("good"), account.bake(name="somebody's own")
    untagged = account.bake()
    keys = [{"Key": f"golden.fleet.{name}"} for name in ("environment", "service", "key", "state")]
    for image in (untagged, foreign):
        account.ec2.delete_tags(Resources=[image, *account.snapshots(image)], Tags=keys)
    assert not sweep(account)["changed"], "it may be a bake that is under way"
    assert sweep(account, older_than_seconds=-60)["leftovers"] == [f"image {untagged}"]
    assert account.amis() == {kept, foreign}


def test_snapshots_of_a_removal_that_was_cut_off_go(account: Account) -> None:
    kept, half = account.bake("good"), account.bake("good")
    snapshots = account.snapshots(half)
    account.ec2.deregister_image(ImageId=half)
    assert sweep(account, older_than_seconds=-60)["leftovers"] == [f"snapshot {one}" for one in snapshots]
    assert account.amis() == {kept}
    assert not sweep(account, older_than_seconds=-60)["changed"]
