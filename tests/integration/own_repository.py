# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One more service, in a repository of its user's own: what has the collection and edits nothing of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import yaml

from demo.lab import CHECKOUT, Lab, Service
from tests.integration.fleet import STATE, Fleet


@contextmanager
def own_service(fleet: Fleet, name: str, repository: Path, copy: Path, files: Iterable[str]) -> Iterator[Fleet]:
    """The fleet as the user sees it, who works in ``copy``, with the repository's service beside the others.

    Afterwards it is out of the pools, as docs/operations.md says, and its releases and ``files`` are off all hosts.
    """
    shutil.copytree(repository, copy)
    groups = yaml.safe_load((copy / "inventories/lab/services.yml").read_text(encoding="utf-8"))
    contract = yaml.safe_load((copy / "roles" / name / "contract.yml").read_text(encoding="utf-8"))
    members = tuple(groups["all"]["children"][name]["hosts"])
    lab = Lab(fleet.lab.inventory, fleet.lab.listing)
    lab.services[name] = Service(name, contract, members)
    yield replace(
        fleet,
        lab=lab,
        cwd=copy,
        inventories=(*fleet.inventories, copy / "inventories/lab"),
        env={"ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / "collections")},
    )
    fleet.must("provision", "--limit", "localhost,balancers")
    records = [f"{STATE}/{name}{end}" for end in (".json", ".lock", ".journal.jsonl")]
    left = {member: [*files, f"/srv/{name}"] for member in members}
    left |= {balancer.name: records for balancer in lab.balancers}
    left |= {store.name: [f"/srv/artifacts/{name}"] for store in lab.group("artifact_stores")}
    for host, paths in left.items():
        fleet.on(host, "rm", "--recursive", "--force", *paths)
    for member in members:
        fleet.on(member, "systemctl", "reload", "nginx")
