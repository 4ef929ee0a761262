"""What must hold before customers reach a release; run against one member, its results written as JUnit does."""

from __future__ import annotations

import json
import os
import urllib.request

from junitparser import Failure, JUnitXml, TestCase, TestSuite


def get(path: str) -> str:
    with urllib.request.urlopen(f"{os.environ['FLEET_URL']}/{path}", timeout=10) as answer:  # noqa: S310  # the gate's
        return answer.read().decode()


def the_release_is_the_one_that_was_rolled_out() -> None:
    wanted = {"service": "status_codes", "version": os.environ["FLEET_VERSION"]}
    assert json.loads(get("release.json")) == wanted, get("release.json")


def the_page_names_every_code() -> None:
    page = get("")
    missing = [code for code in json.loads(get("codes.json")) if f"{code} " not in page]
    assert not missing, missing


def every_link_leads_to_a_page() -> None:
    for part in get("").split('href="')[1:]:
        assert "<h1>" in get(part.partition('"')[0]), part


suite = TestSuite("pages")
for check in (the_release_is_the_one_that_was_rolled_out, the_page_names_every_code, every_link_leads_to_a_page):
    case = TestCase(check.__name__, "status_codes")
    try:
        check()
    except Exception as error:
        case.result = [Failure(f"{type(error).__name__}: {error}")]
    suite.add_testcase(case)
results = JUnitXml()
results.add_testsuite(suite)
results.write(f"{os.environ['FLEET_RESULTS']}/pages.xml")
