from __future__ import annotations

import pathlib

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _contract
from ansible_collections.golden.fleet.plugins.plugin_utils._contract import ContractError
from ansible_collections.golden.fleet.plugins.plugin_utils._contract_across import clashes

RIGHT = """\
summary: Alpha
listen: {port: 8001}
health: {version_json: a.b}
pool: {domain: alpha.example, maintenance_port: 9000}
"""
ROLES = pathlib.Path(__file__).resolve().parents[4] / "roles"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "roles" / "alpha"
    folder.mkdir(parents=True)
    (folder / "contract.yml").write_text(RIGHT)
    return folder


def refused(folder, *args):
    with pytest.raises(ContractError) as error:
        _contract.load("alpha", folder, *args)
    return str(error.value)


def test_what_a_contract_says_beside_its_keys(folder):
    contract = _contract.load("alpha", folder, None, ["web1", "web2"])
    assert (contract["service"], contract["folder"]) == ("alpha", str(folder))
    assert contract["members"] == ["web1", "web2"]
    assert contract["release"]["root"] == "/srv/alpha"


def test_a_lease_outlasts_all_timeouts_of_a_change(folder):
    overrides = {
        "pool": {"drain_seconds": 10},
        "release": {"activate_timeout_seconds": 20},
        "health": {"timeout_seconds": 30},
        "gates": [{"name": "a", "command": ["x"], "timeout_seconds": 100}],
    }
    assert _contract.load("alpha", folder, overrides)["lease_seconds"] == 10 + 20 + 2 * 30 + 100 + 60
    assert _contract.load("alpha", folder, {"lease_seconds": 77})["lease_seconds"] == 77


def test_overrides_are_merged_key_by_key_and_lists_are_replaced(folder):
    gates = [{"name": "a", "command": ["x"]}]
    (folder / "contract.yml").write_text(RIGHT + "gates: [{name: z, command: [z]}, {name: y, command: [y]}]\n")
    contract = _contract.load("alpha", folder, {"pool": {"domain": "mine.example"}, "gates": gates})
    assert contract["pool"]["domain"] == "mine.example"
    assert contract["pool"]["maintenance_port"] == 9000
    assert [gate["name"] for gate in contract["gates"]] == ["a"]


def test_an_override_can_exchange_how_the_version_is_told(folder):
    contract = _contract.load("alpha", folder, {"health": {"version_json": None, "version_header": "X-Version"}})
    assert contract["health"]["version_json"] is None
    assert contract["health"]["version_header"] == "X-Version"


def test_anchors_of_yaml_can_be_used(folder):
    text = RIGHT.replace("{domain", "{<<: &common {window: 2}, domain")
    (folder / "contract.yml").write_text(text)
    assert _contract.load("alpha", folder)["pool"]["window"] == 2


def test_an_edited_file_is_read_again(folder):
    _contract.load("alpha", folder)
    (folder / "contract.yml").write_text(RIGHT.replace("alpha.example", "other.example"))
    assert _contract.load("alpha", folder)["pool"]["domain"] == "other.example"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            RIGHT + "helth: {}\n", "contract.yml: helth: there is no such key; did you mean health?", id="key"
        ),
        pytest.param("", "contract.yml: None is not a mapping", id="an empty file"),
        pytest.param("- a\n", "contract.yml: ['a'] is not a mapping", id="a list"),
        pytest.param(
            RIGHT + "listen: {port: 2}\n", "contract.yml: is not readable as YAML: the key listen", id="twice"
        ),
        pytest.param("a: [", "contract.yml: is not readable as YAML", id="broken YAML"),
        pytest.param("a: !vault x", "contract.yml: is not readable as YAML", id="a tag of Ansible's"),
        pytest.param("a: \x00", "contract.yml: is not readable as YAML", id="not a text"),
        pytest.param("? [a]\n: b", "contract.yml: ", id="a key that is a list"),
        pytest.param("&a {b: *a}", "contract.yml: ", id="a mapping that holds itself"),
    ],
)
def test_wrong_files_are_named(folder, text, says):
    (folder / "contract.yml").write_text(text)
    assert says in refused(folder)


def test_wrong_overrides_are_named_and_not_the_file(folder):
    assert refused(folder, {"pool": {"florr": 2}}) == (
        "variable alpha_contract: pool.florr: there is no such key; did you mean pool.floor?"
    )
    assert "variable alpha_contract: 7 is not a mapping" in refused(folder, 7)
    assert "variable alpha_contract: gates[0].command" in refused(folder, {"gates": [{"name": "x"}]})


def test_each_wrong_value_names_who_gave_it(folder):
    (folder / "contract.yml").write_text(RIGHT.replace("8001", "0"))
    first, second = refused(folder, {"pool": {"domain": "A"}}).splitlines()
    assert first.startswith(f"{folder}/contract.yml: listen.port: 0 is not")
    assert second.startswith("variable alpha_contract: pool.domain: 'A' is not")


