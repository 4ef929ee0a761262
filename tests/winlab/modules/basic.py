# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""win_ping, setup, async_status, slurp."""

from __future__ import annotations

import base64
import datetime
import json
import ntpath
import time

from . import Call, ModuleFailure, Result, handles


@handles("ansible.windows.win_ping")
def win_ping(call: Call) -> Result:
    if call["data"] == "crash":
        raise ModuleFailure("Unhandled exception while executing module: boom")
    return {"ping": call["data"]}


@handles("ansible.windows.setup", ignored=("gather_subset", "gather_timeout", "_measure_subset"))
def setup(call: Call) -> Result:
    """Facts of Windows Server 2022; a subset more or less makes no difference here."""
    host = call.host
    now = datetime.datetime.now(datetime.timezone.utc)
    facts = {
        "ansible_os_family": "Windows",
        "ansible_distribution": "Microsoft Windows Server 2022 Standard",
        "ansible_distribution_major_version": "10",
        "ansible_distribution_version": "10.0.20348.0",
        "ansible_os_name": "Microsoft Windows Server 2022 Standard",
        "ansible_os_product_type": "server",
        "ansible_os_installation_type": "Server",
        "ansible_kernel": "10.0.20348.0",
        "ansible_system": "Win32NT",
        "ansible_architecture": "64-bit",
        "ansible_architecture2": "x86_64",
        "ansible_hostname": host.name.upper(),
        "ansible_nodename": host.name,
        "ansible_fqdn": host.name,
        "ansible_domain": "",
        "ansible_netbios_name": host.name.upper(),
        "ansible_windows_domain": "WORKGROUP",
        "ansible_windows_domain_member": False,
        "ansible_windows_domain_role": "Stand-alone server",
        "ansible_powershell_version": 5,
        "ansible_env": host.environment,
        "ansible_user_id": call.user,
        "ansible_user_dir": host.environment["USERPROFILE"],
        "ansible_system_vendor": "winlab",
        "ansible_product_name": "emulated Windows host",
        "ansible_virtualization_role": "guest",
        "ansible_virtualization_type": "winlab",
        "ansible_processor_cores": 2,
        "ansible_processor_count": 1,
        "ansible_processor_vcpus": 2,
        "ansible_memtotal_mb": 4096,
        "ansible_ip_addresses": [host.address],
        "ansible_interfaces": [],
        "ansible_uptime_seconds": int(time.time() - host.booted_at),
        "ansible_lastboot": _windows_time(host.booted_at),
        "ansible_reboot_pending": host.reboot_pending,
        "ansible_timezone": host.system.timezone,
        "ansible_date_time": {
            "date": f"{now:%Y-%m-%d}",
            "epoch": str(now.timestamp()),
            "epoch_int": str(int(now.timestamp())),
            "iso8601": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "tz": "UTC",
            "tz_offset": "+00:00",
        },
    }
    return {"ansible_facts": facts}


def _windows_time(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc):%Y-%m-%d %H:%M:%SZ}"


@handles("ansible.windows.async_status", private=("_async_dir",), extra=("*",))  # the job's own keys
def async_status(call: Call) -> Result:
    disk = call.host.disk
    file = ntpath.join(disk.normal(call.private["_async_dir"]), call["jid"])
    if not disk.is_file(file):
        folder = call.private["_async_dir"]
        raise ModuleFailure(f"could not find job at '{folder}'", ansible_job_id=call["jid"], started=1, finished=1)
    if call["mode"] == "cleanup":
        disk.remove(file)
        return {"ansible_job_id": call["jid"], "erased": file}
    return json.loads(disk.read_text(file))


@handles("ansible.windows.slurp")
def slurp(call: Call) -> Result:
    disk, path = call.host.disk, call.path("src")
    assert path is not None
    if disk.is_folder(path):
        raise ModuleFailure(f"Path {path} is a directory")
    if not disk.exists(path):
        raise ModuleFailure(f"Path {path} is not found")
    return {"content": base64.b64encode(disk.read(path)).decode(), "encoding": "base64", "source": path}
