# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the hosts are as this checkout's code makes them, so that a demo need not make them so again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from demo.lab import CHECKOUT, Lab, LabError
from demo.sampler import Sampler


def serves(lab: Lab, services: Iterable[str]) -> bool:
    """Whether every balancer holds members of all the services, each of them online."""
    names = list(services)
    if not lab.balancers:
        return False
    with Sampler(lab.balancers, names) as sampler:
        try:
            sampler.wait(3)
        except LabError:
            return False
        return all(
            (sample := sampler.latest.get((host.name, name))) is not None and sample.total > 0 and not sample.out
            for host in lab.balancers
            for name in names
        )


def code() -> str:
    """A digest of all that decides what the hosts are made."""
    digest = hashlib.sha256()
    for room in ("ansible.cfg", "demo", "inventories", "playbooks", "plugins", "roles", "requirements.txt"):
        place = CHECKOUT / room
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(
                    f"{file.relative_to(CHECKOUT)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode()
                )
    return digest.hexdigest()
