# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong between the controller and a host, as the unmodified connection plugins see it."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.winlab import Authority, Drop, Host, Lab
from tests.winlab.pytest_plugin import run_everywhere, run_play

pytestmark = pytest.mark.emulator_only

_WIRE = Path(__file__).with_name("wire.yml")
_WRONG = {"ansible_password": "wrong"}
_ODD = {"password": "a:b,\"c'-ü€"}
Variables = dict[str, Any]
Make = Callable[..., Lab]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    labs: list[Lab] = []

    def make(**settings: Any) -> Lab:
        labs.append(Lab(1, folder=tmp_path / f"lab{len(labs)}", **settings).start())
        return labs[-1]

    yield make
    for lab in labs:
        lab.stop()


def _reached(lab: Lab, **more: Any) -> Variables:
    return {**lab.variables(lab.hosts[0]), **more}


def test_who_is_let_in(make: Make, tmp_path: Path) -> None:
    """One run for all of them, as a run takes longer than what it shows."""
    winrm, psrp, safe = make(connection="winrm"), make(basic=True), make(connection="winrm", scheme="https", basic=True)
    strange, dark = make(scheme="https"), make()
    dark.hosts[0].power_off()
    slow = [make(connection="winrm"), make()]
    odd = make(**_ODD)
    for lab in slow:
        lab.hosts[0].set_hazards(slow={"win_ping": 2.5})
    told = run_everywhere(
        tmp_path,
        {
            "wrong password, winrm": _reached(winrm, **_WRONG),
            "wrong password, psrp": _reached(psrp, **_WRONG),
            "odd password, winrm": odd.variables(odd.hosts[0], "winrm"),
            "odd password, psrp": _reached(odd),
            "plain": _reached(psrp, ansible_psrp_auth="basic", ansible_psrp_message_encryption="never"),
            "basic within TLS": _reached(safe, ansible_winrm_transport="basic"),
            "strange": _reached(strange, ansible_psrp_ca_cert=str(Authority(tmp_path / "stranger").file)),
            "dark": _reached(dark),
            "slow, winrm": _reached(slow[0], ansible_winrm_operation_timeout_sec=1, ansible_winrm_read_timeout_sec=30),
            "slow, psrp": _reached(slow[1], ansible_psrp_operation_timeout=1, ansible_psrp_read_timeout=30),
        },
        "win_ping",
    ).results
    assert {name: one.get("ping") for name, one in told.items() if not one.get("unreachable")} == {
        "basic within TLS": "pong",
        "odd password, winrm": "pong",
        "odd password, psrp": "pong",
        "slow, winrm": "pong",
        "slow, psrp": "pong",
    }
    why = {name: one["msg"] for name, one in told.items() if one.get("unreachable")}
    assert "credentials were rejected" in why["wrong password, winrm"]
    assert "authenticate" in why["wrong password, psrp"]
    assert "unencrypted" in why["plain"]
    assert "certificate verify failed" in why["strange"]
    assert "refused" in why["dark"]
    assert [lab.hosts[0].log.entries for lab in (winrm, psrp, strange, dark)] == [[], [], [], []]


def test_a_reboot_and_a_lost_answer(make: Make, tmp_path: Path) -> None:
    """The host is away and back, by both plugins; what was done before the answer was lost is done."""
    winrm, psrp, dropped = make(connection="winrm"), make(), make()
    for lab in (winrm, psrp):
        lab.hosts[0].set_hazards(boot_seconds=1, reboot_pending=True)
    dropped.hosts[0].set_hazards(drops=[Drop("win_file", after=True)])
    hosts = {"reboot-winrm": _reached(winrm), "reboot-psrp": _reached(psrp), "dropped": _reached(dropped)}
    done = run_play(tmp_path, hosts, _WIRE)
    assert done.rc == 0, done.output
    for lab in (winrm, psrp):
        assert (lab.hosts[0].boots, lab.hosts[0].reboot_pending) == (1, False)
    assert dropped.hosts[0].disk.is_folder("C:\\lost")
    assert len(dropped.hosts[0].log.modules("ansible.windows.win_file")) == 2


def test_a_request_without_a_name_is_told_what_is_wanted(make: Make) -> None:
    machine: Host = make(basic=True).hosts[0]
    client = http.client.HTTPConnection("127.0.0.1", machine.port)
    client.request("POST", "/wsman", b"")
    answer = client.getresponse()
    answer.read()
    assert answer.status == 401
    assert answer.headers.get_all("WWW-Authenticate") == ["Negotiate", 'Basic realm="WSMAN"']
    token = base64.b64encode(b"Administrator:wrong").decode()
    client.request("POST", "/wsman", b"", {"Authorization": f"Basic {token}"})
    assert client.getresponse().status == 401


def test_a_message_sealed_for_another_connection_is_no_request(make: Make) -> None:
    client = http.client.HTTPConnection("127.0.0.1", make(basic=True).hosts[0].port)
    token = base64.b64encode(b"Administrator:Sekr1t-of-winlab").decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": 'multipart/encrypted;boundary="Encrypted Boundary"'}
    client.request("POST", "/wsman", b"--Encrypted Boundary\r\nwhatever--Encrypted Boundary--\r\n", headers)
    assert client.getresponse().status == 400
