# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Test results out of files in the forms of JUnit, NUnit 2, NUnit 3 and TRX.

The files come from whatever the tests ran, so they are read as hostile: no document type and with it no entities. What
says that something failed counts as a failure, even where no test shows it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import defusedxml.ElementTree
import junitparser
from ansible_collections.golden.fleet.plugins.module_utils._gate.files import Collected
from defusedxml.common import DefusedXmlException

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # a name for the types only

_MESSAGE_LIMIT = 300


class ResultsError(Exception):
    """A file can't be read as test results. Names the file."""


class Failure(NamedTuple):
    name: str
    message: str


@dataclasses.dataclass
class Results:
    """What became of the tests: ``tests`` is how many ran, failed ones among them."""

    tests: int = 0
    skipped: int = 0
    failures: list[Failure] = dataclasses.field(default_factory=list)

    def add(self, other: Results) -> None:
        self.tests += other.tests
        self.skipped += other.skipped
        self.failures += other.failures


def read_all(found: Collected, pattern: str, form: str) -> Results:
    """The results of all files that were found for ``pattern``, added up."""
    if not found.files:
        beside = f"; there are {', '.join(found.beside)}" if found.beside else ""
        raise ResultsError(f"it left no results: no file matches {pattern}{beside}")
    results = Results()
    for name, data in found.files:
        results.add(read(name, data, form))
    return results


def read(name: str, data: bytes, form: str = "auto") -> Results:
    """The results in one file. ``form`` is junit, nunit, trx or auto."""
    try:
        root = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ResultsError(f"{name}: refused, as test results have no document type or entities") from error
    except (defusedxml.ElementTree.ParseError, ValueError, LookupError) as error:
        raise ResultsError(f"{name}: is not readable as XML: {error}") from error
    reader = _READERS.get(root.tag)
    if reader is None or form not in ("auto", reader[0]):
        wanted = {"auto": "JUnit, NUnit or TRX", "junit": "JUnit", "nunit": "NUnit", "trx": "TRX"}[form]
        raise ResultsError(f"{name}: <{_cut(root.tag)}> is not how results of {wanted} begin")
    return reader[1](root)


def _junit(root: Element) -> Results:
    results = Results()
    for element in root.iter("testcase"):
        case = junitparser.TestCase.fromelem(element)
        wrong = [entry for entry in case.result if not isinstance(entry, junitparser.Skipped)]
        if wrong:
            message = wrong[0].message or wrong[0].text or wrong[0].type or "failed"
            results.failures.append(_failure(".".join(filter(None, [case.classname, case.name])), message))
        # googletest's word for a test that is switched off
        if case.is_skipped or (not wrong and element.get("status") in ("notrun", "disabled")):
            results.skipped += 1
        else:
            results.tests += 1
    results.failures += _silent(root, _junit_failed, _junit_says)
    return results


def _junit_failed(element: Element) -> bool:
    """Whether a test failed, or a suite says that something in it did."""
    if element.tag == "testcase":
        return any(element.find(f".//{name}") is not None for name in _JUNIT_WRONG)
    claims = any(_number(element, name) for name in ("failures", "errors"))
    return element.tag in _SUITES and (claims or any(element.find(name) is not None for name in _JUNIT_WRONG))


def _junit_says(suite: Element) -> str:
    for name in _JUNIT_WRONG:
        found = suite.find(name)
        if found is not None:
            return found.get("message") or found.text or name
    return f"says {_number(suite, 'failures')} failures and {_number(suite, 'errors')} errors"


_JUNIT_WRONG = ("failure", "error")
_NUNIT_PASSED = {"Success", "Passed", "Warning"}
_NUNIT_NOT_RUN = {"Ignored", "Skipped", "Inconclusive", "NotRun"}
# A test that can't be run at all, such as one with wrong parameters, is a broken one and not a skipped one.
_NUNIT_FAILED = {"Failure", "Error", "Failed", "Cancelled", "NotRunnable", "Invalid"}
_SUITES = ("testsuites", "testsuite", "test-results", "test-run", "test-suite")


def _nunit(root: Element) -> Results:
    """NUnit 2 (test-results) and NUnit 3 (test-run): the same elements, other words."""
    results = Results()
    for element in root.iter("test-case"):
        word = _nunit_result(element)
        if word in _NUNIT_NOT_RUN:
            results.skipped += 1
            continue
        results.tests += 1
        if word not in _NUNIT_PASSED:
            name = element.get("fullname") or element.get("name") or ""
            results.failures.append(_failure(name, _nunit_message(element) or f"result {word}"))
    results.failures += _silent(root, _nunit_failed, _nunit_says)
    return results


def _nunit_result(element: Element) -> str:
    """A result in one word. NUnit up to 2.4 only says whether something ran and whether it succeeded."""
    word = element.get("result")
    if word:
        return word
    if element.get("executed", "True").lower() != "true":
        return "NotRun"
    return "Failure" if element.get("success", "").lower() != "true" else "Success"


def _nunit_failed(element: Element) -> bool:
    if element.tag == "test-case":
        return _nunit_result(element) not in _NUNIT_PASSED | _NUNIT_NOT_RUN
    if element.tag == "test-suite":
        return _nunit_result(element) in _NUNIT_FAILED
    counts = sum(_number(element, name) for name in ("failures", "errors", "invalid", "failed"))
    return element.tag in _SUITES and (counts > 0 or element.get("result") in _NUNIT_FAILED)


