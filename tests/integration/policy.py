# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The policy of docs/aws.md beside what the tests see being asked of the stand-in."""

from __future__ import annotations

import json
import re

from demo.lab import CHECKOUT

DOCS = CHECKOUT / "docs" / "aws.md"
# What the policy allows and no run asks for; why, is said beside it.
UNSEEN = {
    "autoscaling:AttachLoadBalancerTargetGroups",
    "autoscaling:CancelInstanceRefresh",
    "autoscaling:CreateOrUpdateTags",
    "autoscaling:DeleteTags",
    "autoscaling:ResumeProcesses",
    "autoscaling:StartInstanceRefresh",
    "autoscaling:SuspendProcesses",
    "ec2:DescribeRegions",
}
# What is asked where hosts are a group's, and not for images.
OF_GROUPS = {
    "autoscaling:BatchDeleteScheduledAction",
    "autoscaling:BatchPutScheduledUpdateGroupAction",
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:DescribeInstanceRefreshes",
    "autoscaling:DescribeLifecycleHooks",
    "autoscaling:DescribeScalingActivities",
    "autoscaling:DescribeScheduledActions",
    "autoscaling:PutLifecycleHook",
    "autoscaling:SetDesiredCapacity",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "iam:GetInstanceProfile",
}


def allowed() -> set[str]:
    """The actions that the controller's policy allows."""
    policy = re.findall(r"```json\n(\{.*?\n\})\n```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)[0]
    return {action for statement in json.loads(policy)["Statement"] for action in statement["Action"]}
