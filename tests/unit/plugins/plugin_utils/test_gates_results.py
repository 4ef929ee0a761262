from __future__ import annotations

import pathlib
import time

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._gate.files import Collected
from ansible_collections.golden.fleet.plugins.plugin_utils import _gates_results as results
from ansible_collections.golden.fleet.plugins.plugin_utils._gates_results import ResultsError

SAMPLES = pathlib.Path(__file__).with_name("results")
BOMB = (
    '<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    '<testsuite tests="1"><testcase name="&c;"/></testsuite>'
)
OUTSIDE = '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&x;"/></testsuite>'


@pytest.mark.parametrize(
    ("sample", "form", "tests", "skipped", "failed"),
    [
        pytest.param(
            "junit_pytest",
            "junit",
            4,
            1,
            ["tests.test_pages.test_search[Basque]", "tests.test_pages.test_database"],
            id="pytest",
        ),
        pytest.param("junit_surefire", "junit", 2, 1, [], id="surefire, with one that passed when tried again"),
        pytest.param("junit_nested", "junit", 2, 0, ["CartTest.testSum with data set #0"], id="suites within suites"),
        pytest.param("junit_suite_error", "junit", 1, 0, ["Orders"], id="an error outside of any test"),
        pytest.param("nunit2_passed", "nunit", 2, 0, [], id="NUnit 2, with an empty fixture"),
        pytest.param(
            "nunit2_failed",
            "nunit",
            4,
            2,
            ["Shop.BasketTests.AddsUp", "Shop.BasketTests.CanBePaid", "Shop.BasketTests.Hidden"],
            id="NUnit 2",
        ),
        pytest.param(
            "nunit24_failed", "nunit", 2, 1, ["Shop.BasketTests.AddsUp"], id="NUnit 2.4, which has no result attribute"
        ),
        pytest.param(
            "nunit3_failed", "nunit", 4, 2, ["Shop.BasketTests.AddsUp", "Shop.BasketTests.CanBePaid"], id="NUnit 3"
        ),
        pytest.param("nunit3_teardown", "nunit", 1, 0, ["Shop.BasketTests"], id="NUnit 3, broken after its tests"),
        pytest.param("nunit3_skipped", "nunit", 0, 1, [], id="NUnit 3, nothing but skipped"),
        pytest.param("trx_passed", "trx", 2, 1, [], id="TRX of dotnet test"),
        pytest.param(
            "trx_failed",
            "trx",
            4,
            1,
            ["Shop.BasketTests.AddsUp (Data Row 1)", "Shop.BasketTests.CanBePaid"],
            id="TRX of MSTest, with rows of data",
        ),
        pytest.param("trx_ordered", "trx", 2, 1, ["orders.orderedtest"], id="TRX of an ordered test that was aborted"),
        pytest.param("trx_aborted", "trx", 1, 0, ["the run as a whole"], id="TRX of a run that crashed, all passed"),
    ],
)
@pytest.mark.parametrize("auto", [False, True], ids=["named", "auto"])
def test_samples(sample, form, tests, skipped, failed, auto):
    found = results.read(sample, (SAMPLES / f"{sample}.xml").read_bytes(), "auto" if auto else form)
    assert (found.tests, found.skipped) == (tests, skipped)
    assert [failure.name for failure in found.failures] == failed


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        pytest.param("junit_pytest", "AssertionError: assert 404 == 200 + where 404", id="junit's message"),
        pytest.param("junit_nested", "CartTest::testSum with data set #0 Failed asserting that 3", id="junit's text"),
        pytest.param("junit_suite_error", "after-all hook broke", id="a suite's error"),
        pytest.param("nunit2_failed", "Expected: 4 But was: 3", id="NUnit 2's message"),
        pytest.param(
            "nunit3_teardown", "TearDown : System.IO.IOException : the database is gone", id="a suite's failure"
        ),
        pytest.param("trx_failed", "Assert.AreEqual failed. Expected:<4>. Actual:<3>.", id="TRX's message"),
        pytest.param("trx_ordered", "outcome Aborted", id="TRX without a message"),
        pytest.param(
            "trx_aborted",
            "ended with outcome Failed, The active test run was aborted. Reason: Test host process crashed",
            id="what a run of TRX says",
        ),
    ],
)
def test_messages_of_failures(sample, message):
    found = results.read(sample, (SAMPLES / f"{sample}.xml").read_bytes())
    assert found.failures[0].message.startswith(message)


@pytest.mark.parametrize(
    ("xml", "failure"),
    [
        pytest.param('<testsuite name="a" failures="2"><testcase name="x"/></testsuite>', "a", id="junit's count"),
        pytest.param('<testsuite name="a" errors="1"/>', "a", id="junit's count of errors"),
        pytest.param(
            '<test-run result="Failed"><test-case result="Passed"/></test-run>', "the run", id="NUnit 3's run"
        ),
        pytest.param(
            '<test-results errors="1"><test-case result="Success"/></test-results>', "the run", id="NUnit 2's"
        ),
        pytest.param('<test-run><test-case name="t" result="Odd"/></test-run>', "t", id="a result nobody knows"),
        pytest.param("<testsuite><testcase><failure/></testcase></testsuite>", "a test without a name", id="no name"),
    ],
)
def test_what_claims_a_failure_is_one(xml, failure):
    (found,) = results.read("x.xml", xml.encode()).failures
    assert found.name.startswith(failure)
    assert found.message


