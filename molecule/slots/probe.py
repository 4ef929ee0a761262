#!/usr/bin/env python3
# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``probe.py FOLDER``: five releases of a page that says which releases its files are of, each with its sha256."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from pathlib import Path

VERSIONS = "12345"
FILES, CHANGED_EACH = 200, 40
# Between the files it waits now and then, so that a switch comes in the middle of it.
PAGE = """<?php
$seen = [];
for ($i = 0; $i < %d; $i++) {
    require __DIR__ . "/../lib/$i.php";
    if ($i %% 50 == 0) usleep(2000);
}
sleep((int) ($_GET["seconds"] ?? 0));
require $_SERVER["DOCUMENT_ROOT"] . "/../lib/last.php";
header("Content-Type: application/json");
$cache = opcache_get_status(false);
echo json_encode(["releases" => array_keys($seen), "slot" => basename(dirname($_SERVER["DOCUMENT_ROOT"])),
    "path" => $_SERVER["REQUEST_URI"], "cached" => $cache["opcache_statistics"]["num_cached_scripts"],
    "misses" => $cache["opcache_statistics"]["misses"], "used" => $cache["memory_usage"]["used_memory"],
    "restarts" => $cache["opcache_statistics"]["oom_restarts"] + $cache["opcache_statistics"]["hash_restarts"]]);
"""


def build(version: str, archive: Path) -> None:
    files = {"public/index.php": PAGE % FILES, "lib/last.php": f"<?php $seen['{version}'] = 1;"}
    for number in range(FILES):
        # All of one release name it, but most are the same in each: these ask for no name.
        named = f"$seen['{version}'] = 1;" if number % (FILES // CHANGED_EACH) == 0 else "/* the same in each */"
        files[f"lib/{number}.php"] = f"<?php {named}"
    with tarfile.open(archive, "w") as packed:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), 0o644
            packed.addfile(member, io.BytesIO(text.encode()))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.sha256").write_text(digest)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in VERSIONS:
        build(name, folder / f"{name}.tar")
