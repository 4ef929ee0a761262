# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The images that a lab's services were baked into: a catalogue that podman itself keeps, in names and labels.

An image's name is ``localhost/<lab>/<service>:<state>-<key>``. Its record, what went into it and how it was proven, is
in its labels, so that the catalogue is what there is, whatever became of the controller that made an image.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._podman.plan import LABEL
from ansible_collections.golden.fleet.plugins.module_utils._podman.podman import Podman, PodmanError
from ansible_collections.golden.fleet.plugins.module_utils._provider.catalogue import STATES, fits

_TAG = re.compile(rf"({'|'.join(STATES)})-([0-9a-f]{{16}})")


@dataclasses.dataclass(frozen=True)
class Image:
    """One image of the catalogue. ``used_by`` names the hosts that were launched from it."""

    id: str
    service: str
    key: str
    state: str
    made_at: str
    record: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    used_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.service}:{self.state}-{self.key}"


def parse_images(lab: str, images: str, containers: str) -> list[Image]:
    """The lab's images out of ``podman images`` and ``podman ps``, both as JSON; the newest comes first."""
    used: dict[str, list[str]] = {}
    for entry in json.loads(containers or "[]"):
        for name in entry.get("Names") or []:
            used.setdefault(entry.get("ImageID", ""), []).append(name.removeprefix(f"{lab}-"))
    found = []
    for entry in json.loads(images or "[]"):
        for name in entry.get("Names") or []:
            repository, _, tag = name.rpartition(":")
            place, _, service = repository.rpartition("/")
            match = _TAG.fullmatch(tag)
            if place == f"localhost/{lab}" and match:
                found.append(
                    Image(
                        id=entry["Id"],
                        service=service,
                        key=match[2],
                        state=match[1],
                        made_at=str(entry.get("CreatedAt", "")),
                        record=_record(entry.get("Labels") or {}),
                        used_by=tuple(sorted(used.get(entry["Id"], []))),
                    )
                )
    return sorted(found, key=lambda image: (image.made_at, image.key), reverse=True)


def _record(labels: Mapping[str, str]) -> dict[str, Any]:
    """What was written of the image; nothing where somebody else's words stand there."""
    try:
        record = json.loads(labels.get(f"{LABEL}record", "{}"))
    except ValueError:
        return {}
    return record if fits(record) else {}


class Images:
    """The images of one lab."""

    def __init__(self, podman: Podman, lab: str) -> None:
        self._podman = podman
        self._lab = lab

    def found(self) -> list[Image]:
        images = self._podman.run("images", "--format", "json", "--filter", f"reference=localhost/{self._lab}/*")
        return parse_images(self._lab, images, self._podman.run("ps", "--all", "--format", "json"))

    def reference(self, service: str, key: str, state: str) -> str:
        return f"localhost/{self._lab}/{service}:{state}-{key}"

    def settle(self, service: str, key: str, state: str, record: Mapping[str, Any], was: str = "candidate") -> None:
        """Turns the candidate into a good or a bad image that carries its record; or the one that ``was`` good."""
        candidate, settled = self.reference(service, key, was), self.reference(service, key, state)
        labels = {"record": json.dumps(record, sort_keys=True), "lab": self._lab, "service": service}
        # No step but its base: the layers are the candidate's, and only what is said of them is new. By standard input,
        # as others see command lines, and those end somewhere.
        lines = [f"FROM {candidate}", *(f"LABEL {LABEL}{name}={_quoted(value)}" for name, value in labels.items())]
        self._podman.run("build", "--quiet", "--tag", settled, "-", given="\n".join(lines) + "\n")
        self.remove(service, [candidate])

    def remove(self, service: str, references: Iterable[str]) -> None:
        """Takes the names away, and with an image's last name the image; those that are gone already are no error."""
        for reference in references:
            try:
                self._podman.run("untag", reference, reference)
            except PodmanError as error:
                if "not known" not in str(error) and "no such" not in str(error):
                    raise
        mine = [f"label={LABEL}lab={self._lab}", f"label={LABEL}service={service}"]
        which = [word for one in mine for word in ("--filter", one)]
        # To look takes a third of the time, and mostly nothing is there: what others are made from has to stay.
        if self._podman.run("images", "--quiet", "--filter", "dangling=true", *which).strip():
            self._podman.run("image", "prune", "--force", *which)


def _quoted(value: str) -> str:
    """A value as an instruction of a Containerfile takes it, with nothing in it that would be worked out."""
    for special in ("\\", '"', "$"):
        value = value.replace(special, f"\\{special}")
    return f'"{value}"'
