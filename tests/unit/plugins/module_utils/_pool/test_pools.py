# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members' pools through reloads, restarts and deaths of a real HAProxy."""

from __future__ import annotations

import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import yaml
from ansible_collections.golden.fleet.plugins.module_utils._pool import pools
from ansible_collections.golden.fleet.plugins.module_utils._pool.haproxy import BalancerError

from tests.unit.haproxy import Fleet, HAProxy, Load, wait_for

_ROLE = pathlib.Path(__file__).parents[5] / "roles" / "balancer"
OWNER = {"name": "ann@ctl", "machine": "m", "boot": "b", "pid": 1, "started": "1"}
MIXED = {"web1": "online", "web2": "maintenance", "web3": "online"}


@pytest.fixture
def mixed(fleet: Fleet) -> Fleet:
    """web2 is in the maintenance pool, the others are online."""
    fleet.open()
    fleet.on("lock", owner=OWNER, rollout="r", version="2", ttl=600)
    fleet.on("reserve", member="web2", number=1, floor=1, lease_seconds=60)
    fleet.on("drain", member="web2", number=1, seconds=2)
    assert fleet.pools() == MIXED
    return fleet


def restore(balancer: HAProxy) -> list[str]:
    return pools.restore(balancer.runtime, str(balancer.folder), str(balancer.config))


def _ignore(request: Callable[[], Any]) -> None:
    with suppress(http.client.HTTPException, OSError):
        request()


def test_they_survive_a_reload(mixed: Fleet) -> None:
    before = mixed.balancers["lb1"].runtime.process()
    mixed.balancers["lb1"].reload()
    assert mixed.balancers["lb1"].runtime.process() != before
    assert mixed.pools() == MIXED


def test_they_survive_a_kill(mixed: Fleet) -> None:
    lb1 = mixed.balancers["lb1"]
    lb1.kill()
    lb1.start()
    assert mixed.pools() == MIXED
    assert {lb1.get()[1] for _ in range(6)} == {"web1", "web3"}
    assert restore(lb1) == []


def test_they_come_back_from_the_records_where_haproxys_own_file_is_lost(mixed: Fleet) -> None:
    lb1 = mixed.balancers["lb1"]
    lb1.kill()
    (lb1.folder / "haproxy.state").write_text("1\nnonsense\n")
    lb1.start()
    assert set(mixed.pools().values()) == {"out"}
    moved = restore(lb1)
    assert sorted(moved) == ["shop/web1: online", "shop/web2: maintenance", "shop/web3: online"]
    assert mixed.pools() == MIXED
    lb1.kill()
    lb1.start()
    assert mixed.pools() == MIXED


def test_a_member_that_was_ill_when_its_state_was_saved_serves_after_a_restart(mixed: Fleet) -> None:
    """HAProxy takes it to be healthy, as its configuration has it disabled, until a check says otherwise."""
    lb1 = mixed.balancers["lb1"]
    mixed.members["web3"].healthy = False
    wait_for("web3 is down", lambda: mixed.pools()["web3"] == "down")
    pools.save(lb1.runtime, str(lb1.folder), str(lb1.config))
    lb1.kill()
    mixed.members["web3"].healthy = True
    mixed.contract["pool"]["check_seconds"] = 30
    lb1.configure(mixed.services())
    lb1.start()
    assert mixed.pools()["web3"] == "online"


def test_a_balancer_that_dies_while_a_member_drains_lets_it_drain_on(mixed: Fleet) -> None:
    """Killed before the state was saved, HAProxy comes back with the member online: the drain sees to that."""
    lb1 = mixed.balancers["lb1"]
    threading.Thread(target=_ignore, args=(lambda: lb1.get("/hold"),)).start()
    held = wait_for("a request is held", mixed.holder)
    state = (lb1.folder / "haproxy.state").read_bytes()
    mixed.on("reserve", member=held.name, number=1, floor=0, window=2, lease_seconds=60)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(mixed.on("drain", member=held.name, number=1, seconds=10)))
    thread.start()
    wait_for("it drains", lambda: mixed.pools()[held.name] == "draining")
    lb1.kill()
    (lb1.folder / "haproxy.state").write_bytes(state)
    lb1.start()
    thread.join()
    assert answers[0]["drained"] is True
    assert mixed.pools()[held.name] == "maintenance"


def test_a_changed_port_is_the_configurations_and_not_the_files(mixed: Fleet) -> None:
    lb1 = mixed.balancers["lb1"]
    mixed.contract["listen"]["port"] += 5
    lb1.configure(mixed.services())
    lb1.reload()
    assert f":{mixed.contract['listen']['port']}" in lb1.runtime.ask("show stat shop 4 -1")
    assert mixed.pools()["web2"] == "maintenance"


