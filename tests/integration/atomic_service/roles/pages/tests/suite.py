"""What must hold before a slot is switched to: one release, and all of its files. Writes its result as JUnit does.

    suite.py [FILES]

FILES of the library are asked for, all that there are unless said.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import sys
import urllib.request

FILES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
VERSION = os.environ["FLEET_VERSION"]
with urllib.request.urlopen(f"{os.environ['FLEET_URL']}/?files={FILES}", timeout=10) as answer:  # noqa: S310  # the gate's own URL
    page = json.load(answer)
# Of 1.4.1, too, most files are those of 1.4.0.
both = {VERSION, re.sub(r"^(\d+\.\d+)\.\d+$", r"\1.0", VERSION)}
whole = page["files"] == FILES + 1 and set(page["releases"]) == both
failure = "" if whole else f'<failure message="{page["files"]} files of {", ".join(map(str, page["releases"]))}"/>'
case = f'<testcase name="whole">{failure}</testcase>'
result = pathlib.Path(os.environ["FLEET_RESULTS"], "junit.xml")
result.write_text(f'<testsuite name="pages" tests="1" failures="{int(not whole)}">{case}</testsuite>')
raise SystemExit(not whole)