ENDED = '<ResultSummary outcome="Completed"/>'


def trx(results="", summary=ENDED):
    return (
        '<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">'
        f"<Results>{results}</Results>{summary}</TestRun>"
    )


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        ("Passed", (1, 0, 0)),
        ("Warning", (1, 0, 0)),
        ("NotExecuted", (0, 1, 0)),
        ("Inconclusive", (0, 1, 0)),
        *(
            (outcome, (1, 0, 1))
            for outcome in (
                "Failed", "Error", "Timeout", "Aborted", "PassedButRunAborted", "NotRunnable", "Disconnected",
                "Completed", "InProgress", "Pending", "passed", "Odd", "",
            )
        ),
    ],
)  # fmt: skip
def test_outcomes_of_trx(outcome, counts):
    found = results.read("x.trx", trx(f'<UnitTestResult testName="T" outcome="{outcome}"/>').encode())
    assert (found.tests, found.skipped, len(found.failures)) == counts


PASSED = '<UnitTestResult testName="T" outcome="Passed"/>'


@pytest.mark.parametrize(
    ("xml", "name", "says"),
    [
        pytest.param(trx('<UnitTestResult testName="T"/>'), "T", "outcome is missing", id="no outcome"),
        pytest.param(trx("<WebTestResult/>"), "a test without a name", "outcome is missing", id="neither name"),
        pytest.param(trx(PASSED, ""), "the run", "has no summary: it didn't end", id="a run that was cut off"),
        pytest.param(trx(PASSED, "<ResultSummary/>"), "the run", "ended with outcome none", id="an empty summary"),
        pytest.param(
            trx(PASSED, '<ResultSummary outcome="Aborted"/>'), "the run", "ended with outcome Aborted", id="aborted"
        ),
        pytest.param(
            trx(PASSED, '<ResultSummary outcome="InProgress"/>'), "the run", "outcome InProgress", id="in progress"
        ),
        pytest.param(
            trx(PASSED, '<ResultSummary outcome="Completed"><Counters passed="1" failed="2"/></ResultSummary>'),
            "the run",
            "outcome Completed, 2 failed",
            id="a count of failures that nothing shows",
        ),
        pytest.param(
            trx(PASSED, '<ResultSummary outcome="Completed"><Counters passedButRunAborted="1"/></ResultSummary>'),
            "the run",
            "1 passedButRunAborted",
            id="a count of an aborted run",
        ),
        pytest.param(
            trx(
                PASSED,
                '<ResultSummary outcome="Completed"><RunInfos><RunInfo outcome="Error"><Text>host gone</Text>'
                "</RunInfo></RunInfos></ResultSummary>",
            ),
            "the run",
            "outcome Completed, host gone",
            id="an error of the run",
        ),
        pytest.param(
            trx(f'<UnitTestResult testName="T" outcome="Error"><InnerResults>{PASSED}</InnerResults></UnitTestResult>'),
            "T",
            "outcome Error",
            id="rows that passed within a test that failed",
        ),
        pytest.param(
            trx(
                '<UnitTestResult testName="T" outcome="Passed"><InnerResults>'
                '<UnitTestResult testName="Row" outcome="Error"/></InnerResults></UnitTestResult>'
            ),
            "Row",
            "outcome Error",
            id="a row that failed within a test that passed",
        ),
    ],
)
def test_what_of_trx_claims_a_failure_is_one(xml, name, says):
    (found,) = results.read("x.trx", xml.encode()).failures
    assert found.name.startswith(name)
    assert says in found.message


@pytest.mark.parametrize(
    ("xml", "tests", "skipped"),
    [
        pytest.param("<testsuites/>", 0, 0, id="no suite"),
        pytest.param('<testsuite tests="0"/>', 0, 0, id="no test"),
        pytest.param(
            '<testsuite><testcase status="notrun" name="a"/></testsuite>', 0, 1, id="googletest's switched off"
        ),
        pytest.param("<testsuite><testcase><skipped/></testcase></testsuite>", 0, 1, id="nothing but skipped"),
        pytest.param('<test-results total="0"/>', 0, 0, id="NUnit 2 without tests"),
        pytest.param('<test-results><test-case executed="False"/></test-results>', 0, 1, id="NUnit 2.4, not run"),
        pytest.param('<test-run total="0" result="Inconclusive"/>', 0, 0, id="NUnit 3 without tests"),
        pytest.param(trx(), 0, 0, id="TRX without tests"),
        pytest.param(trx('<UnitTestResult outcome="NotExecuted"/>'), 0, 1, id="TRX, nothing but not executed"),
    ],
)
def test_results_in_which_nothing_ran(xml, tests, skipped):
    found = results.read("x.xml", xml.encode())
    assert (found.tests, found.skipped, found.failures) == (tests, skipped, [])


