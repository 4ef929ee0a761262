# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases on a Windows host: over the real PSRP client against an emulated host, with a service that really runs."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
import urllib.request
import zipfile

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._release.errors import BadInputError
from ansible_collections.golden.fleet.plugins.plugin_utils._windows_layout import switched

from tests.winlab import Drop, Lab
from tests.winlab.tests.direct import run

ROOT = "C:\\srv\\shop"
KEY = "HKLM:\\SOFTWARE\\golden.fleet"
SERVICE_KEY = "HKLM:\\SYSTEM\\CurrentControlSet\\Services\\shop"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


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
    """A folder that a web server serves, and the server's address."""
    folder = tmp_path_factory.mktemp("store")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=folder))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def artifact(store):
    """Makes the artifact of a version and returns what a task says of it."""
    folder, address = store

    def make(version, program="answers: {/version: [200, VERSION]}", **files):
        path = folder / f"shop-{version}.zip"
        text = f"winlab-program\nport: ${{PORT}}\n{program.replace('VERSION', version)}\n"
        with zipfile.ZipFile(path, "w") as packed:
            for name, content in {"shop.exe": text, "wwwroot/index.html": f"<p>{version}</p>", **files}.items():
                packed.writestr(name, content)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return {"version": version, "url": f"{address}/{path.name}", "sha256": sha256}

    return make


