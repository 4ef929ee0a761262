# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils import _windows_roles as roles

URL = "http://+:8004/"
ADD = ["netsh", "http", "add", "urlacl", f"url={URL}", "user=NT SERVICE\\Orders"]
DELETE = ["netsh", "http", "delete", "urlacl", f"url={URL}"]
# The form that netsh is known to write, put down from memory and not taken from a host. The second stands for any other
# language: its words are ours, and what counts is that none of them is looked at.
ENGLISH = """
URL Reservations:
-----------------

    Reserved URL            : http://*:5357/
        User: BUILTIN\\Users
            Listen: Yes
            Delegate: No
        User: NT AUTHORITY\\LOCAL SERVICE
            Listen: Yes
            Delegate: No
            SDDL: D:(A;;GX;;;BU)(A;;GX;;;LS)

    Reserved URL            : HTTP://+:8004/
        User: {user}
            Listen: Yes
            Delegate: No
            SDDL: D:(A;;GX;;;S-1-5-80-1)

"""
GERMAN = """
URL-Reservierungen:
-------------------

    Reservierte URL        : http://+:8004/
        Benutzer: {user}
            Abhören: Ja
            Delegieren: Nein
            SDDL: D:(A;;GX;;;S-1-5-80-1)
"""


@pytest.mark.parametrize(
    ("shown", "commands"),
    [
        pytest.param("", [ADD], id="nothing is reserved"),
        pytest.param(ENGLISH.format(user="NT SERVICE\\Orders"), [], id="it is reserved for the account"),
        pytest.param(ENGLISH.format(user="NT SERVICE\\Orders").replace("\n", "\r\n"), [], id="with Windows' lines"),
        pytest.param(GERMAN.format(user="NT SERVICE\\Orders"), [], id="in another language"),
        pytest.param(ENGLISH.format(user="\\Everyone"), [DELETE, ADD], id="it is everyone's"),
        pytest.param(GERMAN.format(user="SHOP1\\svc"), [DELETE, ADD], id="it is another's in another language"),
    ],
)
def test_a_url_is_reserved_for_one_account(shown: str, commands: list[list[str]]) -> None:
    assert roles.url_reservation_commands(shown, [URL], "NT SERVICE\\Orders") == commands


def test_a_url_that_two_may_listen_on_is_made_the_one_account_s() -> None:
    shown = ENGLISH.format(user="x\\y").replace("+:8004", "+:9")
    commands = roles.url_reservation_commands(shown, ["http://*:5357/"], "LocalService")
    assert [command[2] for command in commands] == ["delete", "add"]


@pytest.mark.parametrize(
    ("account", "user"),
    [
        ("LocalSystem", "NT AUTHORITY\\SYSTEM"),
        ("NetworkService", "NT AUTHORITY\\NETWORK SERVICE"),
        ("NT AUTHORITY\\LocalService", "NT AUTHORITY\\LOCAL SERVICE"),
        (".\\svc", "svc"),
        ("CORP\\orders$", "CORP\\orders$"),
    ],
)
def test_netsh_gets_an_account_by_a_name_that_it_knows(account: str, user: str) -> None:
    (command,) = roles.url_reservation_commands("", [URL], account)
    assert command[-1] == f"user={user}"
    assert roles.url_reservation_commands(ENGLISH.format(user=user), [URL], account) == []


@pytest.mark.parametrize("url", ["http://+:8004", "http://+/", "ftp://+:1/", "http://+:1/ user=x"])
def test_a_url_that_netsh_would_not_take_is_refused(url: str) -> None:
    with pytest.raises(roles.WindowsRoleError, match="slash at its end"):
        roles.url_reservation_commands("", [url], "x")


@pytest.mark.parametrize(
    ("sources", "kept"),
    [
        ([], "any"),
        (["10.0.0.0/8"], "10.0.0.0/255.0.0.0"),
        (["192.0.2.7", "2001:db8::/32"], "192.0.2.7/255.255.255.255,2001:db8::/32"),
    ],
)
def test_the_firewall_gets_addresses_in_its_own_form(sources: list[str], kept: str) -> None:
    assert roles.firewall_addresses(sources) == kept


@pytest.mark.parametrize("source", ["somewhere", "10.0.0.1/8"])
def test_what_is_no_network_is_refused(source: str) -> None:
    with pytest.raises(roles.WindowsRoleError, match="neither an address nor a network"):
        roles.firewall_addresses([source])


