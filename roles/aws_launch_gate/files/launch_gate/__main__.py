# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves a host that an Auto Scaling group has launched, and tells the group, so that nobody has to be there for it.

The group's lifecycle hook keeps the host out of its target groups until then, and gives it up if nothing is told.
A host that no group has launched has nothing to tell: the end of the program is a good one.
"""

from __future__ import annotations

import json
import sys
import time

import health
from autoscaling import ApiError, AutoScaling
from metadata import Metadata, NoInstanceError


def main(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        settings = json.load(file)
    try:
        metadata = Metadata(settings["endpoints"].get("metadata"))
        group = AutoScaling(metadata, settings["endpoints"].get("autoscaling"))
        found = group.found()
    except (NoInstanceError, ApiError) as error:
        print(f"no group that is known of has launched this host: {error}")
        return 0
    if found is None or "Pending" not in found.state:
        print("no group waits for this host")
        return 0
    wrong = prove(settings)
    print(f"{found.group}: this host {'does not pass its gate: ' + wrong if wrong else 'has passed its gate'}")
    try:
        told = tell(group, settings["hook"], "ABANDON" if wrong else "CONTINUE", settings["tell_seconds"])
    except ApiError as error:
        print(f"{found.group} can't be told: {error}")
        return 1
    print(f"{found.group}: {told}")
    return 1 if wrong else 0


def prove(settings) -> str:
    """What is wrong with this host once its time is over; empty as soon as it is healthy."""
    url = f"http://127.0.0.1:{settings['port']}"
    target = health.Target("this host", url, domain=settings["domain"])
    try:
        health.wait([target], settings["health"], settings["version"])
    except health.UnhealthyError as error:
        return str(error)
    return ""


def tell(group, hook: str, result: str, seconds: float, pause: float = 2.0) -> str:
    """Completes the hook's action once the host waits in it; how that ended."""
    deadline = time.monotonic() + seconds
    while True:
        found = group.found()
        if found is None or "Pending" not in found.state or found.state.endswith("Proceed"):
            return f"not waited for any more, it is {found.state if found else 'gone'}"
        if found.state.endswith("Pending:Wait"):
            group.complete(found, hook, result)
            return f"told {result}"
        if time.monotonic() >= deadline:
            return f"still {found.state} after {seconds:g} s, without a hook that waits"
        time.sleep(pause)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
