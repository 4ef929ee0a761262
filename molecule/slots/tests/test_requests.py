# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What those get who ask while releases come and go."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.lab import Lab, tool

ROOT = Path(__file__).resolve().parents[3]
SITES = ("web1", "web2")
PORT, PREVIEW = 8090, 8091
PAUSE_SECONDS = 0.02
# Of the probe: its page, the last file, and those between.
FILES = 202


@pytest.fixture(scope="module")
def addresses(lab: Lab) -> dict[str, str]:
    return {host.name: host.address for host in lab.group("swagger_ui") if host.name in SITES}


def ask(address: str, path: str = "/", port: int = PORT) -> dict[str, Any]:
    connection = http.client.HTTPConnection(address, port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        return {"status": answer.status, **(json.loads(body) if answer.status == http.client.OK else {"body": body})}
    except (OSError, http.client.HTTPException, ValueError) as error:
        return {"status": 0, "body": repr(error)}
    finally:
        connection.close()


@contextmanager
def asking(addresses: dict[str, str]) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Two for each site ask all along; yields what each site has answered so far."""
    answers: dict[str, list[dict[str, Any]]] = defaultdict(list)
    ended = threading.Event()

    def run(name: str) -> None:
        while not ended.wait(PAUSE_SECONDS):
            answers[name].append(ask(addresses[name], "/any/page?x=1"))

    threads = [threading.Thread(target=run, args=(name,)) for name in SITES for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def switch(*versions: int) -> None:
    """Carries both sites through the versions."""
    inventories = [ROOT / "molecule/inventory", ROOT / "build/molecule/hosts.yml"]
    command = [tool("ansible-playbook"), *(word for path in inventories for word in ("-i", str(path)))]
    command += [str(ROOT / "molecule/slots/switch.yml"), "-e", json.dumps({"versions": versions})]
    env = {**os.environ, "ANSIBLE_CONFIG": "ansible.cfg", "ANSIBLE_COLLECTIONS_PATH": "collections"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_request_fails_and_none_is_answered_out_of_two_releases(addresses: dict[str, str]) -> None:
    with asking(addresses) as answers:
        switch(2, 3, 4, 5, 3, 1)
        time.sleep(0.5)
    for name in SITES:
        got = answers[name]
        assert len(got) > 100, "hardly anybody asked"
        assert [answer for answer in got if answer["status"] != http.client.OK] == [], name
        assert [answer for answer in got if len(answer["releases"]) != 1] == [], name
        assert {answer["releases"][0] for answer in got} == {1, 2, 3, 4, 5}, "it was not asked in all of them"
        assert got[-1]["releases"] == [1], "the last release is not what is served"
        assert {answer["path"] for answer in got} == {"/any/page?x=1"}


def test_the_opcode_cache_holds_two_slots_and_what_did_not_change_stays_in_it(addresses: dict[str, str]) -> None:
    switch(2, 1)
    before = {name: ask(addresses[name]) for name in SITES}
    with asking(addresses):
        switch(2, 3, 2, 1)
    for name in SITES:
        after = ask(addresses[name])
        assert after["restarts"] == 0, name
        assert ask(addresses[name], "/any/page?own")["own"] <= 2 * FILES, name
        assert after["used"] <= 1.02 * before[name]["used"], name
        # 42 of the 202 differ from release to release; by chance two processes read one of them at once.
        assert after["misses"] - before[name]["misses"] < 4 * 2 * 42, name


def test_a_slow_request_is_answered_by_its_own_release_and_its_slot_is_left_alone_until_then(
    addresses: dict[str, str],
) -> None:
    slow: dict[str, dict[str, Any]] = {}
    threads = [
        threading.Thread(target=lambda name=name: slow.update({name: ask(addresses[name], "/?seconds=6")}))
        for name in SITES
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    # The second one goes into the slot that both requests still run in.
    switch(2, 3)
    assert {name: ask(addresses[name])["releases"] for name in SITES} == {name: [3] for name in SITES}
    assert slow.keys() == set(SITES), "the slot was written to while a request ran in it"
    for thread in threads:
        thread.join()
    assert {name: answer["releases"] for name, answer in slow.items()} == {name: [1] for name in SITES}
    switch(1)


def test_what_was_brought_to_the_idle_slot_can_be_looked_at_and_nothing_else_of_the_disk(
    addresses: dict[str, str],
) -> None:
    for name in SITES:
        assert ask(addresses[name], port=PREVIEW)["releases"] == [1]
        for path in ("/.golden-fleet-yin", "/../lib/1.php", "/%2e%2e/lib/1.php", "/nowhere.php", "/private/page"):
            assert ask(addresses[name], path)["status"] in (http.client.NOT_FOUND, http.client.BAD_REQUEST), path
        assert ask(addresses[name], "/index.php/more?x=1")["path"] == "/index.php/more?x=1"
