# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What must hold before customers reach a release: asked of one member over HTTP, the results written as JUnit does.

It asks for nothing that the wiki's authors may change, and leaves nothing in it.
"""

from __future__ import annotations

import html
import os
import pathlib
import re
import sys
import traceback
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import NamedTuple

URL = os.environ["FLEET_URL"].rstrip("/")
VERSION = os.environ["FLEET_VERSION"]
HIDDEN = ("bin/indexer.php", "conf/dokuwiki.php", "inc/init.php", "vendor/autoload.php")
OK, NOT_FOUND = 200, 404


class Answer(NamedTuple):
    status: int
    kind: str
    release: str
    text: str


def get(path: str) -> Answer:
    try:
        answer = urllib.request.urlopen(f"{URL}/{path}", timeout=20)  # noqa: S310  # the gate's own URL
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read().decode(errors="replace")
        return Answer(answer.status, answer.headers.get_content_type(), answer.headers.get("X-Release", ""), text)


def expect(held: bool, otherwise: str) -> None:
    if not held:
        raise AssertionError(otherwise)


def page(query: str) -> str:
    """A page of the wiki that is whole, by the release that is to be proven."""
    answer = get(f"doku.php?{query}")
    expect(answer.status == OK, f"{query} is answered by {answer.status}: {answer.text[:300]}")
    expect(answer.release == VERSION, f"{query} is answered by release {answer.release!r}")
    expect(answer.text.rstrip().endswith("</html>"), f"{query} ends in {answer.text[-100:]!r}")
    amiss = re.search(r"(?:Warning|Notice|Deprecated|Fatal error|Parse error)</b>:[^\n]{0,200}", answer.text)
    expect(amiss is None, f"{query} holds {amiss and amiss[0]}")
    return answer.text


def parser_and_template_render_a_page() -> None:
    # "====== Sitemap ======" in a file of the release, through parser, cache and renderer.
    expect(re.search(r"<h1[^>]*>Sitemap</h1>", page("do=index")) is not None, "the sitemap has no heading")


def the_search_looks_through_its_index() -> None:
    expect("Search" in page("do=search&q=golden"), "no search")


def all_that_a_page_refers_to_is_there() -> None:
    kinds = {"css.php": "text/css", "js.php": "application/javascript", "jquery.php": "application/javascript"}
    names = {html.unescape(name) for name in re.findall(r'(?:src|href)="/(lib/[^"]+)"', page("do=index"))}
    for script, kind in kinds.items():
        asked = [name for name in names if name.startswith(f"lib/exe/{script}")]
        expect(bool(asked), f"the page asks for no {script}")
        for name in asked:
            answer = get(name)
            expect((answer.status, answer.kind) == (OK, kind), f"{name}: {answer.status}, {answer.kind}")
            expect(answer.release == VERSION, f"{name} is answered by release {answer.release!r}")
    for name in sorted(names):
        answer = get(name)
        expect(answer.status == OK and bool(answer.text), f"{name}: {answer.status}, {len(answer.text)} letters")


def what_debian_has_elsewhere_is_in_the_release() -> None:
    expect("jQuery v" in get("lib/exe/jquery.php").text, "jquery.php has no jQuery")
    expect("cookie" in get("lib/exe/js.php?t=dokuwiki").text, "js.php has no jquery-cookie")
    styles = get("lib/exe/css.php?t=dokuwiki").text
    expect(".ui-" in styles, "css.php has no theme of jQuery UI")
    for name in re.findall(r"url\([\"']?/(lib/[^\"')]+)", styles)[:5]:
        expect(get(name).status == OK, f"{name}, which the styles name, is not there")
    feed = get("feed.php")
    expect(feed.status == OK and "<rdf:RDF" in feed.text, f"feed.php: {feed.status}, {feed.text[:200]!r}")


def what_scripts_include_is_not_served() -> None:
    for name in HIDDEN:
        expect(get(name).status == NOT_FOUND, f"/{name} is served")


TESTS: tuple[Callable[[], None], ...] = (
    parser_and_template_render_a_page,
    the_search_looks_through_its_index,
    all_that_a_page_refers_to_is_there,
    what_debian_has_elsewhere_is_in_the_release,
    what_scripts_include_is_not_served,
)


def main(results: pathlib.Path) -> int:
    suite = ET.Element("testsuite", {"name": "wiki", "tests": str(len(TESTS))})
    failed = 0
    for test in TESTS:
        case = ET.SubElement(suite, "testcase", {"name": test.__name__})
        try:
            test()
        except Exception as error:  # whatever it is, the release has failed
            failed += 1
            ET.SubElement(case, "failure", {"message": str(error)}).text = traceback.format_exc()
    suite.set("failures", str(failed))
    ET.ElementTree(suite).write(results / "junit.xml", "utf-8", xml_declaration=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(os.environ["FLEET_RESULTS"])))
