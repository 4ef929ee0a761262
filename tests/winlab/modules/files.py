# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""win_file, win_stat, win_find, win_tempfile, win_unzip, win_acl and their kin."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import ntpath
import os
import re
import time
import uuid
import zipfile
from typing import Any

from ..errors import NotEmulatedError, WindowsError
from ..host.disk import Disk
from . import Call, ModuleFailure, Result, handles


@handles("ansible.windows.win_file")
def win_file(call: Call) -> Result:
    disk, path, state = call.host.disk, call.path("path"), call["state"]
    assert path is not None
    if state == "touch":
        if call.live:
            if disk.exists(path):
                os.utime(disk.real(path))
            else:
                disk.write(path, b"")
        return {"changed": True}
    if disk.exists(path):
        return _existing(call, disk, path, state)
    # Without a state, a last part makes it a file.
    if state == "absent":
        return {"changed": False}
    if state != "directory":
        raise ModuleFailure(f"path {path} will not be created")
    if call.live:
        disk.make_folder(path)
    return {"changed": True}


def _existing(call: Call, disk: Disk, path: str, state: str | None) -> Result:
    if state == "absent":
        try:
            if call.live:
                disk.remove(path)
        except WindowsError as error:
            raise ModuleFailure(f"Failed to delete {path}: {error}") from None
        return {"changed": True}
    if state == "directory" and not disk.is_folder(path):
        raise ModuleFailure(f"path {path} is not a directory")
    if state == "file" and disk.is_folder(path):
        raise ModuleFailure(f"path {path} is not a file")
    return {"changed": False}


def checksum(disk: Disk, path: str, algorithm: str = "sha1") -> str:
    return hashlib.new(algorithm, disk.read(path), usedforsecurity=False).hexdigest()


def facts(disk: Disk, path: str, algorithm: str | None = None) -> dict[str, Any]:
    """What win_stat and win_find tell of a file or folder."""
    real = disk.real(path)
    about, folder = real.stat(), real.is_dir()
    attributes = disk.attributes.get(disk.key(path), set())
    words = sorted(attributes | ({"Directory"} if folder else {"Archive"}))
    told: dict[str, Any] = {
        "attributes": ", ".join(words),
        "creationtime": about.st_ctime,
        "exists": True,
        "filename": real.name,
        "hlnk_targets": [],
        "isarchive": not folder,
        "isdir": folder,
        "ishidden": "Hidden" in attributes,
        "isjunction": False,
        "islnk": False,
        "isreadonly": "ReadOnly" in attributes,
        "isreg": not folder,
        "isshared": False,
        "lastaccesstime": about.st_atime,
        "lastwritetime": about.st_mtime,
        "nlink": 1,
        "owner": disk.owners.get(disk.key(path), "BUILTIN\\Administrators"),
        "path": disk.virtual(real),
    }
    if folder:
        told["size"] = sum(file.stat().st_size for file in real.rglob("*") if file.is_file())
    else:
        told.update({"size": about.st_size, "extension": real.suffix})
        if algorithm:
            told["checksum"] = checksum(disk, path, algorithm)
    return told


@handles("ansible.windows.win_stat", ignored=("follow",))  # there are no links
def win_stat(call: Call) -> Result:
    disk, path = call.host.disk, call.path("path")
    assert path is not None
    if not disk.exists(path):
        return {"stat": {"exists": False}}
    told = facts(disk, path, call["checksum_algorithm"] if call["get_checksum"] else None)
    if told["isdir"] and not call["get_size"]:
        del told["size"]
    return {"stat": told}


@handles("ansible.windows.win_find", ignored=("follow",))
def win_find(call: Call) -> Result:
    disk = call.host.disk
    found, examined = [], 0
    for root in call["paths"]:
        root = disk.normal(root)
        if not disk.exists(root):
            raise ModuleFailure(f"Get-AnsibleItem: Could not find item '{root}'")
        for path in disk.walk(root):
            depth = path[len(root) :].strip("\\").count("\\")
            if (depth and not call["recurse"]) or (call["depth"] is not None and depth >= call["depth"]):
                continue
            examined += 1
            if _wanted(call, disk, path):
                found.append(facts(disk, path, call["checksum_algorithm"] if call["get_checksum"] else None))
    return {"examined": examined, "matched": len(found), "files": found}


def _wanted(call: Call, disk: Disk, path: str) -> bool:
    folder, name = disk.is_folder(path), ntpath.basename(path)
    if call["file_type"] != "any" and folder != (call["file_type"] == "directory"):
        return False
    if "Hidden" in disk.attributes.get(disk.key(path), set()) and not call["hidden"]:
        return False
    if call["patterns"] and not any(_named(name, pattern, call) for pattern in call["patterns"]):
        return False
    about = disk.real(path).stat()
    stamp = {"mtime": about.st_mtime, "ctime": about.st_ctime, "atime": about.st_atime}[call["age_stamp"]]
    return _beyond(call["age"], time.time() - stamp, _SECONDS) and _beyond(call["size"], about.st_size, _BYTES)


def _named(name: str, pattern: str, call: Call) -> bool:
    flags = 0 if call["case_sensitive"] else re.IGNORECASE
    wanted = pattern if call["use_regex"] else fnmatch.translate(pattern)
    return bool(re.search(wanted, name, flags) if call["use_regex"] else re.match(wanted, name, flags))


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def _beyond(limit: str | None, value: float, units: dict[str, int]) -> bool:
    """``5d``: older or larger; ``-5d``: younger or smaller."""
    if limit is None:
        return True
    found = re.fullmatch(r"(-?\d+)([a-z])?[a-z]*", limit.lower())
    if not found:
        raise ModuleFailure(f"invalid value {limit}")
    wanted = int(found[1]) * units.get(found[2] or "", 1)
    return value >= wanted if wanted >= 0 else value <= -wanted