HTTP = {"port": 80}
HTTPS = {"port": 443, "hostname": "Shop.test", "certificate": "ab cd", "sni": True}
SITE = {
    "application_pool": "Shop",
    "bindings": [
        {"ip": "*", "port": 80, "hostname": "", "protocol": "http", "certificate_hash": ""},
        {"ip": "*", "port": 443, "hostname": "shop.test", "protocol": "https", "use_sni": True, "use_ccs": False,
         "certificate_hash": "ABCD", "certificate_store_name": "MY"},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("bindings", "pool", "said"),
    [
        pytest.param([HTTP, HTTPS], "shop", [], id="all is as it should be"),
        pytest.param([HTTP, HTTPS], "other", ["application pool: Shop -> other"], id="another pool"),
        pytest.param([HTTPS], "shop", ["binding *:80:: http -> none"], id="one too many"),
        pytest.param([HTTP, HTTPS, {"port": 81}], "shop", ["binding *:81:: none -> http"], id="one is missing"),
        pytest.param(
            [HTTP, {**HTTPS, "certificate": "EF"}],
            "shop",
            ["binding *:443:shop.test: https by name with ABCD of my -> https by name with EF of my"],
            id="another certificate",
        ),
    ],
)
def test_what_differs_of_a_site_is_said(bindings: list[dict[str, object]], pool: str, said: list[str]) -> None:
    assert roles.website_differences(SITE, pool, roles.website_bindings(bindings)) == said


def test_a_site_that_is_not_there_is_to_be_made() -> None:
    assert roles.website_differences(None, "shop", []) == ["the site is to be made"]


def test_a_binding_without_a_certificate_is_http() -> None:
    assert roles.website_bindings([HTTP]) == [{"ip": "*", "port": 80, "hostname": "", "protocol": "http"}]


@pytest.mark.parametrize(
    ("variables", "http", "basic"),
    [
        pytest.param({}, False, False, id="not by WinRM"),
        pytest.param({"ansible_connection": "psrp"}, False, False, id="psrp as it is"),
        pytest.param({"ansible_connection": "psrp", "ansible_port": 5985}, True, False, id="psrp by its port"),
        pytest.param(
            {"ansible_connection": "psrp", "ansible_port": "5985", "ansible_psrp_protocol": "https"},
            False,
            False,
            id="psrp by HTTPS on an odd port",
        ),
        pytest.param(
            {"ansible_connection": "x.y.psrp", "ansible_psrp_protocol": "http", "ansible_psrp_auth": "basic"},
            True,
            True,
            id="psrp by HTTP and Basic",
        ),
        pytest.param({"ansible_connection": "winrm"}, False, True, id="winrm as it is"),
        pytest.param({"ansible_connection": "winrm", "ansible_user": "a@b"}, False, False, id="winrm by a UPN"),
        pytest.param(
            {"ansible_connection": "winrm", "ansible_winrm_port": 5985, "ansible_winrm_transport": "ntlm"},
            True,
            False,
            id="winrm by its port",
        ),
        pytest.param(
            {"ansible_connection": "winrm", "ansible_winrm_transport": "kerberos,plaintext"}, False, True, id="or Basic"
        ),
        pytest.param(
            {"ansible_connection": "winrm", "ansible_winrm_transport": ["ssl"], "ansible_winrm_cert_pem": "x"},
            False,
            False,
            id="winrm by a certificate",
        ),
    ],
)
def test_the_way_in_is_known(variables: dict[str, object], http: bool, basic: bool) -> None:
    found = roles.way_in(variables)
    assert (found["http"], found["basic"]) == (http, basic)


@pytest.mark.parametrize(
    ("variables", "port"),
    [
        ({"ansible_connection": "ansible.builtin.psrp"}, 5986),
        ({"ansible_connection": "psrp", "ansible_psrp_protocol": "http"}, 5985),
        ({"ansible_connection": "psrp", "ansible_port": "8443"}, 8443),
        ({"ansible_connection": "winrm"}, 5986),
        ({"ansible_connection": "winrm", "ansible_winrm_scheme": "http"}, 5986),
        ({"ansible_connection": "winrm", "ansible_winrm_port": 8443, "ansible_port": 22}, 8443),
        ({}, 22),
        ({"ansible_connection": "local", "ansible_port": 5}, 0),
    ],
)
def test_the_port_in_use_is_known(variables: dict[str, object], port: int) -> None:
    assert roles.way_in(variables)["port"] == port


@pytest.mark.parametrize(
    ("variables", "windows"),
    [
        ({}, False),
        ({"ansible_connection": "ssh", "ansible_shell_type": "sh"}, False),
        ({"ansible_connection": "containers.podman.podman", "ansible_shell_type": None}, False),
        ({"ansible_shell_type": "powershell"}, True),
        ({"ansible_shell_type": "ansible.builtin.powershell"}, True),
        ({"ansible_shell_type": "cmd", "ansible_connection": "ssh"}, True),
        ({"ansible_connection": "winrm"}, True),
        ({"ansible_connection": "psrp"}, True),
        ({"ansible_connection": "ansible.builtin.winrm"}, True),
        ({"ansible_connection": "ansible.builtin.psrp"}, True),
    ],
)
def test_a_windows_host_is_known_by_its_shell_or_by_winrm(variables: dict[str, object], windows: bool) -> None:
    assert roles.is_windows(variables) is windows


WINRM = "cmd.exe /c winrm {} winrm/config/Listener?Address=*+Transport={}"
CREATE = WINRM.format("create", "HTTPS") + ' @{Hostname="";CertificateThumbprint="AB12"}'
SET = WINRM.format("set", "HTTPS") + ' @{CertificateThumbprint="AB12"}'


@pytest.mark.parametrize(
    ("listeners", "used", "certificate", "https_only", "commands"),
    [
        pytest.param(["*+HTTPS"], "AB12", "", True, [], id="HTTPS only"),
        pytest.param(["*+HTTPS"], "AB12", "ab 12", True, [], id="with the certificate"),
        pytest.param(["*+HTTP", "*+HTTPS"], "AB12", "", True, [WINRM.format("delete", "HTTP")], id="HTTP as well"),
        pytest.param(["*+HTTP", "*+HTTPS"], "AB12", "", False, [], id="HTTP may stay"),
        pytest.param(["*+HTTP"], "", "ab12", True, [CREATE, WINRM.format("delete", "HTTP")], id="HTTP alone"),
        pytest.param(["*+HTTP"], "", "", False, [], id="HTTP alone may stay"),
        pytest.param(["*+HTTPS"], "CD", "AB12", True, [SET], id="another certificate"),
        pytest.param(
            ["IP:192.0.2.7+HTTP", "*+HTTPS"],
            "AB12",
            "",
            True,
            [WINRM.format("delete", "HTTP").replace("*", "IP:192.0.2.7")],
            id="HTTP at one address",
        ),
        pytest.param([], "", "", True, [], id="no listener, reached by other means"),
    ],
)
def test_winrm_listens_as_is_wanted(
    listeners: list[str], used: str, certificate: str, https_only: bool, commands: list[str]
) -> None:
    assert roles.listener_commands(listeners, {"certificate": used}, certificate, 5986, https_only) == commands


@pytest.mark.parametrize(
    ("listeners", "used", "port", "commands"),
    [
        pytest.param([], {}, 8443, [CREATE.replace("}", ';Port="8443"}')], id="made at the port"),
        pytest.param(["*+HTTPS"], {"port": 8443}, 8443, [SET], id="it is there"),
        pytest.param(["*+HTTPS"], {"port": 0}, 8443, [SET], id="nobody knows where it is"),
        pytest.param(["*+HTTPS"], {"port": 5986}, 8443, [SET.replace("}", ';Port="8443"}')], id="brought there"),
        pytest.param(["*+HTTPS"], {"port": 8443}, 5986, [SET.replace("}", ';Port="5986"}')], id="brought back"),
    ],
)
def test_winrm_listens_behind_the_port_that_the_firewall_lets_in(
    listeners: list[str], used: dict[str, object], port: int, commands: list[str]
) -> None:
    assert roles.listener_commands(listeners, used, "AB12", port, True) == commands


def test_the_last_listener_is_not_taken_away() -> None:
    with pytest.raises(roles.WindowsRoleError, match="would not listen at all"):
        roles.listener_commands(["*+HTTP"], {}, "", 5986, True)


def test_a_service_may_change_nothing_but_what_is_shared() -> None:
    rights = roles.folder_rights("C:\\srv\\x", "NT SERVICE\\x", "C:\\logs\\x", ["S-1-5-17"])
    changing = {right["path"] for right in rights if right["user"] == "NT SERVICE\\x" and right["rights"] == "Modify"}
    assert changing == {"C:\\srv\\x\\shared", "C:\\logs\\x"}
    assert {right["user"] for right in rights if right["rights"] == "FullControl"} == {"S-1-5-18", "S-1-5-32-544"}
    assert {"path": "C:\\srv\\x", "user": "S-1-5-17", "rights": "ReadAndExecute"} in rights
