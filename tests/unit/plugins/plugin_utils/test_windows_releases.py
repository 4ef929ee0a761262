# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases on an emulated Windows host, with nothing between: what is decided, and what becomes of it."""

from __future__ import annotations

import functools
import json
import signal
import time
import urllib.error
import urllib.request

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import BadInputError
from ansible_collections.golden.fleet.plugins.plugin_utils import _windows_modules, _windows_releases
from ansible_collections.golden.fleet.plugins.plugin_utils._engine import UnreachableError
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_layout import recorded, switched
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_modules import OverdueError, WindowsModules
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_releases import WindowsReleases

from tests.unit.windows import (
    KEY,
    ROOT,
    WINDOWS,
    Direct,
    changed,
    folders,
    make_ready,
    make_site,
    modules_since,
    state_of,
    store_fixture,
)
from tests.winlab import Host
from tests.winlab.tests.direct import run

SITE = {"root": ROOT, "site": "shop", "folder": "wwwroot"}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    machine = Host(sites=True, folder=tmp_path_factory.mktemp("winlab"))
    yield machine
    machine.stop()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    yield from store_fixture(tmp_path_factory.mktemp("store"))


@pytest.fixture
def artifact(store):
    return store.artifact


@pytest.fixture
def host(machine, port):
    make_ready(machine, port)
    yield machine
    machine.clear_hazards()


@pytest.fixture
def change(host):
    """Brings a release to a state; returns what the task would be told."""

    def change(state, artifact, *, windows=WINDOWS, check=False, before=lambda name: None, **given):
        return changed(Direct(host, check, before), windows, state, artifact, **given)

    return change


@pytest.fixture
def running(change, artifact):
    """1.0.0 runs and 1.1.0 is staged."""
    one, two = artifact("1.0.0"), artifact("1.1.0")
    for state, release in (("staged", one), ("active", one), ("good", one), ("staged", two)):
        told = change(state, release)
        assert told["changed"], told
    return one, two


@pytest.fixture
def info(host):
    return lambda windows=WINDOWS: WindowsReleases(Direct(host), windows).info()