@handles("ansible.windows.win_tempfile")
def win_tempfile(call: Call) -> Result:
    disk = call.host.disk
    folder = disk.normal(call["path"] or "%TEMP%")  # which only older documentation names as the default
    path = ntpath.join(folder, f"{call['prefix']}{uuid.uuid4().hex[:8]}{call['suffix'] or ''}")
    if call.live:
        if call["state"] == "directory":
            disk.make_folder(path)
        else:
            disk.write(path, b"")
    return {"changed": True, "path": path}


@handles("community.windows.win_unzip", "ansible.windows.win_unzip")
def win_unzip(call: Call) -> Result:
    disk, source, target = call.host.disk, call.path("src"), call.path("dest")
    assert source is not None
    assert target is not None
    told: Result = {"dest": target, "removed": False, "src": source, "changed": False}
    if call["creates"] and disk.exists(call["creates"]):
        return {**told, "skipped": True, "msg": f"The file or directory '{call['creates']}' already exists."}
    if not disk.exists(source):
        raise ModuleFailure(f"File '{source}' does not exist.", **told)
    if not source.lower().endswith(".zip") or call["recurse"] or call["password"]:
        raise ModuleFailure(
            "PowerShellCommunityExtensions PowerShell Module (PSCX) is required for non-'.zip' compressed archive "
            "types.",
            **told,
        )
    if call.live:
        _extract(disk, source, target, told)
    if call["delete_archive"]:
        if call.live:
            disk.remove(source)
        told["removed"] = True
    return {**told, "changed": True}


def _extract(disk: Disk, source: str, target: str, told: Result) -> None:
    try:
        disk.make_folder(target)
        with zipfile.ZipFile(io.BytesIO(disk.read(source))) as archive:
            made: set[str] = set()
            for member in archive.infolist():
                path = ntpath.join(target, member.filename.replace("/", "\\"))
                if ".." in member.filename.split("/"):
                    raise WindowsError(f"Entry '{member.filename}' is outside of the target")
                folder = path if member.is_dir() else ntpath.dirname(path)
                if folder not in made:
                    disk.make_folder(folder)
                    made.add(folder)
                if not member.is_dir():
                    disk.write(path, archive.read(member))
    except (zipfile.BadZipFile, WindowsError) as error:
        raise ModuleFailure(
            f"Error unzipping '{source}' to '{target}'!. Method: System.IO.Compression.ZipFile, Exception: {error}",
            **told,
        ) from None


@handles("ansible.windows.win_acl", ignored=("follow",))
def win_acl(call: Call) -> Result:
    """Entries are kept and compared; nobody is kept out by them."""
    disk, path = call.host.disk, call["path"]
    if call.check:  # of which the module knows nothing
        return {"changed": False, "skipped": True, "msg": "remote module does not support check mode"}
    if re.match(r"(?i)^(HK\w+|cert):", path):
        raise NotEmulatedError("win_acl of the registry or of a certificate")
    if not disk.exists(path):
        raise ModuleFailure(f"{disk.normal(path)} file or directory does not exist on the host")
    user = call.host.system.principal(call["user"])
    inherit = call["inherit"]
    if inherit is None:
        inherit = "ContainerInherit, ObjectInherit" if disk.is_folder(path) else "None"
    rule = {
        "user": user.lower(),
        "type": call["type"],
        "rights": _sorted(call["rights"]),
        "inherit": _sorted(inherit),
        "propagation": call["propagation"],
    }
    rules = disk.rights.setdefault(disk.key(path), [])
    wanted = call["state"] == "present"
    if (rule in rules) == wanted:
        return {"changed": False}
    if call.live:
        rules.append(rule) if wanted else rules.remove(rule)
    return {"changed": True}


@handles("ansible.windows.win_acl_inheritance", ignored=("reorganize",))  # what is inherited is not kept
def win_acl_inheritance(call: Call) -> Result:
    disk, path = call.host.disk, call["path"]
    if not disk.exists(path):
        raise ModuleFailure(f"{disk.normal(path)} does not exist")
    key, wanted = disk.key(path), call["state"]
    before = "absent" if key in disk.without_inheritance else "present"
    if call.live:
        (disk.without_inheritance.add if wanted == "absent" else disk.without_inheritance.discard)(key)
    told: Result = {"changed": before != wanted}
    return {**told, "diff": {"before": {"state": before}, "after": {"state": wanted}}} if call.diff else told


def _sorted(words: str) -> str:
    return ", ".join(sorted(word.strip() for word in words.split(",")))


@handles("ansible.windows.win_owner")
def win_owner(call: Call) -> Result:
    disk, path = call.host.disk, call.path("path")
    assert path is not None
    if not disk.exists(path):
        raise ModuleFailure(f"{path} file or directory does not exist on the host")
    user = call.host.system.principal(call["user"])
    paths = [path, *(disk.walk(path) if call["recurse"] and disk.is_folder(path) else [])]
    others = [one for one in paths if disk.owners.get(disk.key(one), "").lower() != user.lower()]
    if call.live:
        disk.owners.update({disk.key(one): user for one in others})
    return {"changed": bool(others)}
