# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# ruff: noqa: PT009  # unittest on purpose: it needs nothing but the standard library
"""What must hold before customers reach a release: unittest against one member, its results written as NUnit 3 does."""

from __future__ import annotations

import json
import os
import pathlib
import re
import sys
import unittest
import urllib.request
import xml.etree.ElementTree as ET

URL = os.environ["FLEET_URL"].rstrip("/")
VERSION = os.environ["FLEET_VERSION"]


def get(path: str) -> tuple[str, str]:
    """The type and the content behind a path of the member."""
    with urllib.request.urlopen(f"{URL}/{path}", timeout=10) as answer:  # noqa: S310  # the gate's own URL
        return answer.headers.get_content_type(), answer.read().decode(errors="replace")


class Pages(unittest.TestCase):
    def test_the_release_is_the_one_that_was_rolled_out(self) -> None:
        release = json.loads(get("release.json")[1])
        self.assertEqual((release["service"], release["version"]), ("swagger_ui", VERSION))

    def test_the_page_starts_swagger_ui(self) -> None:
        kind, page = get("")
        self.assertEqual(kind, "text/html")
        self.assertIn('id="swagger-ui"', page)

    def test_all_that_the_page_refers_to_is_there(self) -> None:
        names = set(re.findall(r'(?:src|href)="(?:\./)?([\w.-]+)"', get("")[1]))
        self.assertIn("swagger-ui-bundle.js", names)
        for name in sorted(names):
            with self.subTest(name):
                self.assertTrue(get(name)[1])

    def test_the_bundle_is_a_script(self) -> None:
        kind, script = get("swagger-ui-bundle.js")
        self.assertIn(kind, ("application/javascript", "text/javascript"))
        self.assertIn("SwaggerUIBundle", script)


class Record(unittest.TestResult):
    """Keeps each test with its result, as NUnit names results, and what went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.done: dict[str, tuple[str, str]] = {}

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802  # unittest's name
        super().startTest(test)
        self.done[test.id()] = ("Passed", "")

    def addFailure(self, test, err) -> None:  # noqa: N802  # unittest's name
        self.done[test.id()] = ("Failed", str(err[1]))

    addError = addFailure  # noqa: N815  # unittest's name

    def addSubTest(self, test, subtest, err) -> None:  # noqa: N802  # unittest's name
        if err is not None:
            self.addFailure(test, (err[0], f"{subtest}: {err[1]}", err[2]))


def as_nunit(done: dict[str, tuple[str, str]]) -> ET.ElementTree:
    """The results in NUnit 3's form."""
    failed = sum(result == "Failed" for result, _ in done.values())
    counts = {"total": str(len(done)), "passed": str(len(done) - failed), "failed": str(failed), "skipped": "0"}
    overall = "Failed" if failed else "Passed"
    run = ET.Element("test-run", {"id": "0", "testcasecount": str(len(done)), "result": overall, **counts})
    suite = ET.SubElement(run, "test-suite", {"type": "TestFixture", "name": "Pages", "result": overall, **counts})
    for name, (result, message) in done.items():
        case = ET.SubElement(suite, "test-case", {"name": name.split(".")[-1], "fullname": name, "result": result})
        if message:
            ET.SubElement(ET.SubElement(case, "failure"), "message").text = message
    return ET.ElementTree(run)


if __name__ == "__main__":
    record = Record()
    unittest.defaultTestLoader.loadTestsFromTestCase(Pages).run(record)
    as_nunit(record.done).write(pathlib.Path(os.environ["FLEET_RESULTS"]) / "nunit.xml", "utf-8", xml_declaration=True)
    sys.exit(any(result == "Failed" for result, _ in record.done.values()))
