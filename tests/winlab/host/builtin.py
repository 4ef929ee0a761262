# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The few scripts and commands that have an answer of their own: those of win_reboot, and the programs of Windows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ..errors import NotEmulatedError
from .answers import Answers, Said

if TYPE_CHECKING:
    from . import Host

_AUTO_LOGON = r"HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon\\AutoLogonChecked"


LISTENERS = "HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN\\Listener"


def register(answers: Answers) -> None:
    answers.do(r"\(Get-CimInstance -ClassName Win32_OperatingSystem .*LastBootUpTime\.ToFileTime\(\)", _boot_time)
    answers.do(r".*\\shutdown\.exe /r /t (?P<seconds>\d+) /c .*ConvertTo-Json.*", _reboot)
    answers.do(r"Get-Item -LiteralPath '" + _AUTO_LOGON + r"' -ErrorAction Stop; '(?P<text>[^']+)'", _logged_on)
    answers.do(r"Remove-Item (?:-LiteralPath )?'?(?P<path>[^']+?)'? -Force(?: -Recurse)?;?", _remove)
    answers.do(r"&\s+'?(?P<path>[A-Z]:\\[^']+?\.ps1)'?(?:; exit \$LASTEXITCODE)?", _script_file)
    answers.do(r"(?i)whoami(?:\.exe)?", lambda host, found: Said(f"{host.name.lower()}\\{host.user}"))
    answers.do(r"(?i)hostname(?:\.exe)?", lambda host, found: Said(host.name.upper()))
    answers.do(r"(?i)(?:cmd(?:\.exe)? /c )?exit (?P<rc>\d+)", lambda host, found: Said(rc=int(found["rc"])))
    answers.do(r"(?i)taskkill(?:\.exe)? /PID (?P<pid>\d+) /T /F", _end_job)
    answers.do(r"(?i)netsh(?:\.exe)? http show urlacl(?: \"?url=(?P<url>[^\s\"]+)\"?)?", _show_reservations)
    answers.do(r"(?i)netsh(?:\.exe)? http add urlacl (?P<options>.+)", _add_reservation)
    answers.do(_WINRM, _winrm_listener)
    answers.do(r"(?i)netsh(?:\.exe)? http delete urlacl \"?url=(?P<url>[^\s\"]+)\"?", _delete_reservation)


# Without a name of the host, which has its usual value then.
_WINRM = (
    r"(?i)(?:cmd(?:\.exe)? /c )?winrm (?P<verb>create|set|delete) winrm/config/Listener"
    r"\?Address=(?P<address>[^+\s]+)\+Transport=(?P<transport>HTTPS?)"
    r"(?: @\{(?:Hostname=\"\";)?(?:CertificateThumbprint=\"(?P<thumbprint>[0-9A-F]*)\")?"
    r"(?:;?Port=\"(?P<port>\d+)\")?\})?"
)


def _boot_time(host: Host, found: re.Match[str]) -> Said:
    return Said(str(int((host.booted_at + 11644473600) * 10_000_000)))


def _reboot(host: Host, found: re.Match[str]) -> Said:
    host.reboot(after_seconds=int(found["seconds"]))
    return Said(json.dumps({"stdout": "", "stderr": "", "rc": 0}))


def _logged_on(host: Host, found: re.Match[str]) -> Said:
    return Said(found["text"])


def _remove(host: Host, found: re.Match[str]) -> Said:
    path = found["path"].removesuffix("\\.")
    if host.disk.exists(path):
        host.disk.remove(path)
    return Said()


def _script_file(host: Host, found: re.Match[str]) -> Said:
    """Of ``script``: what the file says is answered like a script by itself."""
    text = host.disk.read_text(found["path"])
    said = host.answers.find(host, text)
    if said is None:
        raise NotEmulatedError(f"the script {text!r} has no answer (host.answers.say)")
    return said


def _end_job(host: Host, found: re.Match[str]) -> Said:
    """Of a job in the background, by the number of its process: it tells nothing any more."""
    if not host.end_job(int(found["pid"])):
        return Said(stderr=f'ERROR: The process "{found["pid"]}" not found.\r\n', rc=128)
    return Said(f"SUCCESS: The process with PID {found['pid']} has been terminated.\r\n")


def _show_reservations(host: Host, found: re.Match[str]) -> Said:
    """As netsh of an English Windows writes them."""
    url = (found["url"] or "").lower()
    lines = ["", "URL Reservations: ", "----------------- ", ""]
    for key, one in host.system.url_reservations.items():
        if url in ("", key):
            lines += [f"    Reserved URL            : {one['url']} ", f"        User: {one['user']}",
                      f"            Listen: {one['listen'].capitalize()}",
                      f"            Delegate: {one['delegate'].capitalize()}", ""]  # fmt: skip
    return Said("\r\n".join([*lines, ""]))


def _add_reservation(host: Host, found: re.Match[str]) -> Said:
    # A word may be quoted as a whole or in part, which makes no difference to a program.
    words = [word.replace('"', "") for word in re.findall(r"(?:[^\s\"]|\"[^\"]*\")+", found["options"])]
    options = {name.lower(): value for name, _, value in (word.partition("=") for word in words)}
    url = options.get("url", "")
    if not url.endswith("/") or ("user" not in options and "sddl" not in options):
        return Said("The parameter is incorrect.\r\n", rc=1)
    if url.lower() in host.system.url_reservations:
        return Said(
            "Url reservation add failed, Error: 183\r\nCannot create a file when that file already exists.\r\n", rc=1
        )
    if "user" in options and not host.system.is_principal(options["user"]):
        return Said(
            "Create SDDL failed, Error: 1332\r\nNo mapping between account names and security IDs was done.\r\n", rc=1
        )
    host.system.url_reservations[url.lower()] = {
        "url": url,
        "user": options.get("user") or options.get("sddl") or "",
        "listen": options.get("listen", "yes"),
        "delegate": options.get("delegate", "no"),
    }
    return Said("\r\nURL reservation successfully added \r\n\r\n")


def _delete_reservation(host: Host, found: re.Match[str]) -> Said:
    if host.system.url_reservations.pop(found["url"].lower(), None) is None:
        return Said("Url reservation delete failed, Error: 2\r\nThe system cannot find the file specified.\r\n", rc=1)
    return Said("\r\nURL reservation successfully deleted \r\n\r\n")


def _winrm_listener(host: Host, found: re.Match[str]) -> Said:
    """The host's own listener stays where it is, but one that is deleted is heard no more."""
    transport, verb = found["transport"].upper(), found["verb"].lower()
    path = f"{LISTENERS}\\{found['address']}+{transport}"
    if (host.registry.find(path) is None) != (verb == "create"):
        there = "already exists" if verb == "create" else "could not be found"
        return Said(stderr=f"WSManFault\r\n    Message = The resource {there}.\r\n", rc=1)
    if verb == "delete":
        host.registry.remove(path)
        host.follow_listeners()
        return Said()
    thumbprint = (found["thumbprint"] or "").upper()
    shows = transport == "HTTPS" and (verb == "create" or bool(thumbprint))
    if shows and thumbprint not in {one.thumbprint for one in host.system.certificates}:
        return Said(stderr="WSManFault\r\n    Message = Cannot find the certificate that was requested.\r\n", rc=1)
    if found["port"] or verb == "create":
        host.registry.set(path, "Port", int(found["port"] or (5986 if transport == "HTTPS" else 5985)), "dword")
    if thumbprint:
        host.registry.set(path, "certThumbprint", thumbprint)
    return Said("ResourceCreated\r\n" if verb == "create" else "Listener\r\n")
