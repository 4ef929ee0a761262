# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release of very many small files that runs from slots: how long each step takes on one host, and how much memory.

    python -m tests.bench.many_files [--files 100000] [--changed 5] [--folder FOLDER]

Two releases, which differ in a handful of files, are staged, brought to a slot and switched to, then the first one
again: each step by the engine that runs on hosts, in a process of its own, on this machine's disk or in the folder.
Writes build/bench/many_files.json. Ends with status 1 where a step takes over 60 s or over 256 MiB, or what is served
is not the release.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.lab import BUILD, CHECKOUT
from tests.bench.machine import machine, shown

SECONDS_LIMIT, MIB_LIMIT = 60.0, 256
BYTES = 200
# The engine, as on a host; the archive is one that is there already, as fetching is another matter.
STEP = """
import json, resource, sys, time
from plugins.module_utils._release import engine
began = time.monotonic()
said = engine.main(json.loads(sys.argv[1]))
seconds = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_SELF)
cpu = used.ru_utime + used.ru_stime
print(json.dumps({"seconds": seconds, "cpu": cpu, "mib": used.ru_maxrss / 1024, "said": said}))
"""


def archive(path: Path, files: int, changed: int, version: str) -> str:
    """Packs the release, a hundred files to a folder, and returns its sha256; ``changed`` of its files are its own."""
    with tarfile.open(path, "w:gz", compresslevel=1) as packed:
        for number in range(files):
            own = version if number % (files // changed) == 0 else "any"
            data = f"{own} {number}".ljust(BYTES).encode()
            member = tarfile.TarInfo(f"part{number // 10000}/part{number // 100}/file{number}.php")
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def step(name: str, **params: Any) -> dict[str, Any]:
    command = [sys.executable, "-c", STEP, json.dumps(params)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    if told["said"].get("failed"):
        raise SystemExit(f"{name}: {told['said']['msg']}")
    row = {"step": name, "seconds": round(told["seconds"], 2), "cpu_seconds": round(told["cpu"], 2)}
    row |= {"mib": round(told["mib"]), "said": told["said"]["msg"]}
    print(f"{name:44}{row['seconds']:8.2f} s{row['cpu_seconds']:8.2f} s of CPU{row['mib']:6} MiB", flush=True)
    return row


def served(root: Path) -> int:
    """How many files the link leads to."""
    return sum(1 for path in (root / "current" / ".").rglob("*.php") if path.is_file())


def measure(folder: Path, files: int, changed: int) -> list[dict[str, Any]]:
    root, rows = folder / "srv", []
    given: dict[str, dict[str, Any]] = {}
    for version in ("1", "2", "3"):
        src = folder / f"{version}.tar.gz"
        given[version] = {"root": str(root), "version": version, "src": str(src)}
        given[version]["sha256"] = archive(src, files, changed, version)
    for version, slot in (("1", "an empty slot"), ("2", "an empty slot"), ("3", f"a slot, {changed} changed")):
        rows.append(step(f"stage {version}", state="staged", **given[version]))
        rows.append(step(f"bring {version} to {slot}", state="staged", slots=True, **given[version]))
        rows.append(step(f"switch to {version}", state="active", slots=True, **given[version]))
        if served(root) != files:
            raise SystemExit(f"{served(root)} of {files} files are served")
        rows.append(step(f"switch to {version} again", state="active", slots=True, **given[version]))
    rows.append(step("back to 2, whose slot holds it", state="active", slots=True, **given["2"]))
    rows.append(step("mark 2 good", state="good", root=str(root), version="2", keep_good=2))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="A release of very many files")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=5)
    parser.add_argument("--folder", help="on the disk that is to be measured")
    given = parser.parse_args()
    facts = machine()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        rows = measure(Path(folder), given.files, given.changed)
    for row in rows:
        row["ok"] = row["seconds"] <= SECONDS_LIMIT and row["mib"] <= MIB_LIMIT
    report = {**vars(given), "machine": facts, "limits": {"seconds": SECONDS_LIMIT, "mib": MIB_LIMIT}, "steps": rows}
    (BUILD / "many_files.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(shown(facts))
    for row in rows:
        if not row["ok"]:
            print(
                f"MISSED: {row['step']}, {row['seconds']} s and {row['mib']} MiB of {SECONDS_LIMIT} s, {MIB_LIMIT} MiB"
            )
    return 0 if all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