def answer(port, path="/version"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as told:
        return told.read().decode()


def record(host):
    key = host.registry.find(KEY)
    return json.loads(next(value.data for value in key.values.values())) if key else None


def write(host, told):
    run(host, "win_regedit", {"path": KEY, "name": ROOT, "data": json.dumps(told), "type": "string"})


def service(host):
    return run(host, "win_service_info", {"name": "shop"})["services"][0]


# What is refused


def test_what_is_refused_before_anything_is_touched(change, artifact, host, port):
    one, two = artifact("1.0.0"), artifact("1.1.0")
    change("staged", one)
    change("active", one, number=7)
    count = len(host.log.modules())
    superseded = change("active", one, number=6)
    absent = change("active", two)
    another = change("staged", {**two, "version": "1.0.0"})
    large = change("staged", two, unpacked_bytes=2 << 30)
    moment = change("active", one, at=1.0)
    assert superseded["kind"] == "superseded"
    assert absent["kind"] == "not_staged"
    assert "1.0.0" in absent["msg"]
    assert another["kind"] == "checksum"
    assert large["kind"] == "archive"
    assert "2147483648" in large["msg"]
    assert "at can't be used on a Windows host" in moment["msg"]
    assert set(modules_since(host, count)) == {"win_reg_stat"}
    host.set_hazards(reboot_pending=True)
    assert change("staged", two)["kind"] == "reboot_pending"
    assert answer(port) == "1.0.0"


@pytest.mark.parametrize(
    ("windows", "wanted"),
    [
        ({"service": None}, "exactly one of service and site"),
        ({"site": "shop"}, "exactly one of service and site"),
        ({"root": "srv"}, "absolute path"),
        ({"root": "C:\\srv\\..\\Windows"}, "absolute path"),
        ({"executable": "..\\cmd.exe"}, "inside the release"),
        ({"executable": ""}, "is missing"),
    ],
)
def test_bad_input_is_said_in_words(windows, wanted):
    with pytest.raises(BadInputError, match=wanted):
        switched({**WINDOWS, **windows})


def test_what_cannot_be_staged_leaves_nothing_behind(change, artifact, host, port):
    one = artifact("1.0.0")
    change("staged", one)
    change("active", one)
    kept = folders(host)
    full = artifact("1.4.0")
    for kind, wrong in {
        "checksum": {**artifact("1.1.0"), "sha256": "0" * 64},
        "fetch": {**one, "version": "1.5.0", "url": one["url"] + ".none"},
        "archive": artifact("1.2.0", **{"../../evil.txt": "x"}),
    }.items():
        assert change("staged", wrong)["kind"] == kind
    long = artifact("1.3.0", **{"a" * 120 + "/" + "b" * 150: "x"})
    assert change("staged", long)["kind"] == "archive"
    host.set_hazards(free_bytes=10)
    assert change("staged", full)["failed"]
    assert folders(host) == kept
    assert answer(port) == "1.0.0"


def test_check_mode_refuses_what_the_run_would_refuse(change, artifact, host, running):
    three = artifact("1.2.0")
    told = record(host)
    assert change("staged", {"version": "1.2.0", "src": "/x", "sha256": "0" * 64}, check=True)["kind"] == "bad_input"
    assert change("staged", three, unpacked_bytes=2 << 30, check=True)["kind"] == "archive"
    assert change("staged", three, check=True)["changed"]
    host.set_hazards(reboot_pending=True)
    assert change("staged", three, check=True)["kind"] == "reboot_pending"
    assert not change("staged", running[0], check=True)["changed"], "which is there, so nothing is in its way"
    assert change("active", three, check=True)["changed"], "an earlier task would have staged it"
    run(host, "win_service", {"name": "shop", "state": "absent"})
    for release in (*running, three):
        refused = change("active", release, check=True)
        assert (refused["kind"], "provision" in refused["msg"]) == ("bad_input", True)
    assert record(host) == told
    assert service_is_absent(host)


def service_is_absent(host):
    return host.services.find("shop") is None


def test_a_host_that_was_not_provisioned_is_not_given_a_service(change, artifact, host):
    one = artifact("1.0.0")
    run(host, "win_service", {"name": "shop", "state": "absent"})
    change("staged", one)
    refused = change("active", one)
    assert refused["kind"] == "bad_input"
    assert "provision" in refused["msg"]
    assert service_is_absent(host)


def test_a_service_that_somebody_removed_since_is_not_kept_as_the_module_makes_it(change, host, running, info):
    two = running[1]
    run(host, "win_service", {"name": "shop", "state": "absent"})
    for _again in range(2):
        refused = change("active", two)
        assert (refused["kind"], "provision" in refused["msg"]) == ("bad_input", True)
        assert service_is_absent(host)
    assert change("active", running[0])["kind"] == "bad_input"
    assert info()["active"] == "1.0.0"


@pytest.mark.parametrize(
    "name", ["a\\..\\..\\x", "a/../../x", "..", ".", "1.0-..", "1.0-abc.", "", "a b", "a:b", "a/b", "*", "\\x", "1.0\n"]
)
def test_the_record_can_have_nothing_removed_but_a_release(name):
    told = json.dumps({"struck": [f"{ROOT}\\releases\\{name}", f"{ROOT}\\releases\\1.0-0123456789ab", "C:\\Windows"]})
    assert recorded(told, ROOT).struck == [f"{ROOT}\\releases\\1.0-0123456789ab"]


# The record, and what is real


def test_what_is_there_already_is_looked_at(change, host, running):
    one = running[0]
    assert not change("active", one)["changed"]
    run(host, "win_service", {"name": "shop", "state": "stopped"})
    for check in (True, True, False):
        told = change("active", one, check=check)
        assert (told["changed"], told["diff"]["before"]["activation_done"]) == (True, False)
    assert service(host)["state"] == "started"
    run(host, "win_service", {"name": "shop", "path": f"{ROOT}\\none.exe"})
    assert change("active", one, check=True)["changed"]
    assert change("active", one)["changed"]
    assert not change("active", one)["changed"]


def test_a_controller_that_dies_before_its_switch_is_on_record(change, host, running, info, port):
    one, two = running

    def die(name):
        if name == "win_regedit":
            raise UnreachableError("win1", "gone")

    with pytest.raises(UnreachableError):
        change("active", two, before=die)
    assert (info()["active"], info()["activation_done"], answer(port)) == ("1.0.0", True, "1.1.0")
    assert change("active", one, check=True)["changed"]
    back = change("active", one)
    assert (back["changed"], back["active"], answer(port)) == (True, "1.0.0", "1.0.0")
    with pytest.raises(UnreachableError):
        change("active", two, before=die)
    forward = change("active", two)
    assert (forward["active"], forward["previous"], answer(port)) == ("1.1.0", "1.0.0", "1.1.0")


def test_a_switch_that_an_older_controller_only_began_is_done(change, host, running, info, port):
    told = record(host)
    begun = {"version": "1.1.0", "previous": "1.0.0", "started_at": "2026-01-01T00:00:00.000000Z", "done_at": None}
    write(host, {**told, "activation": begun})
    assert (info()["active"], info()["activation_done"]) == ("1.1.0", False)
    assert change("active", running[1], check=True)["changed"]
    done = change("active", running[1])
    assert (done["changed"], done["previous"], info()["activation_done"]) == (True, "1.0.0", True)
    assert answer(port) == "1.1.0"


def test_a_site_that_is_there_already_is_looked_at(change, artifact, host, port):
    make_site(host, port)
    one = artifact("1.0.0")
    again = functools.partial(change, "active", one, windows=SITE)
    change("staged", one, windows=SITE)
    assert again()["changed"]
    assert answer(port, "/index.html") == "<p>1.0.0</p>"
    assert not again()["changed"]
    run(host, "web_app_pool", {"name": "shop", "state": "stopped"})
    assert again(check=True)["changed"]
    assert again()["changed"]
    run(host, "website", {"name": "shop", "physical_path": "C:\\empty"})
    assert again()["changed"]
    assert not again()["changed"]
    run(host, "website", {"name": "shop", "state": "absent"})
    assert again()["kind"] == again(check=True)["kind"] == "bad_input"


# The fence


def test_a_controller_that_wakes_late_is_refused_even_where_its_successor_changed_nothing(change, host, running, port):
    one, two = running
    assert not change("active", one, number=6)["changed"]
    told = record(host)
    assert told["number"] == 6
    late = change("active", two, number=5)
    assert late["kind"] == "superseded"
    assert (record(host), answer(port)) == (told, "1.0.0")
    for number, (state, release) in enumerate((("staged", one), ("good", one), ("active", one)), 7):
        assert not change(state, release, number=number)["changed"]
        assert record(host)["number"] == number
    failed = change("staged", {**one, "version": "1.9.0", "url": one["url"] + ".none"}, number=10)
    assert (failed["kind"], record(host)["number"]) == ("fetch", 10)
    assert change("active", two, number=10, check=True)["changed"]


def test_the_fence_is_there_before_the_switch(change, host, running):
    seen = {}
    change("active", running[1], number=6, before=lambda name: seen.setdefault(name, record(host)))
    assert seen["win_service"]["number"] == 6


@pytest.fixture
def clock(monkeypatch):
    """``clock(20)`` has 20 seconds gone by."""
    gone = [0.0]
    real = time.time
    monkeypatch.setattr(_windows_releases.time, "time", lambda: real() + gone[0])
    return lambda seconds: gone.__setitem__(0, gone[0] + seconds)


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_fetch_during_which_another_came(change, artifact, host, running, clock, ends):
    one, three = running[0], artifact("1.2.0")
    url = three["url"] if ends == "well" else three["url"] + ".none"

    def sleep(name):
        if name == "win_get_url":
            clock(20)
            assert change("staged", three, number=6)["changed"]
            assert change("active", three, number=6)["changed"]
            seen.append(record(host))

    seen = []
    late = change("staged", {**three, "url": url}, number=5, before=sleep)
    assert late["kind"] == "superseded"
    assert record(host) == seen[0]
    assert service(host)["state"] == "started"
    assert any(name.startswith("1.2.0") for name in folders(host)), "which is what runs"
    assert change("active", one, number=5)["kind"] == "superseded"


def test_a_controller_that_slept_between_looking_and_switching(change, host, running, monkeypatch, port):
    one, two = running
    real, asked = time.time, []

    def now():
        asked.append(None)
        if len(asked) == 2:
            assert not change("active", one, number=6)["changed"]
        return real() + (20 if len(asked) > 1 else 0)

    monkeypatch.setattr(_windows_releases.time, "time", now)
    assert change("active", two, number=5)["kind"] == "superseded"
    assert (record(host)["number"], answer(port)) == (6, "1.0.0")


def test_a_switch_during_which_another_came(change, host, running, clock, port):
    one, two = running

    def sleep(name):
        if name == "win_service" and not seen:
            clock(20)
            seen.append(None)
            assert change("bad", two, number=6)["changed"]
            seen.append(record(host))

    seen = []
    late = change("active", two, number=5, before=sleep)
    assert late["kind"] == "superseded"
    assert record(host) == seen[1]
    # What it did all the same is undone by whoever came after it.
    assert change("active", one, number=6)["changed"]
    assert answer(port) == "1.0.0"


def test_what_another_wrote_meanwhile_is_kept(change, artifact, host, running, clock, info):
    """Without numbers, as by hand: none of them is refused, and none is lost."""
    three, four = artifact("1.2.0"), artifact("1.3.0")

    def sleep(name):
        if name == "win_get_url":
            clock(20)
            assert change("staged", four)["changed"]

    assert change("staged", three, before=sleep)["changed"]
    assert set(state_of(info())) == {"1.0.0", "1.1.0", "1.2.0", "1.3.0"}


# The service that doesn't


def test_a_release_that_does_not_start_can_be_left(change, artifact, host, running, info, port):
    broken = artifact("1.2.0", "start_error: it is broken")
    change("staged", broken)
    fails = change("active", broken)
    assert (fails["kind"], "does not start" in fails["msg"]) == ("command", True)
    assert (info()["active"], info()["activation_done"]) == ("1.0.0", True), "which is what was carried through last"
    back = change("active", running[0])
    assert (back["changed"], back["active"], answer(port)) == (True, "1.0.0", "1.0.0")


def test_a_release_that_windows_starts_again_and_again_does_not_start(change, host, running, info, port):
    """What a recovery action makes of a crash: it runs when we look, and can be stopped."""

    def recover(name):
        if name == "win_service_info":
            host.clear_hazards()
            run(host, "win_service", {"name": "shop", "state": "started"})

    host.set_hazards(start_failures={"shop": ""})
    fails = change("active", running[1], before=recover)
    assert fails["kind"] == "command"
    assert service(host)["state"] == "stopped"
    assert change("active", running[0])["changed"]
    assert answer(port) == "1.0.0"


def test_a_service_that_does_not_stop_runs_on_as_what_it_was(change, host, running, info, port):
    one, two = running
    host.set_hazards(stop_failures={"shop": ""})
    stuck, told = change("active", two), info()
    assert stuck["kind"] == "stuck"
    assert (told["active"], told["activation_done"], change("active", one)["changed"]) == ("1.0.0", True, False)
    assert "1.0.0-" in service(host)["path"]
    assert answer(port) == "1.0.0"


def test_a_service_that_hangs_while_it_stops(change, host, running, info, port):
    one, two = running
    host.set_hazards(stop_hangs={"shop"})
    began = time.monotonic()
    stuck = change("active", two, activate_timeout_seconds=0.5)
    assert time.monotonic() - began < 3
    assert (stuck["kind"], "stop_pending" in stuck["msg"]) == ("stuck", True)
    assert "1.0.0-" in service(host)["path"]
    assert change("active", one, activate_timeout_seconds=0.5)["kind"] == "stuck", "so it stays out"
    host.clear_hazards()
    assert change("active", one)["changed"]
    assert answer(port) == "1.0.0"


def test_a_release_that_hangs_while_it_starts(change, host, running, info, port):
    one, two = running
    host.set_hazards(start_hangs={"shop"})
    fails = change("active", two, activate_timeout_seconds=0.5)
    assert (fails["kind"], "hangs while it starts" in fails["msg"]) == ("command", True)
    assert "1.0.0-" in service(host)["path"]
    assert info()["active"] == "1.0.0"
    assert change("active", one, activate_timeout_seconds=0.5)["kind"] == "command"
    host.clear_hazards()
    assert change("active", one)["changed"]
    assert answer(port) == "1.0.0"


def test_a_held_file_keeps_a_pruned_release_until_the_next_time(change, artifact, host):
    some = [artifact(version) for version in ("0.1.0", "0.2.0", "0.3.0", "0.4.0")]
    for one in some[:3]:
        for state in ("staged", "active", "good"):
            change(state, one, keep_good=2)
    host.set_hazards(locked={f"{ROOT}\\releases\\{folders(host)[0]}\\shop.exe"})
    assert change("staged", some[3])["changed"]
    for state in ("active", "good"):
        change(state, some[3], keep_good=2)
    assert len(folders(host)) == 4
    host.clear_hazards()
    change("staged", artifact("0.5.0"))
    assert [name.split("-")[0] for name in folders(host)] == ["0.3.0", "0.4.0", "0.5.0"]


# Secrets


@pytest.mark.parametrize("ending", ["?signature=word", "?a=b%20word&c=d", ".none?signature=word"])
def test_a_url_is_told_without_its_secrets(host, artifact, store, ending):
    one = artifact("1.0.0")
    modules = Direct(host)
    told = changed(modules, WINDOWS, "staged", {**one, "url": one["url"] + ending, "sha256": "0" * 64})
    assert told["kind"] == ("fetch" if "none" in ending else "checksum")
    assert one["url"] in told["msg"]
    assert not any(secret in told["msg"] for secret in ("word", "signature", "?"))
    assert modules.quiet == ["ansible.windows.win_get_url"]


def test_what_has_no_secret_is_no_secret(host, artifact):
    one = artifact("1.0.0")
    for headers, quiet in (({}, []), ({"Token": "x"}, ["ansible.windows.win_get_url"])):
        modules = Direct(host)
        changed(modules, WINDOWS, "staged", {**one, "version": f"1.{len(headers)}"}, headers=headers)
        assert modules.quiet == quiet


def test_a_user_in_a_url_is_not_told():
    text = "Error downloading 'http://me:word@store/a' to 'C:\\x': see http://you:word@other/b?c=word."
    told, without = _windows_releases._said(text, "http://me:word@store/a")
    assert told.startswith("Error downloading 'http://store/a' to 'C:\\x': see http://other/b")
    assert "http" not in without
    assert "word" not in told + without


def test_a_url_with_the_word_checksum_in_it_is_tried_again(host, artifact, monkeypatch):
    monkeypatch.setattr(_windows_releases, "_RETRY_SECONDS", 0)
    one = artifact("1.0.0")
    url = one["url"].replace("shop-", "checksum-for-shop-did-not-match-")
    count = len(host.log.modules("ansible.windows.win_get_url"))
    assert changed(Direct(host), WINDOWS, "staged", {**one, "url": url}, retries=2)["kind"] == "fetch"
    assert len(host.log.modules("ansible.windows.win_get_url")) == count + 3


# What asks the host


class _Task:
    delegate_to = None
    async_val, environment, no_log, diff = 0, [], False, False


class _Action:
    """An action of Ansible's whose modules raise ``error``, or answer."""

    def __init__(self, error=None, seconds=0):
        self._task, self._error, self._seconds, self.seen = _Task(), error, seconds, []
        self._connection = self
        self.closed = 0

    def close(self):
        self.closed += 1

    def reset(self):
        pass

    def _execute_module(self, **_given):
        self.seen.append((self._task.no_log, self._task.diff))
        try:
            time.sleep(self._seconds)
        except Exception:
            pytest.fail("what lies between can catch it")
        finally:
            if self._seconds and self._error:
                raise self._error
        if self._error:
            raise self._error
        return {"changed": False}


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (AnsibleConnectionFailure("no route"), UnreachableError),
        (AnsibleError("winrm send_input failed; \nstdout: "), UnreachableError),
        (OSError("reset by peer"), UnreachableError),
        (AnsibleError("the module was not found in configured module paths"), AnsibleError),
    ],
)
def test_only_a_host_that_is_away_is_out_of_reach(error, raised):
    modules = WindowsModules(_Action(error), {"inventory_hostname": "win1"})
    with pytest.raises(raised):
        modules.run("ansible.windows.win_ping")