@pytest.mark.parametrize(
    ("data", "form", "says"),
    [
        pytest.param(b"", "auto", "x.xml: is not readable as XML", id="an empty file"),
        pytest.param(b"<testsuite", "auto", "x.xml: is not readable as XML", id="cut off"),
        pytest.param(b"PASS", "auto", "x.xml: is not readable as XML", id="no XML"),
        pytest.param(b"\x00\xff", "auto", "x.xml: is not readable as XML", id="bytes"),
        pytest.param(b'<?xml version="1.0" encoding="none"?><a/>', "auto", "not readable", id="an unknown encoding"),
        pytest.param(b"<html/>", "auto", "<html> is not how results of JUnit, NUnit or TRX begin", id="other XML"),
        pytest.param(b"<testsuite/>", "nunit", "<testsuite> is not how results of NUnit begin", id="JUnit for NUnit"),
        pytest.param(b"<test-run/>", "junit", "<test-run> is not how results of JUnit begin", id="NUnit for JUnit"),
        pytest.param(b"<test-run/>", "trx", "<test-run> is not how results of TRX begin", id="NUnit for TRX"),
        pytest.param(trx().encode(), "nunit", "is not how results of NUnit begin", id="TRX for NUnit"),
        pytest.param(b"<TestRun/>", "auto", "<TestRun> is not how results", id="TRX without its namespace"),
        pytest.param(BOMB.replace("testsuite", "TestRun").encode(), "trx", "refused", id="a bomb in TRX"),
        pytest.param(BOMB.encode(), "auto", "refused", id="a bomb of entities"),
        pytest.param(OUTSIDE.encode(), "auto", "refused", id="an entity from outside"),
        pytest.param(b'<!DOCTYPE t SYSTEM "http://127.0.0.1:9/t.dtd"><testsuite/>', "auto", "refused", id="a DTD"),
    ],
)
def test_files_that_are_refused(data, form, says):
    with pytest.raises(ResultsError, match=r"x\.xml") as error:
        results.read("x.xml", data, form)
    assert says in str(error.value)


def test_other_encodings_are_read():
    xml = '<?xml version="1.0" encoding="utf-16"?><test-run><test-case name="é" result="Failed"/></test-run>'
    assert results.read("x.xml", xml.encode("utf-16")).failures[0].name == "é"


def found(*files, beside=()):
    return Collected([(name, data) for name, data in files], list(beside))


def test_files_are_added_up():
    files = [(name, (SAMPLES / f"{name}.xml").read_bytes()) for name in ("junit_pytest", "nunit3_failed", "trx_passed")]
    added = results.read_all(found(*files), "**/*.xml", "auto")
    assert (added.tests, added.skipped, len(added.failures)) == (10, 4, 4)


def test_one_unreadable_file_among_good_ones_is_refused():
    with pytest.raises(ResultsError, match=r"b\.xml"):
        results.read_all(found(("a.xml", b"<testsuite><testcase/></testsuite>"), ("b.xml", b"")), "*.xml", "auto")


def test_missing_results_say_what_is_there():
    with pytest.raises(ResultsError, match=r"no file matches \*.xml$"):
        results.read_all(found(), "*.xml", "auto")
    with pytest.raises(ResultsError, match=r"no file matches \*.xml; there are report.html, r.trx$"):
        results.read_all(found(beside=["report.html", "r.trx"]), "*.xml", "auto")


def test_many_tests_are_read_in_little_time():
    case = '<testcase classname="a.b" name="test{}" time="0.1"><system-out>out</system-out></testcase>'
    xml = f'<testsuite tests="20000">{"".join(case.format(number) for number in range(20000))}</testsuite>'
    started = time.process_time()
    assert results.read("x.xml", xml.encode()).tests == 20000
    assert time.process_time() - started < 5


def test_results_of_trx_nested_deeply_do_no_harm():
    begins = '<UnitTestResult outcome="Failed"><InnerResults>' * 20000
    xml = trx(begins + "</InnerResults></UnitTestResult>" * 20000)
    started = time.process_time()
    assert len(results.read("x.trx", xml.encode()).failures) == 1
    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", ["testsuite", "test-suite"])
def test_suites_nested_deeply_do_no_harm(name):
    root = {"testsuite": "testsuites", "test-suite": "test-run"}[name]
    begins, ends = f'<{name} failures="1" result="Failed">' * 20000, f"</{name}>" * 20000
    xml = f"<{root}>{begins}{ends}</{root}>"
    assert len(results.read("x.xml", xml.encode()).failures) == 1


def test_a_message_is_cut():
    xml = f'<testsuite><testcase name="{"n" * 9999}"><failure message="{"m" * 9999}"/></testcase></testsuite>'
    (failure,) = results.read("x.xml", xml.encode()).failures
    assert len(failure.name) < 310
    assert len(failure.message) < 310
