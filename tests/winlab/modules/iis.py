# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""microsoft.iis: sites, application pools, applications; only where the role Web-Server is installed."""

from __future__ import annotations

from typing import Any

from ..errors import NotEmulatedError
from ..host.state import Binding, Pool, Site
from . import Call, ModuleFailure, Result, handles


def _needs_iis(call: Call) -> None:
    if not call.host.system.has_iis():
        raise ModuleFailure(
            "The specified module 'WebAdministration' was not loaded because no valid module file was found in any "
            "module directory."
        )


@handles("microsoft.iis.website")
def website(call: Call) -> Result:
    _needs_iis(call)
    sites = call.host.system.sites
    site = sites.get(call["name"].lower())
    if call["state"] == "absent":
        if site and call.live:
            del sites[call["name"].lower()]
        return {"changed": site is not None}
    changed = site is None
    if site is None:
        site = _new_site(call)
        if call.live:
            sites[site.name.lower()] = site
    elif not call.live:
        site = Site(**{**vars(site), "bindings": [Binding(**vars(one)) for one in site.bindings]})
    changed |= _set_site(call, site) | _set_bindings(call, site) | _set_site_state(call, site)
    return {"changed": changed}


def _new_site(call: Call) -> Site:
    if not call["physical_path"]:
        raise ModuleFailure("missing required arguments: physical_path")
    _physical_path(call)
    number = call["site_id"] or max((site.site_id for site in call.host.system.sites.values()), default=0) + 1
    return Site(call["name"], int(number), "", call["application_pool"] or "DefaultAppPool")


def _physical_path(call: Call) -> str:
    if not call.host.disk.exists(call["physical_path"]):
        raise ModuleFailure("specified folder must already exist: physical_path")
    return call.host.disk.normal(call["physical_path"])


def _set_site(call: Call, site: Site) -> bool:
    wanted: dict[str, Any] = {}
    if call["physical_path"]:
        wanted["physical_path"] = _physical_path(call)
    if call["application_pool"]:
        wanted["application_pool"] = call["application_pool"]
    changed = any(str(getattr(site, name)).lower() != str(value).lower() for name, value in wanted.items())
    for name, value in wanted.items():
        setattr(site, name, value)
    return changed


def _set_bindings(call: Call, site: Site) -> bool:
    bindings = call["bindings"] or {}
    given: list[dict[str, Any]] = (bindings.get("add") if bindings.get("set") is None else bindings["set"]) or []
    if bindings.get("set") is not None and (bindings.get("add") or bindings.get("remove")):
        raise ModuleFailure("parameters are mutually exclusive: set, add found in bindings")
    have = {one.address: one for one in site.bindings}
    changed = False
    for binding in given:
        wanted = _binding(call, binding, have)
        changed |= have.get(wanted.address) != wanted
        have[wanted.address] = wanted
    removed = {f"{one['ip']}:{one['port']}:{one['hostname'] or ''}" for one in bindings.get("remove") or []}
    if bindings.get("set") is not None:
        removed = set(have) - {f"{one['ip']}:{one['port']}:{one['hostname'] or ''}" for one in given}
    changed |= bool(removed & set(have))
    site.bindings = [one for address, one in have.items() if address not in removed]
    return changed


def _binding(call: Call, given: dict[str, Any], have: dict[str, Binding]) -> Binding:
    address = f"{given['ip']}:{given['port']}:{given['hostname'] or ''}"
    before = have.get(address)
    # What is not said stays as it was.
    sni = given["use_sni"] if given["use_sni"] is not None else bool(before and before.use_sni)
    ccs = given["use_ccs"] if given["use_ccs"] is not None else bool(before and before.use_ccs)
    thumbprint = (given["certificate_hash"] or "").upper()
    https = given["protocol"] == "https"
    if https and not ccs and not thumbprint:
        raise ModuleFailure("must either specify a certificate_hash or use_ccs.")
    if (sni or ccs) and not given["hostname"]:
        raise ModuleFailure(f"must specify hostname value when {'use_sni' if sni else 'use_ccs'} is set.")
    if thumbprint and not https:
        raise ModuleFailure("You can only provide a certificate thumbprint when protocol is set to https")
    store = given["certificate_store_name"] or "my"
    if thumbprint and not _has_certificate(call, thumbprint, store):
        raise ModuleFailure(f"Unable to locate certificate at cert:\\LocalMachine\\{store}\\{thumbprint}")
    return Binding(given["protocol"], given["ip"] or "*", int(given["port"] or 80), given["hostname"] or "", sni, ccs,
                   thumbprint, store if thumbprint else "")  # fmt: skip


def _has_certificate(call: Call, thumbprint: str, store: str) -> bool:
    return any(
        one.thumbprint == thumbprint and one.store.lower() == store.lower() and one.location.lower() == "localmachine"
        for one in call.host.system.certificates
    )


def _set_site_state(call: Call, site: Site) -> bool:
    wanted = "Stopped" if call["state"] == "stopped" else "Started"
    if wanted == "Started" and (site.state == "Stopped" or call["state"] == "restarted"):
        _check_conflict(call, site)
    changed = site.state != wanted or call["state"] == "restarted"
    site.state = wanted
    return changed


