# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases on a Windows host: the states and answers of the engine ``_release``, brought about by stock modules.

What a change would leave behind is decided by the engine's own pure functions; only how it comes about differs.
Why: docs/decisions/windows_releases.md.
"""

from __future__ import annotations

import contextlib
import ntpath
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

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
    SupersededError,
)
from ansible_collections.golden.fleet.plugins.module_utils._release.fetch import without_secrets
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import HostError
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_layout import (
    REGISTRY_KEY,
    Recorded,
    recorded,
    switched,
)
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_modules import (
    ModuleError,
    OverdueError,
    WindowsModules,
)

_RETRY_SECONDS = 1.0
_REASON_LENGTH = 500
# How old what was read of the record may be when something is written that stands on it.
_FRESH_SECONDS = 5.0
# How long a service may take to stop that should not be running.
_STOP_SECONDS = 30.0
# As web_app_pool_info tells it, by IIS's word or by its number.
_POOL_RUNS = ("started", "1")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_WRONG_CONTENT = re.compile(r"checksum.* did not match ", re.IGNORECASE)


class WindowsReleases:
    """The releases of one service on one host."""

    def __init__(self, modules: WindowsModules, windows: Mapping[str, Any] | None) -> None:
        self._modules, self._what = modules, switched(windows)
        # When the record was read or written last, and the number that it had.
        self._read_at, self._number = 0.0, 0

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
        params = {**given, "root": self._what.root, "reason": given["reason"][:_REASON_LENGTH], "slots": False}
        try:
            if params.get("at") is not None:
                raise BadInputError("at can't be used on a Windows host: it has nothing that would wait for the moment")
            return self._change(params)
        except ReleaseError as error:
            return _failed(error)

    def _change(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._read()
        outcome.refuse_superseded(record.found, params)
        if params["check_mode"]:
            before = self._foretold(record, params)
            return outcome.result(before.found, outcome.wanted(before.found, params), params, "would be changed")
        try:
            before, after, done = self._applied(record, params)
            self._fenced(after, params)
        except SupersededError:
            raise
        except ReleaseError:
            with contextlib.suppress(ReleaseError, HostError):
                self._fenced(record, params)
            raise
        return outcome.result(before.found, after.found, params, done)

    def _foretold(self, record: Recorded, params: dict[str, Any]) -> Recorded:
        """What is there in check mode. Refuses what the change itself would, as far as a look at the host tells."""
        version, state = params["version"], params["state"]
        if state == "staged" and outcome.to_stage(record.found, params):
            self._refuse_unfit(params)
        if state == "active":
            runs = self._runs(self._folder(record, version))
            return record.unfinished() if record.says_active(version) and not runs else record
        return record

    def _applied(self, record: Recorded, params: dict[str, Any]) -> tuple[Recorded, Recorded, str]:
        """What was there, what is there now, and what was done, in words."""
        if params["state"] == "staged":
            return self._staged(record, params) if outcome.to_stage(record.found, params) else (record, record, "")
        _require(record, params)
        return self._activated(record, params) if params["state"] == "active" else self._marked(record, params)

    # The record

    def _folder(self, record: Recorded, version: str | None) -> str | None:
        """The folder of a release that is staged, None for any other."""
        release = record.found.releases.get(version or "")
        return self._folder_of(release) if release else None

    def _folder_of(self, release: Mapping[str, Any]) -> str:
        return self._what.release(release["version"], release["sha256"] or "")

    def _read(self) -> Recorded:
        self._read_at = time.time()  # not the monotonic clock, which stands still while this machine sleeps
        told = self._run(DiskError, "ansible.windows.win_reg_stat", path=REGISTRY_KEY, name=self._what.root)
        record = recorded(told.get("value") if told.get("exists") else None, self._what.root)
        self._number = record.found.number
        return record

    def _fresh(self, record: Recorded, params: Mapping[str, Any]) -> Recorded:
        """The record to go on from: what was read a while ago is read again, as another may have been here since."""
        if abs(time.time() - self._read_at) <= _FRESH_SECONDS:
            return record
        record = self._read()
        outcome.refuse_superseded(record.found, dict(params))
        return record

    def _written(
        self, record: Recorded, params: Mapping[str, Any], change: Callable[[Recorded], Recorded] = lambda same: same
    ) -> Recorded:
        """Writes the change with the number of who writes: a lower one is refused from here on."""
        record = change(self._fresh(record, params))
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
        self._read_at, self._number = time.time(), number
        return record

    def _fenced(self, record: Recorded, params: Mapping[str, Any]) -> Recorded:
        """The record with the number on it, which is no change in itself."""
        return self._written(record, params) if (params["number"] or 0) > self._number else record

    # The states

    def _staged(self, record: Recorded, params: dict[str, Any]) -> tuple[Recorded, Recorded, str]:
        """A release counts as staged once it is recorded, after all else; what a dead run left is unpacked over."""
        self._refuse_unfit(params)
        kept = [folder for folder in record.struck if not self._removed(folder)]
        if not record.found.releases:
            self._run(DiskError, "ansible.windows.win_file", path=rf"{self._what.root}\releases", state="directory")
        version, sha256 = params["version"], params["sha256"].lower()
        release = self._what.release(version, sha256)
        try:
            self._fetched(f"{release}.zip", params)
            self._unpacked(f"{release}.zip", release, params)
            end = time.monotonic() + params["prepare_timeout_seconds"]
            self._commands("prepare", release, params, end)
        except ReleaseError:
            # As little as can be stays: the disk may be full. What somebody staged meanwhile is no longer ours.
            if version not in self._fresh(record, params).found.releases:
                for path in (f"{release}.zip", release):
                    self._removed(path)
            raise
        gone = set(record.struck) - set(kept)

        def with_it(now: Recorded) -> Recorded:
            return Recorded(outcome.wanted(now.found, params), [one for one in now.struck if one not in gone])

        return record, self._written(record, params, with_it), f"staged {version} in {release}"

    def _refuse_unfit(self, params: Mapping[str, Any]) -> None:
        """Refuses what can't be staged, as far as that is known beforehand."""
        if params["src"]:
            raise BadInputError("src can't be used on a Windows host: say the artifact's url")
        if params["unpacked_bytes"] > params["max_bytes"]:
            raise ArchiveError(
                f"the artifact of {params['version']} unpacks to {params['unpacked_bytes']} bytes, and the limit is"
                f" {params['max_bytes']}"
            )
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
        secret = params["headers"] or without_secrets(params["url"]) != params["url"]
        ask = self._modules.run_quietly if secret else self._modules.run
        for attempt in range(params["retries"] + 1):
            try:
                ask("ansible.windows.win_get_url", **given)
            except ModuleError as error:
                said, without_urls = _said(str(error), params["url"])
                if _WRONG_CONTENT.search(without_urls):
                    raise ChecksumError(said) from None
                if attempt == params["retries"]:
                    raise FetchError(said) from None
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

    def _activated(self, record: Recorded, params: dict[str, Any]) -> tuple[Recorded, Recorded, str]:
        """Switches, and records it once all is done. Cut off anywhere, the same step run again carries it through."""
        version, release = params["version"], self._folder_of(record.found.releases[params["version"]])
        before, back = record, record.found.active
        if record.says_active(version):
            # The record tells what was carried through last, and not what has become of it since.
            if self._runs(release):
                return record, record, ""
            before = record.unfinished()
        else:
            if record.fresh:
                self._runs(release)  # where there is nothing to switch, that is refused
            if back == version:
                back = plan.previous_of(record.found, version)
        record = self._fenced(self._fresh(record, params), params)
        _require(record, params)
        end = time.monotonic() + params["activate_timeout_seconds"]
        self._switch(release, self._folder(record, back), end, params["activate_timeout_seconds"])
        self._commands("activate", release, params, end)

        def switched_to(now: Recorded) -> Recorded:
            _require(now, params)
            return now.replaced(outcome.wanted(now.found, params))

        after = self._written(record, params, switched_to)
        if before.found.active == version:
            return before, after, f"{version} was active already; carried its activation through"
        return before, after, f"switched from {before.found.active or 'none'} to {version}"

    def _runs(self, release: str | None) -> bool:
        """Whether it is what runs there. Refuses a host without the service or site, which modules would make."""
        if self._what.site:
            return self._site_shows(release)
        service = self._service()
        if service is None:
            raise self._unprovisioned("service", self._what.service)
        if not release or service["state"] != "started":
            return False
        return _same(service["path"], self._what.command_line(release))

    def _service(self) -> dict[str, Any] | None:
        told = self._run(DiskError, "ansible.windows.win_service_info", name=self._what.service)
        found = {one["name"].lower(): one for one in reversed(told.get("services", []))}
        return found.get(self._what.service.lower(), next(iter(found.values()), None))

    def _site_shows(self, release: str | None) -> bool:
        sites = self._run(DiskError, "microsoft.iis.website_info", name=self._what.site).get("site") or []
        if not sites:
            raise self._unprovisioned("website", self._what.site)
        if not release or not _same(sites[0]["physical_path"], self._what.site_folder(release)):
            return False
        pools = self._run(DiskError, "microsoft.iis.web_app_pool_info", name=self._what.pool).get("app_pools") or []
        return any(str(pool["attributes"].get("state")).lower() in _POOL_RUNS for pool in pools)

    def _unprovisioned(self, kind: str, name: str) -> BadInputError:
        return BadInputError(f"there is no {kind} {name} on this host: run playbooks/provision.yml first")

    def _switch(self, release: str, back: str | None, end: float, limit: float) -> None:
        """Points the service or the site at the release and starts it anew; ``back`` is the release on record."""
        if self._what.site:
            folder = self._what.site_folder(release)
            for module, given in (
                ("website", {"name": self._what.site, "physical_path": folder}),
                ("web_app_pool", {"name": self._what.pool, "state": "restarted"}),
            ):
                try:
                    self._modules.run_within(end - time.monotonic(), f"microsoft.iis.{module}", **given)
                except (ModuleError, OverdueError) as error:
                    raise CommandError(f"{module}: {error}") from None
            return
        path = self._what.command_line(release)
        try:
            told = self._change_service(end - time.monotonic(), path=path, state="restarted")
        except (ModuleError, OverdueError) as error:
            self._refuse_or_give_up(back, str(error), limit)
        self._remove_if_made(told)

    def _change_service(self, seconds: float, **given: str) -> dict[str, Any]:
        return self._modules.run_within(seconds, "ansible.windows.win_service", name=self._what.service, **given)

    def _remove_if_made(self, told: Mapping[str, Any]) -> None:
        """Where somebody had removed the service since its last switch, the module has just made one of its own."""
        if told.get("diff", {}).get("before", "it") == "":
            self._run(DiskError, "ansible.windows.win_service", name=self._what.service, state="absent")
            raise self._unprovisioned("service", self._what.service)

    def _refuse_or_give_up(self, back: str | None, why: str, limit: float) -> NoReturn:
        """Tells whether the new one didn't start, or what ran did not stop.

        One that has crashed is started again by Windows, so one that runs may be either: what can be stopped was
        the new one. What can't is given the path on record, for whenever it starts again.
        """
        service, name = self._service(), self._what.service
        state = service["state"] if service else "stopped"
        if state == "stopped" or self._stops(limit):
            raise CommandError(f"the service {name} does not start: {why}")
        if back:
            self._run(StuckError, "ansible.windows.win_service", name=name, path=self._what.command_line(back))
        if state == "start_pending":  # the new one: what ran has stopped before
            raise CommandError(f"the service {name} hangs while it starts, and can't be stopped: {why}")
        raise StuckError(f"the service {name} does not stop, and what it ran is still there ({state}): {why}")

    def _stops(self, limit: float) -> bool:
        try:
            self._change_service(min(limit, _STOP_SECONDS), state="stopped")
        except (ModuleError, OverdueError):
            return False
        return True

    def _commands(self, stage: str, release: str, params: Mapping[str, Any], end: float) -> None:
        """Runs the contract's commands of the stage in the release's folder; all of them together until the end."""
        places = {"{release}": release, "{root}": self._what.root, "{version}": params["version"]}
        for command in getattr(self._what, stage):
            words = [_filled(word, places) for word in command]
            left, limit = end - time.monotonic(), params[f"{stage}_timeout_seconds"]
            if left <= 0:
                raise CommandError(f"{' '.join(words)}: the {limit:g} seconds for all of {stage} were over before it")
            self._modules.command(words, release, left)

    def _marked(self, record: Recorded, params: dict[str, Any]) -> tuple[Recorded, Recorded, str]:
        """Pruned releases are struck from the record now; their folders go before the next one is staged."""
        if outcome.wanted(record.found, params) == record.found:
            return record, record, ""

        def marked(now: Recorded) -> Recorded:
            _require(now, params)
            after = outcome.wanted(now.found, params)
            struck = [self._folder_of(now.found.releases[name]) for name in _gone(now, after.releases)]
            return Recorded(after, [*now.struck, *struck])

        after = self._written(record, params, marked)
        gone = ", ".join(_gone(record, after.found.releases))
        done = f"marked {params['version']} {params['state']}"
        return record, after, f"{done}, pruned {gone}" if gone else done

    def _run(self, kind: type[ReleaseError], module: str, **arguments: Any) -> dict[str, Any]:
        """The module's result; raises ``kind`` where it failed."""
        try:
            return self._modules.run(module, **arguments)
        except ModuleError as error:
            raise kind(f"{module.rpartition('.')[2]}: {error}") from None


def _require(record: Recorded, params: Mapping[str, Any]) -> None:
    if params["version"] not in record.found.releases:
        raise outcome.not_staged(params["version"], record.found)


def _gone(before: Recorded, releases: Mapping[str, Any]) -> list[str]:
    return sorted(set(before.found.releases) - set(releases))


def _same(path: str, other: str) -> bool:
    return ntpath.normcase(path.strip()).rstrip("\\") == ntpath.normcase(other).rstrip("\\")


def _said(text: str, url: str) -> tuple[str, str]:
    """What a module said with no URL's secrets in it; and the same without any URL."""
    shown = without_secrets(url)
    for written in (url, urllib.parse.unquote(url)):  # as it was given, and as .NET shows it
        text = text.replace(written, shown)
    return _URL.sub(lambda found: without_secrets(found[0]), text), _URL.sub("", text)


def _failed(error: ReleaseError) -> dict[str, Any]:
    return {"failed": True, "kind": error.kind, "msg": str(error)}


def _filled(word: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word
