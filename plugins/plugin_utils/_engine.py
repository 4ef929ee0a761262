# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs one of the collection's engines on a host, in one round trip.

An engine is a package below ``module_utils`` that needs nothing but Python's standard library. A module's usual
wrapping costs about four times what a plain command costs, so the engine's sources and its input travel together
on the standard input of one plain ``python3``: nothing is installed on the host, no version can differ from the
controller's, and no input is seen in a process list. Why: docs/decisions/engines.md.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import shlex
import tempfile
import uuid
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.loader import become_loader, connection_loader

_UTILS = pathlib.Path(__file__).resolve().parent.parent / "module_utils"
_UTILS_PACKAGE = "ansible_collections.golden.fleet.plugins.module_utils"
_MARK = "golden.fleet:"

# Runs on the host: imports the engine from the sources on standard input, and answers with one marked line. Twenty
# hosts on one machine showed that collecting garbage during the imports and tidying up at the end took 6 of 29 ms.
_LOADER = """
import gc,json,os,sys
gc.disable()
from importlib.machinery import ModuleSpec
given=json.load(sys.stdin)
class Sent:
    def find_spec(self,name,path=None,target=None):
        if name in given["sources"] or any(n.startswith(name+".") for n in given["sources"]):
            return ModuleSpec(name,self,is_package=name not in given["sources"] or name in given["packages"])
    def create_module(self,spec): return None
    def exec_module(self,module):
        exec(compile(given["sources"].get(module.__name__,""),module.__name__,"exec"),module.__dict__)
sys.meta_path.insert(0,Sent())
engine=__import__(given["entry"],fromlist=["main"])
gc.enable()
answer=engine.main(given["params"])
sys.stdout.write("\\n"+given["mark"]+json.dumps(answer)+"\\n")
sys.stdout.flush()
os._exit(0)
"""
_BOOT = 'import sys;exec(sys.stdin.readline().encode().decode("unicode_escape"))'


class HostError(Exception):
    """A host can't be reached, or what it answered is no answer of an engine. Names the host."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__(f"{host}: {message}")
        self.host = host


class UnreachableError(HostError):
    """No connection could be made, or it broke: another try may succeed."""


def _sources(engine: str) -> tuple[dict[str, str], list[str]]:
    """The sources of ``module_utils/<engine>/`` and of the ``_*.py`` files beside it, by their full module names."""
    files = [*sorted((_UTILS / engine).glob("*.py")), *sorted(_UTILS.glob("_*.py"))]
    sources: dict[str, str] = {}
    packages = []
    for file in files:
        parts = file.relative_to(_UTILS).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
            packages.append(".".join([_UTILS_PACKAGE, *parts]))
        if parts:
            sources[".".join([_UTILS_PACKAGE, *parts])] = file.read_text(encoding="utf-8")
    return sources, packages


@functools.cache
def load(engine: str) -> str:
    """All of a program but its input, as JSON that is open at its end.

    Ansible forks a process for each host, with what has been loaded until then: an action that calls this as it is
    imported spares each of them 2 ms.
    """
    sources, packages = _sources(engine)
    entry = f"{_UTILS_PACKAGE}.{engine}.engine"
    given = {"sources": sources, "packages": packages, "entry": entry, "mark": _MARK}
    return json.dumps(given).removesuffix("}")


def _program(engine: str, params: dict[str, Any]) -> bytes:
    """What goes to the standard input of ``python3 -c _BOOT``: the loader on one line, then one JSON document."""
    loader = _LOADER.encode("unicode_escape").decode("ascii")
    return f'{loader}\n{load(engine)}, "params": {json.dumps(params)}}}\n'.encode()


def _answer(host: str, status: int, stdout: str, stderr: str) -> dict[str, Any]:
    """The engine's answer out of what the command printed; anything else is an error that shows what was seen."""
    for line in reversed(stdout.splitlines()):
        if line.startswith(_MARK):
            answer = json.loads(line[len(_MARK) :])
            if isinstance(answer, dict):
                return answer
    seen = (stderr.strip() or stdout.strip() or "nothing").splitlines()[-3:]
    raise HostError(host, f"python3 ended with status {status} and no answer; last seen: {' | '.join(seen)}")


def connect(action: Any, task_vars: dict[str, Any], host: str) -> Any:
    """A connection to ``host`` of the inventory with that host's own connection and become variables.

    This is what ``delegate_to`` does for one host, for as many hosts in one task as the task wants; unlike there,
    a host that can't be reached is an error to handle and not the end of the member that the task is about.
    """
    hostvars = task_vars["hostvars"]
    if host == task_vars.get("inventory_hostname") and action._connection is not None:
        return action._connection
    if host not in hostvars:
        raise HostError(host, "is not in the inventory")
    variables = dict(hostvars[host])
    variables.setdefault("ansible_host", host)
    return connection_by(action, variables, host)


def connection_by(action: Any, variables: dict[str, Any], host: str) -> Any:
    """A connection to a host by the variables that lead to it, whether or not the inventory has it."""
    context = action._play_context.copy()
    context.remote_addr = variables["ansible_host"]
    context.shell = variables.get("ansible_shell_type")  # the member's own is another one where that is a Windows host
    name = variables.get("ansible_connection", "ssh")
    connection = connection_loader.get(name, context, os.devnull)
    if connection is None:
        raise HostError(host, f"there is no connection plugin {name}")
    connection.set_options(var_options=variables)
    if variables.get("ansible_become", True):
        become = become_loader.get(variables.get("ansible_become_method", "sudo"))
        become.set_options(var_options=variables, direct={"become_user": variables.get("ansible_become_user", "root")})
        connection.set_become_plugin(become)
    context.set_attributes_from_plugin(connection)
    return connection


def run(connection: Any, host: str, engine: str, params: dict[str, Any], python: str = "/usr/bin/python3") -> dict:
    """Runs ``engine`` on the host behind ``connection``; returns its answer.

    Raises HostError where the host can't be reached or the answer is none.
    """
    command = f"{python} -I -S -c '{_BOOT}'"
    shell = connection._shell
    if connection.become is not None:
        command = connection.become.build_become_command(command, shell)
    try:
        status, stdout, stderr = _exchange(connection, command, _program(engine, params))
    except (AnsibleConnectionFailure, AnsibleError) as error:
        raise UnreachableError(host, f"can't be reached: {' '.join(str(error).split())}") from error
    return _answer(host, status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def _exchange(connection: Any, command: str, program: bytes) -> tuple[int, bytes, bytes]:
    """Runs the command with the program on its standard input, which some connections can't give: then by a file."""
    if connection.has_pipelining:
        return connection.exec_command(command, in_data=program, sudoable=True)
    place = f"/tmp/.golden-fleet-{uuid.uuid4().hex}"  # noqa: S108  # a name that nobody can foresee, for its owner alone
    with tempfile.NamedTemporaryFile() as file:
        file.write(program)
        file.flush()
        connection.put_file(file.name, place)
    script = f"{command} <{place}; status=$?; rm -f {place}; exit $status"
    return connection.exec_command(f"/bin/sh -c {shlex.quote(script)}", sudoable=True)


def python_of(variables: dict[str, Any]) -> str:
    """The host's Python: the inventory's word where it is a path, Debian's otherwise."""
    named = str(variables.get("ansible_python_interpreter", ""))
    return named if named.startswith("/") else "/usr/bin/python3"
