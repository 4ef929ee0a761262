# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host gets an address, also where podman has lost count of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._podman import hosts
from ansible_collections.golden.fleet.plugins.module_utils._podman.hosts import Raising, Wish
from ansible_collections.golden.fleet.plugins.module_utils._podman.plan import Step
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman, PodmanError

WISH = Wish("base", "ssh-ed25519 AAAA")


class Forgetful(Podman):
    """A podman that has addresses marked as taken by containers that are gone."""

    def __init__(self, marked: Sequence[str]) -> None:
        super().__init__("lab")
        self._marked = marked

    def create(
        self, host: str, address: str, *, image: str, capabilities: Sequence[str], group: str = "", zone: str = ""
    ) -> int:
        if address in self._marked:
            raise PodmanError(f"IPAM error: requested ip address {address} is already allocated to container ID f00")
        return 42

    def remove(self, host: str) -> None:
        pass

    def ready(self, pid: int, *, authorized_key: str, seconds: int, write: bool) -> dict[str, str]:
        return {"state": "running", "host_key": "ssh-ed25519 BBBB"}


@pytest.fixture(autouse=True)
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "wait_for_ssh", lambda address, seconds: None)


def addresses(first: int, last: int) -> Iterator[str]:
    return (f"10.89.0.{number}" for number in range(first, last + 1))


def test_addresses_of_containers_that_are_gone_are_passed_over() -> None:
    raising = Raising(Forgetful([*addresses(10, 30)]), WISH, addresses(11, 40), check=False)
    assert raising.take(Step("web1", "create", "10.89.0.10"))["address"] == "10.89.0.31"


def test_when_all_are_marked_the_way_out_is_named() -> None:
    raising = Raising(Forgetful([*addresses(10, 30)]), WISH, addresses(11, 30), check=False)
    with pytest.raises(PodmanError, match=r"every address .* remove all containers of this machine, then /run/"):
        raising.take(Step("web1", "create", "10.89.0.10"))
