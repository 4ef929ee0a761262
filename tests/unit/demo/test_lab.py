# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import subprocess
import sys

import pytest

from demo.lab import CHECKOUT, Host, Lab, LabError, Service
from demo.records import Target

HOSTS = """
all:
  vars:
    ansible_user: operator
    ansible_ssh_private_key_file: "{{ inventory_dir }}/key"
    ansible_ssh_common_args: -o UserKnownHostsFile="/keys/known hosts"
    web_contract: {pool: {floor: 3}}
  children:
    balancers:
      hosts: {lb1: {ansible_host: 10.0.0.1, fleet_state_dir: /state}}
    web:
      children: {web_a: {hosts: {web1: {}, web3: {}}}, web_b: {hosts: {web2: {}}}}
    without_contract:
      hosts: {web1: {}}
"""
CONTRACT = """
listen: {port: 80}
artifact: {versions: ["1.0", "1.1"]}
health: {path: /version, version_json: app.version}
pool: {domain: web.test, floor: 60%, maintenance_port: 18100}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    tmp_path = tmp_path_factory.mktemp("lab")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/hosts.yml").write_text(HOSTS)
    (tmp_path / "roles/web").mkdir(parents=True)
    (tmp_path / "roles/web/contract.yml").write_text(CONTRACT)
    read = Lab.read(tmp_path / "lab")
    return Lab(read.inventory, read.listing, tmp_path / "roles")


def test_services_are_the_groups_that_have_a_contract(lab):
    (service,) = lab.services.values()
    assert (service.name, service.members) == ("web", ("web1", "web3", "web2"))
    assert service.versions == ["1.0", "1.1"]
    assert service.target() == Target("web", "web.test", "/version", {"json": "app.version"})


def test_the_environment_overrides_single_values(lab):
    assert lab.services["web"].floor == 3
    assert lab.services["web"].contract["pool"]["domain"] == "web.test"


def test_a_balancer_is_reached_as_the_inventory_says(lab):
    (balancer,) = lab.balancers
    command = balancer.command("echo", "a b")
    assert command[0] == "ssh"
    assert command[-2:] == ["10.0.0.1", "sudo -n echo 'a b'"]
    joined = " ".join(command)
    assert f"-i {lab.inventory}/key -l operator" in joined
    assert "UserKnownHostsFile=/keys/known hosts" in command
    assert lab.variable("fleet_state_dir") == "/state"


def test_files_of_a_host_are_read_one_after_the_other(tmp_path):
    (tmp_path / "a").write_text("1\n")
    (tmp_path / "b").write_text("2\n")
    here = Host("here", {"ansible_connection": "local", "ansible_become": False})
    assert here.read(f"{tmp_path}/a", f"{tmp_path}/none", f"{tmp_path}/b") == "1\n2\n"
    with pytest.raises(LabError, match="here: "):
        here.read(str(tmp_path))


def test_an_inventory_that_is_none_is_said(tmp_path):
    (tmp_path / "hosts.yml").write_text("all: [")
    with pytest.raises(LabError):
        Lab.read(tmp_path / "nowhere" / "hosts.yml")


@pytest.mark.parametrize(
    ("pool", "floor"),
    [
        pytest.param({"floor": 4}, 4, id="a count"),
        pytest.param({"floor": "60%"}, 4, id="a percentage rounds up"),
        pytest.param({}, 3, id="half of them where the contract says nothing"),
    ],
)
def test_floors(pool, floor):
    assert Service("web", {"pool": pool}, tuple("abcdef")).floor == floor


def test_no_ansible_is_needed():
    program = "import sys, demo.demo; sys.exit(any(name.split('.')[0] == 'ansible' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, check=False).returncode == 0
