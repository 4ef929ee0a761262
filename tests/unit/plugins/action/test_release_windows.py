# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases on a Windows host: over the real PSRP client against an emulated host, with a service that really runs.

What is decided is tested with nothing between: tests/unit/plugins/plugin_utils/test_windows_releases.py.
"""

from __future__ import annotations

import functools
import time
import urllib.request

import pytest

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
from tests.winlab import Drop, Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(1, connection="psrp", scheme="http", sites=True, folder=tmp_path_factory.mktemp("winlab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def secure_lab(tmp_path_factory):
    with Lab(1, scheme="https", folder=tmp_path_factory.mktemp("winlab-https")) as lab:
        yield lab


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    yield from store_fixture(tmp_path_factory.mktemp("store"))


@pytest.fixture
def artifact(store):
    return store.artifact


@pytest.fixture
def host(lab, port):
    host = lab.hosts[0]
    make_ready(host, port)
    yield host
    host.clear_hazards()


@pytest.fixture
def carry(play):
    """Runs tasks on the host that the variables reach; returns what each did."""

    def run(variables, *tasks, arguments=(), **more):
        windows = {"root": ROOT, "service": "shop", "executable": "shop.exe", **more}
        about = {"root": "/srv/shop", "windows": windows}
        given = [
            {name: {**about, **options} if "." in name else options for name, options in task.items()} for task in tasks
        ]
        return play(*given, arguments=list(arguments), variables=variables)[0]

    return run


@pytest.fixture
def shop(carry, lab, host):
    return functools.partial(carry, lab.variables(host))


def release(state, artifact, **given):
    return {"golden.fleet.release": {"state": state, **artifact, **given}}


INFO = {"golden.fleet.release_info": {}}


def answer(port, path="/version"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as told:
        return told.read().decode()


def arrive(host, artifact, *states, **given):
    """As earlier tasks would have left it."""
    told = [changed(Direct(host), WINDOWS, state, artifact, **given) for state in states]
    assert all(one["changed"] for one in told), told
    return told


def test_a_release_goes_all_its_way_and_back(shop, artifact, host, port):
    one, two = artifact("1.0.0"), artifact("1.1.0")
    staged, active, good, again = shop(
        release("staged", one),
        release("active", one, number=4),
        release("good", one, keep_good=2),
        release("active", one),
    )
    assert (staged["changed"], staged["releases"][0]["state"]) == (True, "staged")
    assert (active["changed"], active["active"], active["previous"]) == (True, "1.0.0", None)
    assert (good["changed"], state_of(good)) == (True, {"1.0.0": "good"})
    assert not again["changed"]
    assert answer(port) == "1.0.0"
    _staged, forward, back, info = shop(
        release("staged", two), release("active", two, number=5), release("active", one, number=6), INFO
    )
    assert (forward["active"], forward["previous"]) == ("1.1.0", "1.0.0")
    assert (back["active"], info["active"], info["activation_done"], info["number"]) == ("1.0.0", "1.0.0", True, 6)
    assert state_of(info) == {"1.0.0": "good", "1.1.0": "staged"}
    assert answer(port) == "1.0.0"


@pytest.mark.parametrize(("scheme", "connection"), [("http", "winrm"), ("https", "winrm"), ("https", "psrp")])
def test_whichever_way_leads_to_the_host(carry, artifact, lab, secure_lab, port, scheme, connection):
    """Beside psrp over HTTP with message encryption, which all other tests take."""
    place = secure_lab if scheme == "https" else lab
    make_ready(place.hosts[0], port)
    variables, one = place.variables(place.hosts[0], connection), artifact("1.0.0")
    one["url"] += "?signature=word"
    done = carry(variables, *[release(state, one) for state in ("staged", "active", "good")], INFO)
    assert [one["changed"] for one in done] == [True, True, True, False]
    assert done[-1]["active"] == answer(port) == "1.0.0"
    fetched = place.hosts[0].log.modules("ansible.windows.win_get_url")[-1]
    assert fetched.arguments == {"censored": "no_log"}, "nor has Windows' event log a signature"


def test_a_rollout_with_a_prune_takes_a_bounded_number_of_round_trips(shop, artifact, host):
    old = [artifact(version) for version in ("0.1.0", "0.2.0", "0.3.0")]
    for one in old:
        *_, pruning = arrive(host, one, "staged", "active", "good", keep_good=2)
    assert pruning["pruned"] == ["0.1.0"]
    assert [name.split("-")[0] for name in folders(host)] == ["0.1.0", "0.2.0", "0.3.0"]
    new, before = artifact("0.4.0"), len(host.log.modules())
    numbered = [release(state, new, keep_good=2, number=7) for state in ("staged", "active", "good")]
    shop(INFO, *numbered)
    assert [name.split("-")[0] for name in folders(host)] == ["0.2.0", "0.3.0", "0.4.0"]
    assert modules_since(host, before) == [
        *["win_reg_stat"],
        *["win_reg_stat", "setup", "win_file", "win_get_url", "win_unzip", "win_regedit"],
        *["win_reg_stat", "win_service", "win_regedit"],
        *["win_reg_stat", "win_regedit"],
    ]


def test_check_mode_tells_what_would_be_and_changes_nothing(shop, artifact, host):
    one = artifact("1.0.0")
    staged, active, good = shop(
        release("staged", one), release("active", one), release("good", one), arguments=["--check", "--diff"]
    )
    assert staged["changed"]
    assert staged["diff"]["after"]["releases"] == {"1.0.0": "staged"}
    assert active["changed"]
    assert active["diff"]["after"]["active"] == "1.0.0"
    assert good["changed"]
    assert folders(host) == []
    assert host.registry.find(KEY) is None


@pytest.mark.parametrize("at", ["win_get_url", "win_service"])
def test_a_connection_that_breaks_is_an_answer_and_the_same_step_goes_on(shop, artifact, host, port, at):
    one = artifact("1.0.0")
    host.set_hazards(drops=[Drop(at, after=True)])
    first = shop(release("staged", one), release("active", one))
    broken = first[0] if at == "win_get_url" else first[1]
    assert broken["unreachable_host"]
    assert broken["kind"] == "unreachable"
    host.clear_hazards()
    *_, info = shop(release("staged", one), release("active", one), INFO)
    assert (info["active"], info["activation_done"]) == ("1.0.0", True)
    assert answer(port) == "1.0.0"


def test_commands_run_in_the_release_and_are_ended_in_time(shop, artifact, host):
    place = {"tool.exe": "winlab-program\nrun: {rc: 0, stdout: done}\n"}
    bad = {"tool.exe": "winlab-program\nrun: {rc: 3, stderr: no licence}\n"}
    one, two = artifact("1.0.0", **place), artifact("1.1.0", **bad)
    tool = [["{release}\\tool.exe", "--for", "{version}"]]
    staged, active = shop(release("staged", one), release("active", one), prepare=tool, activate=tool)
    assert staged["changed"], staged
    assert active["changed"], active
    (failed,) = shop(release("staged", two), prepare=tool)
    assert failed["kind"] == "command"
    assert "no licence" in failed["msg"]
    assert len(folders(host)) == 1
    host.set_hazards(slow={"win_command": 3})
    (late,) = shop(release("staged", artifact("1.2.0", **place), prepare_timeout_seconds=1), prepare=tool)
    assert late["kind"] == "command"
    assert "was ended, with what it had started as far as taskkill finds it" in late["msg"]
    assert "the time limit of 1 s is over" in late["msg"]


def test_a_site_is_switched_by_its_folder_and_its_pool_starts_anew(shop, artifact, host, port):
    make_site(host, port)
    one, two = artifact("1.0.0"), artifact("1.1.0")
    given = {"service": "", "executable": "", "site": "shop", "folder": "wwwroot"}
    shop(release("staged", one), release("active", one), **given)
    assert answer(port, "/index.html") == "<p>1.0.0</p>"
    *_, info = shop(release("staged", two), release("active", two), INFO, **given)
    assert info["active"] == "1.1.0"
    assert answer(port, "/index.html") == "<p>1.1.0</p>"


@pytest.mark.parametrize(("connection", "limit"), [("psrp", None), ("winrm", None), ("psrp", 1)])
def test_a_switch_that_hangs_is_over_at_its_time_limit(carry, artifact, lab, host, port, connection, limit):
    """Or at Ansible's own for the task, where that comes first."""
    one, two = artifact("1.0.0"), artifact("1.1.0")
    variables = lab.variables(host, connection)
    arrive(host, one, "staged", "active")
    arrive(host, two, "staged")
    host.set_hazards(stop_hangs={"shop"})
    count, began = len(host.log.modules()), time.monotonic()
    switch = {**release("active", two, activate_timeout_seconds=2), **({"timeout": limit} if limit else {})}
    stuck, info = carry(variables, switch, INFO)
    assert time.monotonic() - began < 60
    assert (info["active"], answer(port)) == ("1.0.0", "1.0.0")
    if limit:
        assert "timed out" in stuck["msg"].lower(), stuck
        return
    assert (stuck["kind"], "gave no answer within 2 s" in stuck["msg"]) == ("stuck", True), stuck
    # Refused while it is pending: what is tried once more to stop it.
    wanted = ["win_reg_stat", "win_service_info", "win_service", "win_service", "win_reg_stat"]
    assert modules_since(host, count) == wanted