def make_ready(host, port):
    """As a runtime role leaves it: a service without a release."""
    host.clear_hazards()
    run(host, "win_service", {"name": "shop", "state": "absent"})
    run(host, "win_file", {"path": ROOT, "state": "absent"})
    run(host, "win_regedit", {"path": KEY, "state": "absent", "delete_key": True})
    run(host, "win_service", {"name": "shop", "path": f"{ROOT}\\none.exe", "start_mode": "auto"})
    environment = {"name": "Environment", "type": "multistring", "data": [f"PORT={port}"]}
    run(host, "win_regedit", {"path": SERVICE_KEY, **environment})


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
        given = [
            {name: {"root": "/srv/shop", "windows": windows, **options}}
            for task in tasks
            for name, options in task.items()
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


def folders(host):
    place = host.disk.real(f"{ROOT}\\releases")
    return sorted(path.name for path in place.iterdir()) if place.exists() else []


def modules_since(host, count):
    return [entry.name.rpartition(".")[2] for entry in host.log.modules()[count:]]


def state_of(info):
    return {one["version"]: one["state"] for one in info["releases"]}


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
    done = carry(variables, *[release(state, one) for state in ("staged", "active", "good")], INFO)
    assert [one["changed"] for one in done] == [True, True, True, False]
    assert done[-1]["active"] == answer(port) == "1.0.0"


def test_a_rollout_with_a_prune_takes_a_bounded_number_of_round_trips(shop, artifact, host):
    old = [artifact(version) for version in ("0.1.0", "0.2.0", "0.3.0")]
    tasks = [release(state, one, keep_good=2) for one in old for state in ("staged", "active", "good")]
    *_, pruning = shop(*tasks)
    assert pruning["pruned"] == ["0.1.0"]
    assert [name.split("-")[0] for name in folders(host)] == ["0.1.0", "0.2.0", "0.3.0"]
    new, before = artifact("0.4.0"), len(host.log.modules())
    shop(INFO, release("staged", new), release("active", new), release("good", new, keep_good=2))
    assert [name.split("-")[0] for name in folders(host)] == ["0.2.0", "0.3.0", "0.4.0"]
    assert modules_since(host, before) == [
        *["win_reg_stat"],
        *["win_reg_stat", "setup", "win_file", "win_get_url", "win_unzip", "win_regedit"],
        *["win_reg_stat", "win_regedit", "win_service", "win_regedit"],
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


def test_what_is_refused_before_anything_is_touched(shop, artifact, host, port):
    one, two = artifact("1.0.0"), artifact("1.1.0")
    shop(release("staged", one), release("active", one, number=7))
    count = len(host.log.modules())
    superseded, absent, another, large = shop(
        release("active", one, number=6),
        release("active", two),
        release("staged", {**two, "version": "1.0.0"}),
        release("staged", two, unpacked_bytes=2 << 30),
    )
    assert superseded["kind"] == "superseded"
    assert absent["kind"] == "not_staged"
    assert "1.0.0" in absent["msg"]
    assert another["kind"] == "checksum"
    assert large["kind"] == "archive"
    assert "2147483648" in large["msg"]
    assert set(modules_since(host, count)) == {"win_reg_stat"}
    host.set_hazards(reboot_pending=True)
    (pending,) = shop(release("staged", two))
    assert pending["kind"] == "reboot_pending"
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
    given = {"root": ROOT, "service": "shop", "executable": "shop.exe", **windows}
    with pytest.raises(BadInputError, match=wanted):
        switched(given)


def test_what_cannot_be_staged_leaves_nothing_behind(shop, artifact, host, port, store):
    one = artifact("1.0.0")
    shop(release("staged", one), release("active", one))
    kept = folders(host)
    outside = artifact("1.2.0", **{"../../evil.txt": "x"})
    long = artifact("1.3.0", **{"a" * 120 + "/" + "b" * 150: "x"})
    full = artifact("1.4.0")
    wrong, missing, hostile, deep, unprepared = shop(
        release("staged", {**artifact("1.1.0"), "sha256": "0" * 64}),
        release("staged", {**one, "version": "1.5.0", "url": one["url"] + ".none"}, retries=0),
        release("staged", outside),
        release("staged", long),
        release("staged", full),
        prepare=[["winlab-has-no-such.exe"]],
    )
    kinds = [one["kind"] for one in (wrong, missing, hostile, deep, unprepared)]
    assert kinds == ["checksum", "fetch", "archive", "archive", "command"]
    host.set_hazards(free_bytes=10)
    (filled,) = shop(release("staged", full))
    assert filled["failed"]
    assert folders(host) == kept
    assert answer(port) == "1.0.0"


def test_a_release_that_does_not_start_counts_as_begun_and_can_be_left(shop, artifact, port):
    one, broken = artifact("1.0.0"), artifact("1.1.0", "start_error: it is broken")
    *_, fails, info, back = shop(
        release("staged", one),
        release("active", one),
        release("staged", broken),
        release("active", broken),
        INFO,
        release("active", one),
    )
    assert fails["kind"] == "command"
    assert "does not start" in fails["msg"]
    assert (info["active"], info["activation_done"]) == ("1.1.0", False)
    assert back["changed"]
    assert back["active"] == "1.0.0"
    assert answer(port) == "1.0.0"


def test_a_service_that_does_not_stop_runs_on_as_what_it_was(shop, artifact, host, port):
    one, two = artifact("1.0.0"), artifact("1.1.0")
    shop(release("staged", one), release("active", one), release("staged", two))
    host.set_hazards(stop_failures={"shop": ""})
    stuck, info, again = shop(release("active", two), INFO, release("active", one))
    assert stuck["kind"] == "stuck"
    assert (info["active"], info["activation_done"], again["changed"]) == ("1.0.0", True, False)
    assert folders(host)[0] in host.services.find("shop").path
    assert answer(port) == "1.0.0"


def test_a_held_file_keeps_a_pruned_release_until_the_next_time(shop, artifact, host):
    some = [artifact(version) for version in ("0.1.0", "0.2.0", "0.3.0", "0.4.0")]
    shop(*[release(state, one, keep_good=2) for one in some[:3] for state in ("staged", "active", "good")])
    held = f"{ROOT}\\releases\\{folders(host)[0]}\\shop.exe"
    host.set_hazards(locked={held})
    staged, *_ = shop(release("staged", some[3]), release("active", some[3]), release("good", some[3], keep_good=2))
    assert staged["changed"]
    assert len(folders(host)) == 4
    host.clear_hazards()
    shop(release("staged", artifact("0.5.0")))
    assert [name.split("-")[0] for name in folders(host)] == ["0.3.0", "0.4.0", "0.5.0"]


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


def test_a_host_that_was_not_provisioned_is_not_given_a_service(shop, artifact, host):
    one = artifact("1.0.0")
    run(host, "win_service", {"name": "shop", "state": "absent"})
    _staged, refused = shop(release("staged", one), release("active", one))
    assert refused["kind"] == "bad_input"
    assert "provision" in refused["msg"]
    assert host.services.find("shop") is None


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
    host.set_hazards(slow={"win_command": 3})
    (late,) = shop(release("staged", artifact("1.2.0", **place), prepare_timeout_seconds=1), prepare=tool)
    assert late["kind"] == "command"
    assert "was ended, with all that it had started: the time limit of 1 s is over" in late["msg"]


def test_a_site_is_switched_by_its_folder_and_its_pool_starts_anew(shop, artifact, host, port):
    run(host, "win_feature", {"name": ["Web-Server"], "state": "present"})
    run(host, "web_app_pool", {"name": "shop", "state": "started"})
    run(host, "win_file", {"path": "C:\\empty", "state": "directory"})
    site = {"name": "shop", "physical_path": "C:\\empty", "application_pool": "shop"}
    bindings = {"set": [{"ip": "*", "port": port, "protocol": "http"}]}
    made = run(host, "website", {**site, "bindings": bindings})
    assert not made.get("failed"), made
    one, two = artifact("1.0.0"), artifact("1.1.0")
    given = {"service": "", "executable": "", "site": "shop", "folder": "wwwroot"}
    shop(release("staged", one), release("active", one), **given)
    assert answer(port, "/index.html") == "<p>1.0.0</p>"
    *_, info = shop(release("staged", two), release("active", two), INFO, **given)
    assert info["active"] == "1.1.0"
    assert answer(port, "/index.html") == "<p>1.1.0</p>"