def test_a_range_of_maintenance_ports_that_leaves_the_ports(folder):
    overrides = {"pool": {"maintenance_port": 65534}}
    assert _contract.load("alpha", folder, overrides, ["a", "b"])["members"] == ["a", "b"]
    assert "would end at port 65536" in refused(folder, overrides, ["a", "b", "c"])


def test_the_controllers_python_is_not_on_the_member(folder):
    gate = {"name": "smoke", "command": ["x", "--with={python}"]}
    assert _contract.load("alpha", folder, {"gates": [gate]})["gates"][0]["runs_on"] == "controller"
    says = "gates[0].command: {python} is the controller's, and this command runs_on: member"
    assert says in refused(folder, {"gates": [{**gate, "runs_on": "member"}]})


def test_two_gates_of_one_name(folder):
    gate = {"name": "smoke", "command": ["x"]}
    assert "gates[1].name: 'smoke' is the name of an earlier gate too" in refused(folder, {"gates": [gate, gate]})


def test_hosts_that_are_replaced_come_from_an_image_that_no_member_is_needed_for(folder):
    assert _contract.load("alpha", folder, {"rollout": "image"})["scale"]["keep_previous_minutes"] == 60
    asked = {"rollout": "image", "bake": {"from": "member"}}
    assert "variable alpha_contract: bake.from: an image is made before any member has its release" in refused(
        folder, asked
    )


def test_members_that_are_switched_at_once_have_slots_and_a_port_to_look_at_the_next_one(folder):
    asked = {"rollout": "atomic", "release": {"slots": True}, "listen": {"preview_port": 8091}}
    assert _contract.load("alpha", folder, asked)["rollout"] == "atomic"
    for without in ({"release": {"slots": False}}, {"listen": {"preview_port": 0}}):
        assert "rollout: atomic switches to a slot that was proven before" in refused(folder, {**asked, **without})
    assert "preview_port: is the port that customers reach" in refused(folder, {"listen": {"preview_port": 8001}})


def test_slots_and_what_waits_for_them(folder):
    assert "release.quiesce: is for services whose releases run from slots" in refused(
        folder, {"release": {"quiesce": [["wait"]]}}
    )
    windows = {"service": "Alpha", "executable": "alpha.exe"}
    said = refused(folder, {"release": {"slots": True}, "windows": windows, "artifact": {"format": "zip"}})
    assert "release.slots: releases don't run from slots on Windows hosts" in said
    plain = _contract.load("alpha", folder)["lease_seconds"]
    assert _contract.load("alpha", folder, {"release": {"slots": True}})["lease_seconds"] == plain + 60


def test_the_port_of_a_member_in_maintenance(folder):
    contract = _contract.load("alpha", folder, None, ["web1", "web2"])
    assert _contract.maintenance_port(contract, "web2") == 9001
    with pytest.raises(ContractError, match="web3 is no member of alpha, whose members are web1, web2"):
        _contract.maintenance_port(contract, "web3")


def test_the_first_place_with_a_contract_wins(tmp_path):
    for place in ("one", "two", "three"):
        (tmp_path / place / "alpha").mkdir(parents=True)
    for place in ("two", "three"):
        (tmp_path / place / "alpha" / "contract.yml").write_text(RIGHT)
    found = _contract.find("alpha", [tmp_path / "one", tmp_path / "two", tmp_path / "three"])
    assert found == tmp_path / "two" / "alpha"
    assert _contract.find("beta", [tmp_path / "two"]) is None


@pytest.mark.parametrize("name", ["", ".", "..", "../two/alpha", "/alpha"])
def test_a_name_is_no_way_to_another_folder(tmp_path, name):
    (tmp_path / "contract.yml").write_text(RIGHT)
    assert _contract.find(name, [tmp_path / "roles", tmp_path]) is None


def test_places_of_roles(tmp_path, monkeypatch):
    inventory = tmp_path / "inventories" / "lab"
    inventory.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    places = _contract.places(["/etc/roles"], str(tmp_path / "playbooks"), [str(inventory)])
    assert places[:2] == [pathlib.Path("/etc/roles"), tmp_path / "roles"]
    assert inventory / "roles" in places
    assert places[-1].name == "roles"
    assert len(places) == len(set(places))


def test_an_unknown_service_names_the_nearest():
    error = _contract.unknown_service("datasete", ["datasette", "swagger_ui"], [], group=False)
    assert "The services here are datasette, swagger_ui; did you mean datasette?" in str(error)
    assert "no service is named" in str(_contract.unknown_service("", ["datasette"], [], group=False))
    error = _contract.unknown_service("web", [], [pathlib.Path("/a/roles")], group=True)
    assert "none of these has web/contract.yml: /a/roles" in str(error)


def test_the_contracts_of_the_examples_are_right_and_go_together():
    services = {file.parent.name: file.parent for file in ROLES.glob("*/contract.yml")}
    members = [f"web{number}" for number in range(1, 7)]
    contracts = [_contract.load(service, folder, None, members) for service, folder in sorted(services.items())]
    assert clashes(contracts, all_share_a_host=True) == []
