from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils._contract_across import clashes


def contract(service, port=8001, domain=None, first=9000, root=None, members=("web1", "web2"), windows=None, preview=0):
    return {
        "service": service,
        "folder": f"/r/{service}",
        "members": list(members),
        "listen": {"port": port, "preview_port": preview},
        "pool": {"domain": domain or f"{service}.example", "maintenance_port": first},
        "release": {"root": root or f"/srv/{service}"},
        "windows": {"root": windows} if windows else {},
    }


def test_services_that_go_together():
    assert clashes([contract("a"), contract("b", port=8002, first=9002), contract("c", port=8003, first=9004)]) == []


@pytest.mark.parametrize(
    ("other", "says"),
    [
        pytest.param({"domain": "a.example"}, "pool.domain: both services have a.example", id="one domain"),
        pytest.param({"first": 9001}, "pool.maintenance_port: the ranges 9000-9001 and 9001-9002 overlap", id="ranges"),
        pytest.param({"first": 8999}, "the ranges 9000-9001 and 8999-9000 overlap", id="ranges, the other way"),
        pytest.param({"first": 9001, "members": []}, "9000-9001 and 9001-9001", id="a service without members"),
        pytest.param({"port": 8001}, "listen.port: both services have 8001, and both are on web1", id="one port"),
        pytest.param({"preview": 8001}, "listen: both services have 8001, and both are on web1", id="a preview"),
        pytest.param({"root": "/srv/a"}, "release.root: the folders /srv/a and /srv/a", id="one folder"),
        pytest.param({"root": "/srv/a/b"}, "release.root: the folders /srv/a and /srv/a/b", id="one folder in another"),
    ],
)
def test_services_that_clash(other, says):
    (line,) = clashes([contract("a"), contract("b", **{"port": 8002, "first": 9100, **other})])
    assert line.startswith("/r/a/contract.yml and /r/b/contract.yml: ")
    assert says in line
    assert "a_contract and b_contract" in line


def test_on_windows_case_makes_no_other_folder():
    one = contract("a", windows="C:\\srv\\shop")
    (line,) = clashes([one, contract("b", port=8002, first=9100, windows="c:\\SRV\\Shop\\b")])
    assert "windows.root: the folders c:\\srv\\shop and c:\\srv\\shop\\b" in line
    assert clashes([one, contract("b", port=8002, first=9100)]) == []


def test_a_folder_whose_name_only_begins_alike_is_another():
    assert clashes([contract("a"), contract("b", port=8002, first=9100, root="/srv/ab")]) == []


def test_one_port_on_hosts_of_their_own_is_no_clash():
    pair = [contract("a"), contract("b", first=9100, members=["web9"])]
    assert clashes(pair) == []
    assert "both are on the development host" in clashes(pair, all_share_a_host=True)[0]
