# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a Windows Server has besides files, services and a registry, each as plain data that the handlers change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from ..errors import WindowsError


@dataclass
class Feature:
    name: str
    display_name: str
    parent: str = ""
    installed: bool = False
    needs_reboot: bool = False  # to be there after it was installed
    management: list[str] = field(default_factory=list)


def server_features() -> dict[str, Feature]:
    """A few of Windows Server's; what is not here fails as an unknown name does."""
    known = [
        Feature("Web-Server", "Web Server (IIS)", management=["Web-Mgmt-Console"]),
        Feature("Web-WebServer", "Web Server", "Web-Server"),
        Feature("Web-Common-Http", "Common HTTP Features", "Web-WebServer"),
        Feature("Web-Default-Doc", "Default Document", "Web-Common-Http"),
        Feature("Web-Static-Content", "Static Content", "Web-Common-Http"),
        Feature("Web-Http-Errors", "HTTP Errors", "Web-Common-Http"),
        Feature("Web-Http-Redirect", "HTTP Redirection", "Web-Common-Http"),
        Feature("Web-Health", "Health and Diagnostics", "Web-WebServer"),
        Feature("Web-Http-Logging", "HTTP Logging", "Web-Health"),
        Feature("Web-Performance", "Performance", "Web-WebServer"),
        Feature("Web-Stat-Compression", "Static Content Compression", "Web-Performance"),
        Feature("Web-Security", "Security", "Web-WebServer"),
        Feature("Web-Filtering", "Request Filtering", "Web-Security"),
        Feature("Web-Windows-Auth", "Windows Authentication", "Web-Security"),
        Feature("Web-App-Dev", "Application Development", "Web-WebServer"),
        Feature("Web-Net-Ext45", ".NET Extensibility 4.5", "Web-App-Dev"),
        Feature("Web-Asp-Net45", "ASP.NET 4.5", "Web-App-Dev"),
        Feature("Web-ISAPI-Ext", "ISAPI Extensions", "Web-App-Dev"),
        Feature("Web-ISAPI-Filter", "ISAPI Filters", "Web-App-Dev"),
        Feature("Web-WebSockets", "WebSocket Protocol", "Web-App-Dev"),
        Feature("Web-Mgmt-Tools", "Management Tools", "Web-Server"),
        Feature("Web-Mgmt-Console", "IIS Management Console", "Web-Mgmt-Tools"),
        Feature("Web-Scripting-Tools", "IIS Management Scripts and Tools", "Web-Mgmt-Tools"),
        Feature("NET-Framework-45-Features", ".NET Framework 4.8 Features", installed=True),
        Feature("NET-Framework-45-Core", ".NET Framework 4.8", "NET-Framework-45-Features", installed=True),
        Feature("NET-Framework-45-ASPNET", "ASP.NET 4.8", "NET-Framework-45-Features"),
        Feature("NET-Framework-Features", ".NET Framework 3.5 Features"),
        Feature("NET-Framework-Core", ".NET Framework 3.5", "NET-Framework-Features"),
        Feature("Telnet-Client", "Telnet Client"),
        Feature("Hyper-V", "Hyper-V", needs_reboot=True),
    ]
    return {one.name.lower(): one for one in known}


def optional_features() -> dict[str, bool]:
    """Of DISM, by name: whether it is enabled."""
    return {
        "NetFx3": False,
        "IIS-WebServerRole": False,
        "IIS-WebServer": False,
        "IIS-ASPNET45": False,
        "NetFx4Extended-ASPNET45": False,
        "TelnetClient": False,
        "SMB1Protocol": False,
    }


@dataclass
class Binding:
    protocol: str = "http"
    ip: str = "*"
    port: int = 80
    hostname: str = ""
    use_sni: bool = False
    use_ccs: bool = False
    certificate_hash: str = ""
    certificate_store_name: str = ""

    @property
    def address(self) -> str:
        return f"{self.ip}:{self.port}:{self.hostname}"


