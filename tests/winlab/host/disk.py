# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The virtual drive C:, backed by a real folder so that real programs can run from it. Names know no case."""

from __future__ import annotations

import functools
import ntpath
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import DeniedError, DiskFullError, InUseError, NotFoundError, TooLongError, WindowsError

MAX_FILE = 260
MAX_FOLDER = 248


class Disk:
    def __init__(self, root: Path, environment: Callable[[], dict[str, str]]) -> None:
        self.root = root
        self._environment = environment
        # Set by hazards and by the host.
        self.free_bytes: int | None = None
        self.long_paths = False
        self.locked: set[str] = set()
        self.in_use: Callable[[], set[str]] = set
        # What the folder below can't keep, by the path in lower case.
        self.attributes: dict[str, set[str]] = {}
        self.owners: dict[str, str] = {}
        self.rights: dict[str, list[dict[str, str]]] = {}
        self.without_inheritance: set[str] = set()
        root.mkdir(parents=True, exist_ok=True)

    # names

    def expand(self, path: str) -> str:
        if "%" not in path:
            return path
        values = {key.lower(): value for key, value in self._environment().items()}
        return re.sub(r"%([^%]+)%", lambda found: values.get(found[1].lower(), found[0]), path)

    def normal(self, path: str) -> str:
        """A whole path as Windows writes it; drives other than C: are not there."""
        path = ntpath.normpath(self.expand(path).replace("/", "\\").removeprefix("\\\\?\\"))
        drive, rest = ntpath.splitdrive(path)
        if re.search(r'[<>:"|?*]', rest):
            raise WindowsError("Illegal characters in path.")
        if not drive:
            path = "C:" + (rest if rest.startswith("\\") else f"\\Users\\Administrator\\{rest}")
        elif drive.upper() != "C:":
            raise NotFoundError(f"Cannot find drive. A drive with the name '{drive.rstrip(':')}' does not exist.")
        return "C:" + path[2:] if len(path) > 2 else "C:\\"

    def key(self, path: str) -> str:
        return self.normal(path).lower().rstrip("\\")

    def real(self, path: str) -> Path:
        """Where the path lies below; the names of what is there already are found whatever their case."""
        parts = [part for part in self.normal(path)[3:].split("\\") if part]
        if not parts:
            return self.root
        folder = self.root.joinpath(*parts[:-1])
        if not os.path.lexists(folder):  # not by these very names
            folder = functools.reduce(_child, parts[:-1], self.root)
        return _child(folder, parts[-1])

    def virtual(self, real: Path) -> str:
        return "C:\\" + str(real.relative_to(self.root)).replace("/", "\\").removeprefix(".")

    # reading

    def exists(self, path: str) -> bool:
        return self.real(path).exists()

    def is_folder(self, path: str) -> bool:
        return self.real(path).is_dir()

    def is_file(self, path: str) -> bool:
        return self.real(path).is_file()

    def read(self, path: str) -> bytes:
        return self._file(path).read_bytes()

    def read_text(self, path: str) -> str:
        return self.read(path).decode("utf-8-sig")

    def _file(self, path: str) -> Path:
        real = self.real(path)
        if real.is_dir():
            raise DeniedError(self.normal(path))
        if not real.exists():
            raise NotFoundError(f"Could not find file '{self.normal(path)}'.")
        return real

    def names(self, path: str) -> list[str]:
        return sorted(entry.name for entry in self.real(path).iterdir())

    def walk(self, path: str) -> Iterator[str]:
        """Everything below, folders before what is in them."""
        for name in self.names(path):
            child = ntpath.join(self.normal(path), name)
            yield child
            if self.is_folder(child):
                yield from self.walk(child)

    # writing

    def write(self, path: str, data: bytes) -> None:
        self.check_length(path, MAX_FILE)
        real = self.real(path)
        if "ReadOnly" in self.attributes.get(self.key(path), set()):
            raise DeniedError(self.normal(path))
        self.check_free(path)
        if self.free_bytes is not None:
            self._take_space(len(data) - (real.stat().st_size if real.is_file() else 0))
        try:
            real.write_bytes(data)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"Could not find a part of the path '{self.normal(path)}'.") from None
        except IsADirectoryError:
            raise DeniedError(self.normal(path)) from None

    def make_folder(self, path: str) -> None:
        self.check_length(path, MAX_FOLDER)
        try:
            self.real(path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise WindowsError(f"An item with the specified name {self.normal(path)} already exists.") from None

    def remove(self, path: str) -> None:
        """A file, or a folder with all in it; what was removed before a file in use stays removed, as with Windows."""
        real = self.real(path)
        if real.is_dir():
            for name in self.names(path):
                self.remove(ntpath.join(self.normal(path), name))
            real.rmdir()
        else:
            self.check_free(path)
            self._take_space(-real.stat().st_size)
            real.unlink()
        for table in (self.attributes, self.owners, self.rights):
            table.pop(self.key(path), None)  # type: ignore[attr-defined]

    def copy(self, source: str, target: str) -> None:
        self.write(target, self.read(source))
        shutil.copystat(self.real(source), self.real(target))

    def check_free(self, path: str) -> None:
        """Nobody may have the file open: neither a hazard nor a program that runs from it."""
        key = self.key(path)
        if key in {self.key(locked) for locked in self.locked}:
            raise InUseError(self.normal(path))
        if key in {self.key(used) for used in self.in_use()}:
            raise DeniedError(self.normal(path))  # what Windows says of a program that runs

    def check_length(self, path: str, limit: int) -> None:
        if not self.long_paths and len(self.normal(path)) >= limit:
            raise TooLongError

    def _take_space(self, size: int) -> None:
        if self.free_bytes is None:
            return
        if size > self.free_bytes:
            raise DiskFullError
        self.free_bytes -= size


def _child(folder: Path, name: str) -> Path:
    exact = folder / name
    if not os.path.lexists(exact) and folder.is_dir():
        wanted = name.lower()
        for entry in os.scandir(folder):
            if entry.name.lower() == wanted:
                return folder / entry.name
    return exact
