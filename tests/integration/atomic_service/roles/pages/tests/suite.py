"""What must hold before a slot is switched to: one release, and all of its files. Writes its result as JUnit does."""

from __future__ import annotations

import json
import os
import pathlib
import urllib.request

FILES = 201
with urllib.request.urlopen(f"{os.environ['FLEET_URL']}/", timeout=10) as answer:  # noqa: S310  # the gate's own URL
    page = json.load(answer)
whole = page["files"] == FILES and page["releases"] == [os.environ["FLEET_VERSION"]]
failure = "" if whole else f'<failure message="{page["files"]} files of {", ".join(map(str, page["releases"]))}"/>'
case = f'<testcase name="whole">{failure}</testcase>'
result = pathlib.Path(os.environ["FLEET_RESULTS"], "junit.xml")
result.write_text(f'<testsuite name="pages" tests="1" failures="{int(not whole)}">{case}</testsuite>')
raise SystemExit(not whole)
