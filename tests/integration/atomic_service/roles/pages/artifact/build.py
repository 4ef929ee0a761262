"""Fills RELEASE_OUT with one release: a page of many files, most of them the same in each release.

``<version>+broken`` is healthy, and counts its files wrongly.
"""

from __future__ import annotations

import os
import pathlib

VERSION = os.environ["RELEASE_VERSION"]
OUT = pathlib.Path(os.environ["RELEASE_OUT"])
FILES, OF_EACH_RELEASE = 200, 40
# Between the files it waits now and then, so that a switch comes in the middle of it; before the last one for as long
# as it is asked to.
PAGE = """<?php
$seen = [];
$files = 1;
for ($i = 0; $i < %d; $i++, $files++) {
    require __DIR__ . "/../lib/$i.php";
    if ($i %% 50 == 0) usleep(2000);
}
sleep((int) ($_GET["seconds"] ?? 0));
require $_SERVER["DOCUMENT_ROOT"] . "/../lib/last.php";
$cache = opcache_get_status(false);
header("Content-Type: application/json");
echo json_encode(["version" => %s, "releases" => array_keys($seen), "files" => $files + %d,
    "path" => $_SERVER["REQUEST_URI"], "cached" => $cache["opcache_statistics"]["num_cached_scripts"],
    "misses" => $cache["opcache_statistics"]["misses"], "used" => $cache["memory_usage"]["used_memory"],
    "restarts" => $cache["opcache_statistics"]["oom_restarts"] + $cache["opcache_statistics"]["hash_restarts"]]);
"""


def write(name: str, text: str) -> None:
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


named = f"<?php $seen['{VERSION}'] = 1;"
write("public/index.php", PAGE % (FILES, f'"{VERSION}"', VERSION.endswith("broken")))
write("lib/last.php", named)
for number in range(FILES):
    write(f"lib/{number}.php", named if number % (FILES // OF_EACH_RELEASE) == 0 else "<?php /* the same in each */")