def _nunit_says(suite: Element) -> str:
    return _nunit_message(suite) or "says that it failed"


def _nunit_message(element: Element) -> str:
    return element.findtext("failure/message") or element.findtext("reason/message") or ""


def _silent(root: Element, failed: Callable[[Element], bool], says: Callable[[Element], str]) -> Iterator[Failure]:
    """Suites that claim a failure which nothing inside them shows, as when what ends a suite breaks."""
    for suite in root.iter():
        if suite.tag not in _SUITES or not failed(suite):
            continue
        if not any(failed(element) for element in suite.iter() if element is not suite):
            yield _failure(suite.get("fullname") or suite.get("name") or "the run as a whole", says(suite))


_TRX = "{http://microsoft.com/schemas/VisualStudio/TeamTest/2010}"
_TRX_PASSED = {"Passed", "Warning"}
_TRX_NOT_RUN = {"NotExecuted", "Inconclusive"}
# Of a run as a whole. A run that is missing its summary was cut off.
_TRX_ENDED_WELL = {"Completed", "Passed", "Warning"}
_TRX_FAILED_COUNTS = ("failed", "error", "timeout", "aborted", "passedButRunAborted", "notRunnable", "disconnected")


def _trx(root: Element) -> Results:
    """Visual Studio's: results may hold inner ones, as those of data-driven and ordered tests; then these count.

    A result without an outcome has not ended: the writers leave out what it is before.
    """
    results = Results()
    classes = _trx_classes(root)
    for element in _trx_results(root):
        if _trx_inner(element):
            continue
        word = element.get("outcome", "")
        if word in _TRX_NOT_RUN:
            results.skipped += 1
            continue
        results.tests += 1
        if _trx_failed(element):
            results.failures.append(_failure(_trx_name(element, classes), _trx_message(element)))
    for element in _trx_results(root):
        inner = _trx_inner(element)
        if inner and _trx_failed(element) and not any(_trx_failed(one) for one in inner):
            results.failures.append(_failure(_trx_name(element, classes), _trx_message(element)))
    says = _trx_summary(root)
    if says and not results.failures:
        results.failures.append(_failure("the run as a whole", says))
    return results


def _trx_results(root: Element) -> Iterator[Element]:
    """Whatever their names, in the file's order."""
    results: set[int] = set()
    for element in root.iter():
        if element.tag in (f"{_TRX}Results", f"{_TRX}InnerResults"):
            results.update(map(id, element))
        elif id(element) in results:
            yield element


def _trx_inner(element: Element) -> list[Element]:
    return [one for inner in element.findall(f"{_TRX}InnerResults") for one in inner]


def _trx_failed(element: Element) -> bool:
    return element.get("outcome", "") not in _TRX_PASSED | _TRX_NOT_RUN


def _trx_classes(root: Element) -> dict[str, str]:
    """The class of each test by its id; MSTest adds the assembly to it."""
    classes = {}
    for test in root.iterfind(f"{_TRX}TestDefinitions/*"):
        method = test.find(f"{_TRX}TestMethod")
        if method is not None:
            classes[test.get("id", "")] = method.get("className", "").partition(",")[0]
    return classes


def _trx_name(element: Element, classes: dict[str, str]) -> str:
    name, class_ = element.get("testName", ""), classes.get(element.get("testId", ""), "")
    return name if name.startswith(class_) else f"{class_}.{name}"


def _trx_message(element: Element) -> str:
    message = element.findtext(f"{_TRX}Output/{_TRX}ErrorInfo/{_TRX}Message") or ""
    return message if message.strip() else f"outcome {element.get('outcome') or 'is missing'}"


def _trx_summary(root: Element) -> str:
    """What is wrong with the run by its own summary; empty where nothing is."""
    summary = root.find(f"{_TRX}ResultSummary")
    if summary is None:
        return "has no summary: it didn't end"
    counters = summary.find(f"{_TRX}Counters")
    counts = {} if counters is None else {name: _number(counters, name) for name in _TRX_FAILED_COUNTS}
    infos = [
        info.findtext(f"{_TRX}Text") or "an error"
        for info in summary.iterfind(f"{_TRX}RunInfos/{_TRX}RunInfo")
        if info.get("outcome") not in (None, "Warning", "Passed", "Completed")
    ]
    word = summary.get("outcome", "")
    if word in _TRX_ENDED_WELL and not any(counts.values()) and not infos:
        return ""
    said = [f"{count} {name}" for name, count in counts.items() if count]
    return f"ended with outcome {word or 'none'}{''.join(f', {one}' for one in [*said, *infos])}"


def _number(element: Element, name: str) -> int:
    text = element.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _failure(name: str, message: str) -> Failure:
    return Failure(_cut(" ".join(name.split())) or "a test without a name", _cut(" ".join(message.split())))


def _cut(text: str) -> str:
    return text if len(text) <= _MESSAGE_LIMIT else f"{text[:_MESSAGE_LIMIT]}..."


_READERS: dict[str, tuple[str, Callable[[Element], Results]]] = {
    "testsuite": ("junit", _junit),
    "testsuites": ("junit", _junit),
    "test-results": ("nunit", _nunit),
    "test-run": ("nunit", _nunit),
    f"{_TRX}TestRun": ("trx", _trx),
}