@dataclass
class Site:
    name: str
    site_id: int
    physical_path: str
    application_pool: str = "DefaultAppPool"
    state: str = "Started"
    bindings: list[Binding] = field(default_factory=list)


@dataclass
class Pool:
    name: str
    state: str = "Started"
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Account:
    name: str
    password: str = field(default="", repr=False)
    fullname: str = ""
    description: str = ""
    disabled: bool = False
    locked: bool = False
    password_expired: bool = False
    password_never_expires: bool = False
    cannot_change_password: bool = False
    groups: set[str] = field(default_factory=set)

    @property
    def sid(self) -> str:
        # Not Windows' own scheme; stable, which is what a test can ask for.
        return f"S-1-5-21-1000-1000-1000-{1000 + int(hashlib.sha256(self.name.lower().encode()).hexdigest()[:6], 16)}"


GROUPS = ("Administrators", "Users", "Guests", "IIS_IUSRS", "Performance Log Users", "Performance Monitor Users",
          "Remote Management Users", "Remote Desktop Users", "Event Log Readers")  # fmt: skip
WELL_KNOWN = ("SYSTEM", "LocalSystem", "LocalService", "NetworkService", "Everyone", "BUILTIN", "NT AUTHORITY",
              "NT SERVICE", "IIS APPPOOL", "CREATOR OWNER", "Authenticated Users", "INTERACTIVE")  # fmt: skip


@dataclass
class Certificate:
    thumbprint: str
    subject: str
    store: str
    location: str
    der: bytes
    has_private_key: bool = False
    issuer: str = ""
    valid_from: float = 0.0
    valid_to: float = 0.0
    serial_number: str = ""
    dns_names: list[str] = field(default_factory=list)


@dataclass
class EventLog:
    name: str
    maximum_size_kb: int = 20480
    overflow_action: str = "OverwriteAsNeeded"
    retention_days: int = 7
    sources: set[str] = field(default_factory=set)
    entries: int = 0


@dataclass
class System:
    """The rest of a host, in one place."""

    features: dict[str, Feature] = field(default_factory=server_features)
    optional_features: dict[str, bool] = field(default_factory=optional_features)
    firewall_rules: list[dict[str, Any]] = field(default_factory=list)
    firewall_profiles: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            name: {"enabled": True, "inbound_action": "not_configured", "outbound_action": "not_configured"}
            for name in ("Domain", "Private", "Public")
        }
    )
    url_reservations: dict[str, dict[str, str]] = field(default_factory=dict)
    certificate_bindings: dict[str, dict[str, str]] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    certificates: list[Certificate] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in GROUPS})
    user_rights: dict[str, set[str]] = field(default_factory=dict)
    event_logs: dict[str, EventLog] = field(
        default_factory=lambda: {name.lower(): EventLog(name) for name in ("Application", "Security", "System")}
    )
    timezone: str = "UTC"

    def has_iis(self) -> bool:
        return self.features["web-server"].installed

    def add_iis(self) -> None:
        """What the role brings at its first installation."""
        if not self.pools and not self.sites:
            self.pools["defaultapppool"] = Pool("DefaultAppPool")
            self.sites["default web site"] = Site(
                "Default Web Site", 1, "C:\\inetpub\\wwwroot", bindings=[Binding(port=80)]
            )

    def is_principal(self, name: str) -> bool:
        """Whether Windows could find out whom a name means."""
        domain, _, short = name.rpartition("\\")
        if domain.upper() in ("NT SERVICE", "IIS APPPOOL"):
            return True
        known = {group.lower() for group in self.groups} | {one.lower() for one in WELL_KNOWN} | set(self.accounts)
        known |= {"system", "local service", "network service"}
        return short.lower() in known or name.upper().startswith("S-1-")

    def principal(self, name: str) -> str:
        if not self.is_principal(name):
            raise WindowsError(f"account_name {name} is not a valid account, cannot get SID")
        return name.removeprefix(".\\")
