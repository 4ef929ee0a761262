# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""win_copy's parts on the host, as its action plugin asks for them. win_template is the same with a rendered file."""

from __future__ import annotations

import base64
import datetime
import io
import ntpath
import zipfile

from . import Call, ModuleFailure, Result, handles
from .files import checksum

_PRIVATE = ("_copy_mode", "_original_basename", "files", "directories", "symlinks")
# win_template passes its own arguments on.
_TEMPLATE = ("block_end_string", "block_start_string", "comment_end_string", "comment_start_string",
             "lstrip_blocks", "newline_sequence", "output_encoding", "trim_blocks", "variable_end_string",
             "variable_start_string")  # fmt: skip


@handles(
    "ansible.windows.win_copy",
    private=_PRIVATE + _TEMPLATE,
    extra=("files", "directories", "symlinks"),
    ignored=("content", "decrypt", "local_follow", "remote_src"),
)  # the controller's
def win_copy(call: Call) -> Result:
    modes = {"query": _query, "single": _single, "explode": _explode, "remote": _remote}
    return modes[call.private["_copy_mode"]](call)


def _query(call: Call) -> Result:
    """Which of the controller's files and folders are not there, or are others."""
    disk, target = call.host.disk, call["dest"]
    if target and disk.is_file(target):
        raise ModuleFailure(f"cannot copy to dest '{target}': object at path '{target}' is already a file")
    files = []
    for file in call.private.get("files") or []:
        path = ntpath.join(disk.normal(target), file["dest"].replace("/", "\\"))
        if disk.is_folder(path):
            raise ModuleFailure(f"cannot copy file to dest '{path}': object at path is already a directory")
        if not disk.exists(path) or (call["force"] and checksum(disk, path) != file["checksum"]):
            files.append(file)
    folders = []
    for folder in call.private.get("directories") or []:
        path = ntpath.join(disk.normal(target), folder["dest"].replace("/", "\\"))
        if disk.is_file(path):
            raise ModuleFailure(f"cannot copy folder to dest '{path}': object at path is already a file")
        if not disk.exists(path):
            folders.append(folder)
    return {"files": files, "directories": folders, "symlinks": []}


def _destination(call: Call, target: str, name: str) -> str:
    """A target that is a folder takes the file by its own name; the folder above must be there unless it was named."""
    disk = call.host.disk
    into = target.endswith(("/", "\\")) or disk.is_folder(target)
    path = ntpath.join(disk.normal(target), name) if into else disk.normal(target)
    parent = ntpath.dirname(path)
    if disk.is_file(parent):
        raise ModuleFailure(f"object at destination parent dir '{parent}' is currently a file")
    if not disk.exists(parent):
        if not into:
            raise ModuleFailure(f"Destination directory '{parent}' does not exist")
        if call.live:
            disk.make_folder(parent)
    return path


def _backup(call: Call, path: str) -> Result:
    if not call["backup"] or not call.host.disk.exists(path):
        return {}
    copy = f"{path}.{call.host.name}.{datetime.datetime.now():%Y%m%d-%H%M%S}.bak"
    if call.live:
        call.host.disk.copy(path, copy)
    return {"backup_file": copy}


def _single(call: Call) -> Result:
    disk, source = call.host.disk, call["src"]
    if not disk.is_file(source):
        raise ModuleFailure(f"Cannot copy src file: '{source}' as it does not exist")
    path = _destination(call, call["dest"], call.private["_original_basename"])
    backup = _backup(call, path)
    disk.write(path, disk.read(source))
    return {"changed": True, **backup}


def _explode(call: Call) -> Result:
    disk, source, target = call.host.disk, call["src"], call.host.disk.normal(call["dest"])
    if not disk.is_file(source):
        raise ModuleFailure(f"Cannot expand src zip file: '{source}' as it does not exist")
    with zipfile.ZipFile(io.BytesIO(disk.read(source))) as archive:
        for member in archive.infolist():
            name = base64.b64decode(member.filename.rstrip("/")).decode()
            path = ntpath.join(target, name.replace("/", "\\"))
            if member.is_dir():
                disk.make_folder(path)
                continue
            disk.make_folder(ntpath.dirname(path))
            _backup(call, path)
            disk.write(path, archive.read(member))
    return {"changed": True}


def _remote(call: Call) -> Result:
    disk, source = call.host.disk, call["src"]
    if not disk.exists(source):
        raise ModuleFailure(f"Cannot copy src file: '{source}' as it does not exist")
    if disk.is_folder(source):
        return _remote_folder(call, source)
    path = _destination(call, call["dest"], ntpath.basename(disk.normal(source)))
    told = {
        "src": source,
        "dest": path,
        "operation": "file_copy",
        "original_basename": ntpath.basename(disk.normal(source)),
        "checksum": checksum(disk, source),
        "size": disk.real(source).stat().st_size,
    }
    return {**told, **_copied(call, source, path)}


def _copied(call: Call, source: str, path: str) -> Result:
    disk = call.host.disk
    if disk.is_folder(path):
        raise ModuleFailure(f"cannot copy file from '{source}' to '{path}': object at dest path is already a folder")
    if disk.exists(path) and (not call["force"] or checksum(disk, path) == checksum(disk, source)):
        return {"changed": False}
    backup = _backup(call, path)
    if call.live:
        disk.copy(source, path)
    return {"changed": True, **backup}


def _remote_folder(call: Call, source: str) -> Result:
    """With a slash at its end the folder's content, without one the folder itself."""
    disk = call.host.disk
    target = disk.normal(call["dest"])
    if not source.endswith(("/", "\\")):
        target = ntpath.join(target, ntpath.basename(disk.normal(source)))
    if disk.is_file(target):
        raise ModuleFailure(f"cannot copy folder from '{source}' to '{target}': dest is already a file")
    changed = not disk.exists(target)
    if call.live:
        disk.make_folder(target)
    root = disk.normal(source)
    for path in disk.walk(root):
        other = target + path[len(root) :]
        if disk.is_folder(path):
            changed |= not disk.exists(other)
            if call.live:
                disk.make_folder(other)
        else:
            changed |= _copied(call, path, other)["changed"]
    return {"changed": changed, "src": source, "dest": target, "operation": "folder_copy", "size": 0}