def test_what_a_call_wants_of_the_task_ends_with_it():
    action = _Action()
    modules = WindowsModules(action, {"inventory_hostname": "win1"})
    modules.run_quietly("ansible.windows.win_ping")
    modules.run_within(5, "ansible.windows.win_ping")
    modules.run("ansible.windows.win_ping")
    assert action.seen == [(True, False), (False, True), (False, False)]
    assert (action._task.no_log, action._task.environment) == (False, [])


@pytest.mark.parametrize("error", [None, OSError("the connection is in the middle of something")])
def test_a_module_without_an_answer_is_over_in_time_whatever_tidying_up_comes_to(error):
    action = _Action(error, seconds=20)
    began = time.monotonic()
    with pytest.raises(OverdueError, match=r"win_ping gave no answer within 0\.1 s"):
        WindowsModules(action, {"inventory_hostname": "win1"}).run_within(0.1, "ansible.windows.win_ping")
    assert time.monotonic() - began < 5
    assert action.closed == 1
    assert action._task.diff is False


@pytest.fixture
def limit():
    """As Ansible sets it for a task with a timeout; what it does is kept."""
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_signal: rung.append(True))
    yield rung
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_ansibles_own_limit_goes_on_after_ours(limit):
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with pytest.raises(_windows_modules._Rung), _windows_modules._alarm(0.1):
        time.sleep(20)
    assert not limit
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.3
    time.sleep(0.3)
    assert limit


def test_ansibles_own_limit_is_left_alone_where_it_is_shorter(limit):
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    with _windows_modules._alarm(5) as rung:
        time.sleep(0.3)
    assert limit
    assert not rung.is_set()
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
