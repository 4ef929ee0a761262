# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.modules.aws_image import result_of

from tests.unit.plugins.module_utils._aws.conftest import KEY, OTHER_KEY, SERVICE, Account

RECORD = {"releases": [{"version": "2", "sha256": "a" * 64}], "proof": {"passed": True, "message": "fine"}}


def act(account: Account, state: str, check: bool = False, **params: Any) -> dict[str, Any]:
    return result_of(account.catalogue, {"service": SERVICE, "state": state, "record": RECORD, **params}, check)


def test_a_settled_candidate_carries_its_record(account: Account) -> None:
    image = account.bake()
    assert act(account, "good", check=True, key=KEY)["changed"]
    assert account.catalogue.found()[0].state == "candidate"
    assert act(account, "good", key=KEY)["images"] == [f"{SERVICE}:good-{KEY} ({image})"]
    (found,) = account.catalogue.found(SERVICE)
    assert (found.id, found.state, found.record) == (image, "good", RECORD)
    assert not act(account, "good", key=KEY)["changed"]


def test_what_was_good_may_prove_to_be_bad_and_never_the_other_way_round(account: Account) -> None:
    image = account.bake("good")
    assert act(account, "bad", key=KEY)["images"] == [f"{SERVICE}:bad-{KEY} ({image})"]
    with pytest.raises(ValueError, match="there is no candidate"):
        act(account, "good", key=KEY)


def test_there_must_be_a_candidate(account: Account) -> None:
    account.bake("bad")
    with pytest.raises(ValueError, match=f"there is no candidate {KEY} of {SERVICE}"):
        act(account, "good", key=KEY)


def test_only_this_environments_images_are_listed_and_by_service(account: Account) -> None:
    mine, other = account.bake(), account.bake(service="swagger_ui", key=OTHER_KEY)
    account.tag(account.bake(), **{"golden.fleet.environment": "staging"})
    account.tag(account.bake(), **{"golden.fleet.state": "$(reboot)"})
    account.tag(account.bake(), **{"golden.fleet.key": "../../etc"})
    assert {image.id for image in account.catalogue.found()} == {mine, other}
    assert [image.id for image in account.catalogue.found(SERVICE)] == [mine]


def test_an_image_that_only_an_old_version_of_ours_names_goes_with_its_snapshots(account: Account) -> None:
    kept, gone = account.bake("good"), account.bake("good", key=OTHER_KEY)
    template = account.template(kept)
    account.ec2.create_launch_template_version(
        LaunchTemplateId=template, VersionDescription=f"golden.fleet {gone}", LaunchTemplateData={"ImageId": gone}
    )
    snapshots = account.snapshots(gone)
    assert act(account, "absent", check=True, images=[gone])["changed"]
    assert account.amis() == {kept, gone}
    assert act(account, "absent", images=[gone])["images"] == [f"{SERVICE}:good-{KEY} ({kept})"]
    assert account.amis() == {kept}
    left = account.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert not {snapshot["SnapshotId"] for snapshot in left} & set(snapshots)
    assert not act(account, "absent", images=[gone])["changed"]


def test_an_image_that_is_used_is_not_removed(account: Account) -> None:
    image = account.bake("good")
    instance = account.run(image, Name="web1")
    account.template(image)
    account.group("$Latest")
    with pytest.raises(ValueError, match=r"in use: .* by group fleet, web1"):
        act(account, "absent", images=[image])
    account.ec2.terminate_instances(InstanceIds=[instance])
    assert account.catalogue.found()[0].used_by == ("group fleet",)


def test_what_somebody_else_removed_meanwhile_is_no_error(account: Account) -> None:
    image = account.bake("good")
    (found,) = account.catalogue.found()
    account.ec2.deregister_image(ImageId=image)
    account.ec2.delete_snapshot(SnapshotId=found.snapshots[0])
    account.catalogue.remove([found])
    assert account.catalogue.found() == []
