# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the runtime roles of Windows decide: from what a host says and what is wanted to commands and differences."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

# netsh names them in full.
_BUILT_IN = {
    "system": "NT AUTHORITY\\SYSTEM",
    "localsystem": "NT AUTHORITY\\SYSTEM",
    "localservice": "NT AUTHORITY\\LOCAL SERVICE",
    "networkservice": "NT AUTHORITY\\NETWORK SERVICE",
}


class WindowsRoleError(ValueError):
    """What was asked for can't be had."""


def url_reservation_commands(shown: str, urls: Iterable[str], account: str) -> list[list[str]]:
    """The commands after which ``account`` alone may listen on each URL; ``shown``: `netsh http show urlacl`."""
    user = _netsh_user(account)
    found = _reservations(shown)
    commands: list[list[str]] = []
    for url in urls:
        if not re.fullmatch(r"https?://[^/\s]+:\d+/(\S*/)?", url):
            raise WindowsRoleError(f"{url} can't be reserved: it must be like http://+:8080/, with a slash at its end.")
        users = found.get(url.lower())
        if users == [_short(user)]:
            continue
        if users is not None:
            commands.append(["netsh", "http", "delete", "urlacl", f"url={url}"])
        commands.append(["netsh", "http", "add", "urlacl", f"url={url}", f"user={user}"])
    return commands


def _netsh_user(account: str) -> str:
    """As netsh takes it: it does not know ``.`` for this host, nor the short names of service accounts."""
    bare = account.lower().replace(" ", "").removeprefix("ntauthority\\")
    return _BUILT_IN.get(bare, account.removeprefix(".\\"))


def _short(account: str) -> str:
    return account.rpartition("\\")[2].lower()


def _reservations(shown: str) -> dict[str, list[str]]:
    """The users of each URL. Told apart by form alone, as the words are in the host's language."""
    found: dict[str, list[str]] = {}
    users: list[str] = []
    awaits_user = False
    for line in shown.splitlines():
        label, _, value = (part.strip() for part in line.partition(": "))
        if re.match(r"(?i)https?://", value):
            users = found.setdefault(value.lower(), [])
            awaits_user = True
        elif not line.strip():
            awaits_user = False
        elif label and value and awaits_user and _is_account(value, users):
            users.append(_short(value))
    return found


def _is_account(value: str, users: list[str]) -> bool:
    """The first value below a URL is an account; a further one has a domain, which Yes, No and SDDL have not."""
    return not users or ("\\" in value and not value.startswith("D:"))


def folder_rights(root: str, account: str, log_folder: str, readers: Iterable[str] = ()) -> list[dict[str, str]]:
    """Who may do what in a service's folders. SYSTEM and Administrators by number, as their names are translated."""
    whole = [("S-1-5-18", "FullControl"), ("S-1-5-32-544", "FullControl")]
    whole += [(user, "ReadAndExecute") for user in (account, *readers)]
    return [{"path": root, "user": user, "rights": rights} for user, rights in whole] + [
        {"path": path, "user": account, "rights": "Modify"} for path in dict.fromkeys((f"{root}\\shared", log_folder))
    ]


def firewall_addresses(sources: Iterable[str]) -> str:
    """Addresses and networks as the firewall of Windows keeps them, so that a second run finds what was set."""
    kept = []
    for source in sources:
        try:
            network = ipaddress.ip_network(source)
        except ValueError as error:
            raise WindowsRoleError(f"{source} is neither an address nor a network: {error}") from None
        kept.append(str(network) if network.version == 6 else network.with_netmask)
    return ",".join(kept) or "any"


_WINRM_CONNECTIONS = ("winrm", "psrp")


def is_windows(variables: Mapping[str, Any]) -> bool:
    """Whether an inventory says of a host that it is Windows: by its shell, or as it is reached by WinRM."""
    shell = str(variables.get("ansible_shell_type") or "").rpartition(".")[2]
    return shell in ("powershell", "cmd") or _connection(variables) in _WINRM_CONNECTIONS


def _connection(variables: Mapping[str, Any]) -> str:
    """Its name without the collection's."""
    return str(variables.get("ansible_connection") or "ssh").rpartition(".")[2]


