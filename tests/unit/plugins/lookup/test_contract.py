"""The lookups in real runs of Ansible, from a user's repository whose services lie in its own roles folder."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

COLLECTIONS = pathlib.Path(__file__).resolve().parents[4] / "collections"
CONTRACT = """\
summary: "{name} {{{{ nothing }}}}"
listen: {{port: {port}}}
health: {{version_json: a.b}}
pool: {{domain: {name}.example, maintenance_port: {port}}}
"""
HOSTS = """\
all:
  hosts: {web1: {}, web2: {}}
  vars: {ansible_connection: local}
  children:
    alpha: {hosts: {web1: {}, web2: {}}}
    beta: {hosts: {web2: {}}}
    balancers: {hosts: {lb1: {}}}
"""


@pytest.fixture
def repository(tmp_path):
    for name, port in (("alpha", 9000), ("beta", 9100)):
        (tmp_path / "roles" / name).mkdir(parents=True)
        (tmp_path / "roles" / name / "contract.yml").write_text(CONTRACT.format(name=name, port=port))
    (tmp_path / "inventories" / "lab" / "group_vars" / "all").mkdir(parents=True)
    (tmp_path / "inventories" / "lab" / "hosts.yml").write_text(HOSTS)
    (tmp_path / "password").write_text("of the test\n")
    return tmp_path


def override(repository: pathlib.Path, text: str, group: str = "all") -> None:
    folder = repository / "inventories" / "lab" / "group_vars" / group
    folder.mkdir(exist_ok=True)
    (folder / "services.yml").write_text(text)


def ask(repository: pathlib.Path, expression: str, host: str = "localhost", cwd: pathlib.Path | None = None) -> dict:
    """What `debug` says of the expression on one host."""
    command = [
        pathlib.Path(sys.executable).with_name("ansible"),
        *("-i", repository / "inventories" / "lab", "--vault-password-file", repository / "password"),
        *("-m", "ansible.builtin.debug", "-a", f"msg={{{{ {expression} }}}}", host),
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(repository), "LC_ALL": "C.UTF-8"}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}
    environment |= {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal", "ANSIBLE_NOCOLOR": "1"}
    ran = subprocess.run(command, cwd=cwd or repository, env=environment, capture_output=True, text=True, timeout=60)
    text = ran.stdout[ran.stdout.find("{") :]
    return json.loads(text) if ran.returncode == 0 else {"failed": ran.stdout + ran.stderr}


def test_templates_and_vaulted_values_of_the_environment_are_rendered_and_the_file_is_left_alone(repository):
    secret = VaultLib([("default", VaultSecret(b"of the test"))]).encrypt("vaulted.example").decode()
    vaulted = "\n".join(f"      {line}" for line in secret.splitlines())
    override(
        repository,
        f'base: 9300\nalpha_contract:\n  pool:\n    maintenance_port: "{{{{ base + 7 }}}}"\n'
        f"    domain: !vault |\n{vaulted}\n",
    )
    contract = ask(repository, "lookup('golden.fleet.contract', 'alpha')")["msg"]
    assert contract["pool"]["maintenance_port"] == 9307
    assert contract["pool"]["domain"] == "vaulted.example"
    assert contract["summary"] == "alpha {{ nothing }}"
    assert contract["members"] == ["web1", "web2"]
    assert contract["folder"] == str(repository / "roles" / "alpha")


def test_services_are_found_from_another_folder_and_on_a_member(repository, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    expression = "lookup('golden.fleet.contracts') | map(attribute='service')"
    assert ask(repository, expression, host="web1", cwd=elsewhere)["msg"] == ["alpha", "beta"]


def test_the_list_of_one_service_is_a_list(repository):
    (repository / "roles" / "beta" / "contract.yml").unlink()
    expression = "lookup('golden.fleet.contracts') | map(attribute='service')"
    assert ask(repository, expression)["msg"] == ["alpha"]


def test_the_port_of_a_member(repository):
    expression = "lookup('golden.fleet.contract', 'alpha') | golden.fleet.maintenance_port('web2')"
    assert ask(repository, expression)["msg"] == 9001


def test_services_that_clash_are_refused(repository):
    override(repository, "beta_contract: {pool: {domain: alpha.example}}")
    assert "both services have alpha.example" in ask(repository, "lookup('golden.fleet.contracts')")["failed"]


def test_an_unknown_service_names_those_there_are(repository):
    said = ask(repository, "lookup('golden.fleet.contract', 'alpah')")["failed"]
    assert "The services here are alpha, beta; did you mean alpha?" in " ".join(said.split())


def test_an_override_that_only_members_see_is_refused(repository):
    override(repository, "alpha_contract: {pool: {domain: mine.example}}", group="alpha")
    said = ask(repository, "lookup('golden.fleet.contract', 'alpha')")["failed"]
    assert "It belongs in group_vars/all of the environment" in " ".join(said.split())
