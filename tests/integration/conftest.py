# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab, raised and provisioned once for all integration tests, each of which begins with a fleet that is whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.lab import Lab
from tests.integration.fleet import INVENTORY, Fleet

SERVICE = "datasette"


@pytest.fixture(scope="session")
def raised() -> Iterator[Fleet]:
    """The lab with both example services, their artifacts in the store and their first versions on all members."""
    empty = Fleet(Lab(INVENTORY, {}))
    empty.must("lab")
    fleet = Fleet(Lab.read(INVENTORY))
    fleet.must("provision")
    fleet.must("artifacts")
    fleet.must("artifacts", service=SERVICE, version=broken(fleet))
    for service in fleet.lab.services.values():
        # An earlier session that was cut off may have left a rollout that nobody waits for.
        fleet.must("rollout", service=service.name, version=service.versions[0], steal=True)
    yield fleet
    fleet.end()


def published(fleet: Fleet) -> tuple[str, str]:
    """The example service's two versions, the older one first."""
    old, new = fleet.lab.services[SERVICE].versions
    return old, new


def versions(fleet: Fleet) -> tuple[str, str]:
    """What the whole fleet ran when the test began, and the other published version, for it to be carried to."""
    return fleet.versions


def broken(fleet: Fleet) -> str:
    """The release that starts, is healthy, and fails its test suite."""
    return f"{published(fleet)[1]}+broken"


@pytest.fixture
def fleet(raised: Fleet) -> Iterator[Fleet]:
    """The fleet on one of the two versions, whichever it ran already, every member online, no lease left."""
    old, new = published(raised)
    active = set(raised.active(SERVICE).values())
    if active not in ({old}, {new}) or any(raised.leases(SERVICE).values()):
        raised.must("rollout", service=SERVICE, version=old, steal=True)
        active = {old}
    raised.versions = (old, new) if active == {old} else (new, old)
    yield raised
    raised.end()
    raised.on_each(raised.lab.services[SERVICE].members, "systemctl", "is-active", f"{SERVICE}.service")
