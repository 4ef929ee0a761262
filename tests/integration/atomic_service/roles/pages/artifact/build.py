"""Fills RELEASE_OUT with one release: a page of many files, most of them the same in each release.

    build.py [FILES [ASKED]]

The page is made of all FILES, or of ASKED of them, chosen anew for each request. 1.4.0 and each other release whose
last number is 0 has one file in five of its own, and so has each that is no three numbers; of 1.4.1, 1.4.2 and so on
one file is their own, and all others are those of 1.4.0. ``<version>+broken`` is healthy, and counts its files wrongly.
"""

from __future__ import annotations

import os
import pathlib
import re
import sys

VERSION = os.environ["RELEASE_VERSION"]
OUT = pathlib.Path(os.environ["RELEASE_OUT"])
FILES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
ASKED = int(sys.argv[2]) if len(sys.argv) > 2 else FILES
SERIES = re.sub(r"^(\d+\.\d+)\.\d+$", r"\1.0", VERSION)
# Between the files it waits now and then, so that a switch comes in the middle of it; before the last one for as long
# as it is asked to.
PAGE = """<?php
$seen = ['%(series)s' => 1];
$files = 1;
$asked = (int) ($_GET["files"] ?? %(asked)d);
$chosen = range(0, %(files)d - 1);
if ($asked < %(files)d) shuffle($chosen);
for ($i = 0; $i < $asked; $i++, $files++) {
    require __DIR__ . "/../lib/$chosen[$i].php";
    if ($i %% 50 == 0) usleep(2000);
}
sleep((int) ($_GET["seconds"] ?? 0));
$version = require $_SERVER["DOCUMENT_ROOT"] . "/../lib/last.php";
$cache = opcache_get_status(false);
// Without those of the host's other sites; a list of all is too much for each request.
$own = isset($_GET["own"]) ? count(array_filter(array_keys(opcache_get_status()["scripts"]),
    fn($script) => str_starts_with($script, dirname(__DIR__, 3) . "/"))) : null;
header("Content-Type: application/json");
echo json_encode(["version" => $version, "member" => $_SERVER["SERVER_ADDR"], "releases" => array_keys($seen),
    "files" => $files + %(more)d, "path" => $_SERVER["REQUEST_URI"],
    "own" => $own,
    "misses" => $cache["opcache_statistics"]["misses"], "used" => $cache["memory_usage"]["used_memory"],
    "restarts" => $cache["opcache_statistics"]["oom_restarts"] + $cache["opcache_statistics"]["hash_restarts"]]);
"""
STATUS = '<?php header("Content-Type: application/json"); echo json_encode(opcache_get_status(false));'


def write(name: str, text: str) -> None:
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def library(number: int) -> str:
    """A file of the library, with code that takes some memory to be kept."""
    named = f"$seen['{SERIES}'] = 1;" if number % 5 == 0 else "/* the same in each */"
    steps = "\n".join(f"    $sum += $given * {number + step} + strlen('{number}.{step}');" for step in range(20))
    return f"<?php {named}\nfunction f{number}($given) {{\n    $sum = 0;\n{steps}\n    return $sum;\n}}\n"


shape = {"series": SERIES, "files": FILES, "asked": ASKED, "more": int(VERSION.endswith("broken"))}
write("public/index.php", PAGE % shape)
write("public/cache.php", STATUS)
write("lib/last.php", f"<?php $seen['{VERSION}'] = 1; return '{VERSION}';")
for number in range(FILES):
    write(f"lib/{number}.php", library(number))