def _check_conflict(call: Call, site: Site) -> None:
    """Two sites that run can't have the same binding."""
    for other in call.host.system.sites.values():
        if other.name != site.name and other.state == "Started":
            for one in site.bindings:
                if one.address in {two.address for two in other.bindings}:
                    raise ModuleFailure(
                        "Cannot create a file when that file already exists. (Exception from HRESULT: 0x800700B7)"
                    )


@handles("microsoft.iis.website_info")
def website_info(call: Call) -> Result:
    _needs_iis(call)
    sites = call.host.system.sites
    found = [one for key, one in sites.items() if call["name"] is None or key == call["name"].lower()]
    return {"exists": bool(found), "site": [_site(one) for one in found]}


def _site(site: Site) -> dict[str, Any]:
    return {
        "name": site.name,
        "site_id": site.site_id,
        "state": site.state,
        "physical_path": site.physical_path,
        "application_pool": site.application_pool,
        "bindings": [vars(one) for one in site.bindings],
    }


# What IIS knows of an application pool, with what a new one has.
_POOL: dict[str, Any] = {
    "autoStart": True, "enable32BitAppOnWin64": False, "managedPipelineMode": "Integrated",
    "managedRuntimeVersion": "v4.0", "queueLength": 1000, "startMode": "OnDemand", "enableConfigurationOverride": True,
    "cpu.action": "NoAction", "cpu.limit": 0, "cpu.resetInterval": "00:05:00",
    "failure.rapidFailProtection": True, "failure.rapidFailProtectionInterval": "00:05:00",
    "failure.rapidFailProtectionMaxCrashes": 5, "failure.loadBalancerCapabilities": "HttpLevel",
    "processModel.identityType": "ApplicationPoolIdentity", "processModel.userName": "", "processModel.password": "",
    "processModel.idleTimeout": "00:20:00", "processModel.idleTimeoutAction": "Terminate",
    "processModel.loadUserProfile": True, "processModel.maxProcesses": 1, "processModel.pingingEnabled": True,
    "processModel.startupTimeLimit": "00:01:30", "processModel.shutdownTimeLimit": "00:01:30",
    "recycling.disallowOverlappingRotation": False, "recycling.disallowRotationOnConfigChange": False,
    "recycling.logEventOnRecycle": "Time, Memory, PrivateMemory", "recycling.periodicRestart.memory": 0,
    "recycling.periodicRestart.privateMemory": 0, "recycling.periodicRestart.requests": 0,
    "recycling.periodicRestart.schedule": [], "recycling.periodicRestart.time": "1.05:00:00",
}  # fmt: skip
_KNOWN = {name.lower(): name for name in _POOL}
_IDENTITIES = ("LocalSystem", "LocalService", "NetworkService", "SpecificUser", "ApplicationPoolIdentity")


@handles("microsoft.iis.web_app_pool")
def web_app_pool(call: Call) -> Result:
    _needs_iis(call)
    pools, key = call.host.system.pools, call["name"].lower()
    pool = pools.get(key)
    if call["state"] == "absent":
        if pool and call.live:
            del pools[key]
        return {"changed": pool is not None}
    changed = pool is None
    if pool is None:
        pool = Pool(call["name"])
        if not call.live:
            return {"changed": True}
        pools[key] = pool
    wanted = {_KNOWN[name.lower()]: _attribute(name, value) for name, value in _known(call["attributes"]).items()}
    have = {**_POOL, **pool.attributes}
    changed |= any(_text(have[name]) != _text(value) for name, value in wanted.items())
    state = {"stopped": "Stopped", "started": "Started", "restarted": "Started"}.get(call["state"], pool.state)
    changed |= state != pool.state or call["state"] == "restarted"
    if call.live:
        pool.attributes.update(wanted)
        pool.state = state
    return {"changed": changed}


def _known(given: dict[str, Any]) -> dict[str, Any]:
    for name in given or {}:
        if name.lower() not in _KNOWN:
            raise NotEmulatedError(f"the application pool attribute {name}")
    return given or {}


def _attribute(name: str, value: Any) -> Any:
    default = _POOL[_KNOWN[name.lower()]]
    if name.lower() == "processmodel.identitytype" and str(value).isdigit():
        return _IDENTITIES[int(value)]
    if isinstance(default, bool):
        return str(value).lower() in ("true", "yes", "1")
    if isinstance(default, list):
        return value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
    return int(value) if isinstance(default, int) else str(value)


def _text(value: Any) -> str:
    return str(value).lower()


@handles("microsoft.iis.web_app_pool_info")
def web_app_pool_info(call: Call) -> Result:
    _needs_iis(call)
    pools = call.host.system.pools
    found = [one for key, one in pools.items() if call["name"] is None or key == call["name"].lower()]
    return {"exists": bool(found), "app_pools": [_pool(one) for one in found]}


def _pool(pool: Pool) -> dict[str, Any]:
    nested: dict[str, Any] = {"state": pool.state}
    for name, value in {**_POOL, **pool.attributes}.items():
        *above, last = name.split(".")
        place = nested
        for part in above:
            place = place.setdefault(part, {})
        place[last] = "" if last == "password" else value
    return {"name": pool.name, "attributes": nested}