def test_members_and_services_come_and_go_without_a_failed_request(mixed: Fleet) -> None:
    lb1 = mixed.balancers["lb1"]
    other = {**mixed.contract, "service": "other", "pool": {**mixed.contract["pool"], "domain": "other.test"}}
    other["pool"]["maintenance_port"] += 20
    with Load(lb1) as load:
        lb1.configure([*mixed.services(web0=mixed.members["web1"].address), {"contract": other, "members": []}])
        lb1.reload()
        assert mixed.pools() == {**MIXED, "web0": "out"}
        lb1.configure(mixed.services(without="web1"))
        lb1.reload()
        assert mixed.pools() == {"web2": "maintenance", "web3": "online"}
        lb1.configure(mixed.services())
        lb1.reload()
        # It was away, so it is new: nobody has gated it.
        assert mixed.pools() == {**MIXED, "web1": "out"}
        assert "web1" not in lb1.record()["members"]
        wait_for("many answers", lambda: sum(load.answers.values()) > 300)
    assert load.failures == []
    assert set(load.answers) == {"web1", "web3"}


def test_a_member_that_stops_answering_costs_no_request(mixed: Fleet) -> None:
    lb1 = mixed.balancers["lb1"]
    with Load(lb1) as load:
        mixed.members["web3"].stop()
        wait_for("web3 is down", lambda: mixed.pools()["web3"] == "down")
    assert load.failures == []


def test_nobody_but_operations_reaches_the_maintenance_ports(mixed: Fleet) -> None:
    lb1 = mixed.balancers["lb1"]
    lb1.configure(mixed.services(), balancer_operations_addresses=["192.0.2.0/24"])
    lb1.reload()
    with pytest.raises(OSError):  # noqa: PT011  # reset or closed, as the kernel has it
        lb1.get(port=mixed.maintenance_port + 1)
    lb1.configure(mixed.services(), balancer_operations_addresses=[])
    lb1.reload()
    with pytest.raises(OSError):  # noqa: PT011
        lb1.get(port=mixed.maintenance_port + 1)


@pytest.mark.parametrize(
    ("host", "status"),
    [("shop.test", 200), ("SHOP.test:8080", 200), ("else.test", 404), ("", 404)],
)
def test_customers_reach_a_service_by_its_domain_alone(mixed: Fleet, host: str, status: int) -> None:
    assert mixed.balancers["lb1"].get(host=host)[0] == status


def test_only_root_may_use_the_admin_socket(mixed: Fleet) -> None:
    assert pathlib.Path(mixed.balancers["lb1"].places["socket"]).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(b"", "in the middle of its answer: ''", id="nothing"),
        pytest.param(
            b"HTTP/1.1 400 Bad Request\r\n\r\n", "its answer: 'HTTP/1.1 400 Bad Request'", id="another protocol"
        ),
        pytest.param(b"# pxname,svname,\nshop,web1,\n", "in the middle of its answer: '# px", id="half a table"),
        pytest.param(b"\xff\xfe\x00" * 50, "in the middle of its answer: '", id="binary"),
        pytest.param(b"\xff\xfe\x00" * 50 + b"\n", "answered nonsense to 'show stat shop 4 -1'", id="a line of it"),
    ],
)
def test_a_balancer_that_answers_nonsense_is_an_error_that_shows_it(fleet: Fleet, answer: bytes, said: str) -> None:
    path = str(fleet.balancers["lb1"].folder / "other.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        server.settimeout(5)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client = server.accept()[0]
                    client.recv(1000)
                    client.sendall(answer)
                    client.close()

        threading.Thread(target=serve, daemon=True).start()
        seen = fleet.on("info", socket=path, patience_seconds=0.2)
        assert seen["failed"] is True
        assert said in seen["msg"]


def test_of_commands_in_one_line_all_are_carried_out_but_the_one_that_is_refused(mixed: Fleet) -> None:
    names = ["web1", "nobody", "web3"]
    with pytest.raises(BalancerError, match="drain' or what follows: No such server"):
        mixed.balancers["lb1"].runtime.tell(*(f"set server shop/{name} state drain" for name in names))
    assert mixed.pools() == {**MIXED, "web1": "draining", "web3": "draining"}


def test_the_command_on_the_balancer_has_all_the_files_that_it_needs(mixed: Fleet) -> None:
    """Installed as the role does it, and run as systemd does."""
    lb1 = mixed.balancers["lb1"]
    library = lb1.folder / "lib" / "module_utils"
    variables = yaml.safe_load((_ROLE / "vars" / "main.yml").read_text())
    for source in variables["__balancer_sources"]:
        (library / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_ROLE.parents[1] / "plugins" / "module_utils" / source, library / source)
    script = (_ROLE / "templates" / "golden-fleet-balancer.j2").read_text()
    for name, value in {
        "(__balancer_library | dirname) | to_json": str(library.parent),
        "balancer_state_dir | to_json": str(lb1.folder),
        "ansible_managed": "a test",
    }.items():
        script = script.replace("{{ " + name + " }}", json.dumps(value))
    command = [sys.executable, "-IS", "-c", script]
    assert subprocess.run(command, capture_output=True).returncode == 2
    said = subprocess.run([*command, "save", "more"], capture_output=True, text=True).stderr
    assert said == "golden-fleet-balancer save | restore | reload PID\n"
