# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._aws.uses import used_by


def version(number: int, image: str, *, default: bool = False, description: str = "golden.fleet ami") -> dict[str, Any]:
    return {
        "LaunchTemplateId": "lt-1",
        "LaunchTemplateName": "web",
        "VersionNumber": number,
        "VersionDescription": description,
        "DefaultVersion": default,
        "LaunchTemplateData": {"ImageId": image} if image else {},
    }


def group(**what: Any) -> dict[str, Any]:
    return {"AutoScalingGroupName": "g", **what}


VERSIONS = [version(1, "ami-1", default=True), version(2, "ami-2"), version(3, "ami-3")]
MIXED = {
    "LaunchTemplate": {
        "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-1", "Version": "2"},
        "Overrides": [{"LaunchTemplateSpecification": {"LaunchTemplateName": "web", "Version": "$Latest"}}],
    }
}


@pytest.mark.parametrize(
    ("instances", "versions", "groups", "used"),
    [
        pytest.param([], [], [], {}, id="nothing there"),
        pytest.param(
            [{"InstanceId": "i-1", "ImageId": "ami-1"}, {"InstanceId": "i-2", "ImageId": "ami-1", "Tags": []}],
            [],
            [],
            {"ami-1": ["i-1", "i-2"]},
            id="instances by their ids",
        ),
        pytest.param(
            [{"InstanceId": "i-1", "ImageId": "ami-1", "Tags": [{"Key": "Name", "Value": "web1"}]}],
            [],
            [],
            {"ami-1": ["web1"]},
            id="an instance by its name",
        ),
        pytest.param(
            [], VERSIONS, [], {"ami-1": ["launch template web version 1"]}, id="of our versions only the default one"
        ),
        pytest.param(
            [],
            [version(1, "ami-1", description="by hand"), version(2, "ami-2", default=True)],
            [],
            {"ami-1": ["launch template web version 1"], "ami-2": ["launch template web version 2"]},
            id="each version of somebody else",
        ),
        pytest.param(
            [],
            VERSIONS,
            [group(LaunchTemplate={"LaunchTemplateId": "lt-1", "Version": "3"})],
            {"ami-1": ["launch template web version 1"], "ami-3": ["group g"]},
            id="a group at a number",
        ),
        pytest.param(
            [],
            VERSIONS,
            [group(LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"})],
            {"ami-1": ["launch template web version 1"], "ami-3": ["group g"]},
            id="a group at the latest",
        ),
        pytest.param(
            [],
            VERSIONS,
            [group(LaunchTemplate={"LaunchTemplateId": "lt-1"})],
            {"ami-1": ["group g"]},
            id="at no number",
        ),
        pytest.param(
            [],
            VERSIONS,
            [group(MixedInstancesPolicy=MIXED)],
            {"ami-1": ["launch template web version 1"], "ami-2": ["group g"], "ami-3": ["group g"]},
            id="a group of several instance types",
        ),
        pytest.param(
            [], [version(1, "")], [group(LaunchConfigurationName="old")], {}, id="versions and groups without an image"
        ),
    ],
)
def test_who_uses_an_image(instances: Any, versions: Any, groups: Any, used: dict[str, list[str]]) -> None:
    assert used_by(instances, versions, groups) == used
