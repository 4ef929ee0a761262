# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab's hosts out of its sizes, and its inventory out of its hosts."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils._lab import (
    lab_hosts,
    lab_inventory,
    lab_services,
    last_addresses,
    windows_services,
)


def test_default_sizes() -> None:
    sizes = {"balancers": 2, "webs": 3, "stores": 1, "developments": 1}
    hosts = lab_hosts(sizes, zones=["a", "b"], services=["datasette", "swagger_ui"])
    assert [(host["name"], host["groups"], host["vars"]["zone"]) for host in hosts] == [
        ("lb1", ["balancers"], "a"),
        ("lb2", ["balancers"], "b"),
        ("web1", ["datasette", "swagger_ui"], "a"),
        ("web2", ["datasette", "swagger_ui"], "b"),
        ("web3", ["datasette", "swagger_ui"], "a"),
        ("store1", ["artifact_stores"], "a"),
        ("dev1", ["development"], "a"),
    ]


def test_extra_hosts() -> None:
    hosts = lab_hosts({"webs": 0}, zones=["a"], services=[], extra=[{"name": "db1", "vars": {"zone": "a"}}])
    assert hosts == [{"name": "db1", "groups": [], "vars": {"zone": "a"}}]


@pytest.mark.parametrize(
    ("zones", "extra", "message"),
    [
        pytest.param([], [], "at least one zone", id="no zone"),
        pytest.param(["a"], [{"name": "web1"}], "the same name: web1", id="an extra host named as another"),
    ],
)
def test_bad_sizes(zones: list[str], extra: list[dict[str, str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lab_hosts({"webs": 1}, zones=zones, services=[], extra=extra)


def test_inventory() -> None:
    hosts = lab_hosts({"webs": 1, "stores": 1}, zones=["a"], services=["datasette"])
    launched = {
        "hosts": [{"name": "web1", "address": "10.89.0.10"}, {"name": "store1", "address": "10.89.0.11"}],
        "connection": {"ansible_user": "operator"},
        "operations_addresses": ["10.89.0.1/32"],
    }
    assert lab_inventory(hosts, launched) == {
        "all": {
            "vars": {"operations_addresses": ["10.89.0.1/32"], "artifact_store_url": "http://10.89.0.11"},
            "children": {
                "linux": {
                    "hosts": {
                        "web1": {"ansible_host": "10.89.0.10", "zone": "a"},
                        "store1": {"ansible_host": "10.89.0.11", "zone": "a"},
                    },
                    "vars": {"ansible_user": "operator"},
                },
                "datasette": {"hosts": {"web1": {}}},
                "artifact_stores": {"hosts": {"store1": {}}},
            },
        }
    }


def test_services_beside_an_inventory_that_is_not_there_yet(tmp_path: pathlib.Path) -> None:
    for name, file in (("billing", "contract.yml"), ("base", "tasks.yml")):
        (tmp_path / "roles" / name).mkdir(parents=True)
        (tmp_path / "roles" / name / file).touch()
    found = lab_services([str(tmp_path / "inventories" / "lab" / "hosts.yml")], None)
    assert "billing" in found
    assert "base" not in found


def test_windows_hosts_are_in_the_services_that_can_be_on_them_and_come_first_there() -> None:
    hosts = lab_hosts(
        {"webs": 1, "windows": 2}, zones=["a", "b"], services=["datasette", "orders"], on_windows=["orders"]
    )
    assert hosts == [
        {"name": "win1", "groups": ["orders"], "vars": {"zone": "a"}, "windows": True},
        {"name": "win2", "groups": ["orders"], "vars": {"zone": "b"}, "windows": True},
        {"name": "web1", "groups": ["datasette", "orders"], "vars": {"zone": "a"}},
    ]
    linux = {"hosts": [{"name": "web1", "address": "10.89.0.10"}], "connection": {"ansible_user": "operator"}}
    windows = {"hosts": [{"name": "win1", "address": "10.89.3.254"}, {"name": "win2", "address": "10.89.3.253"}]}
    windows["connection"] = {"ansible_connection": "psrp"}
    children = lab_inventory(hosts, {**linux, "operations_addresses": []}, windows)["all"]["children"]
    assert children["linux"] == {
        "hosts": {"web1": {"ansible_host": "10.89.0.10", "zone": "a"}},
        "vars": {"ansible_user": "operator"},
    }
    assert children["windows"] == {
        "hosts": {
            "win1": {"ansible_host": "10.89.3.254", "zone": "a"},
            "win2": {"ansible_host": "10.89.3.253", "zone": "b"},
        },
        "vars": {"ansible_connection": "psrp"},
    }
    assert list(children["orders"]["hosts"]) == ["win1", "win2", "web1"]


def test_the_last_addresses_of_a_network() -> None:
    assert last_addresses("10.89.8.0/22", 2) == ["10.89.11.254", "10.89.11.253"]
    assert last_addresses("", 0) == []
    with pytest.raises(ValueError, match="no room for 14"):
        last_addresses("10.89.8.0/28", 14)


def test_services_that_can_be_on_windows_hosts_say_so(tmp_path: pathlib.Path) -> None:
    for name, text in (("billing", "windows: {site: billing}"), ("mail", "summary: Mail"), ("empty", "")):
        (tmp_path / "roles" / name).mkdir(parents=True)
        (tmp_path / "roles" / name / "contract.yml").write_text(text)
    sources = [str(tmp_path / "inventories" / "lab" / "hosts.yml")]
    assert windows_services(["mail", "billing", "empty", "nowhere"], sources, None) == ["billing"]