def way_in(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Whether Ansible reaches the host over WinRM by HTTP, and whether with a Basic password; by which port.

    By the rules of the connection plugins winrm, psrp and ssh for what an inventory leaves out. The port is 0 where
    the connection is another one.
    """
    kind = _connection(variables)
    port = int(variables.get(f"ansible_{kind}_port") or variables.get("ansible_port") or 0)
    if kind not in _WINRM_CONNECTIONS:
        return {"http": False, "basic": False, "port": (port or 22) if kind == "ssh" else 0}
    scheme = variables.get("ansible_psrp_protocol" if kind == "psrp" else "ansible_winrm_scheme")
    scheme = scheme or ("http" if port == 5985 else "https")
    port = port or (5985 if kind == "psrp" and scheme == "http" else 5986)
    told = {"http": scheme == "http", "port": port}
    if kind == "psrp":
        return {**told, "basic": variables.get("ansible_psrp_auth") == "basic"}
    ways = variables.get("ansible_winrm_transport") or []
    ways = ways.split(",") if isinstance(ways, str) else ways
    if not ways:
        ways = ["kerberos"] if "@" in str(variables.get("ansible_user") or "") else ["basic"]
    # pywinrm's old names; with a certificate of the user's, `ssl` means that.
    words = {"basic", "plaintext", *(() if variables.get("ansible_winrm_cert_pem") else ("ssl",))}
    return {**told, "basic": bool(words & set(ways))}


_HTTPS_PORT = 5986
_LISTENER = "winrm/config/Listener?Address={}+Transport={}"


def listener_commands(
    listeners: Iterable[str], used: Mapping[str, Any], certificate: str, port: int, https_only: bool
) -> list[str]:
    """The commands after which WinRM listens as is wanted.

    ``listeners`` are the names of the keys that WinRM keeps them under, such as ``*+HTTP``; ``used`` has the thumbprint
    of the ``certificate`` for HTTPS and its ``port``, as far as they are known; ``certificate`` is the one that it
    should have, empty for whatever it has.
    """
    found = {tuple(name.rpartition("+")[::2]) for name in listeners}
    secure = sorted(address for address, transport in found if transport.upper() == "HTTPS")
    plain = sorted(address for address, transport in found if transport.upper() == "HTTP")
    wanted = re.sub(r"\s", "", certificate).upper()
    commands = []
    if not secure and wanted:
        at = f';Port="{port}"' if port != _HTTPS_PORT else ""
        commands.append(_winrm("create", "*", "HTTPS", f'@{{Hostname="";CertificateThumbprint="{wanted}"{at}}}'))
    elif "*" in secure:
        shown = re.sub(r"\s", "", used.get("certificate") or "").upper()
        values = [f'CertificateThumbprint="{wanted}"'] if wanted not in ("", shown) else []
        values += [f'Port="{port}"'] if int(used.get("port") or port) != port else []
        commands += [_winrm("set", "*", "HTTPS", f"@{{{';'.join(values)}}}")] if values else []
    if https_only and plain:
        if not secure and not wanted:
            raise WindowsRoleError(
                "WinRM listens by HTTP alone, and would not listen at all without it. "
                "Name the certificate for HTTPS (windows_base_winrm_certificate)."
            )
        commands += [_winrm("delete", address, "HTTP") for address in plain]
    return commands


def _winrm(verb: str, address: str, transport: str, *values: str) -> str:
    # Not as a list of words: winrm, a script of cmd's, wants its quotes as they are.
    return " ".join(["cmd.exe /c winrm", verb, _LISTENER.format(address, transport), *values])


Binding = Mapping[str, Any]


def website_bindings(bindings: Iterable[Binding]) -> list[dict[str, Any]]:
    """In the form of microsoft.iis.website, with all that may be left out."""
    return [
        {
            "ip": binding.get("ip") or "*",
            "port": int(binding["port"]),
            "hostname": binding.get("hostname") or "",
            "protocol": "https" if binding.get("certificate") else "http",
            **(
                {
                    "certificate_hash": re.sub(r"\s", "", binding["certificate"]).upper(),
                    "certificate_store_name": binding.get("store") or "my",
                    "use_sni": bool(binding.get("sni")),
                    "use_ccs": False,
                }
                if binding.get("certificate")
                else {}
            ),
        }
        for binding in bindings
    ]


def website_differences(found: Binding | None, pool: str, bindings: Iterable[Binding]) -> list[str]:
    """What differs between a site, as website_info tells of it, and what it should be, in words. Not its path."""
    if found is None:
        return ["the site is to be made"]
    said = []
    if str(found["application_pool"]).lower() != pool.lower():
        said.append(f"application pool: {found['application_pool']} -> {pool}")
    have = {_address(one): _shape(one) for one in found.get("bindings") or []}
    want = {_address(one): _shape(one) for one in bindings}
    said += [f"binding {name}: none -> {shape}" for name, shape in want.items() if name not in have]
    said += [f"binding {name}: {shape} -> none" for name, shape in have.items() if name not in want]
    said += [
        f"binding {name}: {have[name]} -> {shape}" for name, shape in want.items() if have.get(name, shape) != shape
    ]
    return said


def _address(binding: Binding) -> str:
    return f"{binding.get('ip') or '*'}:{binding['port']}:{binding.get('hostname') or ''}".lower()


def _shape(binding: Binding) -> str:
    if binding.get("protocol") != "https":
        return str(binding.get("protocol") or "http")
    store = str(binding.get("certificate_store_name") or "my").lower()
    name = " by name" if str(binding.get("use_sni")).lower() == "true" else ""
    return f"https{name} with {str(binding.get('certificate_hash') or 'no certificate').upper()} of {store}"
