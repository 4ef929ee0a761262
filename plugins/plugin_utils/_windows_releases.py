# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases on a Windows host: the states and answers of the engine ``_release``, brought about by stock modules.

What a change would leave behind is decided by the engine's own pure functions; only how it comes about differs.
Why: docs/decisions/windows_releases.md.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.golden.fleet.plugins.module_utils._release import outcome, plan
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import (
    ArchiveError,
    BadInputError,
    ChecksumError,
    CommandError,
    DiskError,
    FetchError,
    RebootPendingError,
    ReleaseError,
    StuckError,
)
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_layout import (
    REGISTRY_KEY,
    Recorded,
    recorded,
    switched,
)
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_modules import ModuleError, WindowsModules

_RETRY_SECONDS = 1.0
_REASON_LENGTH = 500


class WindowsReleases:
    """The releases of one service on one host."""

    def __init__(self, modules: WindowsModules, windows: Mapping[str, Any] | None) -> None:
        self._modules, self._what = modules, switched(windows)

    def info(self) -> dict[str, Any]:
        """As ``release_info`` answers; one round trip."""
        try:
            return outcome.told(self._read().found)
        except ReleaseError as error:
            return _failed(error)

    def folder(self, version: str) -> str | None:
        """The folder of a release that is staged; one round trip. Raises ReleaseError."""
        return self._folder(self._read(), version)

    def change(self, given: dict[str, Any]) -> dict[str, Any]:
        """Brings a release to a state. Answers as the engine does, with ``failed``, ``kind`` and ``msg`` on failure."""
        params = {**given, "root": self._what.root, "reason": given["reason"][:_REASON_LENGTH]}
        try:
            return self._change(params)
        except ReleaseError as error:
            return _failed(error)

    def _change(self, params: dict[str, Any]) -> dict[str, Any]:
        before = self._read()
        outcome.refuse_superseded(before.found, params)
        if params["check_mode"]:
            return outcome.result(before.found, outcome.wanted(before.found, params), params, "would be changed")
        after, done = self._applied(before, params)
        return outcome.result(before.found, after.found, params, done)

    def _applied(self, before: Recorded, params: dict[str, Any]) -> tuple[Recorded, str]:
        version, state = params["version"], params["state"]
        if state == "staged":
            return self._staged(before, params) if outcome.to_stage(before.found, params) else (before, "")
        if version not in before.found.releases:
            raise outcome.not_staged(version, before.found)
        if state == "active":
            done = before.found.active == version and before.found.activation_done
            return (before, "") if done else self._activated(before, params)
        return self._marked(before, params)

    # The record

    def _folder(self, record: Recorded, version: str | None) -> str | None:
        """The folder of a release that is staged, None for any other."""
        release = record.found.releases.get(version or "")
        return self._folder_of(release) if release else None

    def _folder_of(self, release: Mapping[str, Any]) -> str:
        return self._what.release(release["version"], release["sha256"] or "")

    def _read(self) -> Recorded:
        told = self._run(DiskError, "ansible.windows.win_reg_stat", path=REGISTRY_KEY, name=self._what.root)
        return recorded(told.get("value") if told.get("exists") else None, self._what.root)

    def _write(self, record: Recorded, params: Mapping[str, Any]) -> Recorded:
        """Writes it with the number of who writes: from here on, a lower one is refused even if we are cut off."""
        number = max(record.found.number, params["number"] or 0)
        record = record.replaced(record.found._replace(number=number))
        self._run(
            DiskError,
            "ansible.windows.win_regedit",
            path=REGISTRY_KEY,
            name=self._what.root,
            data=record.text(),
            type="string",
        )
        return record

    # The states

    def _staged(self, record: Recorded, params: dict[str, Any]) -> tuple[Recorded, str]:
        """A release counts as staged once it is recorded, after all else; what a dead run left is unpacked over."""
        if params["src"]:
            raise BadInputError("src can't be used on a Windows host: say the artifact's url")
        if params["unpacked_bytes"] > params["max_bytes"]:
            raise ArchiveError(
                f"the artifact of {params['version']} unpacks to {params['unpacked_bytes']} bytes, and the limit is"
                f" {params['max_bytes']}"
            )
        self._refuse_pending_reboot()
        kept = [folder for folder in record.struck if not self._removed(folder)]
        if not record.found.releases:
            self._run(DiskError, "ansible.windows.win_file", path=rf"{self._what.root}\releases", state="directory")
        version, sha256 = params["version"], params["sha256"].lower()
        release = self._what.release(version, sha256)
        try:
            self._fetched(f"{release}.zip", params)
            self._unpacked(f"{release}.zip", release, params)
            self._commands(self._what.prepare, release, params, params["prepare_timeout_seconds"])
        except ReleaseError:
            # As little as can be stays: the disk may be full.
            for path in (f"{release}.zip", release):
                self._removed(path)
            raise
        found = plan.staged(record.found, version, sha256, plan.moment(record.found))
        return self._write(Recorded(found, kept), params), f"staged {version} in {release}"

    def _refuse_pending_reboot(self) -> None:
        facts = self._run(DiskError, "ansible.windows.setup", gather_subset=["!all", "!min", "platform"])
        if facts.get("ansible_facts", {}).get("ansible_reboot_pending"):
            raise RebootPendingError(
                "a reboot is pending on this host, which may replace files in use: reboot it first"
                " (playbooks/reboot.yml does so member by member)"
            )

    def _fetched(self, archive: str, params: Mapping[str, Any]) -> None:
        given = {
            "url": params["url"],
            "dest": archive,
            "checksum": params["sha256"],
            "checksum_algorithm": "sha256",
            "url_timeout": max(1, int(params["fetch_timeout_seconds"])),
        }
        if params["headers"]:
            # They may hold a token, and another host that the store redirects to isn't told.
            given.update(headers=params["headers"], follow_redirects="none")
        for attempt in range(params["retries"] + 1):
            try:
                self._modules.run("ansible.windows.win_get_url", **given)
            except ModuleError as error:
                if "checksum" in str(error).lower():
                    raise ChecksumError(str(error)) from None
                if attempt == params["retries"]:
                    raise FetchError(str(error)) from None
                time.sleep(_RETRY_SECONDS * 2**attempt)
            else:
                return

    def _unpacked(self, archive: str, release: str, params: Mapping[str, Any]) -> None:
        try:
            self._modules.run("community.windows.win_unzip", src=archive, dest=release, delete_archive=True)
        except ModuleError as error:
            raise ArchiveError(f"the artifact of {params['version']} can't be unpacked: {error}") from None

    def _removed(self, path: str) -> bool:
        """Whether the folder is gone; a file in it that another program holds keeps it until the next time."""
        try:
            self._modules.run("ansible.windows.win_file", path=path, state="absent")
        except ModuleError:
            return False
        return True

    def _activated(self, record: Recorded, params: dict[str, Any]) -> tuple[Recorded, str]:
        """Switches and says so before and after: killed anywhere, the same step run again carries it through."""
        version, what = params["version"], self._what
        release = self._folder_of(record.found.releases[version])
        now = plan.moment(record.found)
        if record.fresh:
            self._refuse_unprovisioned()
        marker = plan.switching(record.found, version, now)
        begun = self._write(record.replaced(record.found._replace(active=version, activation=marker)), params)
        try:
            self._switch(release, self._folder(record, record.found.active))
        except StuckError:
            self._write(record, params)
            raise
        self._commands(what.activate, release, params, params["activate_timeout_seconds"])
        done = begun.replaced(begun.found._replace(activation={**marker, "done_at": now}))
        return self._write(done, params), f"switched from {record.found.active or 'none'} to {version}"

    def _refuse_unprovisioned(self) -> None:
        """The modules would make a service or a site of their own where there is none."""
        kind, name = ("service", self._what.service) if self._what.service else ("website", self._what.site)
        module = "ansible.windows.win_service_info" if self._what.service else "microsoft.iis.website_info"
        if not self._run(DiskError, module, name=name).get("exists"):
            raise BadInputError(f"there is no {kind} {name} on this host: run playbooks/provision.yml first")

    def _switch(self, release: str, before: str | None) -> None:
        """Points the service or the site at the release and starts it anew; ``before`` is the release that it ran."""
        if self._what.site:
            folder = self._what.site_folder(release)
            self._run(CommandError, "microsoft.iis.website", name=self._what.site, physical_path=folder)
            self._run(CommandError, "microsoft.iis.web_app_pool", name=self._what.pool, state="restarted")
            return
        path = self._what.command_line(release)
        try:
            self._modules.run("ansible.windows.win_service", name=self._what.service, path=path, state="restarted")
        except ModuleError as error:
            self._refuse_if_it_runs_on(before, str(error))
            raise CommandError(f"the service {self._what.service} does not start: {error}") from None

    def _refuse_if_it_runs_on(self, before: str | None, error: str) -> None:
        """Where it would not stop, what ran still runs, and its path is to say so."""
        told = self._run(DiskError, "ansible.windows.win_service_info", name=self._what.service)
        states = [service["state"] for service in told.get("services", [])]
        if states != ["stopped"] and before:
            path = self._what.command_line(before)
            self._run(StuckError, "ansible.windows.win_service", name=self._what.service, path=path)
            raise StuckError(f"the service {self._what.service} does not stop, so what it ran still runs: {error}")

    def _commands(self, commands: list[list[str]], release: str, params: Mapping[str, Any], seconds: float) -> None:
        """Runs the contract's commands in the release's folder; all of them together within the time."""
        end = time.monotonic() + seconds
        places = {"{release}": release, "{root}": self._what.root, "{version}": params["version"]}
        for command in commands:
            words = [_filled(word, places) for word in command]
            if time.monotonic() >= end:
                raise CommandError(f"{' '.join(words)}: the {seconds:g} seconds for all commands were over before it")
            self._modules.command(words, release, end - time.monotonic())

    def _marked(self, record: Recorded, params: dict[str, Any]) -> tuple[Recorded, str]:
        """Pruned releases are struck from the record now; their folders go before the next one is staged."""
        after = outcome.wanted(record.found, params)
        gone = sorted(set(record.found.releases) - set(after.releases))
        if after == record.found:
            return record, ""
        struck = [self._folder_of(record.found.releases[name]) for name in gone]
        written = self._write(Recorded(after, [*record.struck, *struck]), params)
        return written, f"marked {params['version']} {params['state']}" + (
            f", pruned {', '.join(gone)}" if gone else ""
        )

    def _run(self, kind: type[ReleaseError], module: str, **arguments: Any) -> dict[str, Any]:
        """The module's result; raises ``kind`` where it failed."""
        try:
            return self._modules.run(module, **arguments)
        except ModuleError as error:
            raise kind(f"{module.rpartition('.')[2]}: {error}") from None


def _failed(error: ReleaseError) -> dict[str, Any]:
    return {"failed": True, "kind": error.kind, "msg": str(error)}


def _filled(word: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word
